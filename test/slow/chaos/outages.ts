// Outages under a whole service: an API process and a worker between clients and faults, and nothing told, lost or stuck.
import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import postgres from 'postgres'
import { hasRedisServer, promote, type RealRedis, startRedis } from '../../kit/jobs/real-redis.ts'
import { Client } from '../../kit/support/client.ts'
import { openLink, type FaultyLink } from '../../kit/support/faulty-link.ts'
import { createDatabase } from '../../kit/support/services.ts'
import { mountSmallDisk, type SmallDisk } from '../../kit/support/small-disk.ts'
import { startService, type Service } from '../../kit/support/supervised.ts'
import { createQueueAdmin } from '../../../src/kit/jobs/queue-admin.ts'
import { prepareTestRun } from '../../../scripts/services/test-run.ts'

const CLIENTS = 6
const PASSWORD = '123abC'
/** A job is stuck when it has not ended by then, and a service when it is not ready. */
const STILL_MS = 30_000

interface Stage {
  redis: [RealRedis, RealRedis]
  redisLink: FaultyLink
  sql: postgres.Sql
  disk: SmallDisk | undefined
  service: Service
  /** How long a fault lasts. */
  holdMs: number
}

/** Each breaks something, leaves it broken for a while, and mends it. */
const FAULTS: Record<
  string,
  { why?: (stage: Stage) => string | undefined; act: (s: Stage) => Promise<void> }
> = {
  'redis full': {
    async act({ redis: [, primary], holdMs }) {
      const admin = new Redis(primary.url)
      await admin.config('SET', 'maxmemory', '1')
      await Bun.sleep(holdMs)
      await admin.config('SET', 'maxmemory', '0')
      admin.disconnect()
    },
  },
  'postgres read-only': {
    async act({ sql, holdMs }) {
      const [row] = await sql<{ name: string }[]>`select current_database() as name`
      const change = async (statement: string) => {
        await sql.unsafe(`alter database "${row?.name}" ${statement}`)
        await renewConnections(sql)
      }
      await change('set default_transaction_read_only = on')
      await Bun.sleep(holdMs)
      await change('reset default_transaction_read_only')
    },
  },
  'replica promoted': {
    async act({ redis: [next, primary], redisLink, holdMs }) {
      await promote(primary, next)
      // The address leads to what is a replica by now, and only later to the new primary.
      await Bun.sleep(holdMs / 2)
      redisLink.leadTo(next.url)
    },
  },
  'log disk full': {
    why: ({ disk }) => (disk ? undefined : 'nothing can be mounted here'),
    async act({ disk, holdMs }) {
      disk?.fill()
      await Bun.sleep(holdMs)
      disk?.free()
    },
  },
}

/** Ends the service's connections, each when its transaction has ended: those that follow begin with new settings. */
async function renewConnections(sql: postgres.Sql): Promise<void> {
  const [now] = await sql<{ at: string }[]>`select clock_timestamp()::text as at`
  for (let left = 1; left > 0; await Bun.sleep(20)) {
    const old = await sql`
      select case state when 'idle' then pg_terminate_backend(pid) end from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and backend_start < ${now?.at ?? ''}`
    left = old.length
  }
}

export const OUTAGES = Object.keys(FAULTS)

/** What clients were told, by status, and what they were promised. */
class Crowd {
  readonly statuses = new Map<number, number>()
  readonly accounts = new Set<string>()
  /** By the addresses at which their accounts follow them. */
  readonly jobs: { client: Client; address: string }[] = []
  takenAfterFailure = 0
  #stopping = false
  readonly #ends: Promise<void>[]

  /** @param jobPath where an account starts a job, if the project has such a route */
  constructor(
    readonly url: string,
    readonly jobPath: string | undefined,
  ) {
    this.#ends = Array.from({ length: CLIENTS }, async () => {
      while (!this.#stopping) await this.#visit()
    })
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#ends)
  }

  /** A person signs up, insists if told to, looks around, and starts a job. */
  async #visit(): Promise<void> {
    const client = new Client(this.url)
    const email = `${crypto.randomUUID()}@example.com`
    let failures = 0
    for (;;) {
      const { status, body } = await this.#ask(client, 'POST', '/api/signup', {
        email,
        password: PASSWORD,
        fname: 'A',
        lname: 'B',
      })
      if (status === 201) this.accounts.add(email)
      if (status === 201 && body.loggedIn !== false) break
      if (status === 400) this.takenAfterFailure += failures > 0 ? 1 : 0
      if (status === 201 || status === 400) {
        await this.#insist(client, 'POST', '/api/login', { email, password: PASSWORD })
        break
      }
      failures++
      if (this.#stopping) return
      await Bun.sleep(100)
    }
    await this.#insist(client, 'GET', '/api/me')
    const job = this.jobPath === undefined ? undefined : await this.#insist(client, 'POST', this.jobPath)
    const address = job?.headers?.get('location')
    if (job?.status === 202 && address) this.jobs.push({ client, address })
    await this.#ask(client, 'GET', '/api/users')
  }

  async #insist(client: Client, method: string, path: string, body?: unknown) {
    while (!this.#stopping) {
      const reply = await this.#ask(client, method, path, body)
      if (reply.status !== 503) return reply
      await Bun.sleep(100)
    }
    return undefined
  }

  async #ask(client: Client, method: string, path: string, body?: unknown) {
    const lost = { status: 0, body: undefined, headers: undefined }
    const reply = await client.send(method, path, body).catch(() => lost)
    this.statuses.set(reply.status, (this.statuses.get(reply.status) ?? 0) + 1)
    return reply
  }
}

