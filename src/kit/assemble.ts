// Assembles the app's dependencies on drivers that run wherever there are sockets. Parts of one runtime are passed in.
import { hash } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { KitConfig } from './config/kit-config.ts'
import { openPostgres } from './data/postgres.ts'
import type { Migration } from './data/postgres/migrations.ts'
import { roleOf } from './data/postgres/rights.ts'
import { createRateLimiter } from './data/rate-limiter.ts'
import { createReadiness } from './data/readiness.ts'
import { closeRedis, connectRedis } from './data/redis.ts'
import { createSessions } from './data/sessions/session-store.ts'
import { querySpans, traceCommands } from './data/spans.ts'
import { createStale } from './data/stale.ts'
import { createStore } from './data/store.ts'
import type { KitDeps } from './deps.ts'
import { createCronAdmin } from './jobs/cron-admin.ts'
import type { Cron } from './jobs/cron.ts'
import { withOutbox } from './jobs/outbox/enqueue.ts'
import { producerSpan } from './jobs/spans.ts'
import { createQueueAdmin } from './jobs/queue-admin.ts'
import { createQueue } from './jobs/queue.ts'
import type { EnqueueOptions } from './jobs/task.ts'
import { requestContext } from './log/request-context.ts'
import { currentTrace, registeredTracer } from './log/trace.ts'
import { createReport, type OnUnexpected } from './log/unexpected.ts'
import type { Log } from './types/log.ts'
import type { Mail } from './types/mail.ts'
import type { Passwords } from './types/passwords.ts'
import type { Roles } from './types/roles.ts'
import type { Secrets } from './types/secrets.ts'
import type { Store } from './types/store.ts'

/** The parts that differ between runtimes. */
export interface Runtime {
  log: Log
  passwords: Passwords
  secrets: Secrets
  createMailer(config: KitConfig, store: Store): (mail: Mail) => Promise<void>
}

/** What a product hands in. */
export interface Manifest<
  Role extends string,
  Config extends KitConfig = KitConfig,
  Own extends object = object,
> {
  roles: Roles<Role>
  crons: readonly Cron[]
  /** The migrations that the code ships, oldest first. */
  migrations: readonly Migration[]
  /** Is told of each error that nobody foresaw, in this process. */
  onUnexpected?: OnUnexpected<Config>
  /** Opens what this product's handlers find in `c.var`, and its tasks in their dependencies, beside the kit's. */
  openOwn?(this: void, ...opening: Opening<Config>): { own: Own; close?(this: void): Promise<void> | void }
}

/** What `openOwn` may build on. Redis does not connect before all is open, and emits `end` when it is closed. */
export type Opening<Config extends KitConfig = KitConfig> = [
  config: Config,
  log: Log,
  kit: Pick<KitDeps, 'enqueue'> & { redis: Redis },
]

type All<Each> = (Each extends unknown ? (each: Each) => void : never) extends (all: infer Whole) => void
  ? Whole & object
  : never

/** What modules open, in one object: `openOwn: (...opening) => ({ own: { ...openAll(opening, [openChannels]) } })`. */
export const openAll = <Each extends object>(
  opening: Opening,
  modules: readonly ((...opening: Opening) => Each)[],
): All<Each> => Object.assign({}, ...modules.map((open) => open(...opening))) as All<Each>

/** Opens the connections; `close` ends them in order. @throws Error if a product's own goes by a name of the kit's */
export function assembleDeps<Config extends KitConfig, Role extends string, Own extends object>(
  config: Config,
  { roles, crons, migrations, onUnexpected, openOwn }: Manifest<Role, Config, Own>,
  { log, passwords, secrets, createMailer }: Runtime,
) {
  const redis = connectRedis(config.redisUrl, { log, timeoutMs: config.redisTimeoutMs })
  const { maxBytes, keepDead } = config.jobs
  const queue = createQueue({ redis, prefix: config.redisPrefix, maxBytes })
  const enqueue = withOutbox(
    (task, input, options) => queue.enqueue(task, input, withRequest(task, options)),
    (task, input, options) => queue.prepare(task, input, withRequest(task, options)),
  )
  function withRequest(task: { name: string }, options?: EnqueueOptions): EnqueueOptions {
    const trace = tracer ? producerSpan(tracer, task.name) : currentTrace()
    return { requestId: requestContext.getStore()?.requestId, trace, ...options }
  }
  const opened = openOwn?.(config, log, { redis, enqueue }) // before anything connects: nothing is left open if it throws
  const tracer = registeredTracer() // `openOwn` is where an SDK is registered
  const postgres = openPostgres(config, log)
  const { db, readiness, observeQueries, gates, staleStats } = postgres
  if (tracer) {
    observeQueries(querySpans(tracer))
    traceCommands(redis, tracer)
  }
  // Connects now, not with the first command: log lines of the connection must not carry the id of a request.
  // The connection itself logs an outage, and `ready` reports it.
  redis.connect().catch(() => {})
  const store = createStore(redis, config.redisPrefix)
  const queueAdmin = createQueueAdmin({ redis, prefix: config.redisPrefix, keepDead })

  const deps: KitDeps<Config, Role> = {
    config,
    roles,
    startedAt: Date.now(),
    db,
    stale: createStale(redis, {
      prefix: config.redisPrefix,
      maxLagMs: config.staleMaxLagMs,
      log,
      handles: postgres.stale,
    }),
    store,
    sessions: createSessions(redis, {
      prefix: config.redisPrefix,
      roles,
      sessionSeconds: config.sessionSeconds,
      maxSeconds: config.sessionMaxSeconds,
      maxSessions: config.sessionsPerAccount,
    }),
    passwords,
    secrets,
    digest: (text) => hash('sha256', text),
    rateLimiter: createRateLimiter(redis, config.redisPrefix),
    enqueue,
    jobStatus: queueAdmin.status,
    cancelJob: queueAdmin.cancel,
    forgetJob: queueAdmin.forgetStatus,
    queueAdmin,
    cronAdmin: createCronAdmin({ crons, queue, queueAdmin }),
    sendMail: createMailer(config, store),
    log,
    reportUnexpected: createReport({ onUnexpected, config, log }),
    tracer,
    ready: createReadiness({
      connection: readiness,
      redis,
      prefix: config.redisPrefix,
      migrations,
      migrator: roleOf(config.migrateDatabaseUrl),
      log,
    }),
  }

  for (const name of Object.keys(opened?.own ?? {})) {
    if (Object.hasOwn(deps, name) || OF_REQUESTS.has(name))
      throw new Error(`openOwn: the kit has ${name} in c.var or in the dependencies: name yours otherwise`)
  }

  async function close() {
    try {
      await opened?.close?.()
    } catch (error) {
      log.error('what openOwn opened could not be closed', { error })
    }
    store.close()
    await closeRedis(redis)
    await postgres.close()
  }
  return { deps: Object.assign(deps, opened?.own), redis, queue, observeQueries, gates, staleStats, close }
}

/** What requests and workers put beside the dependencies. */
const OF_REQUESTS = new Set(
  'session tokenSession impersonation unfinished refusesTokens ip requestId signal bodyOf pageLinks respond errorCode me noStore policy schema'.split(
    ' ',
  ),
)
