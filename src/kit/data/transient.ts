// What says "not now": conditions of Postgres, Redis and the network that pass by themselves, for requests and workers.

/**
 * SQLSTATEs. Whole classes: 08 connection, 28 and 3D (let in again when an operator has changed the password or made the
 * database), 40 rolled back for another's sake, 53 out of resources, 57 an operator or a timeout intervened, 72 snapshot
 * too old. Single ones: read-only (a standby), idle in a transaction or in one too long, in use, locked.
 */
const POSTGRES = /^(?:(?:08|28|3D|40|53|57|72)[0-9A-Z]{3}|25006|25P0[34]|55006|55P03)$/

/** The server rejected the connection. */
const REFUSED = '08004'

/** The first words of Redis's replies. NOAUTH, WRONGPASS and DENIED end when passwords agree again; NOPERM is a bug. */
const REDIS =
  /^(?:BUSY|CLUSTERDOWN|DENIED|EXECABORT|LOADING|MASTERDOWN|MISCONF|NOAUTH|NOREPLICAS|OOM|READONLY|TRYAGAIN|UNBLOCKED|WRONGPASS)$/

/** What postgres.js and the system say of connections and files that cannot be opened for now, and ioredis of lost ones. */
const NETWORK =
  /^(?:CONNECT_TIMEOUT|CONNECTION_(?:CLOSED|ENDED|DESTROYED)|E(?:CONN|HOST|NET|AI_)[A-Z]+|E(?:PIPE|NOTFOUND|TIMEDOUT|ADDRNOTAVAIL|MFILE|NFILE)|REDIS_AWAY)$/

/** True for what a later attempt may well not meet. Our own gate's refusal, code BUSY, is one. */
export function isTransient(thrown: unknown): boolean {
  const code = driverCode(thrown)
  return code !== undefined && [POSTGRES, REDIS, NETWORK].some((family) => family.test(code))
}

/** Redis has become a replica, or is about to: what to write to is elsewhere, or will be. */
export const isDemotion = (thrown: unknown) =>
  /^(?:LOADING|MASTERDOWN|READONLY|UNBLOCKED)$/.test(driverCode(thrown) ?? '')

/**
 * The code by which a driver tells what is wrong: a SQLSTATE, the first word of a reply of Redis, the system's. Looked
 * for along the causes, since Drizzle wraps what postgres.js throws. What ioredis says without a code is REDIS_AWAY.
 */
export function driverCode(thrown: unknown): string | undefined {
  for (const error of causesOf(thrown)) {
    if ('code' in error && typeof error.code === 'string') {
      const isSocketGone = error.code === 'ENOENT' && 'syscall' in error && error.syscall === 'connect'
      if (isSocketGone) return 'ECONNREFUSED'
      // Said of the connection, whatever the reason: that a database lets nobody in for now has no class of its own.
      const isFatal = 'severity' in error && error.severity === 'FATAL'
      return isFatal && !POSTGRES.test(error.code) ? REFUSED : error.code
    }
    if (error.name === 'ReplyError') return replyCode(error)
    if (error.name === 'MaxRetriesPerRequestError' || AWAY.test(error.message)) return 'REDIS_AWAY'
  }
  return undefined
}

/** An error and those behind it, outermost first; not without end, since a cause may lead back. */
export function* causesOf(thrown: unknown): Generator<Error> {
  for (let error = thrown, depth = 0; error instanceof Error && depth < 5; error = error.cause, depth++)
    yield error
}

const AWAY =
  /^(?:Connection is closed|Command timed out|Command aborted due to connection close|Socket timeout|Stream isn't writeable)/

/** Redis 6.2 hides what a script met behind `ERR Error running script`, and a transaction says why it was dropped. */
function replyCode(error: Error): string | undefined {
  const [word = ''] = error.message.split(' ', 1)
  if (word === 'ERR') {
    if (error.message.startsWith('ERR max number of clients')) return 'REDIS_AWAY'
    return /: -([A-Z]+) /.exec(error.message)?.[1] ?? word
  }
  if (word !== 'EXECABORT') return word
  const why = /because of: -?([A-Z]+)/.exec(error.message)?.[1]
  if (why !== undefined) return why
  // ioredis tells the refusals of the transaction's commands beside the last one.
  const refusals: unknown = 'previousErrors' in error ? error.previousErrors : undefined
  return (Array.isArray(refusals) ? driverCode(refusals[0]) : undefined) ?? word
}

/** Runs a transaction of our own, and once more if Postgres ended it for another's sake: a deadlock, or no serial order. */
export async function retryConflict<T>(transact: () => Promise<T>): Promise<T> {
  try {
    return await transact()
  } catch (error) {
    if (!/^40(001|P01)$/.test(driverCode(error) ?? '')) throw error
    return transact()
  }
}
