// Postgres: the pool, and Drizzle on it.
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import type { Config } from '../config.ts'
import type { Log } from '../deps.ts'
import { CONNECTION_SETTINGS } from './connection-settings.ts'
import { logStatements } from './sql-log.ts'

const CONNECT_TIMEOUT_S = 5
/**
 * While Postgres is away each attempt to connect fails one waiting query: a short pause between attempts
 * is what makes them all fail at once. postgres.js's own pause grows, and lets them hang.
 */
const RECONNECT_PAUSE_S = 0.005

/** Opens a pool (nothing connects before the first query) and wraps it in Drizzle. */
export function openPostgres(config: Config, log: Log) {
  const sql = postgres(config.databaseUrl, {
    max: config.databasePool,
    connect_timeout: CONNECT_TIMEOUT_S,
    backoff: () => RECONNECT_PAUSE_S,
    onnotice: () => {},
    connection: {
      ...CONNECTION_SETTINGS,
      application_name: config.name,
      // A request that was given up must not keep its query running.
      statement_timeout: config.requestTimeoutMs,
    },
  })
  const client = config.log.sql ? logStatements(sql, log, config.log.redact) : sql
  return { sql: client, db: drizzle({ client }) }
}
