// The benchmark: every contestant in turn, in rounds of alternating order, on one Postgres and one Redis.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { createPasswords } from '../../../src/infra/passwords.ts'
import { migrate } from '../../migrate.ts'
import { startServices } from '../../services.ts'
import { bundleForNode, CONTESTANTS, launch, OURS, type Running } from './contestants.ts'
import { load } from './load.ts'
import { chart, Figures, markdown, median, type Setting } from './table.ts'
import { compareAnswers, EMAIL, PASSWORD, WORKS } from './work.ts'

const PAUSE_MS = 300
/** A server that has used no more than this of a pause is at rest. */
const REST_CPU_S = 0.03
/**
 * Runtimes drop compiled code that was not used for a while: each measurement has a warm-up of its own before it, but for
 * a single round, which is a quick look.
 */
const WARM_UP_S = 1
const ARGON2_ROUNDS = 100
const MILLION = 1_000_000

export interface Options {
  rounds: number
  seconds: number
  settings: Setting[]
  /** A million requests on this project's server, to see where its memory goes. */
  memory: boolean
  /** File for the chart. */
  chart: string | undefined
}

/** Measures and prints. @throws if a service is missing, or a contestant answers wrongly */
export async function bench(options: Options): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-bench-'))
  // Where Node finds the peers' packages.
  const nodeFolder = mkdtempSync(join(import.meta.dir, '../.bundle-'))
  const services = await startServices({
    dataDir: join(folder, 'data'),
    postgres: true,
    redis: 'any',
    scratch: true,
  })
  const running: Running[] = []
  try {
    const databaseUrl = process.env.BENCH_DATABASE_URL || services.databaseUrl || ''
    const redisUrl = process.env.BENCH_REDIS_URL || services.redisUrl || ''
    await migrate(databaseUrl)
    await fillMovies(databaseUrl)
    await bundleForNode(nodeFolder)
    const env = (name: string) => ({
      DATABASE_URL: databaseUrl,
      REDIS_URL: redisUrl,
      LOG_FILE: join(folder, `${name.replaceAll(/\W+/g, '-')}.log`),
      LOG_FORMAT: 'json',
      DATA_DIR: join(folder, name.replaceAll(/\W+/g, '-')),
      RATE_LIMIT: 'off',
    })
    for (const processes of new Set(options.settings.map((s) => s.processes))) {
      for (const contestant of CONTESTANTS) {
        console.error(`starting ${contestant.name} (${processes})`)
        running.push(await launch(contestant, processes, env(contestant.name), nodeFolder))
      }
    }
    const cookie = await logIn(running)
    await compareAnswers(running, cookie)
    console.error('all answer the same')
    const idle = running.map((r) => r.rssMb())

    const figures = new Figures()
    for (let round = 0; round < options.rounds; round++) {
      await runRound(running, round, options, figures, { cookie, folder })
    }
    console.log(`${markdown(figures, options.settings)}\n`)
    printStarts(running, idle)
    await printLogins(figures, options.settings)
    const [first] = options.settings
    if (options.chart !== undefined && first) writeFileSync(options.chart, chart(figures, first))
    const ours = running.find((r) => r.contestant.name === OURS && r.processes === 1)
    if (options.memory && ours) await watchMemory(ours, { cookie, folder })
  } finally {
    await Promise.all(running.map((r) => r.stop()))
    await services.close()
    rmSync(folder, { recursive: true, force: true })
    rmSync(nodeFolder, { recursive: true, force: true })
  }
}

