// Stands in for the driver under Drizzle: every statement and transaction waits for its turn in its lane.
import { abandonCheck } from '../../log/request-context.ts'
import type { Rows, Statement } from '../../types/statement.ts'
import { type Gate, timed } from '../gate.ts'
import type { Client } from './client.ts'
import { lazyQuery } from './lazy-query.ts'
import { refuseInsideTransaction, transact, type TransactionClient } from './transaction.ts'

/** What Drizzle uses of the driver. */
export interface DrizzleClient {
  /** Where Drizzle registers its parsers and serializers. */
  options: { parsers: object; serializers: object }
  unsafe: ReturnType<typeof lazyQuery>
  begin<T>(work: (tx: TransactionClient) => Promise<T>): Promise<T>
}

/** Statements in flight on one shared connection: a lock delays at most this many. */
export const PIPELINE_DEPTH = 16

/** Many requests pipeline statements on few connections. For quick ones: each waits for those before it. */
export function sharedLane(
  options: DrizzleClient['options'],
  { client, gate }: { client: Client; gate: Gate },
): DrizzleClient {
  const send = (statement: Statement) => {
    refuseInsideTransaction()
    return gate.run((waitedMs) => client.sendAlone(waited(statement, waitedMs)), abandonCheck())
  }
  return {
    options,
    unsafe: lazyQuery(send),
    begin: () => Promise.reject(new Error('This lane is for reads: begin a transaction on the database')),
  }
}

/** A pool of connections, each of which one statement or transaction has to itself. */
export class ExclusivePool {
  /** A stack: with little load only one connection is in use. */
  readonly #free: Client[]

  /** @param gate has as many places as there are clients */
  constructor(
    clients: readonly Client[],
    private readonly gate: Gate,
  ) {
    this.#free = [...clients]
  }

  /** @param gates to enter first: they keep one kind of work from taking the whole pool */
  async run<T>(
    gates: readonly Gate[],
    work: (client: Client, waitedMs: number) => PromiseLike<T>,
  ): Promise<T> {
    refuseInsideTransaction()
    const isGone = abandonCheck()
    const entered: Gate[] = []
    let waitedMs = 0
    try {
      for (const gate of [...gates, this.gate]) {
        const turn = gate.enter(isGone)
        if (turn !== undefined) waitedMs += await timed(turn)
        entered.push(gate)
      }
      return await this.#use((client) => work(client, waitedMs))
    } finally {
      for (const gate of entered.toReversed()) gate.leave()
    }
  }

  async #use<T>(work: (client: Client) => PromiseLike<T>): Promise<T> {
    const client = this.#free.pop()
    if (client === undefined) throw new Error('the gate let a statement in, but no connection is free')
    if (client.isOld) client.renew()
    try {
      return await work(client)
    } finally {
      this.#free.push(client)
    }
  }
}

/** For writes, transactions, filters, searches: everything that may wait for a lock or take long. */
export function exclusiveLane(
  options: DrizzleClient['options'],
  lane: {
    pool: ExclusivePool
    reads: readonly Gate[]
    writes: readonly Gate[]
    /** The settings of a transaction stand in it. */
    begin: () => string
    /** Whether a single statement takes these settings as well. */
    needsTransaction: () => boolean
  },
): DrizzleClient {
  const { pool, reads, writes, begin } = lane
  const single = (statement: Statement) => (client: Client, waitedMs: number) =>
    lane.needsTransaction()
      ? sendInTransaction(client, begin(), waited(statement, waitedMs))
      : client.sendAlone(waited(statement, waitedMs))
  return {
    options,
    unsafe: lazyQuery((statement) =>
      pool.run(/^\s*select\b/i.test(statement.text) ? reads : writes, single(statement)),
    ),
    begin: (work) =>
      pool.run(writes, (client, waitedMs) => transact(client, waited({ text: begin() }, waitedMs), work)),
  }
}

const waited = (statement: Statement, waitedMs: number): Statement =>
  waitedMs === 0 ? statement : { ...statement, waitedMs }

/** Sends a statement in a transaction of its own, for the settings in `begin`: three statements, one round trip. */
async function sendInTransaction(client: Client, begin: string, statement: Statement): Promise<Rows> {
  const began = client.send({ text: begin })
  // If the connection may fail, the statement must not be sent without its `begin`.
  if (!client.isConnected) await began
  const [, rows, done] = await Promise.allSettled([began, client.send(statement), client.send(COMMIT)])
  if (rows.status === 'rejected') {
    client.noteFailure(rows.reason)
    throw rows.reason
  }
  if (done.status === 'rejected') throw done.reason
  return rows.value
}

const COMMIT = { text: 'commit' }
