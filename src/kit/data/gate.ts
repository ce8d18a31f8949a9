// A gate before what there is little of: so many are inside at once, so many wait in line, and the rest is refused.

/** How often those in line are asked whether they still want to enter. */
const SWEEP_MS = 200

/** Nobody got in: the line is full, or the one in it is gone. What was asked for has not begun, and may be asked again. */
export class BusyError extends Error {
  override name = 'BusyError'
  readonly code = 'BUSY'
}

/** Whoever has waited less long is taken to be there: to ask costs a request more than the wait was worth. */
const FRESH_MS = 50

export interface GateSize {
  places: number
  queue: number
  patienceMs?: number
}

interface Waiter {
  since: number
  admit: () => void
  refuse: (error: BusyError) => void
  isGone: (() => boolean) | undefined
}

/**
 * First come, first served. Whoever enters must leave, once. `isGone` says that nobody waits for the outcome any more,
 * because the request was aborted or is past its deadline: such a one leaves the line within a fifth of a second.
 */
export class Gate {
  readonly #places: number
  readonly #queue: number
  readonly #patienceMs: number
  #inUse = 0
  #refused = 0
  #waiting: Waiter[] = []
  #sweeper: ReturnType<typeof setInterval> | undefined
  #sweptAt = -Infinity

  /**
   * @param places how many may be inside at once
   * @param queue how many may wait
   * @param patienceMs how long one may wait: whoever has waited longer is refused
   */
  constructor({ places, queue, patienceMs = Infinity }: GateSize) {
    if (!Number.isSafeInteger(places) || places < 1) throw new RangeError(`gate: ${places} places`)
    if (!Number.isSafeInteger(queue) || queue < 0) throw new RangeError(`gate: a queue of ${queue}`)
    this.#places = places
    this.#queue = queue
    this.#patienceMs = patienceMs
  }

  /** Enters if a place is free, and never before those who wait: a place that is handed over counts as in use. */
  tryEnter(): boolean {
    if (this.#inUse >= this.#places) return false
    this.#inUse++
    return true
  }

  /**
   * Enters at once, without a promise, or resolves when it is this one's turn.
   * @throws BusyError, at once, if the line is full
   */
  enter(isGone?: () => boolean): Promise<void> | undefined {
    if (this.tryEnter()) return undefined
    // Not for each one that comes: a full line is a long one, and many come.
    if (this.#waiting.length >= this.#queue && performance.now() - this.#sweptAt > FRESH_MS) this.#sweep()
    if (this.#waiting.length >= this.#queue) {
      this.#refused++
      throw new BusyError('too many wait already')
    }
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS)
    const since = performance.now()
    return new Promise((admit, refuse) => void this.#waiting.push({ since, admit, refuse, isGone }))
  }

  /** In a microtask the place goes to the next in line: what was awaited inside may have to be put away first. */
  leave(): void {
    if (this.#waiting.length === 0) this.#inUse--
    else queueMicrotask(() => this.#handOver())
  }

  /** Does the work inside. */
  async run<T>(work: () => T | PromiseLike<T>, isGone?: () => boolean): Promise<T> {
    const turn = this.enter(isGone)
    if (turn !== undefined) await turn
    try {
      return await work()
    } finally {
      this.leave()
    }
  }

  /** `refused` counts since the start, those who found the line full. */
  stats(): { inUse: number; waiting: number; refused: number } {
    return { inUse: this.#inUse, waiting: this.#waiting.length, refused: this.#refused }
  }

  #handOver(): void {
    let next = this.#waiting.shift()
    while (next && performance.now() - next.since > FRESH_MS && next.isGone?.() === true) {
      next.refuse(gone())
      next = this.#waiting.shift()
    }
    if (next === undefined) this.#inUse--
    else next.admit()
    this.#rest()
  }

  #sweep(): void {
    this.#sweptAt = performance.now()
    this.#waiting = this.#waiting.filter((waiter) => {
      const isLate = this.#sweptAt - waiter.since > this.#patienceMs
      if (!isLate && waiter.isGone?.() !== true) return true
      waiter.refuse(isLate ? new BusyError('waited too long for its turn') : gone())
      return false
    })
    this.#rest()
  }

  /** A timer only while somebody waits. */
  #rest(): void {
    if (this.#waiting.length > 0) return
    clearInterval(this.#sweeper)
    this.#sweeper = undefined
  }
}

const gone = () => new BusyError('gone before its turn')
