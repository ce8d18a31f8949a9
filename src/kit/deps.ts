// Declares what a handler may use, and not how it is made: the contract between the portable app and its runtime.
import type { Tracer } from '@opentelemetry/api'
import type { KitConfig } from './config/kit-config.ts'
import type { CronAdmin } from './jobs/cron-admin.ts'
import type { JobStatus } from './jobs/status.ts'
import type { EnqueueInTransaction } from './jobs/outbox/enqueue.ts'
import type { QueueAdmin } from './jobs/queue-admin.ts'
import type { Enqueue } from './jobs/task.ts'
import type { ReportUnexpected } from './log/unexpected.ts'
import type { Db } from './types/db.ts'
import type { Log } from './types/log.ts'
import type { Mail } from './types/mail.ts'
import type { Passwords } from './types/passwords.ts'
import type { RateLimiter } from './types/rate-limiter.ts'
import type { Roles } from './types/roles.ts'
import type { Secrets } from './types/secrets.ts'
import type { Sessions } from './types/sessions.ts'
import type { Stale } from './types/stale.ts'
import type { Store } from './types/store.ts'
import type { Supervisor } from './types/supervisor.ts'

/** The dependencies of a product with these settings and roles. `create-deps.ts` builds them once for `createApp`. */
export interface KitDeps<Config extends KitConfig = KitConfig, Role extends string = string> {
  config: Config
  roles: Roles<Role>
  /** Unix milliseconds. */
  startedAt: number
  db: Db
  /** For reads that may be a moment old; in a route see `staleDb` in `http/stale.ts`. */
  stale: Stale
  store: Store
  sessions: Sessions<Role>
  passwords: Passwords
  /** Encrypts what must be read again. */
  secrets: Secrets
  /** SHA-256, 64 hexadecimal digits. At once: for WebCrypto's a request waits until another thread has made it. */
  digest(text: string): string
  rateLimiter: RateLimiter
  /**
   * Enqueues a job; resolves when Redis has it. The request's id goes with it, for the log.
   * With a transaction as the first argument the job commits with it.
   */
  enqueue: Enqueue & EnqueueInTransaction
  /** The status of a job whose task has `keepResultMs`, whoever enqueued it: compare `by` before you show it. */
  jobStatus(id: string): Promise<JobStatus | undefined>
  /** Cancels a job whose task is `cancellable`, and returns its status from then on; compare `by` before. */
  cancelJob(id: string): Promise<JobStatus | undefined>
  /** Deletes the status, and the result with it, before it expires. */
  forgetJob(id: string): Promise<void>
  /** What operators see and do with the queue and its crons. */
  queueAdmin: QueueAdmin
  cronAdmin: CronAdmin
  /** That of this machine; absent where the runtime has none. */
  supervisor?: Supervisor
  /** For tasks: a request should not wait for a mail server. */
  sendMail(mail: Mail): Promise<void>
  log: Log
  /** Hands an error that nobody foresaw to the product's `onUnexpected`. Never throws. */
  reportUnexpected: ReportUnexpected
  /** Of an OpenTelemetry SDK, if one was registered when all was opened. */
  tracer?: Tracer | undefined
  /** Resolves if Postgres and Redis take writes and no migration is pending. Rejects with the reason otherwise. */
  ready(): Promise<void>
}
