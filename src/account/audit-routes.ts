// Serves the audit trail: all of it to superusers, a range by a job as lines of JSON, and to each account what happened to it.
import { z } from 'zod'
import { ActivityResponse, EventKey, eventLines, EventResponse } from '../kit/audit/events.ts'
import { listActivity, listEvents } from '../kit/audit/events.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { cursorOf, encodeCursor, paged, PAGE_LINKS, type Span } from '../kit/http/paging.ts'
import { rateLimit } from '../kit/http/rate-limit.ts'
import { blankAsAbsent, Page, PageSize, validate } from '../kit/http/validate.ts'
import { accepted } from '../kit/job-status/accepted.ts'
import { JobResponse } from '../kit/job-status/schema.ts'
import { defineTask } from '../kit/jobs/task.ts'
import { ACTIONS, recordWith } from './audit.ts'
import { factory, requireRole, type Deps } from './product.ts'
import { ownLimit } from './throttles.ts'

/** Characters: until it expires, the result takes memory of Redis, and twice as much if all were quotes. */
const MAX_SIZE = 400 * 1024

const Moment = z
  .string()
  .max(40, { abort: true })
  .check(z.iso.datetime({ offset: true }))
  .refine((moment) => moment > '0001')

const AuditRange = z.object({
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

const ActivityQuery = z.object({ page: Page, size: PageSize, cursor: cursorOf(EventKey) })
const { from, to } = AuditRange.shape
const AuditQuery = ActivityQuery.extend({
  account: blankAsAbsent(z.uuid().optional()).describe('Whom it is about.'),
  actor: blankAsAbsent(z.uuid().optional()).describe('Who was logged in.'),
  action: blankAsAbsent(z.enum(ACTIONS).optional()),
  from: blankAsAbsent(from.optional()),
  to: blankAsAbsent(to.optional()),
})
const ExportQuery = AuditRange.extend({
  cursor: cursorOf(EventKey).describe('The `next` of a result: what had no room in it.'),
})

export const audit = factory
  .createApp()
  .use('/audit/*', noStore)
  .use('/me/*', noStore)

  .get(
    '/audit',
    doc('Lists who did what, the latest first.', z.array(EventResponse), { headers: PAGE_LINKS }),
    requireRole('superuser'),
    validate('query', AuditQuery),
    async (c) => {
      const { page, size, cursor, ...filter } = c.req.valid('query')
      const load = (span: Span<EventKey>) => listEvents(c.var.db, filter, span)
      return c.var.respond(await paged(c, { page, size, cursor }, load, ({ at, id }) => [at, id]))
    },
  )

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

  .get(
    '/me/activity',
    doc('Lists what happened to my account, the latest first.', z.array(ActivityResponse), {
      headers: PAGE_LINKS,
    }),
    requireRole('readonly'),
    validate('query', ActivityQuery),
    async (c) => {
      const { db, session } = c.var
      const load = (span: Span<EventKey>) => listActivity(db, session.userId, span)
      const { page, size, cursor } = c.req.valid('query')
      return c.var.respond(await paged(c, { page, size, cursor }, load, ({ at, id }) => [at, id]))
    },
  )
