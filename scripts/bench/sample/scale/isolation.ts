// What others notice of slow work, in the time that they wait.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { takeArguments } from '../../../command.ts'
import type { Running } from '../http/contestants.ts'
import { PASSWORD } from '../http/work.ts'
import { median } from '../../quantile.ts'
import { type Checkout, checkouts, logIn, onStage, OTHER_EMAIL, type Stage } from './stage.ts'

const USAGE =
  'Usage: npm run bench:isolation [-- --against <folder>] [--rows 300000] [--seconds 5] [--rounds 5]'
const { values } = takeArguments(USAGE, {
  against: { type: 'string' },
  rows: { type: 'string', default: '300000' },
  seconds: { type: 'string', default: '5' },
  rounds: { type: 'string', default: '5' },
})
const ROWS = Number(values.rows)
const SECONDS = Number(values.seconds)
const ROUNDS = Number(values.rounds)
/** Those who ask for something quick. */
const CLIENTS = 16
/** A search that no index helps: many rows of equal letters, and a pattern of them. */
const HEAVY = 'a'.repeat(199)
const HEAVY_ROWS = 10_000
const ABANDONED = 200
const PATIENCE_MS = 3000

const BY_ID = '/api/movies/1'
const ME = '/api/me'

const folder = mkdtempSync(join(tmpdir(), 'restbun-wrk-'))
try {
  await onStage(async (stage) => {
    const rows: string[][] = []
    for (const checkout of checkouts(values.against)) rows.push(...(await measure(stage, checkout)))
    console.log(
      `\n${ROWS} rows, one process, ${CLIENTS} clients that ask; medians of ${ROUNDS} rounds of ${SECONDS} s\n`,
    )
    console.log(
      '| checkout | who asks for what, beside what | p50 ms | p99.9 ms | / alone | answered/s | refused/s |',
    )
    console.log('| --- | --- | --: | --: | --: | --: | --: |')
    for (const row of rows) console.log(`| ${row.join(' | ')} |`)
  })
} finally {
  rmSync(folder, { recursive: true })
}

async function measure(stage: Stage, checkout: Checkout): Promise<string[][]> {
  console.error(`${checkout.name}: ${ROWS} rows`)
  const database = await stage.database(checkout, ROWS)
  const sql = postgres(database, { max: 4 })
  await sql`insert into movies (title) select repeat('a', 500) from generate_series(1, ${HEAVY_ROWS})`
  await sql`vacuum analyze movies`
  const server = await stage.server(checkout, database)
  const cookie = await logIn(server)
  const rows: string[][] = []
  const beside = async (name: string, path: string, disturb: Disturb) => {
    console.error(`${checkout.name}: ${path} beside ${name}`)
    const pairs: [Seen, Seen][] = []
    for (let round = 0; round < ROUNDS; round++) {
      const alone = await load(server, path, cookie)
      const stop = await disturb()
      await Bun.sleep(500)
      const disturbed = await load(server, path, cookie)
      await stop()
      await untilQuick(server)
      pairs.push([alone, disturbed])
    }
    const of = (at: 0 | 1, key: keyof Seen) => median(pairs.map((pair) => pair[at][key]))
    const ratio = median(pairs.map(([alone, disturbed]) => disturbed.p999 / alone.p999))
    rows.push(line(`${path}, alone`, of(0, 'p50'), of(0, 'p999'), 1, of(0, 'ok'), of(0, 'refused')))
    rows.push(
      line(`${path}, beside ${name}`, of(1, 'p50'), of(1, 'p999'), ratio, of(1, 'ok'), of(1, 'refused')),
    )
  }
  const line = (what: string, p50: number, p999: number, ratio: number, ok: number, refused: number) => [
    checkout.name,
    what,
    ...[p50, p999].map((ms) => ms.toFixed(1)),
    ratio.toFixed(1),
    ok.toFixed(0),
    refused.toFixed(0),
  ]

  const search = `${server.url}/api/movies?limit=20&search=${HEAVY}`
  // What is not ours to mend: others that take the processor.
  for (const path of [BY_ID, ME])
    await beside('two endless loops in other processes', path, async () => spin(2))
  await beside('two searchers', BY_ID, async () => repeat(2, (signal) => fetch(search, { signal })))
  await beside('sixteen searchers', BY_ID, async () => repeat(16, (signal) => fetch(search, { signal })))
  await beside('a locked table movies', ME, async () => {
    const unlock = await lock(sql)
    const stop = repeat(CLIENTS, (signal) => fetch(server.url + BY_ID, { signal }))
    return async () => {
      await unlock()
      await stop()
    }
  })
  const login = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ email: OTHER_EMAIL, password: PASSWORD }),
  }
  for (const path of [ME, '/health']) {
    await beside('200 who log in', path, async () =>
      repeat(200, (signal) => fetch(`${server.url}/api/login`, { ...login, signal })),
    )
  }
  const recovery: number[] = []
  for (let round = 0; round < ROUNDS; round++) recovery.push(await abandon(server, search))
  rows.push([
    checkout.name,
    `seconds until ${BY_ID} answers within 100 ms, after ${ABANDONED} searches were abandoned`,
    '',
    '',
    '',
    recovery.map((seconds) => seconds.toFixed(1)).join(', '),
    '',
  ])
  rows.push(...(await overload(checkout, server, cookie)))
  await server.stop()
  await sql.end()
  return rows
}

