// Sets what every connection to Postgres relies on, so that results do not depend on the server's configuration.

/** PgBouncer accepts these and sets them on whichever connection it lends. The driver adds client_encoding. */
export const TRACKED_SETTINGS = {
  DateStyle: 'ISO, MDY',
  TimeZone: 'UTC',
  standard_conforming_strings: 'on',
} as const

/**
 * PgBouncer refuses these unless its ignore_startup_parameters names them; then it drops them, and the settings of the
 * role or the database count. Postgres's own defaults are right; `npm run doctor` reports changed ones.
 */
export const UNTRACKED_SETTINGS = {
  search_path: 'public',
  default_transaction_isolation: 'read committed',
  extra_float_digits: '1',
  bytea_output: 'hex',
  IntervalStyle: 'postgres',
} as const

/** For the `connection` option of postgres.js: how values are formatted, and where names are looked up. */
export const CONNECTION_SETTINGS = { ...TRACKED_SETTINGS, ...UNTRACKED_SETTINGS }
