// Serves the audit trail: all of it to superusers, and to each account what happened to it.
import { z } from 'zod'
import { activityList, ActivityResponse, eventList, EventResponse } from '../kit/audit/events.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { answerList, LIST, listQuery } from '../kit/http/list-query.ts'
import { blankAsAbsent, validate } from '../kit/http/validate.ts'
import { ACTIONS, AuditRange } from './audit.ts'
import { factory, requireRole } from './product.ts'

const { from, to } = AuditRange.shape
const ActivityQuery = listQuery(activityList).omit({ sort: true })
const AuditQuery = listQuery(eventList)
  .omit({ sort: true, at: true, 'at[gte]': true, 'at[lt]': true })
  .extend({
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
    doc('Lists who did what, the latest first.', z.array(EventResponse), LIST),
    requireRole('superuser'),
    validate('query', AuditQuery),
    async (c) => {
      const { from: since, to: until, ...query } = c.req.valid('query')
      const range = { 'at[gte]': since, 'at[lt]': until }
      return c.var.respond(await answerList(c, eventList, c.var, { ...query, ...range }))
    },
  )

  .get(
    '/me/activity',
    doc('Lists what happened to my account, the latest first.', z.array(ActivityResponse), LIST),
    requireRole('readonly'),
    validate('query', ActivityQuery),
    async (c) => {
      const scope = { db: c.var.db, me: c.var.session.userId }
      return c.var.respond(await answerList(c, activityList, scope, c.req.valid('query')))
    },
  )
