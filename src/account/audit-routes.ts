// Serves the audit trail: all of it to superusers, and to each account what happened to it.
import { z } from 'zod'
import { ActivityResponse, EventKey, EventResponse, listActivity, listEvents } from '../kit/audit/events.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { cursorOf, paged, PAGE_LINKS, type Span } from '../kit/http/paging.ts'
import { blankAsAbsent, Page, PageSize, validate } from '../kit/http/validate.ts'
import { ACTIONS, AuditRange } from './audit.ts'
import { factory, requireRole } from './product.ts'

const ActivityQuery = z.object({ page: Page, size: PageSize, cursor: cursorOf(EventKey) })
const { from, to } = AuditRange.shape
const AuditQuery = ActivityQuery.extend({
  account: blankAsAbsent(z.uuid().optional()).describe('Whom it is about.'),
  actor: blankAsAbsent(z.uuid().optional()).describe('Who was logged in.'),
  action: blankAsAbsent(z.enum(ACTIONS).optional()),
  from: blankAsAbsent(from.optional()),
  to: blankAsAbsent(to.optional()),
})
export const audit = factory
  .createApp()
  .use('/audit/*', noStore)
  .use('/me/activity', noStore)

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
