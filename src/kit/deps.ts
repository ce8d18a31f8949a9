// What a handler may count on, and nothing of how it is made: the contract between the portable app and its runtime.
import type { KitConfig } from './config/kit-config.ts'
import type { CronAdmin } from './jobs/cron-admin.ts'
import type { JobStatus } from './jobs/element.ts'
import type { EnqueueInTransaction } from './jobs/outbox/enqueue.ts'
import type { QueueAdmin } from './jobs/queue-admin.ts'
import type { Enqueue } from './jobs/task.ts'
import type { Db } from './types/db.ts'
import type { Log } from './types/log.ts'
import type { Mail } from './types/mail.ts'
import type { Passwords } from './types/passwords.ts'
import type { RateLimiter } from './types/rate-limiter.ts'
import type { Roles } from './types/roles.ts'
import type { Sessions } from './types/sessions.ts'
import type { Store } from './types/store.ts'

/** Everything the app is given, for a product of these settings and roles. Built once by `create-deps.ts`, passed to `createApp`. */
export interface Deps<Config extends KitConfig = KitConfig, Role extends string = string> {
  config: Config
  roles: Roles<Role>
  /** Unix milliseconds. */
  startedAt: number
  db: Db
  store: Store
  sessions: Sessions<Role>
  passwords: Passwords
  rateLimiter: RateLimiter
  /**
   * Hands a task to a worker; resolves when Redis has the job. The request's id goes with it, for the log.
   * With a transaction as the first argument the job commits with it.
   */
  enqueue: Enqueue & EnqueueInTransaction
  /** How a job is doing whose task has `keepResultMs`, whoever enqueued it: compare `by` before you show it. */
  jobStatus(id: string): Promise<JobStatus | undefined>
  /** Ends that before its time is over, and with it what is kept of the job's result. */
  forgetJob(id: string): Promise<void>
  /** What operators see of the queue and its crons, and do to them. */
  queueAdmin: QueueAdmin
  cronAdmin: CronAdmin
  /** For tasks: a request that waits for a mail server is a slow one. */
  sendMail(mail: Mail): Promise<void>
  log: Log
  /** The script and the style sheet of Swagger UI, for the page to try the API. */
  apiDocsAsset(name: 'script' | 'style'): Promise<string>
  /** Resolves if a request would be served now: Postgres and Redis take writes, and nothing is to be migrated. Rejects with why not. */
  ready(): Promise<void>
}
