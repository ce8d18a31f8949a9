// What a thousand, a hundred thousand and a million rows cost, in Postgres and in Redis.
import { existsSync } from 'node:fs'
import { Redis } from 'ioredis'
import postgres from 'postgres'
import { takeArguments } from '../../../command.ts'
import type { Running } from '../http/contestants.ts'
import { EMAIL, PASSWORD } from '../http/work.ts'
import { median } from '../../quantile.ts'
import { addResource, fillResource, RESOURCE_WORKS } from './resource.ts'
import { type Checkout, checkouts, CREATOR, logIn, onStage, OTHER_EMAIL, RARE } from './stage.ts'

const { values } = takeArguments(
  'Usage: npm run bench:growth [-- --against <folder>] [--sizes 1000,100000]',
  {
    against: { type: 'string' },
    sizes: { type: 'string', default: '1000,100000,1000000' },
  },
)
const SIZES = values.sizes.split(',').map(Number)
const REQUESTS = 50
const ROUNDS = 1
/** A backend tells what it did at the end of a statement, if it has told nothing for a second. */
const STATISTICS_MS = 1100
const LAST_ASKS = 8
const SETTLE_MS = 200
/** A page by number: rows before it cost as much as those on it, which is what the cursor is for. */
const PAGE_SIZE = 20

interface Cost {
  postgresMs: number
  buffers: number
  cpuMs: number
}

interface Work {
  name: string
  path: (asked: Asked) => string | undefined | Promise<string | undefined>
  body?: object
  /** By whom; by default a superuser. */
  email?: string
}

interface Asked {
  server: Running
  sql: postgres.Sql
  rows: number
  cookie: string
}

const WORKS: Work[] = [
  { name: 'list', path: () => '/api/movies?limit=20' },
  { name: '?creator=', path: () => `/api/movies?limit=20&creator=${CREATOR}` },
  { name: 'page at 80 %', path: ({ rows }) => `/api/movies?limit=20&page=${(rows * 0.8) / PAGE_SIZE}` },
  { name: 'cursor at 80 %', path: cursorPath },
  { name: 'search, rare word', path: () => `/api/movies?limit=20&search=${RARE}` },
  { name: 'search, no row', path: () => '/api/movies?limit=20&search=qqqqjx' },
  { name: 'search, common word', path: () => '/api/movies?limit=20&search=number' },
  { name: 'users', path: () => '/api/users?size=20' },
  { name: "users' search", path: () => `/api/users?size=20&search=${RARE}` },
  { name: 'me', path: () => '/api/me' },
]

/** The last: it ends the session of the others. */
const LOGIN: Work = { name: 'login', path: () => '/api/login', body: { email: EMAIL, password: PASSWORD } }

/** Of the generated resource. */
const BOOKINGS: Work[] = [
  { of: 'own', email: OTHER_EMAIL },
  { of: "everybody's", email: EMAIL },
].flatMap(({ of, email }) =>
  RESOURCE_WORKS.map(({ name, query, follow }) => ({
    name: `${of} bookings: ${name}`,
    email,
    async path({ server, rows, cookie }: Asked) {
      const path = `/api/bookings?limit=20${query(rows)}`
      if (!follow) return path
      const cursor = await nextCursor(server, path, cookie)
      return cursor && `${path.replace(/&starts.*/, '')}&cursor=${cursor}`
    },
  })),
)

