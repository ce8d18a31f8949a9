// Finds the one of several Postgres servers that takes writes, and keeps looking: a failover moves it.
import type postgres from 'postgres'
import { eachHost } from '../../config/hosts.ts'
import type { Log } from '../../types/log.ts'
import { driverCode } from '../transient.ts'
import { withTimeout } from '../with-timeout.ts'

const LOOK_MS = 1000
/** A server that says nothing for so long is frozen or cut off. */
const DEADLINE_MS = 3000
/** An answer may have come while this process was busy: then it is read first. */
const GRACE_MS = 50
/** Between two questions to one server, however many requests wait. */
const PAUSE_MS = 100

/** The timeline counts promotions: of two that take writes, the one that was promoted last is right. */
const QUESTION = `select pg_is_in_recovery() as standby, case when pg_is_in_recovery() then 0
  else ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int end as timeline`

/** Failures that say nothing of the server's health: it is busy, and what was known of it counts on. */
const IS_BUSY = /^53/

interface Answer {
  standby: boolean
  timeline: number
}

/** One server, as it was when it answered last. */
export class Host {
  sql: postgres.Sql | undefined
  asking: Promise<void> | undefined
  askedAt = -Infinity
  state: 'not asked yet' | 'the primary' | 'a standby' | 'an older primary' | 'away' = 'not asked yet'
  detail = ''

  constructor(readonly url: string) {}

  get name(): string {
    return new URL(this.url).host
  }
}

export interface HostsOptions {
  open(url: string): postgres.Sql
  log: Log
  /** The primary is lost, or another one: connections to the former are of no use. */
  onLost?(): void
}

/** Asks each server once a second, on a connection of its own, from the first `find` on. */
export class Hosts {
  readonly all: Host[]
  #primary: Host | undefined
  #isSure = false
  /** The highest that was seen. */
  #timeline = 0
  /** Those who wait for the primary. */
  readonly #waiting = new Set<() => void>()
  #timer: ReturnType<typeof setInterval> | undefined
  #said = ''

  /** @param url names several hosts */
  constructor(
    url: string,
    private readonly options: HostsOptions,
  ) {
    this.all = eachHost(url).map((one) => new Host(one))
  }

  /** Where to connect: the primary, as far as is known. */
  get url(): string {
    return (this.#primary ?? this.all[0])?.url ?? ''
  }

  /**
   * Resolves when the primary is known; undefined if it is known already.
   * @throws Error with code NO_PRIMARY if none takes writes now: within three seconds, and at once while that is known
   */
  find(): Promise<void> | undefined {
    return this.#isSure ? undefined : this.#search()
  }

  async #search(): Promise<void> {
    this.#look()
    if (this.#primary && !this.#primary.asking) {
      // It answered a moment ago, and is doubted since.
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
      if (this.#isSure) return
      this.#look()
    }
    // What was away when it was asked last is asked, but not waited for.
    const asked = this.all.filter(({ state }) => state !== 'away').map(async (host) => host.asking)
    let stopWaiting = () => {}
    const found = new Promise<void>((resolve) => void this.#waiting.add((stopWaiting = resolve)))
    await Promise.race([found, Promise.all(asked)])
    this.#waiting.delete(stopWaiting)
    if (!this.#isSure) throw noPrimary(this.#describe())
  }

  /** A connection was lost, or refused a write: the next one waits until the primary has answered. */
  suspect(): void {
    if (!this.#isSure) return
    this.#isSure = false
    this.#look()
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.all.map(async (host) => host.sql?.end({ timeout: 1 })))
  }

  #look = (): void => {
    this.#timer ??= setInterval(this.#look, LOOK_MS)
    this.#timer.unref()
    for (const host of this.all) {
      if (host.asking || performance.now() - host.askedAt < PAUSE_MS) continue
      host.asking = this.#ask(host).finally(() => (host.asking = undefined))
    }
  }

  async #ask(host: Host): Promise<void> {
    host.askedAt = performance.now()
    const sql = (host.sql ??= this.options.open(host.url))
    try {
      const [answer] = await patiently(sql.unsafe<Answer[]>(QUESTION))
      if (answer === undefined) throw new Error('Postgres returned nothing')
      this.#judge(host, answer)
    } catch (error) {
      const code = driverCode(error) ?? String(error)
      if (host.sql === sql) host.sql = undefined
      sql.end({ timeout: 0 }).catch(() => {})
      if (!IS_BUSY.test(code)) this.#setState(host, 'away', `does not answer (${code})`)
      else if (host === this.#primary) this.#trust()
    }
  }

  #judge(host: Host, { standby, timeline }: Answer): void {
    if (standby) return this.#setState(host, 'a standby')
    if (timeline < this.#timeline) return this.#setState(host, 'an older primary')
    const deposed = this.#primary !== host && timeline > this.#timeline ? this.#primary : undefined
    this.#timeline = timeline
    if (deposed) this.#setState(deposed, 'an older primary')
    if (this.#primary && this.#primary !== host) return // two of one timeline: the first stays
    this.#primary = host
    this.#setState(host, 'the primary')
    this.#trust()
  }

  #trust(): void {
    this.#isSure = true
    for (const stopWaiting of this.#waiting) stopWaiting()
  }

  #setState(host: Host, state: Host['state'], detail = `is ${state}`): void {
    host.state = state
    host.detail = detail
    if (host === this.#primary && state !== 'the primary') {
      this.#primary = undefined
      this.suspect()
      this.options.onLost?.()
    }
    const now = this.#primary ? `the primary is ${this.#primary.name}` : this.#describe()
    const isOpen = !this.#primary && this.all.some((one) => one.state === 'not asked yet')
    if (now === this.#said || isOpen) return
    this.#said = now
    this.options.log[this.#primary ? 'info' : 'warn'](`Postgres: ${now}`)
  }

  #describe(): string {
    return `no host takes writes: ${this.all.map((host) => `${host.name} ${host.detail || host.state}`).join(', ')}`
  }
}

/** @throws Error with code ETIMEDOUT */
export async function patiently<T>(answer: PromiseLike<T>, deadlineMs = DEADLINE_MS): Promise<T> {
  try {
    return await withTimeout(deadlineMs, 'Postgres', answer)
  } catch (error) {
    if (driverCode(error) !== 'ETIMEDOUT') throw error
    return withTimeout(GRACE_MS, 'Postgres', answer)
  }
}

const noPrimary = (message: string) =>
  Object.assign(new Error(`Postgres: ${message}`), { code: 'NO_PRIMARY' })
