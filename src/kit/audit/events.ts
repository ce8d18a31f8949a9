// Reads the audit trail: a page of it, the newest first, and whole ranges as lines of JSON, the oldest first.
import { and, desc, eq, gte, lt, sql } from 'drizzle-orm'
import type { PgSelect } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { inLane } from '../data/lanes.ts'
import { keyOf, pagesByKey } from '../data/pages-by-key.ts'
import type { Sources } from '../data/public-fields.ts'
import { Microseconds, microsecondsOf } from '../data/list-values.ts'
import type { Span } from '../http/paging.ts'
import type { Db } from '../types/db.ts'
import { auditEvents as events } from './table.ts'

/** An event's position in the order: its time to the microsecond, and its id. */
export const EventKey = z.tuple([Microseconds, z.string().regex(/^\d{1,18}$/)])
export type EventKey = z.output<typeof EventKey>

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
  id: sql<string>`${events.id}::text`,
  at: microsecondsOf(events.at),
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
export const activityColumns = {
  ...position,
  action,
  details,
  by: sql<
    z.output<typeof ActivityResponse>['by']
  >`case when ${isOther} or ${by} like 'command %' then 'operator'
    when ${by} like 'job %' then 'service' when ${actor} is null then 'nobody' else 'you' end`,
  ip: sql<string | null>`case when ${isOther} then null else ${ip} end`,
  agent: sql<string | null>`case when ${isOther} then null else ${agent} end`,
}

/** `from` is the first moment that counts, `to` the first that does not. */
type EventFilter = Partial<Record<'account' | 'actor' | 'action' | 'from' | 'to', string | undefined>>

const matching = ({ from, to, ...equal }: EventFilter) =>
  and(
    ...Object.entries(equal).map(([name, value]) =>
      value === undefined ? value : eq(events[name as keyof typeof equal], value),
    ),
    from === undefined ? from : gte(events.at, sql`${from}`),
    to === undefined ? to : lt(events.at, sql`${to}`),
  )
const key = sql`(${events.at}, ${events.id})`

const paged = <T extends PgSelect>(query: T, filter: EventFilter, { limit, offset, after }: Span<EventKey>) =>
  query
    .where(and(matching(filter), after && sql`${key} < (${after[0]}, ${after[1]})`))
    .orderBy(desc(events.at), desc(events.id))
    .limit(limit)
    .offset(offset)

/** A page, the latest first. Each filter has an index; several at once have a search's time. */
export const listEvents = (db: Db, filter: EventFilter, span: Span<EventKey>) =>
  paged(inLane(db, 'search').select(columns).from(events).$dynamic(), filter, span)

/** A page of what an account sees. */
export const listActivity = (db: Db, userId: string, span: Span<EventKey>) =>
  paged(inLane(db, 'search').select(activityColumns).from(events).$dynamic(), { account: userId }, span)

/** Each event of a range as a line of JSON, with its position, the oldest first; a page of them in memory at a time. */
export async function* eventLines(
  db: Db,
  { from, to, after }: { from: string; to: string; after?: EventKey | undefined },
): AsyncGenerator<{ line: string; key: EventKey }> {
  const where = and(matching({ from, to }), after && sql`${key} > (${after[0]}, ${after[1]})`)
  const walk = { table: events, columns: columns as Sources, key: keyOf(events), where }
  for await (const page of pagesByKey(db, walk))
    for (const { row } of page) {
      const { at, id } = row as { at: string; id: string }
      yield { line: `${JSON.stringify(row)}\n`, key: [at, id] }
    }
}