await onStage(async (stage) => {
  for (const each of checkouts(values.against)) {
    const isNow = each.name === 'now'
    const checkout = isNow ? addResource(each, stage.folder) : each
    const costs = new Map<string, (Cost | undefined)[]>()
    for (const rows of SIZES) {
      console.error(`${checkout.name}: ${rows} rows`)
      const database = await stage.database(checkout, rows)
      if (isNow) await fillResource(database, rows)
      const server = await stage.server(checkout, database)
      const sql = postgres(database, { max: 1 })
      const cookies = { [EMAIL]: await logIn(server), [OTHER_EMAIL]: await logIn(server, OTHER_EMAIL) }
      for (const work of [...WORKS, ...(isNow ? BOOKINGS : []), LOGIN]) {
        const cookie = cookies[work.email ?? EMAIL] ?? ''
        const path = await work.path({ server, sql, rows, cookie })
        const cost =
          path &&
          (await measure(server, sql, work, path, cookie).catch((error: unknown) =>
            complain(work.name, error),
          ))
        costs.set(work.name, [...(costs.get(work.name) ?? []), cost || undefined])
      }
      await sql.end()
      await server.stop()
    }
    print(checkout, costs)
    await jobs(checkout, stage.redisUrl)
  }
})

function complain(name: string, error: unknown): undefined {
  console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`)
}

/** The page after one that ends at 80 %: its own `Link` leads there, from the page before. */
async function cursorPath({ server, sql, rows, cookie }: Asked): Promise<string | undefined> {
  const next = await nextCursor(server, '/api/movies?limit=20', cookie)
  if (next === undefined) return undefined
  const [row] = await sql`select id from movies where id >= ${Math.floor(rows * 0.8)} order by id limit 1`
  // What a cursor holds is the server's own affair, but for this: the key of the row before.
  const decoded = Buffer.from(decodeURIComponent(next), 'base64url').toString()
  const cursor = Buffer.from(decoded.replace(/\b20\b/, String(row?.id))).toString('base64url')
  return `/api/movies?limit=20&cursor=${cursor}`
}

async function nextCursor({ url }: Running, path: string, cookie: string): Promise<string | undefined> {
  const page = await fetch(url + path, { headers: { Cookie: cookie } })
  return /[?&]cursor=([^&>]+)[^>]*>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1]
}

/** Medians of a few rounds, a request, one after the other. */
async function measure(
  server: Running,
  sql: postgres.Sql,
  work: Work,
  path: string,
  cookie: string,
): Promise<Cost> {
  const rounds: Cost[] = []
  const ask = async () => {
    const reply = await fetch(server.url + path, {
      method: work.body ? 'POST' : 'GET',
      headers: { Cookie: cookie, ...(work.body ? { 'Content-Type': 'application/json' } : {}) },
      body: work.body ? JSON.stringify(work.body) : null,
    })
    const text = await reply.text()
    if (reply.status !== 200) throw new Error(`${path} answered ${reply.status} ${text.slice(0, 200)}`)
  }
  await ask()
  const statistics = async () => {
    await Bun.sleep(STATISTICS_MS)
    await Promise.all(Array.from({ length: LAST_ASKS }, ask)) // on each connection that was in use
    await Bun.sleep(SETTLE_MS)
    return readStatistics(sql)
  }
  for (let round = 0; round < ROUNDS; round++) {
    const before = await statistics()
    const cpu = server.cpuSeconds()
    const end = performance.now() + 4000
    let asked = 0
    while (asked < REQUESTS && performance.now() < end) {
      await ask()
      asked++
    }
    const cpuMs = ((server.cpuSeconds() - cpu) * 1000) / asked
    const after = await statistics()
    const all = asked + LAST_ASKS
    rounds.push({
      cpuMs,
      postgresMs: (after.active - before.active) / all,
      buffers: (after.buffers - before.buffers) / all,
    })
  }
  const of = (key: keyof Cost) => median(rounds.map((cost) => cost[key]))
  return { postgresMs: of('postgresMs'), buffers: of('buffers'), cpuMs: of('cpuMs') }
}

/** Of this database, all connections: milliseconds of statements, and pages touched. */
async function readStatistics(sql: postgres.Sql): Promise<{ active: number; buffers: number }> {
  const [row] = await sql`
    select active_time as active, blks_hit + blks_read as buffers from pg_stat_database where datname = current_database()`
  return { active: Number(row?.active), buffers: Number(row?.buffers) }
}

function print(checkout: Checkout, costs: Map<string, (Cost | undefined)[]>): void {
  const heads = SIZES.flatMap((rows) => [`${rows}: Postgres ms`, 'buffers', 'CPU ms'])
  console.log(`\n### ${checkout.name}\n`)
  console.log(`| work | ${heads.join(' | ')} | Postgres, last / first | buffers, last / first |`)
  console.log(`| --- | ${'--: | '.repeat(heads.length + 2)}`)
  for (const [name, row] of costs) {
    const cells = row.flatMap((cost) =>
      cost
        ? [cost.postgresMs.toFixed(3), cost.buffers.toFixed(0), cost.cpuMs.toFixed(2)]
        : ['refused', '', ''],
    )
    const [first, last] = [row[0], row.at(-1)]
    const ratio = (key: keyof Cost) => (first && last ? (last[key] / first[key]).toFixed(1) : '')
    console.log(`| ${name} | ${cells.join(' | ')} | ${ratio('postgresMs')} | ${ratio('buffers')} |`)
  }
}

