// What the app needs, on drivers that run wherever there are sockets. What is of one runtime only is passed in.
import type { Config } from '../config.ts'
import { crons } from '../crons.ts'
import type { Deps, Log, Mail, Passwords, Store } from '../deps.ts'
import { createCronAdmin } from '../jobs/cron-admin.ts'
import { createQueueAdmin } from '../jobs/queue-admin.ts'
import { createQueue } from '../jobs/queue.ts'
import type { EnqueueOptions } from '../jobs/task.ts'
import { withOutbox } from '../outbox/enqueue.ts'
import { requestContext } from '../web/request-context.ts'
import { openPostgres } from './postgres.ts'
import { createRateLimiter } from './rate-limiter.ts'
import { createReadiness } from './readiness.ts'
import { closeRedis, connectRedis } from './redis.ts'
import { createSessions } from './sessions.ts'
import { roleOf } from './rights.ts'
import { createStore } from './store.ts'

/** What no two runtimes have in common. */
export interface Runtime {
  log: Log
  passwords: Passwords
  createMailer(config: Config, store: Store): (mail: Mail) => Promise<void>
  apiDocsAsset: Deps['apiDocsAsset']
}

/** Opens the connections; `close` ends them in order. */
export function assembleDeps(config: Config, { log, passwords, createMailer, apiDocsAsset }: Runtime) {
  const { db, readiness, close: closePostgres } = openPostgres(config, log)
  const redis = connectRedis(config.redisUrl, { log })
  // Connected here and not by the first command: what the connection logs must not carry that request's id.
  // An outage is logged by the connection itself, and answered by `ready`.
  redis.connect().catch(() => {})
  const store = createStore(redis, config.redisPrefix)
  const { maxBytes, keepDead } = config.jobs
  const queue = createQueue({ redis, prefix: config.redisPrefix, maxBytes })
  const queueAdmin = createQueueAdmin({ redis, prefix: config.redisPrefix, keepDead })

  const deps: Deps = {
    config,
    startedAt: Date.now(),
    db,
    store,
    sessions: createSessions(redis, config.redisPrefix, config.sessionSeconds, config.sessionsPerAccount),
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
      migrator: roleOf(config.migrateDatabaseUrl),
      log,
    }),
  }

  async function close() {
    store.close()
    await closeRedis(redis)
    await closePostgres()
  }
  return { deps, redis, queue, close }
}

const withRequest = (options?: EnqueueOptions): EnqueueOptions => ({
  requestId: requestContext.getStore()?.requestId,
  ...options,
})
