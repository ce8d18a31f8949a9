// Sends statements to Postgres, notices lost and stalled connections, and copes with a pooler.
import type postgres from 'postgres'
import type { Rows, Statement } from '../../types/statement.ts'
import { type QueryObserver, tell } from '../query-observer.ts'
import { driverCode } from '../transient.ts'
import { Bag } from './bag.ts'
import type { Hosts } from './hosts.ts'
import { isStalePlan, isStartupRefusal } from './refusals.ts'

/** How to open and watch connections. */
export interface ClientOptions {
  open(onEnd: () => void): postgres.Sql
  /** Shared by all clients: whether a pooler refused a startup parameter; `onFound` is called once. */
  pooler: { isPresent: boolean; onFound(): void }
  /** They are told of each statement; others may join later. */
  observers: readonly QueryObserver[]
  /** Where there are several: a connection is opened when the primary is known. A replica has one too, which may refuse. */
  hosts: Pick<Hosts, 'find' | 'suspect'> | undefined
  /** The name of the server, if it is one. */
  replica?: string | undefined
  /** A server takes no writes: it is a standby by now, or was one when its address led to it. */
  onReadOnly(): void
}

/** SQLSTATE read_only_sql_transaction. */
const READ_ONLY = '25006'
/** An older connection is replaced: backends grow with time, and balancers want to move connections. */
const MAX_AGE_MS = 45 * 60_000
const CLOSE_S = 5

/** One or more connections, opened with the first statement. A client with a single user can carry a transaction. */
export class Client {
  #sql: postgres.Sql | undefined
  #isForPooler = false
  #openedAt = 0
  /** Whether a statement has succeeded and no connection was lost since. */
  isConnected = false
  /** How many connections have ended. A transaction is alive only while this does not change. */
  ended = 0
  /** Called when a connection ends. */
  onEnd: (() => void) | undefined
  /** The statements that the driver has not sent yet. */
  readonly #unsent = new Bag<{ cancel(): void }>()
  #sent = 0
  #answered = 0
  /** As of the last progress check: how many were answered, and how many checks in a row saw no progress. */
  #answeredBefore = 0
  #stalledChecks = 0

  constructor(private readonly options: ClientOptions) {}

  /** The driver itself, for statements that do not come from Drizzle. */
  get sql(): postgres.Sql {
    return (this.#sql ??= this.#open())
  }

  send(statement: Statement): Promise<Rows> {
    return this.isConnected ? this.#send(statement) : this.#sendFirst(statement)
  }

  #send(statement: Statement): Promise<Rows> {
    const { text, parameters = [], prepare, asValues } = statement
    // The driver's type takes what it can serialize, which Drizzle's values are.
    const query = this.sql.unsafe(
      text,
      parameters as never[],
      {
        prepare: prepare ?? false,
        // The driver retries a statement whose plan is stale, and mixes up the statements behind it on the connection
        // (postgres.js 3.4.9). It does not retry what was not prepared; `sendAlone` retries instead.
        onexecute: () => {
          this.#unsent.remove(entry)
          ;(query as { prepared?: boolean }).prepared = false
          return true
        },
      } as postgres.UnsafeQueryOptions,
    )
    const entry = this.#unsent.add(query)
    this.#sent++
    const startedAt = performance.now()
    const settle = (error?: unknown) => {
      this.#unsent.remove(entry)
      this.#answered++
      tell(this.options, statement, startedAt, error)
    }
    // One promise for all of it: this is on the way of every request.
    return (asValues === true ? query.values() : query).then(
      (rows) => {
        settle()
        return rows
      },
      (error: unknown) => {
        settle(error ?? 'unknown')
        throw error
      },
    )
  }

  /** A pooler that does not know a startup parameter refuses the connection before it has read any statement. */
  async #sendFirst(statement: Statement): Promise<Rows> {
    const { pooler } = this.options
    const wasPresent = pooler.isPresent
    const search = this.options.hosts?.find()
    if (search !== undefined) await search
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

  /** Resolves when it is known where to connect. @throws Error with code NO_PRIMARY */
  async find(): Promise<void> {
    await this.options.hosts?.find()
  }

  /** Tell it of each statement that failed: one that was refused as the server takes no writes concerns all connections. */
  noteFailure(error: unknown): void {
    if (driverCode(error) === READ_ONLY) this.options.onReadOnly()
  }

  /** Sends a statement outside of a transaction, and once more on a new connection if its plan was stale. */
  sendAlone(statement: Statement): Promise<Rows> {
    const sql = this.#sql
    return this.send(statement).then(undefined, (error: unknown) => {
      this.noteFailure(error)
      if (!isStalePlan(error)) throw error
      if (sql === this.#sql) this.renew()
      return this.send(statement)
    })
  }

  #open(): postgres.Sql {
    this.#openedAt = performance.now()
    this.#isForPooler = this.options.pooler.isPresent
    // When a connection ends, the driver keeps what it was about to send, and the next connection hangs on it
    // (postgres.js 3.4.9): so it is not used again. Nor does it settle every pending query: all are given up at once,
    // the unsent ones first, because it would connect again for them.
    const sql: postgres.Sql = this.options.open(() => {
      if (sql !== this.#sql) return
      for (const query of this.#unsent.values()) if ('state' in query && query.state === null) query.cancel()
      this.renew(0)
      this.options.hosts?.suspect()
    })
    return sql
  }

  /** Has it replaced before its next use. */
  expire(): void {
    this.#openedAt = -Infinity
  }

  get isOld(): boolean {
    return this.#sql !== undefined && performance.now() - this.#openedAt > MAX_AGE_MS
  }

  /**
   * Call it at regular intervals. A stalled server or network does not even say that it is gone: after `maxStalledChecks`
   * checks in a row with pending statements and no reply, the connections are given up.
   */
  checkProgress(maxStalledChecks: number): void {
    const isStalled = this.#sent > this.#answered && this.#answered === this.#answeredBefore
    this.#stalledChecks = isStalled ? this.#stalledChecks + 1 : 0
    this.#answeredBefore = this.#answered
    if (this.#stalledChecks < maxStalledChecks) return
    this.renew(0)
    this.options.hosts?.suspect()
  }

  /**
   * Closes the connections; the next statement opens new ones. A transaction on them is lost.
   * @param closeS seconds that pending statements have to end
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
