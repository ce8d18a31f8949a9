// Defines the outbox table: jobs that were enqueued inside a transaction, until a worker relays them to Redis.
import { bigserial, json, pgTable, timestamp } from 'drizzle-orm/pg-core'

export const outbox = pgTable('outbox', {
  /** The order of the inserts, and so of the jobs. */
  id: bigserial({ mode: 'bigint' }).primaryKey(),
  /** A `PreparedJob` of the queue. Not jsonb: it is kept as it came, and never searched. */
  job: json().notNull(),
  /** Redis refused this very job: not before then again. */
  retry_at: timestamp({ withTimezone: true }),
})