/** A file of a checkout's queue; before there was a kit it lay in src/jobs, maybe under another name. */
function inQueue(root: string, file: string, earlier = file): string {
  const now = `${root}/src/kit/jobs/${file}`
  return existsSync(now) ? now : `${root}/src/jobs/${earlier}`
}

/** Jobs that wait: a page of them, and one by its id, which is looked for inside Redis. */
async function jobs({ name, root }: Checkout, redisUrl: string): Promise<void> {
  const module = (await import(inQueue(root, 'queue-admin.ts', 'operate.ts'))) as QueueAdminModule
  const createQueueAdmin = module.createQueueAdmin ?? module.createOperations
  const { keyBase } = (await import(inQueue(root, 'scripts.ts'))) as { keyBase(prefix: string): string }
  const redis = new Redis(redisUrl)
  console.log(`\n| ${name}: waiting jobs | list ms | show ms | drop ms | longest command ms |`)
  console.log('| --: | --: | --: | --: | --: |')
  for (const count of SIZES) {
    const prefix = `growth-${name}-${count}:`
    const queue = `${keyBase(prefix)}queue`
    for (let at = 0; at < count; at += 10_000) {
      const elements = Array.from({ length: Math.min(10_000, count - at) }, (_, i) =>
        JSON.stringify({ id: `job${at + i}`, task: 'sendWelcome', data: { userId: CREATOR } }),
      )
      await redis.rpush(queue, ...elements)
    }
    const queueAdmin = createQueueAdmin({ redis, prefix })
    await redis.config('SET', 'slowlog-log-slower-than', '0')
    await redis.config('SET', 'slowlog-max-len', '100000')
    await redis.slowlog('RESET')
    const timed = async (act: () => Promise<unknown>) => {
      const started = performance.now()
      if (!(await act())) throw new Error(`${name}: the job was not found`)
      return (performance.now() - started).toFixed(1)
    }
    const list = await timed(() => queueAdmin.list('waiting', 1))
    const show = await timed(() => queueAdmin.show(`job${count >> 1}`))
    const drop = await timed(() => queueAdmin.drop(`job${(count >> 1) + 1}`))
    const log = (await redis.slowlog('GET', '-1')) as [number, number, number][]
    const longest = Math.max(...log.map(([, , micros]) => micros)) / 1000
    console.log(`| ${count} | ${list} | ${show} | ${drop} | ${longest.toFixed(1)} |`)
    await redis.unlink(queue)
  }
  redis.disconnect()
}

type CreateQueueAdmin = (options: { redis: Redis; prefix: string }) => {
  list(place: 'waiting', page: number): Promise<unknown[]>
  show(id: string): Promise<unknown>
  drop(id: string): Promise<boolean>
}

interface QueueAdminModule {
  createQueueAdmin: CreateQueueAdmin
  /** Its name before there was a kit. */
  createOperations: CreateQueueAdmin
}
