// Who stands in the way: the sessions that hold what another one waits for, as a person is told of them.
import type postgres from 'postgres'

type Sql = postgres.ISql

const WATCH_MS = 50
const MAX_QUERY = 200

interface Session {
  pid: number
  role: string | null
  application: string | null
  address: string | null
  state: string | null
  query: string | null
  seconds: number | null
}

/** Those that a session waits for at this moment. */
async function findBlockers(sql: Sql, pid: number): Promise<number[]> {
  const rows = await sql<{ pid: number }[]>`select distinct unnest(pg_blocking_pids(${pid})) as pid`
  return rows.map((row) => row.pid)
}

/** Those that hold an advisory lock of one key. */
export async function findHolders(sql: Sql, key: number): Promise<number[]> {
  const rows = await sql<{ pid: number }[]>`
    select pid from pg_locks where locktype = 'advisory' and granted and objsubid = 1
      and database = (select oid from pg_database where datname = current_database())
      and classid = 0 and objid = ${key}`
  return rows.map((row) => row.pid)
}

/** A line for each: id, program, role, what it does and for how long, and its statement without values. */
export async function describeSessions(sql: Sql, pids: number[]): Promise<string[]> {
  if (pids.length === 0) return []
  const sessions = await sql<Session[]>`
    select pid, usename as role, application_name as application, host(client_addr) as address, state, query,
      extract(epoch from clock_timestamp() - coalesce(xact_start, query_start))::float8 as seconds
    from pg_stat_activity where pid in ${sql(pids)}`
  return pids.map((pid) =>
    describe(
      pid,
      sessions.find((session) => session.pid === pid),
    ),
  )
}

function describe(pid: number, session: Session | undefined): string {
  if (pid === 0) return 'a prepared transaction (see pg_prepared_xacts)'
  if (session === undefined) return `pid ${pid}, which has ended`
  const { role, application, address, state, query, seconds } = session
  const who = [
    `pid ${pid}`,
    application || undefined,
    role === null ? undefined : `role ${role}`,
    address === null ? undefined : `from ${address}`,
    state === null ? undefined : `${state}${seconds === null ? '' : ` for ${Math.round(seconds)} s`}`,
  ]
  return `${who.filter((part) => part !== undefined).join(', ')}${query ? `: ${hideValues(query)}` : ''}`
}

/** A statement on one line, a ? for each value that is written out in it. */
export function hideValues(query: string): string {
  const line = query.replace(/\s+/g, ' ').trim()
  // A quote behind a backslash ends a text or does not: where there is one, nothing is shown from the first quote on.
  const quoted = /\\'/.test(line) ? line.replace(/'.*/, '?') : line.replace(/'(?:[^']|'')*(?:'|$)/g, '?')
  const hidden = quoted.replace(/\$(\w*)\$.*?(?:\$\1\$|$)/g, '?').replace(/(?<![\w$."])\d[\w.]*/g, '?')
  return hidden.length > MAX_QUERY ? `${hidden.slice(0, MAX_QUERY)}…` : hidden
}

/**
 * Looks again and again at whom a session waits for, on another connection, until `stop`.
 * `stop` answers the last that were seen, described.
 */
export function watchBlockers(sql: postgres.Sql, pid: number) {
  let watching = true
  let seen: string[] = []
  const watched = (async () => {
    while (watching) {
      const pids = await findBlockers(sql, pid)
      if (pids.length > 0) seen = await describeSessions(sql, pids)
      await Bun.sleep(WATCH_MS)
    }
  })()
  watched.catch(() => {}) // told by `stop`
  return {
    async stop(): Promise<string[]> {
      watching = false
      await watched
      return seen
    },
  }
}