async function runRound(
  running: Running[],
  round: number,
  { settings, rounds, seconds }: Options,
  figures: Figures,
  load_: { cookie: string; folder: string },
): Promise<void> {
  for (const setting of settings) {
    const these = running.filter((r) => r.processes === setting.processes)
    if (round % 2 !== 0) these.reverse()
    for (const work of WORKS) {
      console.error(
        `round ${round + 1} of ${rounds}: ${work.name}, ${setting.connections} connections, ${setting.processes} processes`,
      )
      for (const each of these) {
        const { connections } = setting
        if (rounds > 1) {
          await load(each, work, { ...load_, connections, seconds: WARM_UP_S })
          await rest(each)
        }
        const seen = await load(each, work, { ...load_, connections, seconds })
        await rest(each)
        figures.note(setting, work.name, each.contestant.name, seen)
      }
    }
  }
}

/** Waits until the server has worked off what the load has left behind: nobody may inherit it. */
async function rest(running: Running): Promise<void> {
  for (;;) {
    const before = running.cpuSeconds()
    await Bun.sleep(PAUSE_MS)
    if (running.cpuSeconds() - before <= REST_CPU_S) return
  }
}

async function fillMovies(databaseUrl: string): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1 })
  await sql`insert into movies (title, director)
    select 'Movie number ' || n, 'Director ' || n % 50 from generate_series(1, 1000) n`
  await sql`analyze`
  await sql.end()
}

/** Signs up at this project's server; the other ones read the same session. */
async function logIn(running: Running[]): Promise<string> {
  const ours = running.find((r) => r.contestant.name === OURS)
  const reply = await fetch(`${ours?.url}/api/signup`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ email: EMAIL, password: PASSWORD, fname: 'Ben', lname: 'Chmark' }),
  })
  const cookie = reply.headers.getSetCookie()[0]?.split(';')[0]
  if (cookie === undefined) throw new Error(`signup answered ${reply.status}: ${await reply.text()}`)
  return cookie
}

function printStarts(running: Running[], idle: number[]): void {
  console.log('| server | processes | start ms | idle RSS MB, before the load |\n| --- | --: | --: | --: |')
  for (const [i, { contestant, processes, startMs }] of running.entries()) {
    console.log(`| ${contestant.name} | ${processes} | ${startMs.toFixed(0)} | ${idle[i]?.toFixed(0)} |`)
  }
}

/** A login is argon2 first of all: how many there were, of those that the cores make when they do nothing else. */
async function printLogins(figures: Figures, settings: Setting[]): Promise<void> {
  const passwords = createPasswords()
  const hash = await passwords.hash(PASSWORD)
  const lanes = availableParallelism()
  const started = performance.now()
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (let i = 0; i < ARGON2_ROUNDS; i++) await passwords.verify(hash, PASSWORD)
    }),
  )
  const most = (lanes * ARGON2_ROUNDS) / ((performance.now() - started) / 1000)
  console.log(`\nargon2 alone, ${lanes} at once: ${most.toFixed(0)}/s`)
  for (const setting of settings) {
    const { value } = figures.get(setting, 'login', OURS, 'perSecond')
    const { connections, processes } = setting
    console.log(
      `${OURS}, ${connections} connections, ${processes} processes: ${value.toFixed(0)} logins/s, ${(value / most).toFixed(2)} of that`,
    )
  }
}

/** Whether memory levels off: RSS at every tenth of a million requests. */
async function watchMemory(ours: Running, how: { cookie: string; folder: string }): Promise<void> {
  const me = WORKS.find((work) => work.name === 'me')
  if (!me) return
  const points: number[] = [ours.rssMb()]
  let requests = 0
  while (requests < MILLION) {
    const seen = await load(ours, me, { ...how, connections: 32, seconds: 10 })
    requests += seen.perSecond * 10
    points.push(seen.rssMb)
    console.error(`${Math.round(requests)} requests: ${seen.rssMb.toFixed(0)} MB`)
  }
  const { value } = median(points.slice(points.length >> 1))
  console.log(
    `\nRSS of ${OURS}: ${points[0]?.toFixed(0)} MB before, ${points.at(-1)?.toFixed(0)} MB after ${Math.round(requests)} more requests (median of the second half ${value.toFixed(0)} MB)`,
  )
}
