// What Drizzle gets for a driver: statements and transactions take a place in their lane before anything is sent.
import { abandoned } from '../../log/request-context.ts'
import type { Rows, Statement } from '../../types/statement.ts'
import { Gate, type GateSize } from '../gate.ts'
import type { Client } from './client.ts'
import { lazyQuery } from './lazy-query.ts'
import { refuseInsideTransaction, transact, type TransactionClient } from './transaction.ts'

/** What Drizzle uses of the driver. */
export interface DrizzleClient {
  /** Where Drizzle puts how it wants values read and written. */
  options: { parsers: object; serializers: object }
  unsafe: ReturnType<typeof lazyQuery>
  begin<T>(work: (tx: TransactionClient) => Promise<T>): Promise<T>
}

/** Statements under way on one connection at a time, one after the other: a lock delays so many at the most. */
const DEPTH = 16

/** Statements of many requests share packets on few connections. For quick ones: each waits for those before it. */
export function sharedLane(
  options: DrizzleClient['options'],
  { client, connections, ...line }: { client: Client; connections: number } & Omit<GateSize, 'places'>,
): DrizzleClient {
  const gate = new Gate({ places: connections * DEPTH, ...line })
  const send = (statement: Statement) => {
    refuseInsideTransaction()
    return gate.run(() => client.sendAlone(statement), abandoned())
  }
  return {
    options,
    unsafe: lazyQuery(send),
    begin: () => Promise.reject(new Error('This lane is for reads: begin a transaction on the database')),
  }
}

/** Connections that one statement or transaction has to itself. */
export class Places {
  readonly #gate: Gate
  /** The one that was used last is taken first: at rest one is enough. */
  readonly #free: Client[]

  constructor(clients: Client[], line: Omit<GateSize, 'places'>) {
    this.#gate = new Gate({ places: clients.length, ...line })
    this.#free = [...clients]
  }

  /** @param gates that are passed before: for works that must not take all places together */
  async run<T>(gates: readonly Gate[], work: (client: Client) => PromiseLike<T>): Promise<T> {
    refuseInsideTransaction()
    const isGone = abandoned()
    const passed: Gate[] = []
    try {
      for (const gate of [...gates, this.#gate]) {
        const turn = gate.enter(isGone)
        if (turn !== undefined) await turn
        passed.push(gate)
      }
      return await this.#use(work)
    } finally {
      for (const gate of passed.toReversed()) gate.leave()
    }
  }

  async #use<T>(work: (client: Client) => PromiseLike<T>): Promise<T> {
    const client = this.#free.pop()
    if (client === undefined) throw new Error('a place was promised, and no connection is free')
    if (client.isOld) client.renew()
    try {
      return await work(client)
    } finally {
      this.#free.push(client)
    }
  }
}

/** Writes, transactions, filters: everything that may wait for a lock or take long. */
export function gatedLane(
  options: DrizzleClient['options'],
  lane: {
    places: Places
    reads: readonly Gate[]
    writes: readonly Gate[]
    begin: () => string
    wraps: () => boolean
  },
): DrizzleClient {
  const { places, reads, writes, begin } = lane
  const single = (statement: Statement) => (client: Client) =>
    lane.wraps() ? sendWrapped(client, begin(), statement) : client.sendAlone(statement)
  return {
    options,
    unsafe: lazyQuery((statement) =>
      places.run(/^\s*select\b/i.test(statement.text) ? reads : writes, single(statement)),
    ),
    begin: (work) => places.run(writes, (client) => transact(client, { text: begin() }, work)),
  }
}

/** Reads whose cost a client chooses: each under its own timeout, which `begin` sets. */
export function searchLane(
  options: DrizzleClient['options'],
  { places, gates, begin }: { places: Places; gates: readonly Gate[]; begin: () => string },
): DrizzleClient {
  return {
    options,
    unsafe: lazyQuery((statement) => places.run(gates, (client) => sendWrapped(client, begin(), statement))),
    begin: (work) => places.run(gates, (client) => transact(client, { text: begin() }, work)),
  }
}

/** One statement in a transaction of its own, for what `begin` sets beside it: three statements, one round trip. */
async function sendWrapped(client: Client, begin: string, statement: Statement): Promise<Rows> {
  const began = client.send({ text: begin })
  // On a connection that may not come about, the statement must not go without its beginning.
  if (!client.isConnected) await began
  const [, rows, done] = await Promise.allSettled([began, client.send(statement), client.send(COMMIT)])
  if (rows.status === 'rejected') throw rows.reason
  if (done.status === 'rejected') throw done.reason
  return rows.value
}

const COMMIT = { text: 'commit' }
