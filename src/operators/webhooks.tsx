// Shows operators the endpoints of webhooks that fail or are paused, and the last deliveries.
/** @jsxImportSource hono/jsx */
import { desc, eq, isNotNull, or } from 'drizzle-orm'
import { z } from 'zod'
import { Moment, Table, textOf } from '../kit/dashboard/parts.tsx'
import type { OperatorsSection } from '../kit/dashboard/shell.tsx'
import { inLane } from '../kit/data/lanes.ts'
import type { Db } from '../kit/types/db.ts'
import { webhookDeliveries as deliveries, webhookEndpoints as endpoints } from '../webhooks/table.ts'

const SHOWN = 50

export const webhookSection: OperatorsSection = {
  path: '/webhooks',
  label: 'Webhooks',
  summary: 'Shows operators the webhooks that fail, and the last deliveries.',
  query: z.object({}),
  async show(c) {
    const [troubled, last] = await Promise.all([listTroubled(c.var.db), listLast(c.var.db)])
    const moment = (at: Date | null) => <Moment at={at?.getTime()} none="no" />
    return (
      <>
        <section id="troubled">
          <h2>Failing or paused</h2>
          {troubled.length === 0 ? (
            <p>
              None. An endpoint stands here from its first failure on, until it answers again, or somebody
              lets it go on.
            </p>
          ) : (
            <Table
              columns={['Endpoint', 'Account', 'Failing since', 'Paused since']}
              rows={troubled.map((one) => [
                <code>{withoutQuery(one.url)}</code>,
                <code>{one.account}</code>,
                moment(one.failing_since),
                moment(one.paused),
              ])}
            />
          )}
        </section>
        <section id="last">
          <h2>Last deliveries</h2>
          {last.length === 0 ? (
            <p>None yet. Here stands what was sent last, and what the other side answered.</p>
          ) : (
            <Table
              columns={['When', 'Event', 'Endpoint', 'State', 'Attempts', 'Answer']}
              rows={last.map((one) => [
                moment(one.created),
                one.type,
                <code>{withoutQuery(one.url)}</code>,
                <span
                  class={`badge ${one.state === 'delivered' ? 'good' : one.state === 'failed' ? 'bad' : 'warn'}`}
                >
                  {one.state}
                </span>,
                String(one.attempts),
                [one.status, textOf(one.answer ?? '', 120)].filter(Boolean).join(': '),
              ])}
            />
          )}
        </section>
      </>
    )
  },
}

/** What stands behind it may be a secret of its owner. */
const withoutQuery = (url: string) => textOf(url.replace(/[?#].*/s, ''), 120)

const listTroubled = (db: Db) =>
  inLane(db, 'search')
    .select({
      url: endpoints.url,
      account: endpoints.account,
      failing_since: endpoints.failing_since,
      paused: endpoints.paused,
    })
    .from(endpoints)
    .where(or(isNotNull(endpoints.paused), isNotNull(endpoints.failing_since)))
    .orderBy(desc(endpoints.created))
    .limit(SHOWN)

const listLast = (db: Db) =>
  inLane(db, 'search')
    .select({
      url: endpoints.url,
      type: deliveries.type,
      state: deliveries.state,
      attempts: deliveries.attempts,
      status: deliveries.status,
      answer: deliveries.answer,
      created: deliveries.created,
    })
    .from(deliveries)
    .innerJoin(endpoints, eq(deliveries.endpoint, endpoints.id))
    .orderBy(desc(deliveries.created))
    .limit(SHOWN)