type Disturb = () => Promise<() => Promise<void>>

interface Seen {
  p50: number
  p999: number
  /** A second. */
  ok: number
  refused: number
}

/** So many clients that each ask again and again, until they are stopped. */
function repeat(clients: number, ask: (signal: AbortSignal) => Promise<Response>): () => Promise<void> {
  const over = new AbortController()
  const all = Array.from({ length: clients }, async () => {
    while (!over.signal.aborted) {
      const reply = await ask(over.signal).catch(() => undefined)
      await reply?.arrayBuffer().catch(() => {})
      if (reply?.status === 503) await Bun.sleep(200)
    }
  })
  return async () => {
    over.abort()
    await Promise.all(all)
  }
}

/** So many processes that do nothing but take the processor: as two searches do in Postgres, and two hashes here. */
function spin(count: number): () => Promise<void> {
  const children = Array.from({ length: count }, () => spawn(process.execPath, ['-e', 'while (true);']))
  return async () => {
    await Promise.all(
      children.map((child) => {
        child.kill('SIGKILL')
        return once(child, 'close')
      }),
    )
  }
}

async function lock(sql: postgres.Sql): Promise<() => Promise<void>> {
  const locked = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  const done = sql.begin(async (tx) => {
    await tx`lock table movies`
    locked.resolve()
    await release.promise
  })
  await locked.promise
  return async () => {
    release.resolve()
    await done
  }
}

async function untilQuick(server: Running): Promise<number> {
  const started = performance.now()
  for (;;) {
    const asked = performance.now()
    const reply = await fetch(server.url + BY_ID).catch(() => undefined)
    await reply?.text()
    if (reply?.status === 200 && performance.now() - asked < 100) return (asked - started) / 1000
    await Bun.sleep(20)
  }
}

/** Seconds from the moment at which the last of them has left. */
async function abandon(server: Running, search: string): Promise<number> {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  await Promise.all(
    Array.from({ length: ABANDONED }, () =>
      fetch(search, { signal }).then(
        (reply) => reply.text().catch(() => ''),
        () => '',
      ),
    ),
  )
  return untilQuick(server)
}

/** Clients that create rows: as many as give the peak, and more than the machine can serve. */
async function overload(checkout: Checkout, server: Running, cookie: string): Promise<string[][]> {
  const rows: string[][] = []
  for (const clients of [16, 64, 256, 1024, 2048, 4096]) {
    const seen = await load(server, '/api/movies/', cookie, clients)
    rows.push([
      checkout.name,
      `POST /api/movies/, ${clients} clients`,
      seen.p50.toFixed(1),
      seen.p999.toFixed(1),
      '',
      seen.ok.toFixed(0),
      seen.refused.toFixed(0),
    ])
  }
  return rows
}

/** What wrk sees of accepted requests: 503 counts as refused. */
async function load(server: Running, path: string, cookie: string, clients = CLIENTS): Promise<Seen> {
  const script = join(folder, 'ask.lua')
  const isPost = path.endsWith('/')
  writeFileSync(
    script,
    `wrk.method = "${isPost ? 'POST' : 'GET'}"
wrk.headers["Cookie"] = ${JSON.stringify(cookie)}
${isPost ? `wrk.headers["Content-Type"] = "application/json"\nwrk.body = '{"title":"Overload"}'` : ''}
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"micros":%d,"p50":%d,"p999":%d,"status":%d,"broken":%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99.9), e.status,
    e.connect + e.read + e.write + e.timeout))
end
`,
  )
  const args = ['-t', '1', '-c', `${clients}`, '-d', `${SECONDS}s`, '--timeout', '60s', '-s', script]
  const wrk = spawn('wrk', [...args, server.url + path], { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  wrk.stdout.on('data', (chunk) => (out += String(chunk)))
  await once(wrk, 'close')
  const text = out.split('\n').find((each) => each.startsWith('{'))
  if (text === undefined) throw new Error(`wrk said nothing to be understood: ${out}`)
  const seen = JSON.parse(text) as Record<
    'requests' | 'micros' | 'p50' | 'p999' | 'status' | 'broken',
    number
  >
  const seconds = seen.micros / 1e6
  return {
    p50: seen.p50 / 1000,
    p999: seen.p999 / 1000,
    ok: (seen.requests - seen.status) / seconds,
    refused: (seen.status + seen.broken) / seconds,
  }
}
