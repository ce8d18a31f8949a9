// Connections to Postgres that are opened alike: sends statements, knows when one was lost, and copes with a pooler.
import type postgres from 'postgres'
import type { WriteStatement } from '../../log/sql-log.ts'
import type { Rows, Statement } from '../../types/statement.ts'

/** How to open connections. */
export interface Opening {
  open(onEnd: () => void): postgres.Sql
  /** Of all clients together: whether a startup parameter was refused, and who is told of it, once. */
  pooler: { isPresent: boolean; onFound(): void }
  write: WriteStatement | undefined
}

/** Backends grow with what they have seen, and balancers want to move connections: an older one is replaced. */
const MAX_AGE_MS = 45 * 60_000
const CLOSE_S = 5

/** One or more connections, opened with the first statement. Used by one at a time, it can carry a transaction. */
export class Client {
  readonly #opening: Opening
  #sql: postgres.Sql | undefined
  #isForPooler = false
  #openedAt = 0
  /** Whether a statement has succeeded since a connection was opened, and none was lost since. */
  isConnected = false
  /** How many connections have ended. A transaction is alive only as long as this stays. */
  ended = 0
  /** Called when a connection ends. */
  onEnd: (() => void) | undefined
  /** What the driver has not sent yet. What it has sent would live longer here than it need, and cost its memory. */
  readonly #unsent = new Set<{ cancel(): void }>()
  #sent = 0
  #answered = 0
  /** As of the last look: how many were answered, and for how many looks nothing has moved. */
  #seen = 0
  #looksInVain = 0

  constructor(opening: Opening) {
    this.#opening = opening
  }

  /** The driver itself, for what is not Drizzle's. */
  get sql(): postgres.Sql {
    return (this.#sql ??= this.#open())
  }

  send(statement: Statement): PromiseLike<Rows> {
    const sent = this.isConnected ? this.#send(statement) : this.#sendFirst(statement)
    const { write } = this.#opening
    return write === undefined ? sent : write(statement, sent)
  }

  async #send({ text, parameters = [], prepare, asValues }: Statement): Promise<Rows> {
    // The driver's type takes what it can serialize; what Drizzle hands over is that.
    const query = this.sql.unsafe(
      text,
      parameters as never[],
      {
        prepare: prepare ?? false,
        // The driver's second attempt at a statement whose plan is outdated mixes up what waits behind it on the connection
        // (postgres.js 3.4.9). It makes none for what was not prepared: `sendAlone` does.
        onexecute: () => {
          this.#unsent.delete(query)
          ;(query as { prepared?: boolean }).prepared = false
          return true
        },
      } as postgres.UnsafeQueryOptions,
    )
    this.#unsent.add(query)
    this.#sent++
    try {
      return await (asValues === true ? query.values() : query)
    } finally {
      this.#unsent.delete(query)
      this.#answered++
    }
  }

  /** A pooler that does not know a startup parameter refuses the connection, before it has read any statement. */
  async #sendFirst(statement: Statement): Promise<Rows> {
    const { pooler } = this.#opening
    const wasPresent = pooler.isPresent
    const attempt = async () => {
      const sent = this.#send(statement)
      const sql = this.#sql
      const rows = await sent
      this.isConnected ||= sql === this.#sql
      return rows
    }
    try {
      return await attempt()
    } catch (error) {
      if (wasPresent || !isStartupRefusal(error)) throw error
      if (!pooler.isPresent) pooler.onFound()
      pooler.isPresent = true
      if (!this.#isForPooler) this.renew()
      return attempt()
    }
  }

  /** Sends outside of a transaction: once more, anew, if a change of the schema has outdated the statement's plan. */
  async sendAlone(statement: Statement): Promise<Rows> {
    const sql = this.#sql
    try {
      return await this.send(statement)
    } catch (error) {
      if (!isOutdated(error)) throw error
      if (sql === this.#sql) this.renew()
      return this.send(statement)
    }
  }

  #open(): postgres.Sql {
    this.#openedAt = performance.now()
    this.#isForPooler = this.#opening.pooler.isPresent
    // The driver keeps what it was about to send when a connection ended, and the next connection hangs on it
    // (postgres.js 3.4.9): none is used again. Nor does it settle all that was under way: that is given up at once,
    // first what was not sent, or it would connect for it.
    const sql: postgres.Sql = this.#opening.open(() => {
      if (sql !== this.#sql) return
      for (const query of this.#unsent) if ('state' in query && query.state === null) query.cancel()
      this.renew(0)
    })
    return sql
  }

  get isOld(): boolean {
    return this.#sql !== undefined && performance.now() - this.#openedAt > MAX_AGE_MS
  }

  /**
   * To be called at regular intervals. A server or a network that stands still says nothing, not even that it is gone:
   * when statements wait and none was answered for `patience` looks, the connections are given up.
   */
  look(patience: number): void {
    const isStill = this.#sent > this.#answered && this.#answered === this.#seen
    this.#looksInVain = isStill ? this.#looksInVain + 1 : 0
    this.#seen = this.#answered
    if (this.#looksInVain >= patience) this.renew(0)
  }

  /**
   * Opens anew with the next statement. A transaction on it is lost.
   * @param closeS seconds that statements under way have to end
   */
  renew(closeS = CLOSE_S): void {
    const old = this.#sql
    this.#sql = undefined
    this.isConnected = false
    this.ended++
    this.onEnd?.()
    old?.end({ timeout: closeS }).catch(() => {})
  }

  async close(): Promise<void> {
    await this.#sql?.end({ timeout: CLOSE_S })
  }
}

/** The schema was changed since the statement was prepared on this connection. */
export const isOutdated = (error: unknown) =>
  error instanceof Error &&
  'code' in error &&
  (error.code === '26000' ||
    (error.code === '0A000' && 'routine' in error && error.routine === 'RevalidateCachedQuery'))

const isStartupRefusal = (error: unknown) =>
  error instanceof Error &&
  'code' in error &&
  error.code === '08P01' &&
  error.message.includes('startup parameter')
