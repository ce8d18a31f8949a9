// Declares the tables of endpoints and their deliveries, beside a product's accounts: export both from a `table.ts` of yours.
import { sql } from 'drizzle-orm'
import { type AnyPgColumn, index, integer, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { sealedText } from '../auth/sealed-columns.ts'

/**
 * `pending`: waits for its next attempt. `delivered`: answered by 2xx. `failed`: given up. `held`: its endpoint was paused, or its
 * account disabled. The last two can be delivered again.
 */
export type DeliveryState = 'pending' | 'delivered' | 'failed' | 'held'

const moment = () => timestamp({ withTimezone: true })

export function webhookTables(users: { id: AnyPgColumn<{ columnType: 'PgUUID' }> }) {
  const webhookEndpoints = pgTable(
    'webhook_endpoints',
    {
      id: uuid().primaryKey().defaultRandom(),
      account: uuid()
        .notNull()
        .references(() => users.id, { onDelete: 'cascade' }),
      url: text().notNull(),
      /** Of the events that it gets; none: all. */
      types: text().array().notNull(),
      secret: sealedText().notNull(),
      /** The one before, which signs beside the other until `old_until`. */
      old_secret: sealedText(),
      old_until: moment(),
      paused: moment(),
      /** Since when no delivery has succeeded. */
      failing_since: moment(),
      created: moment().notNull().defaultNow(),
    },
    (t) => [index('webhook_endpoints_account').on(t.account, t.created)],
  )
  const webhookDeliveries = pgTable(
    'webhook_deliveries',
    {
      id: uuid().primaryKey().defaultRandom(),
      endpoint: uuid()
        .notNull()
        .references(() => webhookEndpoints.id, { onDelete: 'cascade' }),
      type: text().notNull(),
      /** As it is signed and sent. */
      body: text().notNull(),
      state: text().$type<DeliveryState>().notNull(),
      attempts: integer().notNull().default(0),
      /** Of the last answer; null where none has come. */
      status: integer(),
      /** Its first bytes, or why there was none. */
      answer: text(),
      attempted: moment(),
      created: moment()
        .notNull()
        .default(sql`clock_timestamp()`),
    },
    (t) => [
      index('webhook_deliveries_endpoint').on(t.endpoint, t.created, t.id),
      index('webhook_deliveries_endpoint_id').on(t.endpoint, t.id), // for those that are sent again
      index('webhook_deliveries_created').on(t.created), // for the sweep
    ],
  )
  return { webhookEndpoints, webhookDeliveries }
}

export type WebhookTables = ReturnType<typeof webhookTables>
export type WebhookEndpoint = WebhookTables['webhookEndpoints']['$inferSelect']
