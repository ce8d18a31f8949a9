// Watches the replicas, and picks the one that answers a read: none that is away, or may lack what is older than allowed.
import type postgres from 'postgres'
import { eachHost } from '../config/hosts.ts'
import type { Log } from '../types/log.ts'
import type { Rows, Statement } from '../types/statement.ts'
import type { Client } from './postgres/client.ts'
import { patiently } from './postgres/hosts.ts'
import type { Server } from './postgres/server-lanes.ts'
import { REPLICA_OUT, sendBy } from './postgres/stale-client.ts'
import { driverCode } from './transient.ts'

const PROBE_MS = 500
/** For one answer: what is frozen or cut off is left out within this and `PROBE_MS`. */
const DEADLINE_MS = 1000

/** Bytes of the log. The primary sends only what it has flushed, and what was committed is. */
export const WRITTEN = `select (pg_current_wal_flush_lsn() - '0/0')::float8 as position`
export const REPLAYED = `select pg_is_in_recovery() as standby,
  (case when pg_is_in_recovery() then pg_last_wal_replay_lsn() end - '0/0')::float8 as position`

interface Replayed {
  standby: boolean
  /** Null where it streams nothing. */
  position: number | null
}

/** Where stale reads went, as this process counts. */
export interface StaleTarget {
  /** A replica's host, or `primary`. */
  target: string
  statements: number
  /** Of a replica: how many processes use it, and how old what it lacks was at most at the last probe. */
  replica?: { isIn: number; lagMs: number } | undefined
}

export interface ReplicasOptions {
  maxLagMs: number
  log: Log
  /** A connection for probes alone. */
  open(url: string): postgres.Sql
  /** @param guard is asked before it connects, and told of a connection that is lost */
  openServer(url: string, name: string, guard: { find(): undefined; suspect(): void }): Server
  /** A connection to the primary for probes alone. */
  primary: Pick<Client, 'send' | 'renew'>
}

export class Replica {
  readonly name: string
  readonly server: Server
  /** Statements that it has not answered yet, and all. */
  inFlight = 0
  statements = 0
  sql: postgres.Sql | undefined
  state: 'not asked yet' | 'in' | 'out' = 'not asked yet'
  /** It holds all that was committed before this moment, by `performance.now()`. */
  upTo = -Infinity
  lagMs = 0

  constructor(
    readonly url: string,
    private readonly options: ReplicasOptions,
  ) {
    this.name = new URL(url).host
    this.server = options.openServer(url, this.name, {
      find: () => {
        if (this.isGood) return
        throw Object.assign(new Error(`the replica ${this.name} is out`), { code: REPLICA_OUT })
      },
      suspect: () => (this.upTo = -Infinity), // until it has answered again
    })
  }

  async send(lane: keyof Server['lanes'], statement: Statement): Promise<Rows> {
    this.statements++
    this.inFlight++
    try {
      return await sendBy(this.server.lanes[lane])(statement)
    } finally {
      this.inFlight--
    }
  }

  get isGood(): boolean {
    return this.state === 'in' && performance.now() - this.upTo <= this.options.maxLagMs
  }
}

/** Asks all of them twice a second, from the first `pick` on, as each process does for itself. */
export class Replicas {
  readonly all: Replica[]
  /** Where the log of the primary ended at least, at moments of the last `maxLagMs`. */
  #samples: { at: number; position: number }[] = []
  #timer: ReturnType<typeof setInterval> | undefined
  #isProbing = false

  /** @param url names one host or several; one of them may be the primary by now, and is left out */
  constructor(
    url: string,
    private readonly options: ReplicasOptions,
  ) {
    this.all = eachHost(url).map((one) => new Replica(one, options))
  }

  /** The good one that has the least to do. Undefined before the first probe, and if there is none. */
  pick(): Replica | undefined {
    if (this.#timer === undefined) this.#begin()
    let best: Replica | undefined
    for (const replica of this.all) {
      if (replica.isGood && (best === undefined || replica.inFlight < best.inFlight)) best = replica
    }
    return best
  }

  /** Of those that were asked. */
  stats(): StaleTarget[] {
    const asked = this.all.filter(({ state }) => state !== 'not asked yet')
    return asked.map(({ name, statements, isGood, lagMs }) => {
      return { target: name, statements, replica: { isIn: isGood ? 1 : 0, lagMs } }
    })
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.all.map(async ({ sql }) => sql?.end({ timeout: 1 })))
  }

  #begin(): void {
    this.#timer = setInterval(() => void this.#probe(), PROBE_MS)
    this.#timer.unref()
    void this.#probe()
  }

  async #probe(): Promise<void> {
    if (this.#isProbing) return
    this.#isProbing = true
    try {
      await this.#sample()
      await Promise.all(this.all.map((replica) => this.#ask(replica)))
    } finally {
      this.#isProbing = false
    }
  }

  /**
   * What a replica replayed last may be an hour old because nothing was written since: only compared with where the
   * primary was at a moment does its position say how far behind it is.
   */
  async #sample(): Promise<void> {
    const at = performance.now()
    try {
      const [row] = await patiently(this.options.primary.send({ text: WRITTEN }), DEADLINE_MS)
      this.#samples.push({ at, position: Number(row?.position) })
      const [first = at] = this.#samples.map((sample) => sample.at)
      if (at - first > this.options.maxLagMs) this.#samples.shift()
    } catch {
      this.options.primary.renew(0) // its answer may never come; whoever uses the primary says why
    }
  }

  async #ask(replica: Replica): Promise<void> {
    const sql = (replica.sql ??= this.options.open(replica.url))
    try {
      const [answer] = await patiently(sql.unsafe<Replayed[]>(REPLAYED), DEADLINE_MS)
      if (answer === undefined) throw new Error('Postgres returned nothing')
      this.#judge(replica, answer)
    } catch (error) {
      replica.sql = undefined
      sql.end({ timeout: 0 }).catch(() => {})
      this.#takeOut(replica, `does not answer (${driverCode(error) ?? String(error)})`)
      for (const client of replica.server.clients) client.renew(0) // what waits for it is sent to another
    }
  }

  #judge(replica: Replica, { standby, position }: Replayed): void {
    const reached = this.#samples.findLast((sample) => position !== null && sample.position <= position)
    const wasIn = replica.state === 'in'
    replica.upTo = standby && reached ? reached.at : -Infinity
    replica.lagMs = performance.now() - (reached ?? this.#samples[0] ?? { at: 0 }).at
    if (!standby) return this.#takeOut(replica, 'is no standby')
    if (position === null) return this.#takeOut(replica, 'does not say what it has replayed')
    const { maxLagMs } = this.options
    // It comes back with some room, or it would go in and out.
    if (!reached || replica.lagMs > (wasIn ? maxLagMs : maxLagMs / 2))
      return this.#takeOut(replica, `lags ${(replica.lagMs / 1000).toFixed(1)} s behind, or more`)
    replica.state = 'in'
    if (!wasIn) this.options.log.info(`Postgres: the replica ${replica.name} is in`)
  }

  #takeOut(replica: Replica, why: string): void {
    const wasOut = replica.state === 'out'
    replica.state = 'out'
    if (!wasOut) this.options.log.warn(`Postgres: the replica ${replica.name} is out: it ${why}`)
  }
}
