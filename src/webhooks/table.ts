// Defines the tables of webhooks, and what their owner sees of an endpoint and of a delivery.
import { z } from 'zod'
import { users } from '../account/table.ts'
import { SealedColumn } from '../kit/auth/sealed-columns.ts'
import { publicFields } from '../kit/data/public-fields.ts'
import { webhookTables } from '../kit/webhooks/webhooks-table.ts'

export const { webhookEndpoints, webhookDeliveries } = webhookTables(users)

const sealed = { owner: webhookEndpoints.account, purpose: 'webhook' }
export const webhookSecret = new SealedColumn(webhookEndpoints.secret, sealed)
export const webhookOldSecret = new SealedColumn(webhookEndpoints.old_secret, sealed)

const Moment = z.iso.datetime().nullable()

export const EndpointResponse = z
  .object({
    id: z.uuid(),
    url: z.string(),
    types: z.array(z.string()).describe('Of the events that it gets; none: all.'),
    paused: Moment.describe('Since then it gets none.'),
    failing_since: Moment.describe('Since then no delivery has succeeded.'),
    created: z.iso.datetime(),
  })
  .meta({ id: 'WebhookEndpoint' })

export const publicEndpoint = publicFields(webhookEndpoints, EndpointResponse, {})

export const DeliveryResponse = z
  .object({
    id: z.uuid().describe('The `webhook-id` of its requests.'),
    endpoint: z.uuid(),
    type: z.string(),
    state: z.enum(['pending', 'delivered', 'failed', 'held']).describe('`held`: its endpoint was paused.'),
    attempts: z.int(),
    status: z.int().nullable().describe('Of the last answer.'),
    answer: z.string().nullable().describe('Its first bytes, or why there was none.'),
    attempted: Moment,
    created: z.iso.datetime(),
  })
  .meta({ id: 'WebhookDelivery' })

export const publicDelivery = publicFields(webhookDeliveries, DeliveryResponse, {})
