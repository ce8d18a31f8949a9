// Builds what the app needs from the config, and closes it again: the portable app's one window on the drivers.
import type { Config } from '../config.ts'
import { crons } from '../crons.ts'
import type { Deps } from '../deps.ts'
import { createCronOperations } from '../jobs/operate-crons.ts'
import { createOperations } from '../jobs/operate.ts'
import { createQueue } from '../jobs/queue.ts'
import { readStatus } from '../jobs/status.ts'
import type { EnqueueOptions } from '../jobs/task.ts'
import { withOutbox } from '../outbox/enqueue.ts'
import { requestContext } from '../web/request-context.ts'
import { apiDocsAsset } from './api-docs-asset.ts'
import { createLog } from './log.ts'
import { createMailer } from './mail.ts'
import { createPasswords } from './passwords.ts'
import { openPostgres } from './postgres.ts'
import { createRateLimiter } from './rate-limiter.ts'
import { closeRedis, connectRedis } from './redis.ts'
import { createSessions } from './sessions.ts'
import { createStore } from './store.ts'
import { within } from './within.ts'

/** Time that `ready` gives each service to answer. */
const READY_TIMEOUT_MS = 2000

/** Opens everything; `close` ends it in order and writes the last lines of the log. */
export function createDeps(config: Config) {
  const log = createLog(config.log)
  const { sql, db } = openPostgres(config, log)
  const redis = connectRedis(config.redisUrl, { log })
  // Connected here and not by the first command: what the connection logs must not carry that request's id.
  // An outage is logged by the connection itself, and answered by `ready`.
  redis.connect().catch(() => {})
  const store = createStore(redis, config.redisPrefix)
  const queue = createQueue({ redis, prefix: config.redisPrefix, maxBytes: config.jobs.maxBytes })
  const operations = createOperations({ redis, prefix: config.redisPrefix })

  const deps: Deps = {
    config,
    startedAt: Date.now(),
    db,
    store,
    sessions: createSessions(redis, config.redisPrefix, config.sessionSeconds),
    passwords: createPasswords(),
    rateLimiter: createRateLimiter(redis, config.redisPrefix),
    enqueue: withOutbox(
      (task, input, options) => queue.enqueue(task, input, withRequest(options)),
      (task, input, options) => queue.prepare(task, input, withRequest(options)),
    ),
    jobStatus: (id) => readStatus(redis, config.redisPrefix, id),
    operations,
    cronOperations: createCronOperations({ crons, queue, operations }),
    sendMail: createMailer(config, store),
    log,
    apiDocsAsset,
    async ready() {
      await Promise.all([
        within(READY_TIMEOUT_MS, 'Postgres', sql`select 1`),
        within(READY_TIMEOUT_MS, 'Redis', redis.ping()),
      ])
    },
  }

  async function close() {
    store.close()
    await closeRedis(redis)
    await sql.end({ timeout: 2 })
    await log.close()
  }
  return { deps, log, redis, queue, close }
}

const withRequest = (options?: EnqueueOptions): EnqueueOptions => ({
  requestId: requestContext.getStore()?.requestId,
  ...options,
})
