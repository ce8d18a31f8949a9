// Recognises transient errors of Postgres, Redis and the network, which pass by themselves.

/**
 * SQLSTATEs. Whole classes: 08 connection, 28 and 3D (until an operator fixes the password or creates the database),
 * 40 rolled back because of a conflict, 53 out of resources, 57 an operator or a timeout intervened, 72 snapshot too
 * old. Single ones: read-only (a standby), transaction idle or open for too long, object in use, lock not available.
 */
const POSTGRES = /^(?:(?:08|28|3D|40|53|57|72)[0-9A-Z]{3}|25006|25P0[34]|55006|55P03)$/

/** The server rejected the connection. */
const REFUSED = '08004'

/**
 * The first words of Redis's replies. MOVED and ASK: a Cluster changed while it was asked. NOAUTH, WRONGPASS and DENIED end
 * when passwords agree again; NOPERM is a bug.
 */
const REDIS =
  /^(?:ASK|BUSY|CLUSTERDOWN|DENIED|EXECABORT|LOADING|MASTERDOWN|MISCONF|MOVED|NOAUTH|NOREPLICAS|OOM|READONLY|TRYAGAIN|UNBLOCKED|WRONGPASS)$/

/** Codes of postgres.js and the system for connections and files that cannot be opened for now; NO_PRIMARY and REDIS_AWAY are ours. */
const NETWORK =
  /^(?:CONNECT_TIMEOUT|CONNECTION_(?:CLOSED|ENDED|DESTROYED)|E(?:CONN|HOST|NET|AI_)[A-Z]+|E(?:PIPE|NOTFOUND|TIMEDOUT|ADDRNOTAVAIL|MFILE|NFILE)|NO_PRIMARY|REDIS_AWAY)$/

/** True for errors that a later attempt may not meet. The refusal of our own gates, code BUSY, is one of them. */
export function isTransient(thrown: unknown): boolean {
  const code = driverCode(thrown)
  return code !== undefined && [POSTGRES, REDIS, NETWORK].some((family) => family.test(code))
}

/** True if Redis has become, or is becoming, a replica: the primary is elsewhere, or will be. */
export const isDemotion = (thrown: unknown) =>
  /^(?:LOADING|MASTERDOWN|READONLY|UNBLOCKED)$/.test(driverCode(thrown) ?? '')

/**
 * Returns a driver's error code: a SQLSTATE, the first word of Redis's reply, or the system's. Searches the causes too,
 * as Drizzle wraps the errors of postgres.js. Errors of ioredis without a code become REDIS_AWAY.
 */
export function driverCode(thrown: unknown): string | undefined {
  for (const error of causesOf(thrown)) {
    if ('code' in error && typeof error.code === 'string') {
      const isSocketGone = error.code === 'ENOENT' && 'syscall' in error && error.syscall === 'connect'
      if (isSocketGone) return 'ECONNREFUSED'
      // The server refused the connection: a database that accepts none for now has no error class of its own.
      const isFatal = 'severity' in error && error.severity === 'FATAL'
      return isFatal && !POSTGRES.test(error.code) ? REFUSED : error.code
    }
    if (error.name === 'ReplyError') return replyCode(error)
    if (error.name === 'MaxRetriesPerRequestError' || AWAY.test(error.message)) return 'REDIS_AWAY'
  }
  return undefined
}

/** Yields an error and its causes, outermost first; at most five, as causes may form a cycle. */
export function* causesOf(thrown: unknown): Generator<Error> {
  for (let error = thrown, depth = 0; error instanceof Error && depth < 5; error = error.cause, depth++)
    yield error
}

const AWAY =
  /^(?:Connection is closed|Command timed out|Command aborted due to connection close|Socket timeout|Stream isn't writeable|All sentinels are unreachable|Cluster is(?:n't ready| ended)|Failed to refresh slots|None of startup nodes|Too many Cluster redirections)/

/** Redis 6.2 hides a script's error behind `ERR Error running script`; a transaction says why it was discarded. */
function replyCode(error: Error): string | undefined {
  const [word = ''] = error.message.split(' ', 1)
  if (word === 'ERR') {
    if (error.message.startsWith('ERR max number of clients')) return 'REDIS_AWAY'
    return /: -([A-Z]+) /.exec(error.message)?.[1] ?? word
  }
  if (word !== 'EXECABORT') return word
  const why = /because of: -?([A-Z]+)/.exec(error.message)?.[1]
  if (why !== undefined) return why
  // ioredis lists the errors of the transaction's commands beside the last one.
  const refusals: unknown = 'previousErrors' in error ? error.previousErrors : undefined
  return (Array.isArray(refusals) ? driverCode(refusals[0]) : undefined) ?? word
}

/** Runs a transaction, and once more after a deadlock or a serialization failure. */
export async function retryConflict<T>(transact: () => Promise<T>): Promise<T> {
  try {
    return await transact()
  } catch (error) {
    if (!/^40(001|P01)$/.test(driverCode(error) ?? '')) throw error
    return transact()
  }
}
