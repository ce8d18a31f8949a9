// Reads the audit trail: lists of it, the newest first, and whole ranges as lines of JSON, the oldest first.
import { and, eq, gte, lt, sql } from 'drizzle-orm'
import { z } from 'zod'
import { defineList } from '../data/list.ts'
import { parseCursor } from '../data/list-order.ts'
import { keyOf, pagesByKey } from '../data/pages-by-key.ts'
import { publicFields, type Sources } from '../data/public-fields.ts'
import { Microseconds, microsecondsOf } from '../data/list-values.ts'
import type { Scope } from '../data/scope.ts'
import { blankAsAbsent } from '../http/validate.ts'
import type { Db } from '../types/db.ts'
import { auditEvents as events } from './table.ts'

/** An event's position in the order: its time to the microsecond, and its id. */
export const EventKey = z.tuple([Microseconds, z.string().regex(/^\d{1,18}$/)])
export type EventKey = z.output<typeof EventKey>

/** Where a range goes on, as a cursor: opaque to clients. */
export const EventCursor = blankAsAbsent(
  z
    .string()
    .max(200, { abort: true })
    .transform((text, context): EventKey => {
      const { success, data } = EventKey.safeParse(parseCursor(text))
      if (success) return data
      context.addIssue('must be the one that a part before has ended with')
      return z.NEVER
    })
    .optional(),
)

export const EventResponse = z
  .object({
    id: z.string(),
    at: z.iso.datetime(),
    action: z.string(),
    actor: z.uuid().nullable().describe('The account that was logged in, if any.'),
    as_account: z.uuid().nullable().describe('The account that the actor acted as.'),
    account: z.uuid().nullable().describe('The account that it is about.'),
    by: z.string().nullable().describe('A command with its user, a job, or a personal access token.'),
    details: z.record(z.string(), z.unknown()).nullable(),
    ip: z.string().nullable(),
    agent: z.string().nullable(),
    request_id: z.string().nullable(),
  })
  .meta({ id: 'AuditEvent' })

const position = {
  id: sql<string>`${events.id}::text`.as('id'),
  at: microsecondsOf(events.at).as('at'),
}
const { action, actor, as_account, account, by, details, ip, agent, request_id } = events

/** These and their order are sealed: a column that comes later must be absent from the lines of before. */
const columns = { ...position, action, actor, as_account, account, by, details, ip, agent, request_id }

export const ActivityResponse = EventResponse.pick({ id: true, at: true, action: true, details: true })
  .extend({
    by: z.enum(['you', 'nobody', 'operator', 'service']).describe('Nobody: no account was logged in.'),
    ip: EventResponse.shape.ip.describe('None of an operator.'),
    agent: EventResponse.shape.agent,
  })
  .meta({ id: 'Activity' })

const isOther = sql`${actor} <> ${account}`

/** What an account sees of an event about it: nothing of who else did it. */
export const publicActivity = publicFields(events, ActivityResponse, {
  ...position,
  by: sql<
    z.output<typeof ActivityResponse>['by']
  >`case when ${isOther} or ${by} like 'command %' then 'operator'
    when ${by} like 'job %' then 'service' when ${actor} is null then 'nobody' else 'you' end`,
  ip: sql<string | null>`case when ${isOther} then null else ${ip} end`,
  agent: sql<string | null>`case when ${isOther} then null else ${agent} end`,
})

const latest = { sort: '-at', pageSize: { most: 1000, byDefault: 1000 }, ignoresOthers: true } as const

/** Each filter has an index; several at once have a search's time. */
export const eventList = defineList(publicFields(events, EventResponse, position), {
  ...latest,
  filters: ['account', 'actor', 'action', 'at'],
})

/** What happened to whoever asks. */
export const activityList = defineList(publicActivity, {
  ...latest,
  visible: ({ me }: Pick<Scope, 'db' | 'me'>) => eq(account, me),
})

/** Each event of a range as a line of JSON, with its position, the oldest first; a page of them in memory at a time. */
export async function* eventLines(
  db: Db,
  { from, to, after }: { from: string; to: string; after?: EventKey | undefined },
): AsyncGenerator<{ line: string; key: EventKey }> {
  const behind = after && sql`(${events.at}, ${events.id}) > (${after[0]}, ${after[1]})`
  const where = and(gte(events.at, sql`${from}`), lt(events.at, sql`${to}`), behind)
  const walk = { table: events, columns: columns as Sources, key: keyOf(events), where }
  for await (const page of pagesByKey(db, walk))
    for (const { row } of page) {
      const { at, id } = row as { at: string; id: string }
      yield { line: `${JSON.stringify(row)}\n`, key: [at, id] }
    }
}
