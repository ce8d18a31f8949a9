// The benchmark: all contestants by turns, on one Postgres and one Redis.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { createPasswords } from '../../../../src/kit/auth/passwords.ts'
import { Gate } from '../../../../src/kit/data/gate.ts'
import { migrate } from '../../../migrate.ts'
import { type Services, startServices } from '../../../services.ts'
import { median } from '../../quantile.ts'
import { bundleForNode, type Contestant, CONTESTANTS, launch, OURS, type Running } from './contestants.ts'
import { load } from './load.ts'
import { chart, Figures, markdown, type Setting } from './table.ts'
import { BEARERS, compareAnswers, type Credentials, EMAIL, PASSWORD, type Work, WORKS } from './work.ts'

const PAUSE_MS = 300
/** A server that has used no more than this of a pause is at rest. */
const REST_CPU_S = 0.03
/**
 * Before each work, but for a single round, which is a quick look. Then the turns are short: runtimes drop compiled code
 * that was idle for a minute.
 */
const WARM_UP_S = 2
const ARGON2_ROUNDS = 100
const MILLION = 1_000_000

/** How often each is loaded, and for how long at a time. */
interface Pace {
  rounds: number
  seconds: number
}

interface Options extends Pace {
  settings: Setting[]
  /** A million requests on this project's server, to see where its memory goes. */
  memory: boolean
  /** File for the chart. */
  chart: string | undefined
}

/** Measures and prints. @throws if a service is missing, or a contestant answers wrongly */
export async function bench(options: Options): Promise<void> {
  const { settings } = options
  await withContestants(CONTESTANTS, settings, undefined, async (running, client) => {
    const idle = running.map((r) => r.rssMb())
    const figures = await measure(running, WORKS, settings, options, client)
    console.log(`${markdown(figures, settings, WORKS, CONTESTANTS)}\n`)
    printStarts(running, idle)
    await printLogins(figures, settings)
    const [first] = settings
    if (options.chart !== undefined && first) writeFileSync(options.chart, chart(figures, first))
    const ours = running.find((r) => r.contestant.name === OURS && r.processes === 1)
    if (options.memory && ours) await watchMemory(ours, client)
  })
}

/**
 * This project beside one other: the servers on one core, load and the services that it starts on another, so that none of
 * them pushes a server from its core. Logins want more cores than one, and are compared only if they are asked for.
 */
export async function compare(other: Contestant, pace: Pace, only?: string): Promise<void> {
  const settings = [{ connections: 32, processes: 1 }]
  const works = [...WORKS, ...BEARERS].filter(({ name }) =>
    only === undefined ? name !== 'login' : name === only,
  )
  const contestants = [other, ...CONTESTANTS.filter((c) => c.name === OURS)]
  // And whatever this process starts.
  const { status, stderr } = spawnSync('taskset', ['-acp', '1', `${process.pid}`])
  if (status !== 0) throw new Error(`two cores are needed, and taskset says: ${String(stderr)}`)
  await withContestants(contestants, settings, 0, async (running, client) => {
    const figures = await measure(running, works, settings, pace, client)
    console.log(markdown(figures, settings, works, contestants))
  })
}

/** What a client needs: what it sends of itself, and a folder for its scripts. */
interface Client {
  credentials: Credentials
  folder: string
}

/** Starts the services and the servers, sees that all answer the same, and ends them after `work`. */
async function withContestants(
  contestants: Contestant[],
  settings: Setting[],
  core: number | undefined,
  work: (running: Running[], client: Client) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-bench-'))
  // Where Node finds the peers' packages.
  const nodeFolder = mkdtempSync(join(import.meta.dir, '../../.bundle-'))
  const running: Running[] = []
  let services: Services | undefined
  let closed: Promise<void> | undefined
  const closeAll = async () => {
    await Promise.all(running.map((r) => r.stop()))
    await services?.close()
    rmSync(folder, { recursive: true, force: true })
    rmSync(nodeFolder, { recursive: true, force: true })
  }
  const close = () => (closed ??= closeAll())
  process.once('SIGINT', () => void close().finally(() => process.exit(130)))
  process.once('SIGTERM', () => void close().finally(() => process.exit(143)))
  try {
    services = await startServices({
      dataDir: join(folder, 'data'),
      postgres: true,
      redis: 'any',
      scratch: true,
    })
    const databaseUrl = process.env.BENCH_DATABASE_URL || services.databaseUrl || ''
    const redisUrl = process.env.BENCH_REDIS_URL || services.redisUrl || ''
    await migrate(databaseUrl)
    await fillMovies(databaseUrl)
    await bundleForNode(contestants, nodeFolder)
    const envOf = (own: string) => ({
      DATABASE_URL: databaseUrl,
      REDIS_URL: redisUrl,
      LOG_FILE: join(folder, `${own}.log`),
      LOG_FORMAT: 'json',
      DATA_DIR: join(folder, own),
      RATE_LIMIT: 'off',
      COOKIE_SECURE: 'off', // then its cookie has the name that the peers read
    })
    for (const processes of new Set(settings.map((s) => s.processes))) {
      for (const contestant of contestants) {
        console.error(`starting ${contestant.name} (${processes})`)
        const env = envOf(`${contestant.name}-${processes}`.replaceAll(/\W+/g, '-'))
        const how = { env, nodeFolder, core }
        running.push(await launch(contestant, processes, how))
      }
    }
    const credentials = await logIn(running)
    await compareAnswers(running, credentials)
    console.error('all answer the same')
    await work(running, { credentials, folder })
  } catch (error) {
    // What fails because all is ended is not the reason.
    if (closed) await new Promise(() => {})
    throw error
  } finally {
    await close()
  }
}

