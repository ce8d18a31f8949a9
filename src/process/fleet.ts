// All processes of the service: who is started, checked, recycled and reloaded, and when.
import type { Log } from '../types/log.ts'
import type { Child } from './child.ts'
import { type Limits, pastLimit } from './limits.ts'
import { Slot, type Spawn } from './slot.ts'

const CHECK_MS = 200
/** After a replacement that did not get ready. */
const RECYCLE_PAUSE_MS = 30_000

/** How the last rolling reload went; `number` counts them. */
export interface Reload {
  number: number
  result: 'running' | 'succeeded' | 'failed'
  /** Unix milliseconds. */
  startedAt: number
  ms?: number
  reason?: string
}

export interface FleetOptions {
  log: Log
  spawn: Spawn
  /** Begins the ids of processes. */
  host: string
  limits: Limits
  /** Reads the settings afresh, at each reload. Throws if they are faulty. */
  readLimits(): Limits
  /** Something has changed that an operator may want to know. */
  onChange(): void
}

export class Fleet {
  slots: Slot[] = []
  lastReload: Reload | undefined
  readonly #o: FleetOptions
  readonly #log: Log
  readonly #id = crypto.randomUUID().slice(0, 8)
  #limits: Limits
  #timer: ReturnType<typeof setInterval> | undefined
  /** One replacement at a time: a recycled process, or reloads until none is asked for any more. */
  #recycling: Promise<void> | undefined
  #reloading: Promise<void> | undefined
  #isReloadAsked = false
  #recycleAfter = 0
  #closed = false
  #seen = ''

  constructor(options: FleetOptions) {
    this.#o = options
    this.#log = options.log
    this.#limits = options.limits
  }

  /** Starts all. Resolves when all are ready; rejects if one ends before it ever ran: then none of them will. */
  async start(): Promise<void> {
    this.slots = this.#wanted().map((name) => this.#createSlot(name))
    for (const slot of this.slots) slot.fill()
    let last = performance.now()
    this.#timer = setInterval(() => {
      const now = performance.now()
      // A supervisor that was stopped or starved itself has no right to blame the others.
      this.#check(Math.min(now - last, 2 * CHECK_MS))
      last = now
    }, CHECK_MS)
    await Promise.all(this.slots.map((slot) => untilReady(slot)))
  }

  /**
   * Replaces one process after the other by one that has read code and settings afresh.
   * Resolves when that is done, and so is every reload that was asked for meanwhile.
   */
  reload(): Promise<void> {
    this.#isReloadAsked = true
    return (this.#reloading ??= this.#reloadWhileAsked())
  }

  async #reloadWhileAsked(): Promise<void> {
    await this.#recycling
    while (this.#isReloadAsked && !this.#closed) {
      this.#isReloadAsked = false
      await this.#reloadOnce()
    }
    this.#reloading = undefined
  }

  /** Drains all. */
  async stop(): Promise<void> {
    this.#closed = true
    await Promise.all(this.slots.map((slot) => slot.close()))
    clearInterval(this.#timer)
  }

  /** Every process that is not gone. */
  children(): Child[] {
    return this.slots.flatMap((slot) => [...slot.alive])
  }

  async #reloadOnce(): Promise<void> {
    const started = performance.now()
    const reload: Reload = {
      number: (this.lastReload?.number ?? 0) + 1,
      result: 'running',
      startedAt: Date.now(),
    }
    this.lastReload = reload
    this.#log.info('reload begins')
    this.#o.onChange()
    const before = this.slots.map(({ current }) => current)
    const failure = await this.#renewAll()
    reload.ms = Math.round(performance.now() - started)
    reload.result = failure === undefined ? 'succeeded' : 'failed'
    if (failure === undefined) this.#log.info('reload done', { ms: reload.ms })
    else {
      // There is no way back for them from here: the old code may be gone.
      const renewed = this.slots.filter(({ current }) => current && !before.includes(current))
      const except = renewed.length === 0 ? '' : `, except in ${renewed.map(({ name }) => name).join(', ')}`
      reload.reason = this.#closed ? failure : `${failure}; what ran before runs on${except}`
      this.#log.error(`reload FAILED: ${reload.reason}`, { ms: reload.ms })
    }
    this.#o.onChange()
  }

  /** @returns what went wrong */
  async #renewAll(): Promise<string | undefined> {
    try {
      this.#limits = this.#o.readLimits()
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
    const wanted = this.#wanted()
    for (const slot of this.slots.filter(({ name }) => wanted.includes(name))) {
      if (this.#closed) return 'the service was stopped'
      const failure = await slot.replace('reload')
      if (failure !== undefined) return failure
    }
    const added = wanted.filter((name) => !this.slots.some((slot) => slot.name === name))
    for (const name of added) {
      const slot = this.#createSlot(name)
      this.slots.push(slot)
      slot.fill()
    }
    const spare = this.slots.filter(({ name }) => !wanted.includes(name))
    await Promise.all(spare.map((slot) => slot.close()))
    this.slots = this.slots.filter((slot) => !spare.includes(slot))
    return undefined
  }

  #wanted(): string[] {
    const { web, workers } = this.#limits
    const names = (role: string, count: number) => Array.from({ length: count }, (_, i) => `${role} ${i + 1}`)
    return [...names('server', web), ...names('worker', workers)]
  }

  #createSlot(name: string): Slot {
    const { host, log, spawn } = this.#o
    return new Slot(name, `${host}-${this.#id}-${name.replace(' ', '')}`, log, spawn)
  }

  #check(elapsedMs: number): void {
    for (const child of this.children()) child.check(elapsedMs)
    this.#recycle()
    const seen = this.slots.flatMap((s) => [...s.alive].map((c) => `${c.pid}${c.state}`)).join(' ')
    if (seen !== this.#seen) this.#o.onChange()
    this.#seen = seen
  }

  /** Replaces a process that is past one of its limits; one at a time. */
  #recycle(): void {
    if (this.#recycling || this.#reloading || this.#closed || performance.now() < this.#recycleAfter) return
    for (const slot of this.slots) {
      const limit = slot.state === 'ready' && slot.current && pastLimit(slot.current, this.#limits)
      if (!limit) continue
      this.#recycling = this.#replaceAtLimit(slot, limit)
      return
    }
  }

  async #replaceAtLimit(slot: Slot, limit: string): Promise<void> {
    const failure = await slot.replace(limit)
    this.#recycling = undefined
    if (failure === undefined) return
    this.#recycleAfter = performance.now() + RECYCLE_PAUSE_MS
    this.#log.error(`${slot.name} was not replaced, and serves on: ${failure}`)
  }
}

async function untilReady({ current, name }: Slot): Promise<void> {
  try {
    await current?.ready
  } catch (error) {
    if (current?.isUp) return // it ran; now it is looked after like any other
    throw error
  }
  if (!current) throw new Error(`${name} cannot be started`)
}
