// What a migrator's sessions ask of Postgres: no limits that are meant for requests, and names looked up in public first.
import type postgres from 'postgres'

type Scope = 'transaction' | 'session'

/** Timeouts that a role or a database may have; not every version knows each. */
const LIMITS = ['statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout']

/** Takes away what would end a long statement, or a connection that waits for another one. */
export async function liftLimits(sql: postgres.ISql, scope: Scope = 'transaction'): Promise<void> {
  await sql`select set_config(name, '0', ${scope === 'transaction'}) from pg_settings where name in ${sql(LIMITS)}`
}

/**
 * Makes a session ready for the statements of a migration, which may set all this otherwise for themselves.
 * @param lockMs the longest wait for one lock, in milliseconds
 * @returns the id of its process
 */
export async function prepareSession(
  sql: postgres.ISql,
  lockMs: number,
  scope: Scope = 'transaction',
): Promise<number> {
  await liftLimits(sql, scope)
  const local = scope === 'transaction'
  const [row] = await sql<{ pid: number }[]>`
    select pg_backend_pid() as pid, set_config('lock_timeout', ${String(lockMs)}, ${local}),
      set_config('search_path', concat_ws(', ', 'public', nullif(current_setting('search_path'), '')), ${local})`
  return row?.pid ?? 0
}
