// Runs transactions, each on a connection of its own. The driver's own `begin` sends its rollback down a dead connection,
// which ends the process, and leaves a pool that hangs (postgres.js 3.4.9, issues 1155 and 1208).
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Client } from './client.ts'
import { isStalePlan } from './refusals.ts'
import { lazyQuery } from './lazy-query.ts'
import type { Rows, Statement } from '../../types/statement.ts'

/** What Drizzle uses of the driver's handle inside a transaction. */
export interface TransactionClient {
  unsafe: ReturnType<typeof lazyQuery>
  savepoint<T>(work: (client: TransactionClient) => Promise<T>): Promise<T>
}

const current = new AsyncLocalStorage<{ isOpen: boolean }>()

/** A transaction that waits for a second connection can deadlock with others, and would not see its own rows there. */
export function refuseInsideTransaction(): void {
  if (current.getStore()?.isOpen !== true) return
  throw new Error(
    'The database handle was used inside a transaction: use the handle of the callback (tx), or run this before or after the transaction',
  )
}

/**
 * Runs `work` between `begin` and a commit; rolls back if it throws or if one of its statements has failed.
 * Resolves when the commit has succeeded. Rejects at once if the connection is lost, whatever `work` still waits for.
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
  let previous: Promise<unknown> = Promise.resolve()
  const send = (statement: Statement): Promise<Rows> => {
    const sent = previous.then(() => {
      if (client.ended !== connection) throw connectionLost()
      return client.send(statement)
    })
    previous = sent.catch(() => {})
    return sent
  }
  let savepoints = 0
  /** The scope whose callback runs. A statement of another scope would be rolled back with it, or escape it. */
  let innermost: object | undefined

  async function scope<S>(inside: (tx: TransactionClient) => Promise<S>, undo: string): Promise<S> {
    const me = {}
    innermost = me
    let failure: { error: unknown; isStalePlan: boolean } | undefined
    const sendWatched = async (statement: Statement) => {
      if (innermost !== me) throw notInnermost()
      try {
        return await send(statement)
      } catch (thrown) {
        client.noteFailure(thrown)
        const error = isStalePlan(thrown) ? serializationFailure(thrown) : thrown
        failure ??= { error, isStalePlan: error !== thrown }
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
      if (failure?.isStalePlan) client.renew()
      throw error
    }
  }

  const state = { isOpen: true }
  try {
    const result = await current.run(state, () => scope(work, 'rollback'))
    const done = await send({ text: 'commit' })
    // A statement failed that nobody awaited.
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
    client.renew() // the next transaction must not meet the remains of this one
  }
}

const notInnermost = () =>
  new Error(
    'The transaction or savepoint is over, or a savepoint inside it is open: await every statement, and inside a savepoint use the handle of its callback',
  )

/** With the code that Postgres uses for a transaction that may be retried as a whole. */
const serializationFailure = (cause: unknown) =>
  Object.assign(new Error('the schema was changed under a prepared statement', { cause }), { code: '40001' })

const connectionLost = () =>
  Object.assign(new Error('the connection to Postgres was lost inside a transaction'), {
    code: 'CONNECTION_CLOSED',
  })
