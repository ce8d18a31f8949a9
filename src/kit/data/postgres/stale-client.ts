// Sends each statement that may read what is a moment old to a replica, and to another or the primary where that one fails.
import type { Rows, Statement } from '../../types/statement.ts'
import { driverCode, isTransient } from '../transient.ts'
import type { DrizzleClient } from './lane-client.ts'
import { lazyQuery } from './lazy-query.ts'

/** One of the servers, in one lane. `send` may be counted by whoever gives it. */
export type Send = (statement: Statement) => PromiseLike<Rows>

/** The code of our own error for a replica that is out: the statement was not sent. */
export const REPLICA_OUT = 'REPLICA_OUT'

/**
 * @param pick the good replica that has the least to do; undefined if there is none
 * @param primary through places of its own, fewer than others have there
 */
export const staleClient = (
  options: DrizzleClient['options'],
  { pick, primary }: { pick: () => Send | undefined; primary: Send },
): DrizzleClient => ({
  options,
  unsafe: lazyQuery(async (statement) => {
    if (writes(statement.text)) throw readsOnly()
    try {
      let replica = pick()
      for (let tried = 0; replica !== undefined && tried < 2; tried++) {
        try {
          return await replica(statement)
        } catch (error) {
          if (!isForAnother(error)) throw error
          replica = isGone(error) ? pick() : undefined // it is out by now: another one, if there is
        }
      }
      return await primary(statement)
    } catch (error) {
      throw driverCode(error) === READ_ONLY ? readsOnly() : error
    }
  }),
  begin: () => Promise.reject(readsOnly()),
})

/** Without replicas: the primary's own lane, less what writes by its text. */
export const readingClient = (client: DrizzleClient): DrizzleClient => ({
  options: client.options,
  unsafe(text, ...rest) {
    if (writes(text)) throw readsOnly()
    return client.unsafe(text, ...rest)
  },
  begin: () => Promise.reject(readsOnly()),
})

/** As Drizzle's own client does. */
export const sendBy =
  (client: DrizzleClient): Send =>
  async ({ text, parameters, prepare, asValues }) => {
    const query = client.unsafe(text, parameters, prepare === undefined ? {} : { prepare })
    return asValues === true ? query.values() : await query
  }

const READ_ONLY = '25006'

/** What a text shows, so that it fails without replicas too; a server that takes no writes finds the rest, a function for example. */
const writes = (text: string) =>
  !/^\s*(?:select|with|values|table|show|explain)\b/i.test(text) ||
  /\(\s*(?:insert\s+into|update|delete\s+from|merge\s+into)\b|\bfor\s+(?:no\s+key\s+|key\s+)?(?:update|share)\b/i.test(
    text,
  )

const readsOnly = () =>
  new Error(
    'The handle for stale reads only reads: write, lock rows and begin transactions on c.var.db, or deps.db in a task',
  )

/** The names of a migration that a replica has not got yet. */
const UNKNOWN_NAME = /^42(?:P01|703|704|883)$/

/**
 * Whether another server may do better: the replica is gone or out, what it replays conflicts with the statement, or it has
 * not got a migration. Not a timeout of the statement, which another would only take as long for, nor a full gate.
 */
function isForAnother(error: unknown): boolean {
  const code = driverCode(error) ?? ''
  if (code === READ_ONLY) return false
  if (code === CANCELED) return error instanceof Error && isOfReplica(error)
  return code === REPLICA_OUT || UNKNOWN_NAME.test(code) || isTransient(error)
}

const CANCELED = '57014'
/** What the driver had not sent when the connection ended has the same code, and no severity: no server said it. */
const isOfReplica = (error: Error) => !('severity' in error) || /conflict with recovery/.test(error.message)

const isGone = (error: unknown) => /^(?:REPLICA_OUT|CONNECT|E[A-Z]+$|08|57)/.test(driverCode(error) ?? '')
