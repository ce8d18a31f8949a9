// Declares every background task. A task may run twice: its worker can die before it reports success. Allow for that.
import { z } from 'zod'
import { exportAudit } from './account/audit-export.ts'
import { defineAccountDeletion, dropDeadOfNobody } from './account/deletion.ts'
import { exportMyData, forgetExports } from './account/export.ts'
import { mailLink, mailNotice, mailReset, sendWelcome } from './account/mail-tasks.ts'
import { tokens } from './account/one-time-tokens.ts'
import { deleteExpiredKeys, type Deps } from './account/product.ts'
import { countUsersSince } from './account/queries.ts'
import { fileJobs } from './files/files.ts'
import { mailCode } from './mail-login/codes.ts'
import { keepAuditTrail } from './kit/audit/retention.ts'
import { tellChannel } from './kit/channels/publish.ts'
import type { Schema } from './kit/data/owned-rows.ts'
import type { DeadJob } from './kit/jobs/dead.ts'
import { defineTask } from './kit/jobs/task.ts'
import { webhooks } from './webhooks/webhooks.ts'

/** The dependencies of every task; `schema` holds every table of the service. */
export type TaskDeps = Deps & { schema: Schema }

export { dropDeadOfNobody }
export const { sweepFiles } = fileJobs
export const { sweepWebhooks } = webhooks.tasks

/** Your own is called with the account's id before it goes, for what no row holds: files, or an account at another service. */
export const { deleteAccount, deleteDueAccounts } = defineAccountDeletion([forgetExports])

/** Deletes links that have expired. */
export const deleteExpiredTokens = defineTask({
  name: 'deleteExpiredTokens',
  input: z.object({}),
  run: (_input, { signal }, { db }: Deps) => tokens.deleteExpired(db, signal),
})

/** Deletes the answers that were kept for requests with an `Idempotency-Key`, and are older than a day. */
export const deleteExpiredIdempotencyKeys = defineTask({
  name: 'deleteExpiredIdempotencyKeys',
  input: z.object({}),
  run: (_input, { signal }, deps: Deps) => deleteExpiredKeys(deps, signal),
})

const PERIODS = { minute: 60, hour: 60 * 60, day: 24 * 60 * 60 }

/** Logs the number of new accounts; the sample crons run it. To count all accounts would read every row. */
export const countAccounts = defineTask({
  name: 'countAccounts',
  input: z.object({ period: z.enum(['minute', 'hour', 'day']) }),
  async run({ period }, job, { db }: Deps) {
    const count = await countUsersSince(db, new Date(Date.now() - PERIODS[period] * 1000))
    job.log[period === 'minute' ? 'debug' : 'info'](`new accounts in the last ${period}: ${count}`)
  },
})

/** Every task that a worker can run. */
export const tasks = [
  sendWelcome,
  mailLink,
  mailReset,
  mailNotice,
  mailCode,
  deleteAccount,
  deleteDueAccounts,
  dropDeadOfNobody,
  deleteExpiredTokens,
  deleteExpiredIdempotencyKeys,
  exportMyData,
  exportAudit,
  keepAuditTrail,
  tellChannel,
  ...Object.values(fileJobs),
  ...Object.values(webhooks.tasks),
  countAccounts,
]

/**
 * Called once for each job that dies: the place to send a mail or a chat message. The log and the metrics show it already.
 * An error thrown here is logged and has no other effect.
 */
export function onDead(_job: DeadJob, _deps: Deps): Promise<unknown> | void {
  // await deps.sendMail({ to: 'operators@example.com', subject: `${job.task} is dead`, text: job.error ?? '' })
}
