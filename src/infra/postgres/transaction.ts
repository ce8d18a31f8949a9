// Transactions on a connection of their own. The driver's own `begin` sends its rollback down a connection that has
// died, which ends the process, and leaves a pool that hangs (postgres.js 3.4.9, issues 1155 and 1208).
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Client, Rows, Statement } from './client.ts'
import { lazyQuery } from './lazy-query.ts'

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
  const lost = Promise.withResolvers<never>()
  lost.promise.catch(() => {}) // it may be nobody's concern
  client.onEnd = () => lost.reject(connectionLost())
  const send = (statement: Statement): PromiseLike<Rows> => {
    if (client.ended !== connection) throw connectionLost()
    return client.send(statement)
  }
  let savepoints = 0

  async function scope<S>(inside: (tx: TransactionClient) => Promise<S>, undo: string): Promise<S> {
    let failure: { error: unknown } | undefined
    const sendWatched = async (statement: Statement) => {
      try {
        return await send(statement)
      } catch (error) {
        failure ??= { error }
        throw error
      }
    }
    try {
      const result = await Promise.race([inside({ unsafe: lazyQuery(sendWatched), savepoint }), lost.promise])
      // Postgres has given up all of it, even if the caller has caught the error.
      if (failure !== undefined) throw failure.error
      return result
    } catch (error) {
      if (client.ended === connection) await rollBack(client, undo)
      throw error
    }
  }

  async function savepoint<S>(inside: (tx: TransactionClient) => Promise<S>): Promise<S> {
    const name = `s${++savepoints}`
    await send({ text: `savepoint ${name}` })
    return scope(inside, `rollback to savepoint ${name}`)
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

async function rollBack(client: Client, undo: string): Promise<void> {
  try {
    await client.send({ text: undo })
  } catch {
    client.renew() // what could not be rolled back must not be met by the next one
  }
}

const connectionLost = () =>
  Object.assign(new Error('the connection to Postgres was lost inside a transaction'), {
    code: 'CONNECTION_CLOSED',
  })