/** The path of a POST that takes nothing and is answered by 202. */
async function findJobPath(url: string): Promise<string | undefined> {
  const { paths } = (await new Client(url).get('/api/openapi.json')).body
  return Object.keys(paths).find((path) => {
    const { post } = paths[path]
    return post?.responses['202'] !== undefined && post.requestBody === undefined
  })
}

export interface OutageOutcome {
  name: string
  /** In words, for the line of the report. */
  did: string
  seconds: number
  /** What should not have been, in words. */
  faults: string[]
}

/** @param quick faults of two seconds instead of twenty */
export async function runOutages(names: string[], quick: boolean, report: (o: OutageOutcome) => void) {
  if (!hasRedisServer()) throw new Error('the outages need a redis-server on PATH')
  const redis: [RealRedis, RealRedis] = [await startRedis(), await startRedis()]
  const redisLink = await openLink(redis[1].url)
  const { run, close } = await prepareTestRun({ ...process.env, TEST_REDIS_URL: redisLink.url })
  Object.assign(process.env, run)
  const database = await createDatabase()
  const sql = postgres(database.url, { max: 1, onnotice: () => {} })
  const disk = mountSmallDisk(64)
  const prefix = `${run.TEST_RUN}:outages:`
  const service = await startService(
    {
      DATABASE_URL: database.url,
      REDIS_PREFIX: prefix,
      WEB_PROCESSES: '1',
      WORKER_PROCESSES: '1',
      LOG_FILE: disk === undefined ? '' : `${disk.path}/log`,
    },
    { of: 'project' },
  )
  const stage = { redis, redisLink, sql, disk, service, holdMs: quick ? 2000 : 20_000 }
  try {
    for (const name of names) {
      const fault = FAULTS[name]
      const why = fault?.why?.(stage)
      if (why !== undefined) report({ name, did: `left out: ${why}`, seconds: 0, faults: [] })
      else if (fault) report(await runOutage(name, () => fault.act(stage), stage, prefix))
      if (name === 'replica promoted') redis.reverse()
    }
  } finally {
    await service.close()
    disk?.remove()
    await sql.end()
    await database.drop()
    await close()
    await redisLink.close()
    for (const server of redis) await server.remove()
  }
}

async function runOutage(
  name: string,
  act: () => Promise<void>,
  stage: Stage,
  prefix: string,
): Promise<OutageOutcome> {
  const { service, sql, redisLink, disk } = stage
  const started = performance.now()
  const before = disk === undefined ? 0 : countLogged(disk)
  const crowd = new Crowd(service.url, await findJobPath(service.url))
  await Bun.sleep(1000)
  await act()
  await Bun.sleep(2000)
  await crowd.stop()

  const faults: string[] = []
  const must = (fine: boolean, otherwise: string) => void (fine || faults.push(otherwise))
  const settled = async (what: string, done: () => Promise<boolean>) => {
    const end = performance.now() + STILL_MS
    let fine = false
    while (!fine && performance.now() < end) {
      fine = await done().catch(() => false)
      if (!fine) await Bun.sleep(50)
    }
    must(fine, `stuck: ${what}`)
  }
  await settled(
    'the service is not ready',
    async () => (await new Client(service.url).get('/ready')).status === 200,
  )
  await settled('rows in the outbox', async () => (await sql`select from outbox limit 1`).length === 0)
  const redis = new Redis(redisLink.url)
  const queueAdmin = createQueueAdmin({ redis, prefix })
  await settled('jobs', async () => {
    const { waiting, running, later } = await queueAdmin.stats()
    return waiting + running + later === 0
  })
  const { dead } = await queueAdmin.stats()
  redis.disconnect()
  must(dead === 0, `${dead} dead jobs`)

  const rows = await sql<{ email: string }[]>`select email from users`
  const emails = new Set(rows.map(({ email }) => email))
  const lostAccounts = [...crowd.accounts].filter((email) => !emails.has(email)).length
  must(lostAccounts === 0, `lost: ${lostAccounts} accounts`)
  const states = await Promise.all(crowd.jobs.map(({ client, address }) => client.get(address)))
  const lostJobs = states.filter(({ body }) => body?.state !== 'done').length
  must(lostJobs === 0, `lost: ${lostJobs} jobs`)
  must(crowd.takenAfterFailure === 0, `${crowd.takenAfterFailure} signups failed and were taken`)
  const foreseen = [200, 201, 202, 401, 503]
  for (const [status, times] of crowd.statuses) {
    must(foreseen.includes(status), `${times} answers of ${status === 0 ? 'no answer' : status}`)
  }
  if (disk !== undefined) {
    // Each answer has its line in the file, written or counted as lost.
    const asked = [...crowd.statuses.values()].reduce((a, b) => a + b, 0)
    await settled('the log', async () => countLogged(disk) - before >= asked)
  }
  const told = [...crowd.statuses].toSorted(([a], [b]) => a - b).map(([status, n]) => `${n} x ${status}`)
  const did = `${crowd.accounts.size} accounts, ${crowd.jobs.length} jobs, ${told.join(', ')}`
  return { name, did, seconds: Math.round((performance.now() - started) / 100) / 10, faults }
}

/** Lines of requests in the log on the disk, and how many lines it says that were lost. */
function countLogged({ path }: SmallDisk): number {
  return readFileSync(`${path}/log`, 'utf8')
    .split('\n')
    .reduce((sum, line) => {
      const { msg, lines = 0, method } = parseLine(line)
      return sum + (method === undefined ? 0 : 1) + (msg === 'log lines were lost' ? lines : 0)
    }, 0)
}

/** Empty for half a line, which a full disk leaves: the whole of it comes again. */
function parseLine(line: string): { msg?: string; lines?: number; method?: string } {
  try {
    return JSON.parse(line)
  } catch {
    return {}
  }
}
