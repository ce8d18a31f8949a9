// Watches the replicas, and picks the one that answers a read: none that is away, or may lack what is older than allowed.
import { eachHost } from '../config/hosts.ts'
import { patiently } from './postgres/hosts.ts'
import { REPLAYED, Replica, type ReplicasOptions, type Replayed } from './replica.ts'
import { driverCode } from './transient.ts'

const PROBE_MS = 500
/** For one answer: what is frozen or cut off is left out within this and `PROBE_MS`. */
const DEADLINE_MS = 1000
/** For the first one, which has to connect, maybe from afar. */
const FIRST_DEADLINE_MS = 5000

/** Where the log of the primary ends, in bytes: it sends only what it has flushed, and what was committed is. */
export const WRITTEN = `select (pg_current_wal_flush_lsn() - '0/0')::float8 as position`

/** Where stale reads went, as this process counts. */
export interface StaleTarget {
  /** A replica's host, or `primary`. */
  target: string
  statements: number
  /** Of a replica: how many processes use it, and how old what it lacks was at most at the last probe. */
  replica?: { isIn: number; lagMs: number } | undefined
}

/** Asks all of them twice a second, from the first `pick` on, as each process does for itself. */
export class Replicas {
  readonly all: Replica[]
  /** Where the log of the primary ended at least, at moments of the last `maxLagMs`. */
  #samples: { at: number; position: number }[] = []
  #timer: ReturnType<typeof setInterval> | undefined
  #sampling: Promise<void> | undefined

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
    return asked.map(({ name, statements, isGood, lagMs, state }) => {
      const replica = state === 'primary' ? undefined : { isIn: isGood ? 1 : 0, lagMs }
      return { target: name, statements, replica }
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
    await (this.#sampling ??= this.#sample().finally(() => (this.#sampling = undefined)))
    // Each for itself: one that does not answer keeps none of the others out.
    for (const replica of this.all)
      replica.asking ??= this.#ask(replica).finally(() => (replica.asking = undefined))
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
      this.#samples = this.#samples.filter((sample) => at - sample.at <= this.options.maxLagMs)
    } catch {
      this.options.primary.renew(0) // its answer may never come; whoever uses the primary says why
    }
  }

  async #ask(replica: Replica): Promise<void> {
    const deadlineMs = replica.sql === undefined ? FIRST_DEADLINE_MS : DEADLINE_MS
    const sql = (replica.sql ??= this.options.open(replica.url))
    try {
      const [answer] = await patiently(sql.unsafe<Replayed[]>(REPLAYED), deadlineMs)
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
    const before = replica.state
    replica.upTo = standby && reached ? reached.at : -Infinity
    const now = performance.now()
    replica.lagMs = now - (reached ?? this.#samples[0] ?? { at: 0 }).at
    if (!standby) {
      replica.state = 'primary'
      if (before !== 'primary')
        this.options.log.info(`Postgres: ${replica.name} takes writes: it is no replica`)
      return
    }
    if (position === null) return this.#takeOut(replica, 'does not say what it has replayed')
    const { maxLagMs } = this.options
    if (now - (this.#samples.at(-1)?.at ?? -Infinity) > maxLagMs)
      return this.#takeOut(replica, 'cannot be compared with the primary, which does not answer')
    // It comes back with some room, or it would go in and out.
    if (!reached || replica.lagMs > (before === 'in' ? maxLagMs : maxLagMs / 2))
      return this.#takeOut(replica, `lags ${(replica.lagMs / 1000).toFixed(1)} s behind, or more`)
    replica.state = 'in'
    if (before !== 'in') this.options.log.info(`Postgres: the replica ${replica.name} is in`)
  }

  #takeOut(replica: Replica, why: string): void {
    const wasOut = replica.state === 'out'
    replica.state = 'out'
    if (!wasOut) this.options.log.warn(`Postgres: the replica ${replica.name} is out: it ${why}`)
  }
}