/** All contestants by turns, in rounds of alternating order, at one work after the other. */
async function measure(
  running: Running[],
  works: Work[],
  settings: Setting[],
  { rounds, seconds }: Pace,
  client: Client,
): Promise<Figures> {
  const figures = new Figures()
  for (const setting of settings) {
    const { connections, processes } = setting
    const these = running.filter((r) => r.processes === processes)
    for (const work of works) {
      const slice = async (each: Running, length: number) => {
        const seen = await load(each, work, { ...client, connections, seconds: length })
        await rest(each)
        return seen
      }
      const told = `${work.name}, ${connections} connections, ${processes} processes`
      if (rounds > 1) {
        console.error(`${told}: warm-up`)
        for (const each of these) await slice(each, WARM_UP_S)
      }
      for (let round = 0; round < rounds; round++) {
        console.error(`${told}: round ${round + 1} of ${rounds}`)
        for (const each of round % 2 === 0 ? these : these.toReversed()) {
          figures.note(setting, work.name, each.contestant.name, await slice(each, seconds))
        }
      }
    }
  }
  return figures
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
async function logIn(running: Running[]): Promise<Credentials> {
  const ours = running.find((r) => r.contestant.name === OURS)
  const post = async (path: string, body: object, bearer?: string) => {
    const reply = await fetch(`${ours?.url}${path}`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        ...(bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }),
      },
      body: JSON.stringify(body),
    })
    const answer = (await reply.json()) as { token?: string }
    if (answer.token === undefined)
      throw new Error(`${path} answered ${reply.status}: ${JSON.stringify(answer)}`)
    return answer.token
  }
  const person = { email: EMAIL, password: PASSWORD, fname: 'Ben', lname: 'Chmark' }
  const session = await post('/api/signup', { ...person, token: true })
  return { session, accessToken: await post('/api/me/tokens', { name: 'bench' }, session) }
}

function printStarts(running: Running[], idle: number[]): void {
  console.log('| server | processes | start ms | idle RSS MB, before the load |\n| --- | --: | --: | --: |')
  for (const [i, { contestant, processes, startMs }] of running.entries()) {
    console.log(`| ${contestant.name} | ${processes} | ${startMs.toFixed(0)} | ${idle[i]?.toFixed(0)} |`)
  }
}

/** A login is argon2 first of all: how many there were, of those that the cores make when they do nothing else. */
async function printLogins(figures: Figures, settings: Setting[]): Promise<void> {
  const lanes = availableParallelism()
  const passwords = createPasswords(new Gate({ places: lanes, queue: 0 }))
  const hash = await passwords.hash(PASSWORD)
  const started = performance.now()
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (let i = 0; i < ARGON2_ROUNDS; i++) await passwords.verify(hash, PASSWORD)
    }),
  )
  const most = (lanes * ARGON2_ROUNDS) / ((performance.now() - started) / 1000)
  console.log(`\nargon2 alone, ${lanes} at once: ${most.toFixed(0)}/s`)
  for (const setting of settings) {
    const value = figures.get(setting, 'login', OURS, 'perSecond')
    const { connections, processes } = setting
    console.log(
      `${OURS}, ${connections} connections, ${processes} processes: ${value.toFixed(0)} logins/s, ${(value / most).toFixed(2)} of that`,
    )
  }
}

/** Whether memory levels off: RSS at every tenth of a million requests. */
async function watchMemory(ours: Running, client: Client): Promise<void> {
  const me = WORKS.find((work) => work.name === 'me')
  if (!me) return
  const points: number[] = [ours.rssMb()]
  let requests = 0
  while (requests < MILLION) {
    const seen = await load(ours, me, { ...client, connections: 32, seconds: 10 })
    requests += seen.perSecond * 10
    points.push(seen.rssMb)
    console.error(`${Math.round(requests)} requests: ${seen.rssMb.toFixed(0)} MB`)
  }
  const settled = median(points.slice(points.length >> 1))
  console.log(
    `\nRSS of ${OURS}: ${points[0]?.toFixed(0)} MB before, ${points.at(-1)?.toFixed(0)} MB after ${Math.round(requests)} more requests (median of the second half ${settled.toFixed(0)} MB)`,
  )
}
