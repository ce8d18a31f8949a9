// What the app needs, on drivers that run wherever there are sockets. What is of one runtime only is passed in.
import type { KitConfig } from './config/kit-config.ts'
import { openPostgres } from './data/postgres.ts'
import type { Migration } from './data/postgres/migrations.ts'
import { roleOf } from './data/postgres/rights.ts'
import { createRateLimiter } from './data/rate-limiter.ts'
import { createReadiness } from './data/readiness.ts'
import { closeRedis, connectRedis } from './data/redis.ts'
import { createSessions } from './data/sessions/session-store.ts'
import { createStore } from './data/store.ts'
import type { Deps } from './deps.ts'
import { createCronAdmin } from './jobs/cron-admin.ts'
import type { Cron } from './jobs/cron.ts'
import { withOutbox } from './jobs/outbox/enqueue.ts'
import { createQueueAdmin } from './jobs/queue-admin.ts'
import { createQueue } from './jobs/queue.ts'
import type { EnqueueOptions } from './jobs/task.ts'
import { requestContext } from './log/request-context.ts'
import type { Log } from './types/log.ts'
import type { Mail } from './types/mail.ts'
import type { Passwords } from './types/passwords.ts'
import type { Roles } from './types/roles.ts'
import type { Store } from './types/store.ts'

/** What no two runtimes have in common. */
export interface Runtime {
  log: Log
  passwords: Passwords
  createMailer(config: KitConfig, store: Store): (mail: Mail) => Promise<void>
  apiDocsAsset: Deps['apiDocsAsset']
}

/** What a product hands in. */
export interface Manifest<
  Role extends string,
  Config extends KitConfig = KitConfig,
  Own extends object = object,
> {
  roles: Roles<Role>
  crons: readonly Cron[]
  /** Those that the code comes with, oldest first. */
  migrations: readonly Migration[]
  /** Opens what this product's handlers find in `c.var`, and its tasks in their dependencies, beside the kit's. */
  openOwn?(this: void, config: Config, log: Log): { own: Own; close?(this: void): Promise<void> | void }
}

/** Opens the connections; `close` ends them in order. @throws Error if a product's own goes by a name of the kit's */
export function assembleDeps<Config extends KitConfig, Role extends string, Own extends object>(
  config: Config,
  { roles, crons, migrations, openOwn }: Manifest<Role, Config, Own>,
  { log, passwords, createMailer, apiDocsAsset }: Runtime,
) {
  const { db, readiness, close: closePostgres } = openPostgres(config, log)
  const redis = connectRedis(config.redisUrl, { log })
  // Connected here and not by the first command: what the connection logs must not carry that request's id.
  // An outage is logged by the connection itself, and answered by `ready`.
  redis.connect().catch(() => {})
  const store = createStore(redis, config.redisPrefix)
  const { maxBytes, keepDead } = config.jobs
  const queue = createQueue({ redis, prefix: config.redisPrefix, maxBytes })
  const queueAdmin = createQueueAdmin({ redis, prefix: config.redisPrefix, keepDead })

  const deps: Deps<Config, Role> = {
    config,
    roles,
    startedAt: Date.now(),
    db,
    store,
    sessions: createSessions(redis, {
      prefix: config.redisPrefix,
      roles,
      sessionSeconds: config.sessionSeconds,
      most: config.sessionsPerAccount,
    }),
    passwords,
    rateLimiter: createRateLimiter(redis, config.redisPrefix),
    enqueue: withOutbox(
      (task, input, options) => queue.enqueue(task, input, withRequest(options)),
      (task, input, options) => queue.prepare(task, input, withRequest(options)),
    ),
    jobStatus: queueAdmin.status,
    forgetJob: queueAdmin.forgetStatus,
    queueAdmin,
    cronAdmin: createCronAdmin({ crons, queue, queueAdmin }),
    sendMail: createMailer(config, store),
    log,
    apiDocsAsset,
    ready: createReadiness({
      connection: readiness,
      redis,
      prefix: config.redisPrefix,
      migrations,
      migrator: roleOf(config.migrateDatabaseUrl),
      log,
    }),
  }

  const opened = openOwn?.(config, log)
  for (const name of Object.keys(opened?.own ?? {})) {
    if (Object.hasOwn(deps, name))
      throw new Error(`openOwn: the kit has a dependency ${name}: name yours otherwise`)
  }

  async function close() {
    await opened?.close?.()
    store.close()
    await closeRedis(redis)
    await closePostgres()
  }
  return { deps: Object.assign(deps, opened?.own), redis, queue, close }
}

const withRequest = (options?: EnqueueOptions): EnqueueOptions => ({
  requestId: requestContext.getStore()?.requestId,
  ...options,
})
