// What each connection to Postgres asks for: values do not depend on how a server, a database or a role is configured.

/** PgBouncer takes these from a client, and sets them on whichever connection it lends. The driver adds client_encoding. */
export const TRACKED_SETTINGS = {
  DateStyle: 'ISO, MDY',
  TimeZone: 'UTC',
  standard_conforming_strings: 'on',
} as const

/**
 * PgBouncer refuses these, unless its ignore_startup_parameters names them: then it drops them, and what the role or the
 * database has counts. Postgres's own defaults are right; `npm run doctor` says where they were changed.
 */
export const UNTRACKED_SETTINGS = {
  search_path: 'public',
  default_transaction_isolation: 'read committed',
  extra_float_digits: '1',
  bytea_output: 'hex',
  IntervalStyle: 'postgres',
} as const

/** For postgres.js's `connection`: how values are written and read, and where names are looked up. */
export const CONNECTION_SETTINGS = { ...TRACKED_SETTINGS, ...UNTRACKED_SETTINGS }
