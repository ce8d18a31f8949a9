// Exports a range of the audit trail as lines of JSON, by a job.
import { z } from 'zod'
import { EventKey, eventLines } from '../kit/audit/events.ts'
import { encodeCursor } from '../kit/http/paging.ts'
import { defineTask } from '../kit/jobs/task.ts'
import type { Deps } from './product.ts'

/** Characters: until it expires, the result takes memory of Redis, and twice as much if all were quotes. */
const MAX_SIZE = 400 * 1024

/** Its fraction may have any number of digits. */
const Moment = z.iso
  .datetime({ offset: true })
  .max(40)
  .refine((moment) => moment > '0001')

export const AuditRange = z.object({
  from: Moment.describe('The first moment.'),
  to: Moment.describe('The first moment that is left out.'),
})

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
      if (jsonl.length + line.length > MAX_SIZE) return { jsonl, next: encodeCursor(last) }
      jsonl += line
      last = key
    }
    return { jsonl, next: null }
  },
})
