// Manages all processes of the service: starts and checks them, replaces those that have served enough, and stops them.
import { hostname } from 'node:os'
import type { KitConfig } from '../config/kit-config.ts'
import type { Log } from '../types/log.ts'
import type { Child } from './child.ts'
import { processCounts } from './host.ts'
import { pastRecycleLimit } from './recycle-limits.ts'
import { Slot } from './slot.ts'
import type { ProcessKind, Spawn, SpawnRequest } from './spawn.ts'
import type { ProcessStatus } from './status.ts'

const CHECK_MS = 200
/** After a replacement that did not get ready. */
const RECYCLE_PAUSE_MS = 30_000

export interface FleetOptions {
  config: KitConfig
  spawn: Spawn
  log: Log
  /** A process was started, has become ready, drains, or is gone. */
  onChange(): void
}

/** Where a process should run. */
type Place = Pick<SpawnRequest, 'kind' | 'name'>

export class Fleet {
  slots: Slot[] = []
  /** What processes are started with from now on. */
  config: KitConfig
  isStopped = false
  /** Begins the ids of processes: no other supervisor has the same. */
  readonly #id = `${hostname()}-${crypto.randomUUID().slice(0, 8)}`
  #timer: ReturnType<typeof setInterval> | undefined
  /** One replacement at a time. */
  #recycling: Promise<void> | undefined
  #isRecyclingPaused = false
  #recycleAfter = 0
  /** The processes and their states at the last check. */
  #seen = ''

  constructor(private readonly options: FleetOptions) {
    this.config = options.config
  }

  /** Every process that is not gone. */
  children(): Child[] {
    return this.slots.flatMap((slot) => [...slot.alive])
  }

  describe(): ProcessStatus[] {
    return this.slots.flatMap(({ name, restarts, lastReason, alive }) =>
      Array.from(alive, ({ pid, state, startedAt, launch }) => {
        return { name, pid, state, startedAt, restarts, lastReason, board: launch.boardFile }
      }),
    )
  }

  /** Starts all. Resolves when all are ready; rejects if one ends before it ever ran: then none of them will. */
  async start(): Promise<void> {
    this.slots = this.#places().map((place) => this.#createSlot(place))
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
   * Takes up settings, and the code as it stands now: replaces one process after the other, adds those that are missing,
   * and retires those that are too many. To be called while recycling is paused.
   * @returns what went wrong; those that were not replaced by then serve on
   */
  async renew(config: KitConfig): Promise<string | undefined> {
    this.config = config
    const places = this.#places()
    const isWanted = ({ name }: Slot) => places.some((place) => place.name === name)
    for (const slot of this.slots.filter(isWanted)) {
      if (this.isStopped) return 'the service was stopped'
      const failure = await slot.replace('reload')
      if (failure !== undefined) return failure
    }
    for (const place of places.filter(({ name }) => !this.slots.some((slot) => slot.name === name))) {
      const slot = this.#createSlot(place)
      this.slots.push(slot)
      slot.fill()
    }
    const spare = this.slots.filter((slot) => !isWanted(slot))
    await Promise.all(spare.map((slot) => slot.close()))
    this.slots = this.slots.filter((slot) => !spare.includes(slot))
    return undefined
  }

  /** Drains all. */
  async stop(): Promise<void> {
    this.isStopped = true
    await Promise.all(this.slots.map((slot) => slot.close()))
    clearInterval(this.#timer)
  }

  /** Resolves when no process is being recycled, and none will be until `resumeRecycling`. */
  async pauseRecycling(): Promise<void> {
    this.#isRecyclingPaused = true
    await this.#recycling
  }

  resumeRecycling(): void {
    this.#isRecyclingPaused = false
  }

  #places(): Place[] {
    const { web, workers } = processCounts(this.config)
    const places = (kind: ProcessKind, count: number) =>
      Array.from({ length: count }, (_, i) => ({ kind, name: `${kind} ${i + 1}` }))
    return [...places('server', web), ...places('worker', workers)]
  }

  #createSlot({ kind, name }: Place): Slot {
    const { log, spawn } = this.options
    const start = (id: string, replacing: boolean) =>
      spawn({ kind, name, id, replacing, config: this.config })
    return new Slot(name, `${this.#id}-${name.replace(' ', '')}`, log, start)
  }

  #check(elapsedMs: number): void {
    for (const child of this.children()) child.check(elapsedMs)
    this.#recycle()
    const seen = this.children()
      .map(({ pid, state }) => `${pid}${state}`)
      .join(' ')
    if (seen !== this.#seen) this.options.onChange()
    this.#seen = seen
  }

  /** Replaces a process that is past one of its limits. */
  #recycle(): void {
    const isBusy = this.#recycling !== undefined || this.#isRecyclingPaused || this.isStopped
    if (isBusy || performance.now() < this.#recycleAfter) return
    for (const slot of this.slots) {
      const limit =
        slot.state === 'ready' && slot.current && pastRecycleLimit(slot.current, this.config.processes)
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
    this.options.log.error(`${slot.name} was not replaced, and serves on: ${failure}`)
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
