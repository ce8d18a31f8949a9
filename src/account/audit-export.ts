// Serves the export of a range of the audit trail as lines of JSON, by a job.
import { EventCursor, EventKey, eventLines } from '../kit/audit/events.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { writeCursor } from '../kit/data/list-order.ts'
import { rateLimit } from '../kit/http/rate-limit.ts'
import { validate } from '../kit/http/validate.ts'
import { accepted } from '../kit/job-status/accepted.ts'
import { JobResponse } from '../kit/job-status/schema.ts'
import { defineTask } from '../kit/jobs/task.ts'
import { AuditRange, recordWith } from './audit.ts'
import { factory, requireRole, type Deps } from './product.ts'
import { ownLimit } from './throttles.ts'

/** Characters: until it expires, the result takes memory of Redis, and twice as much if all were quotes. */
const MAX_SIZE = 400 * 1024

/** Only the account that asked can read the result: lines of JSON, the oldest event first, and where the rest begins. */
export const exportAudit = defineTask({
  name: 'exportAudit',
  input: AuditRange.extend({ after: EventKey.optional() }),
  keepResultMs: 60 * 60 * 1000,
  async run(range, { signal }, { db }: Deps) {
    let jsonl = ''
    let last = range.after
    for await (const { line, key } of eventLines(db, range)) {
      signal.throwIfAborted()
      if (jsonl.length + line.length > MAX_SIZE) return { jsonl, next: writeCursor(last) }
      jsonl += line
      last = key
    }
    return { jsonl, next: null }
  },
})

const ExportQuery = AuditRange.extend({
  cursor: EventCursor.describe('The `next` of a result: what had no room in it.'),
})

export const auditExport = factory
  .createApp()
  .use('/audit/export', noStore)

  .post(
    '/audit/export',
    doc('Starts a job whose result is a range as lines of JSON, and returns the job.', JobResponse, {
      status: 202,
    }),
    requireRole('superuser'),
    validate('json', ExportQuery),
    rateLimit(ownLimit),
    async (c) => {
      const { enqueue, session } = c.var
      const { cursor: after, ...range } = c.req.valid('json')
      const { id } = await recordWith(c, { action: 'audit.exported', details: range }, () =>
        enqueue(exportAudit, { ...range, after }, { by: session.userId }),
      )
      return accepted(c, id)
    },
  )
