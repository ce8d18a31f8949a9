// Delivers: signs what an endpoint is told and sends it, for some three days, and pauses an endpoint that fails for days.
import { and, eq, isNull, lt, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { SealedColumn } from '../auth/sealed-columns.ts'
import type { KitDeps } from '../deps.ts'
import type { AnyProduct } from '../http/env.ts'
import { defineTask, FOR_DAYS, JobError } from '../jobs/task.ts'
import { traceHeaders } from '../log/trace.ts'
import type { Db } from '../types/db.ts'
import type { ownWebhooks } from './sender.ts'
import { signWebhook } from './sign.ts'
import type { WebhookEndpoint, WebhookTables } from './webhooks-table.ts'

/** At once to the endpoints of one account, over all workers: with slow ones it holds up its own, and nobody else's. */
const AT_ONCE = 4
/** Without any success an endpoint is paused after this. */
const PAUSED_AFTER = sql`interval '2 days'`
const GONE = 410

export type WebhookDeps<P extends AnyProduct> = KitDeps<P['Config'], P['Role']> &
  P['Own'] &
  Partial<typeof ownWebhooks>

export interface WebhookOptions<P extends AnyProduct> extends WebhookTables {
  secret: SealedColumn
  oldSecret: SealedColumn
  /** `own`: an endpoint gets the events of its own account. `all`: of every account, where only operators may register one. */
  receives: 'own' | 'all'
  /** Whether the owner of an endpoint may have it now: asked at each attempt, as accounts are disabled and lose roles. */
  mayReceive(this: void, deps: WebhookDeps<P>, account: string): Promise<boolean>
  /** Told in the transaction that pauses an endpoint which has failed for days. */
  onPaused(this: void, deps: WebhookDeps<P>, tx: Db, endpoint: WebhookEndpoint): Promise<void>
}

export function defineDelivery<P extends AnyProduct>(options: WebhookOptions<P>) {
  const { webhookEndpoints: endpoints, webhookDeliveries: deliveries, secret, oldSecret } = options
  const { mayReceive, onPaused } = options

  /** All secrets that sign: the one before, too, while receivers change theirs. */
  const secretsOf = ({ secrets }: Pick<KitDeps, 'secrets'>, one: WebhookEndpoint) =>
    Promise.all([
      secret.open(secrets, one.account, one.secret),
      ...(one.old_secret && one.old_until && one.old_until.getTime() > Date.now()
        ? [oldSecret.open(secrets, one.account, one.old_secret)]
        : []),
    ])

  return defineTask({
    name: 'deliverWebhook',
    queue: 'webhooks',
    input: z.object({ id: z.uuid(), account: z.uuid(), again: z.literal(true).optional() }),
    ...FOR_DAYS,
    timeoutMs: 60_000,
    limit: { key: ({ account }) => account, max: AT_ONCE },
    async run({ id, again }, job, deps: WebhookDeps<P>) {
      const { config, db, webhookSender } = deps
      if (webhookSender === undefined)
        throw new Error('webhooks: openOwn in manifest.ts hands in no webhookSender')
      const joined = db.select().from(deliveries).innerJoin(endpoints, eq(endpoints.id, deliveries.endpoint))
      const [found] = await joined.where(eq(deliveries.id, id))
      if (found === undefined) return // deleted with its endpoint, or swept
      const { webhook_deliveries: row, webhook_endpoints: endpoint } = found
      if (row.state === 'delivered' && !again) return
      const isThis = eq(deliveries.id, id)
      if (endpoint.paused !== null || !(await mayReceive(deps, endpoint.account))) {
        await db.update(deliveries).set({ state: 'held' }).where(isThis)
        return
      }

      const message = { id, timestamp: String(Math.floor(Date.now() / 1000)), body: row.body }
      const { traceparent } = traceHeaders() // without what servers of one house note for each other
      const headers = {
        ...(traceparent !== undefined && { traceparent }),
        'Content-Type': 'application/json',
        'User-Agent': `${config.name} webhooks`,
        'webhook-id': id,
        'webhook-timestamp': message.timestamp,
        'webhook-signature': await signWebhook(await secretsOf(deps, endpoint), message),
      }
      const request = { url: endpoint.url, headers, body: row.body, attempt: job.attempt, signal: job.signal }
      const { status, answer } = await webhookSender(config)(request).catch((error: Error) => {
        job.signal.throwIfAborted() // the worker stops: that is none of the endpoint's faults
        return { status: null, answer: error.message }
      })
      const isDone = status !== null && status >= 200 && status < 300
      const isOver = isDone || status === GONE || job.attempt >= FOR_DAYS.attempts
      await db.transaction(async (tx) => {
        const state = isDone ? 'delivered' : isOver ? 'failed' : 'pending'
        const attempted = {
          state,
          status,
          answer,
          attempts: sql`${deliveries.attempts} + 1`,
          attempted: sql`now()`,
        } as const
        const failing_since = isDone ? null : sql`coalesce(${endpoints.failing_since}, now())`
        const isSame = eq(endpoints.id, endpoint.id)
        // The endpoint first, as whoever deletes it locks it first: the other way round the two would wait for each other.
        if (!isDone || endpoint.failing_since !== null)
          await tx.update(endpoints).set({ failing_since }).where(isSame)
        await tx.update(deliveries).set(attempted).where(isThis)
        if (isDone) return
        const isHopeless =
          status === GONE ? isSame : lt(endpoints.failing_since, sql`now() - ${PAUSED_AFTER}`)
        const pausing = tx.update(endpoints).set({ paused: sql`now()` })
        const [paused] = await pausing.where(and(isSame, isNull(endpoints.paused), isHopeless)).returning()
        if (paused) await onPaused(deps, tx, paused)
      })
      if (!isOver) throw new JobError(`the endpoint ${endpoint.id} answered ${status ?? 'nothing'}`)
    },
  })
}
