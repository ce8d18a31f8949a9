// Declares webhooks: which events there are, who registers endpoints, and which events these get.
import { z } from 'zod'
import { recordEvent } from '../account/audit.ts'
import { requestNotice } from '../account/mail-tasks.ts'
import { type Product, roleOf } from '../account/product.ts'
import { findUser } from '../account/queries.ts'
import { roles } from '../account/roles.ts'
import { documented, webhookEvent } from '../kit/webhooks/events.ts'
import { createWebhooks } from '../kit/webhooks/webhooks.ts'
import { webhookDeliveries, webhookEndpoints, webhookOldSecret, webhookSecret } from './table.ts'

/** The lowest that registers endpoints. For operators alone: `superuser`, and `receives: 'all'` below. */
export const ROLE = 'editor'

export const webhookTest = webhookEvent(
  'webhook.test',
  'Sent when its owner tries an endpoint.',
  z.object({}),
)

/** Every event: one of yours is a line here, and `tellWebhooks` in the transaction in which it happens. */
export const events = [webhookTest]

/** For the OpenAPI document. */
export const webhookBodies = documented(events)

export const webhooks = createWebhooks<Product>({
  webhookEndpoints,
  webhookDeliveries,
  secret: webhookSecret,
  oldSecret: webhookOldSecret,
  receives: 'own',
  async mayReceive({ config, db }, account) {
    const user = await findUser(db, account)
    return user !== undefined && roles.atLeast(roleOf(user, config), ROLE)
  },
  async onPaused({ enqueue }, tx, { account, id }) {
    const by = { job: 'deliverWebhook' }
    await recordEvent(by, tx, { action: 'webhook.paused', account, details: { endpoint: id } })
    const owner = await findUser(tx, account)
    if (owner !== undefined) await requestNotice({ enqueue }, tx, owner.email, 'webhook_paused')
  },
})

/** `await tellWebhooks(c.var, tx, accountId, bookAdded, book)`: the endpoints of that account are told once `tx` commits. */
export const tellWebhooks = webhooks.tell
