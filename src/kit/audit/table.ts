// Defines the tables of the audit trail: who did what to whom, and the seals over what was written.
import {
  bigint,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'

/** Ids, roles and counts: never an email, a name, a token or a password, which the trail would keep for years. */
export type EventDetails = Record<string, string | number | boolean | null>

/**
 * Rows are added and never changed: a trigger of the migration refuses it, and to delete one before its time. No foreign keys:
 * of an account that is deleted the trail keeps the id, and it never held more.
 */
export const auditEvents = pgTable(
  'audit_events',
  {
    id: bigint({ mode: 'bigint' }).notNull().generatedAlwaysAsIdentity(),
    /** When its transaction began. */
    at: timestamp({ withTimezone: true }).notNull().defaultNow(),
    /** The account that was logged in. Null: nobody, as with a link from a mail, or a command. */
    actor: uuid(),
    /** Whom an impersonating actor acted as. */
    as_account: uuid(),
    /** Whom it is about. */
    account: uuid(),
    /** Through what, if not a session: `command root`, `job deleteAccounts`, `token` with its id. */
    by: text(),
    action: text().notNull(),
    /** Ids, roles and counts. */
    details: jsonb().$type<EventDetails>(),
    ip: text(),
    agent: text(),
    request_id: text(),
  },
  (t) => [
    // The order of every list of events, read backwards; the others filter it.
    primaryKey({ columns: [t.at, t.id] }),
    index('audit_events_account').on(t.account, t.at, t.id),
    index('audit_events_actor').on(t.actor, t.at, t.id),
    index('audit_events_action').on(t.action, t.at, t.id),
  ],
)

/** Each seals the events since the one before it. */
export const auditSeals = pgTable('audit_seals', {
  /** Of two jobs that seal at once, the second fails. */
  number: integer().primaryKey(),
  /** It covers what is older. */
  until: timestamp({ withTimezone: true, mode: 'string' }).notNull(),
  events: integer().notNull(),
  /** SHA-256 of the digest before it and of each event, in hex. */
  digest: text().notNull(),
})
