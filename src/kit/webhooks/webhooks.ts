// Tells endpoints of events, once a transaction commits; has deliveries sent again on demand; and sweeps those of long ago.
import { and, asc, eq, gt, gte, inArray, or, type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { deleteInBatches } from '../data/batches.ts'
import type { KitDeps } from '../deps.ts'
import type { AnyProduct } from '../http/env.ts'
import type { BeforeJson } from '../http/respond.ts'
import { defineTask } from '../jobs/task.ts'
import type { Db } from '../types/db.ts'
import { defineDelivery, type WebhookDeps, type WebhookOptions } from './deliver.ts'
import { bodyOf, type WebhookEvent } from './events.ts'
import type { DeliveryState, WebhookEndpoint } from './webhooks-table.ts'

const KEPT_DAYS = sql`interval '30 days'`
/** Of an endpoint's deliveries that have ended, the newest. */
const KEPT_ROWS = 1000
/** What may follow one job. */
const PAGE = 99

type Enqueues = Pick<KitDeps, 'enqueue'>
/** Of an endpoint. */
type Target = Pick<WebhookEndpoint, 'id' | 'account'>

export function createWebhooks<P extends AnyProduct>(options: WebhookOptions<P>) {
  const { webhookEndpoints: endpoints, webhookDeliveries: deliveries, receives } = options
  const deliverWebhook = defineDelivery(options)

  /** Adds a delivery to each of these endpoints. Takes a transaction. */
  async function send(
    { enqueue }: Enqueues,
    tx: Db,
    to: (Target & Pick<WebhookEndpoint, 'paused'>)[],
    told: { type: string; body: string },
  ) {
    for (const { id: endpoint, account, paused } of to) {
      const row = { ...told, endpoint, state: paused ? ('held' as const) : ('pending' as const) }
      const [added] = await tx.insert(deliveries).values(row).returning({ id: deliveries.id })
      if (added && !paused) await enqueue(tx, deliverWebhook, { id: added.id, account })
    }
  }

  /**
   * Tells the endpoints of an account of an event, once the transaction commits, and not at all if it does not. Of an account without
   * any it costs one query.
   * @param account whose rows the data is of; only its endpoints are told, unless `receives` is `all`
   * @throws Error if the data has another shape than the event declares, or is too large
   */
  async function tell<S extends z.ZodType>(
    deps: Enqueues,
    tx: Db,
    account: string,
    event: WebhookEvent<S>,
    data: BeforeJson<z.output<S>>,
  ): Promise<void> {
    const { id, types, paused } = endpoints
    const columns = { id, paused, account: endpoints.account }
    const ofType = or(eq(types, sql`'{}'`), sql`${event.type} = any(${types})`)
    const whose = receives === 'own' ? eq(endpoints.account, account) : undefined
    // Locked, or one that is deleted at this moment would roll the caller's transaction back.
    const to = await tx.select(columns).from(endpoints).where(and(whose, ofType)).for('key share')
    if (to.length > 0) await send(deps, tx, to, { type: event.type, body: bodyOf(event, data) })
  }

  /** Longer than any wait between attempts: its job died, or was lost with a Redis. */
  const isLost = and(
    eq(deliveries.state, 'pending'),
    sql`coalesce(${deliveries.attempted}, ${deliveries.created}) < now() - interval '1 day'`,
  )

  /** Sends what was given up, held or lost since a moment, a page of it, and the next by another such job. */
  const redeliverWebhooks = defineTask({
    name: 'redeliverWebhooks',
    queue: 'webhooks',
    input: z.object({
      account: z.uuid(),
      endpoint: z.uuid(),
      since: z.iso.datetime(),
      after: z.uuid().optional(),
    }),
    async run({ after, ...input }, job, { db }: WebhookDeps<P>) {
      // Whoever asks twice has no second job for each; after an attempt that broke off, what it had taken may have none.
      const states: DeliveryState[] = ['failed', 'held', ...(job.attempt > 1 ? (['pending'] as const) : [])]
      const due = and(
        eq(deliveries.endpoint, input.endpoint),
        gte(deliveries.created, new Date(input.since)),
        or(inArray(deliveries.state, states), isLost),
        after === undefined ? after : gt(deliveries.id, after),
      )
      const { id } = deliveries
      const page = await db.select({ id }).from(deliveries).where(due).orderBy(asc(id)).limit(PAGE)
      const taken = inArray(
        id,
        page.map((row) => row.id),
      )
      await db
        .update(deliveries)
        .set({ state: 'pending', attempted: sql`now()` })
        .where(taken)
      for (const row of page) job.next(deliverWebhook, { id: row.id, account: input.account })
      if (page.length === PAGE) job.next(redeliverWebhooks, { ...input, after: page.at(-1)?.id })
    },
  })

  /** Has one delivery sent again, whatever became of it. False if the endpoint has none of that id. */
  const redeliverOne = (
    { db, enqueue }: Enqueues & Pick<KitDeps, 'db'>,
    { id: endpoint, account }: Target,
    id: string,
  ): Promise<boolean> =>
    db.transaction(async (tx) => {
      const its = and(eq(deliveries.id, id), eq(deliveries.endpoint, endpoint))
      const sent = await tx
        .update(deliveries)
        .set({ state: 'pending' })
        .where(its)
        .returning({ id: deliveries.id })
      if (sent.length > 0) await enqueue(tx, deliverWebhook, { id, account, again: true })
      return sent.length > 0
    })

  const sweepWebhooks = defineTask({
    name: 'sweepWebhooks',
    input: z.object({}),
    unique: () => '',
    timeoutMs: 60 * 60_000,
    async run(_input, job, { db }: WebhookDeps<P>) {
      const { endpoint, state, created, id } = deliveries
      const remove = (which: SQL) => deleteInBatches(db, deliveries, which, job.signal)
      await remove(sql`${created} < now() - ${KEPT_DAYS}`)
      const count = sql`count(*)`
      const many = await db
        .select({ endpoint })
        .from(deliveries)
        .groupBy(endpoint)
        .having(gt(count, KEPT_ROWS))
      for (const one of many) {
        const its = sql`${endpoint} = ${one.endpoint} and ${state} <> 'pending'`
        // Not `offset` in what is removed: rows that are passed over would be locked as well.
        const kept = sql`select ${created}, ${id} from ${deliveries} where ${its}
          order by ${created} desc, ${id} desc offset ${KEPT_ROWS - 1} limit 1`
        await remove(sql`${its} and (${created}, ${id}) < (${kept})`)
      }
    },
  })

  return { tell, send, redeliverOne, tasks: { deliverWebhook, redeliverWebhooks, sweepWebhooks } }
}
