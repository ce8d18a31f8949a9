// Manages all processes of the service: starts and checks them, replaces those that have served enough, and stops them.
import { hostname } from 'node:os'
import type { ReportUnexpected } from '../log/unexpected.ts'
import type { Log } from '../types/log.ts'
import type { Child } from './child.ts'
import type { Plan, ProcessKind } from './kinds.ts'
import { pastRecycleLimit } from './recycle-limits.ts'
import { Slot } from './slot.ts'
import type { Spawn } from './spawn.ts'
import type { ProcessStatus } from './status.ts'

const CHECK_MS = 200
/** After a replacement that did not get ready. */
const RECYCLE_PAUSE_MS = 30_000

export interface FleetOptions {
  plan: Plan
  spawn: Spawn
  log: Log
  report: ReportUnexpected
  /** A process was started, has become ready, drains, or is gone. */
  onChange(): void
}

export class Fleet {
  slots: Slot[] = []
  /** What runs, and with which settings, from now on. */
  plan: Plan
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
    this.plan = options.plan
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

  /**
   * Starts all. Resolves when servers and workers are ready; rejects if one ends before it ever ran: then none of them
   * will. A program that does not start is tried again, and holds up nobody.
   */
  async start(): Promise<void> {
    for (const { kind, name } of this.#places()) this.#slotOf(kind, name).fill()
    let last = performance.now()
    this.#timer = setInterval(() => {
      const now = performance.now()
      // A supervisor that was stopped or starved itself has no right to blame the others.
      this.#check(Math.min(now - last, 2 * CHECK_MS))
      last = now
    }, CHECK_MS)
    await Promise.all(this.slots.filter(({ kind }) => kind.isVital).map(untilReady))
  }

  /**
   * Takes up a plan, and the code as it stands now: replaces one process after the other, adds those that are missing,
   * and retires those that are too many. To be called while recycling is paused.
   * @returns what went wrong; those that were not replaced by then serve on
   */
  async renew(plan: Plan): Promise<string | undefined> {
    this.plan = plan
    const wanted: Slot[] = []
    for (const { kind, name } of this.#places()) {
      if (this.isStopped) return 'the service was stopped'
      const slot = this.#slotOf(kind, name)
      wanted.push(slot)
      const failure = await slot.replace('reload')
      if (failure !== undefined) return failure
    }
    const spare = this.slots.filter((slot) => !wanted.includes(slot))
    await Promise.all(spare.map((slot) => slot.close()))
    this.slots = wanted
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

  #places() {
    return this.plan.kinds.flatMap((kind) =>
      Array.from({ length: kind.processes }, (_, i) => ({ kind, name: `${kind.name} ${i + 1}` })),
    )
  }

  /** Makes it, empty, if there is none. */
  #slotOf(kind: ProcessKind, name: string): Slot {
    const found = this.slots.find((slot) => slot.name === name)
    if (found) return Object.assign(found, { kind })
    const { log, report, spawn } = this.options
    const slot: Slot = new Slot(
      name,
      kind,
      `${this.#id}-${name.replace(' ', '-')}`,
      { log, report },
      (id, replacing) => spawn({ kind: slot.kind, name, id, replacing, config: this.plan.config }),
    )
    this.slots.push(slot)
    return slot
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
        slot.state === 'ready' && slot.current && pastRecycleLimit(slot.current, this.plan.config.processes)
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
    this.options.log.error(`${slot.name} was not replaced: ${failure}`)
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
