// Makes, changes and deletes the endpoints of accounts, and has deliveries sent to them again.
import { and, asc, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import { type Action, recordEvent } from '../account/audit.ts'
import { lockOwnAccount } from '../account/end-sessions.ts'
import { requestNotice } from '../account/mail-tasks.ts'
import type { LoggedInContext } from '../account/product.ts'
import type { WayIn } from '../account/ways-in.ts'
import { defineList } from '../kit/data/list.ts'
import { notFound } from '../kit/http/errors.ts'
import { httpUrl, isoTimestamp } from '../kit/http/field-inputs.ts'
import { defineError, invalidRequest } from '../kit/types/api-error.ts'
import type { Db } from '../kit/types/db.ts'
import { bodyOf } from '../kit/webhooks/events.ts'
import { newWebhookSecret } from '../kit/webhooks/sign.ts'
import { faultOfTarget } from '../kit/webhooks/target.ts'
import { publicDelivery, publicEndpoint, webhookEndpoints, webhookSecret } from './table.ts'
import { events, webhooks, webhookTest } from './webhooks.ts'

const PER_ACCOUNT = 10

export const tooManyEndpoints = defineError(
  409,
  'too_many_endpoints',
  'There are too many endpoints: delete one first',
)
export const webhooksClosed = defineError(
  403,
  'webhooks_closed',
  'Forbidden! Whoever runs the service has to set SECRET_KEYS before it has webhooks',
)

const Types = z
  .array(z.enum(events.map(({ type }) => type)))
  .max(100)
  .describe('Of the events that it gets; none: all.')

export const NewEndpoint = z.object({
  url: httpUrl().describe('It begins with https://.'),
  types: Types.default([]),
})
export const ChangedEndpoint = z.object({ types: Types.optional(), paused: z.boolean().optional() })
export const Redelivery = z.union([
  z.object({ delivery: z.uuid().describe('One, whatever became of it.') }),
  z.object({ since: isoTimestamp().describe('Those since then that were not delivered.') }),
])

const { columns } = publicEndpoint
const ofAccount = (userId: string) => eq(webhookEndpoints.account, userId)
const ofId = (userId: string, id: string) => and(eq(webhookEndpoints.id, id), ofAccount(userId))

export const deliveryList = defineList(publicDelivery, { within: 'endpoint', sort: '-created' })

/** The oldest first. */
export const listEndpoints = (db: Db, userId: string) =>
  db.select(columns).from(webhookEndpoints).where(ofAccount(userId)).orderBy(asc(webhookEndpoints.created))

/** @throws notFound if the account has none of that id */
export async function findEndpoint(c: LoggedInContext, id: string) {
  const own = c.var.db.select(columns).from(webhookEndpoints).where(ofId(c.var.session.userId, id))
  const [endpoint] = await own
  if (endpoint === undefined) throw notFound(c)
  return endpoint
}

/** What is done to endpoints of one's own: in a session that is open, told in the audit trail. */
const changing = <T>(
  c: LoggedInContext,
  change: (tx: Db, userId: string, tell: (action: Action, endpoint: string) => Promise<void>) => Promise<T>,
): Promise<T> =>
  c.var.db.transaction(async (tx) => {
    await lockOwnAccount(c, tx)
    const { userId: account } = c.var.session
    return change(tx, account, (action, endpoint) =>
      recordEvent(c, tx, { action, account, details: { endpoint } }),
    )
  })

/**
 * Registers one, and mails its owner. The secret is shown this once. Place it behind `requireFresh`.
 * @throws invalidRequest, tooManyEndpoints, webhooksClosed
 */
export async function addEndpoint(c: LoggedInContext, { url, types }: z.output<typeof NewEndpoint>) {
  const { config, secrets } = c.var
  const { email } = await c.var.me()
  if (config.production && config.secretKeys === undefined) throw webhooksClosed()
  const message = faultOfTarget(url, { toPrivate: !config.production })
  if (message !== undefined)
    throw invalidRequest({ message: `url: ${message}`, issues: [{ path: 'url', message }] })
  const secret = newWebhookSecret()
  return changing(c, async (tx, account, tell) => {
    if ((await tx.$count(webhookEndpoints, ofAccount(account))) >= PER_ACCOUNT) throw tooManyEndpoints()
    const row = { account, url, types, secret: await webhookSecret.seal(secrets, account, secret) }
    const [added] = await tx.insert(webhookEndpoints).values(row).returning(columns)
    if (added === undefined) throw new Error('insert returned no row')
    await tell('webhook.added', added.id)
    await requestNotice(c.var, tx, email, 'webhook_added')
    return { ...added, secret }
  })
}

/** Another secret, shown this once: for a day both sign. Place it behind `requireFresh`. @throws notFound */
export async function rotateSecret(c: LoggedInContext, id: string): Promise<{ secret: string }> {
  const { secrets } = c.var
  const secret = newWebhookSecret()
  return changing(c, async (tx, account, tell) => {
    const sealed = await webhookSecret.seal(secrets, account, secret)
    const old = { old_secret: sql`${webhookEndpoints.secret}`, old_until: sql`now() + interval '1 day'` }
    const rotated = tx
      .update(webhookEndpoints)
      .set({ ...old, secret: sealed })
      .where(ofId(account, id))
    if ((await rotated.returning(columns)).length === 0) throw notFound(c)
    await tell('webhook.secret_renewed', id)
    return { secret }
  })
}

/** Pauses it, lets it go on, or chooses other events. @throws notFound */
export const changeEndpoint = (
  c: LoggedInContext,
  id: string,
  { types, paused }: z.output<typeof ChangedEndpoint>,
) =>
  changing(c, async (tx, account, tell) => {
    const pause = paused
      ? { paused: sql`coalesce(${webhookEndpoints.paused}, now())` }
      : { paused: null, failing_since: null }
    const change = { id, ...(types && { types }), ...(paused !== undefined && pause) } // never empty
    const [changed] = await tx
      .update(webhookEndpoints)
      .set(change)
      .where(ofId(account, id))
      .returning(columns)
    if (changed === undefined) throw notFound(c)
    await tell('webhook.changed', id)
    return changed
  })

/** With its deliveries. @throws notFound */
export const deleteEndpoint = (c: LoggedInContext, id: string) =>
  changing(c, async (tx, account, tell) => {
    const [deleted] = await tx.delete(webhookEndpoints).where(ofId(account, id)).returning(columns)
    if (deleted === undefined) throw notFound(c)
    await tell('webhook.deleted', id)
    return deleted
  })

/** Sends an event of its own to it, whatever types it gets. @throws notFound */
export async function testEndpoint(c: LoggedInContext, id: string): Promise<void> {
  const endpoint = { ...(await findEndpoint(c, id)), account: c.var.session.userId }
  const told = { type: webhookTest.type, body: bodyOf(webhookTest, {}) }
  await c.var.db.transaction((tx) => webhooks.send(c.var, tx, [endpoint], told))
}

/** Has one delivery, or what was not delivered since a moment, sent again. @throws notFound */
export async function redeliver(
  c: LoggedInContext,
  id: string,
  which: z.output<typeof Redelivery>,
): Promise<void> {
  const account = c.var.session.userId
  const { id: endpoint } = await findEndpoint(c, id)
  if ('since' in which) {
    const since = which.since.toISOString()
    await c.var.enqueue(webhooks.tasks.redeliverWebhooks, { account, endpoint, since })
  } else if (!(await webhooks.redeliverOne(c.var, { id: endpoint, account }, which.delivery)))
    throw notFound(c)
}

/** No way in, but what somebody else may have set up: whoever shows the mailbox anew finds it paused. */
export const pausesWebhooks: WayIn = {
  offer: () => undefined,
  async removeAll(tx, userId) {
    const now = sql`coalesce(${webhookEndpoints.paused}, now())`
    await tx.update(webhookEndpoints).set({ paused: now }).where(ofAccount(userId))
  },
}
