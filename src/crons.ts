// Declares every cron: its name, its schedule and the task it enqueues. Without a time zone, times are the server's.
import { keepAuditTrail } from './kit/audit/retention.ts'
import { defineCron } from './kit/jobs/cron.ts'
import {
  countAccounts,
  deleteDueAccounts,
  deleteExpiredIdempotencyKeys,
  deleteExpiredTokens,
  dropDeadOfNobody,
  sweepFiles,
  sweepWebhooks,
} from './tasks.ts'

export const crons = [
  defineCron({
    name: 'minutely',
    schedule: '* * * * *',
    task: countAccounts,
    input: { period: 'minute' },
    catchUp: 'skip',
  }),
  defineCron({ name: 'hourly', schedule: '0 * * * *', task: countAccounts, input: { period: 'hour' } }),
  defineCron({ name: 'nightly', schedule: '0 2 * * *', task: countAccounts, input: { period: 'day' } }),
  defineCron({ name: 'due-accounts', schedule: '*/5 * * * *', task: deleteDueAccounts, input: {} }),
  defineCron({ name: 'dead-of-nobody', schedule: '45 3 * * *', task: dropDeadOfNobody, input: {} }),
  defineCron({ name: 'expired-tokens', schedule: '30 3 * * *', task: deleteExpiredTokens, input: {} }),
  defineCron({
    name: 'expired-idempotency-keys',
    schedule: '15 * * * *',
    task: deleteExpiredIdempotencyKeys,
    input: {},
  }),
  defineCron({ name: 'files', schedule: '50 * * * *', task: sweepFiles, input: { store: false } }),
  defineCron({ name: 'file-bytes', schedule: '20 4 * * *', task: sweepFiles, input: { store: true } }),
  defineCron({ name: 'webhooks', schedule: '35 * * * *', task: sweepWebhooks, input: {} }),
  defineCron({ name: 'audit', schedule: '45 * * * *', task: keepAuditTrail, input: {} }),
]
