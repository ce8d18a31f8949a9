// Transactions on a connection of their own. The driver's own `begin` sends its rollback down a connection that has
// died, which ends the process, and leaves a pool that hangs (postgres.js 3.4.9, issues 1155 and 1208).
import { AsyncLocalStorage } from 'node:async_hooks'
import { type Client, isOutdated } from './client.ts'
import { lazyQuery } from './lazy-query.ts'
import type { Rows, Statement } from '../../types/statement.ts'

/** What Drizzle uses of the driver's handle inside a transaction. */
export interface TransactionClient {
  unsafe: ReturnType<typeof lazyQuery>
  savepoint<T>(work: (client: TransactionClient) => Promise<T>): Promise<T>
}

const current = new AsyncLocalStorage<{ isOpen: boolean }>()

/** Two places held at once are a deadlock as soon as all wait for their second one; and it would not see its own rows. */
export function refuseInsideTransaction(): void {
  if (current.getStore()?.isOpen !== true) return
  throw new Error(
    'The database was used inside a transaction: take the transaction that the callback was given (tx), or ask before or after it',
  )
}

/**
 * Runs `work` between `begin` and its commit; rolls back if it throws, or if one of its statements has failed.
 * Resolves when the commit has succeeded. A connection that is lost rejects at once, whatever `work` still waits for.
 */
export async function transact<T>(
  client: Client,
  begin: Statement,
  work: (tx: TransactionClient) => Promise<T>,
): Promise<T> {
  await client.send(begin)
  const connection = client.ended
  const lost = new Promise<never>((_resolve, reject) => {
    client.onEnd = () => reject(connectionLost())
  })
  lost.catch(() => {}) // it may be nobody's concern
  // One after the other: what the driver has not sent when a connection ends it carries over to a new one, where it
  // would be committed by itself.
  let line: Promise<unknown> = Promise.resolve()
  const send = (statement: Statement): Promise<Rows> => {
    const sent = line.then(() => {
      if (client.ended !== connection) throw connectionLost()
      return client.send(statement)
    })
    line = sent.catch(() => {})
    return sent
  }
  let savepoints = 0
  /** The scope whose callback runs. A statement of another would be undone with it, or run outside of all. */
  let innermost: object | undefined

  async function scope<S>(inside: (tx: TransactionClient) => Promise<S>, undo: string): Promise<S> {
    const me = {}
    innermost = me
    let failure: { error: unknown; isOutdated: boolean } | undefined
    const sendWatched = async (statement: Statement) => {
      if (innermost !== me) throw notInnermost()
      try {
        return await send(statement)
      } catch (thrown) {
        const error = isOutdated(thrown) ? outdated(thrown) : thrown
        failure ??= { error, isOutdated: error !== thrown }
        throw error
      }
    }
    const tx: TransactionClient = {
      unsafe: lazyQuery(sendWatched),
      savepoint: async (inner) => {
        if (innermost !== me) throw notInnermost()
        innermost = undefined
        const name = `s${++savepoints}`
        try {
          await send({ text: `savepoint ${name}` })
          return await scope(inner, `rollback to savepoint ${name}`)
        } finally {
          innermost = me
        }
      },
    }
    try {
      const result = await Promise.race([inside(tx), lost]).finally(() => (innermost = undefined))
      // Postgres has given up all of it, even if the caller has caught the error.
      if (failure !== undefined) throw failure.error
      return result
    } catch (error) {
      if (client.ended === connection) await rollBack(client, send, undo)
      if (failure?.isOutdated) client.renew()
      throw error
    }
  }

  const state = { isOpen: true }
  try {
    const result = await current.run(state, () => scope(work, 'rollback'))
    const done = await send({ text: 'commit' })
    // Of a statement that nobody waited for.
    if (done.command === 'ROLLBACK') throw new Error('a statement failed, so the transaction was rolled back')
    return result
  } finally {
    state.isOpen = false
    client.onEnd = undefined
  }
}

async function rollBack(
  client: Client,
  send: (statement: Statement) => Promise<Rows>,
  undo: string,
): Promise<void> {
  try {
    await send({ text: undo })
  } catch {
    client.renew() // what could not be rolled back must not be met by the next one
  }
}

const notInnermost = () =>
  new Error(
    'The transaction or savepoint is over, or one inside it is open: wait for its statements, and inside a savepoint take the handle that its callback was given',
  )

/** As Postgres calls what may be tried again as a whole. */
const outdated = (cause: unknown) =>
  Object.assign(new Error('the schema was changed under a prepared statement', { cause }), { code: '40001' })

const connectionLost = () =>
  Object.assign(new Error('the connection to Postgres was lost inside a transaction'), {
    code: 'CONNECTION_CLOSED',
  })
