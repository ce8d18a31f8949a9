// Connections to Postgres that are opened alike: sends statements, knows when one was lost, and copes with a pooler.
import type postgres from 'postgres'
import type { WriteStatement } from '../sql-log.ts'

export interface Statement {
  text: string
  parameters?: readonly unknown[]
  prepare?: boolean | undefined
  /** Rows as arrays of values, as Drizzle wants them, instead of objects. */
  asValues?: boolean
}

export type Rows = postgres.RowList<postgres.Row[]>

/** How to open connections. `isPooled` is true from the first refusal of a startup parameter on. */
export interface Opening {
  open(onEnd: () => void): postgres.Sql
  isPooled: boolean
  /** Tells that a pooler stands in between: called once. */
  onPooler(): void
  write: WriteStatement | undefined
}

/** Backends grow with what they have seen, and balancers want to move connections: an older one is replaced. */
const MAX_AGE_MS = 45 * 60_000
const CLOSE_S = 5

/** One or more connections, opened with the first statement. Used by one at a time, it can carry a transaction. */
export class Client {
  readonly #opening: Opening
  #sql: postgres.Sql | undefined
  #pooled = false
  #openedAt = 0
  /** Whether a statement has succeeded since a connection was opened, and none was lost since. */
  isConnected = false
  /** How many connections have ended. A transaction is alive only as long as this stays. */
  ended = 0
  /** Called when a connection ends. */
  onEnd: (() => void) | undefined

  constructor(opening: Opening) {
    this.#opening = opening
  }

  send(statement: Statement): PromiseLike<Rows> {
    const sent = this.isConnected ? this.#send(statement) : this.#sendFirst(statement)
    const { write } = this.#opening
    return write === undefined ? sent : write(statement, sent)
  }

  #send({ text, parameters = [], prepare, asValues }: Statement): PromiseLike<Rows> {
    this.#sql ??= this.#open()
    // The driver's type takes what it can serialize; what Drizzle hands over is that.
    const query = this.#sql.unsafe(text, parameters as never[], { prepare: prepare ?? false })
    return asValues === true ? query.values() : query
  }

  /** A pooler that does not know a startup parameter refuses the connection, before it has read any statement. */
  async #sendFirst(statement: Statement): Promise<Rows> {
    let rows: Rows
    try {
      rows = await this.#send(statement)
    } catch (error) {
      if (this.#pooled || !isStartupRefusal(error)) throw error
      if (!this.#opening.isPooled) this.#opening.onPooler()
      this.#opening.isPooled = true
      this.renew()
      rows = await this.#send(statement)
    }
    this.isConnected = true
    return rows
  }

  #open(): postgres.Sql {
    this.#openedAt = performance.now()
    this.#pooled = this.#opening.isPooled
    // The driver keeps what it was about to send when a connection ended, and the next connection hangs on it
    // (postgres.js 3.4.9): none is used again.
    const sql: postgres.Sql = this.#opening.open(() => {
      if (sql === this.#sql) this.renew()
    })
    return sql
  }

  get isOld(): boolean {
    return this.#sql !== undefined && performance.now() - this.#openedAt > MAX_AGE_MS
  }

  /** Lets what is under way end, and opens anew with the next statement. A transaction on it is lost. */
  renew(): void {
    const old = this.#sql
    this.#sql = undefined
    this.isConnected = false
    this.ended++
    this.onEnd?.()
    old?.end({ timeout: CLOSE_S }).catch(() => {})
  }

  async close(): Promise<void> {
    await this.#sql?.end({ timeout: CLOSE_S })
  }
}

const isStartupRefusal = (error: unknown) =>
  error instanceof Error &&
  'code' in error &&
  error.code === '08P01' &&
  error.message.includes('startup parameter')
