// Limits concurrency: a gate lets a number of callers in at once, queues a number of others and refuses the rest.

/** How often the queue is cleared of callers that have gone. */
const SWEEP_MS = 200

/** The queue is full, or the caller left it. The work has not begun, so it is safe to retry. */
export class BusyError extends Error {
  override name = 'BusyError'
  /** Not Redis's own BUSY. */
  readonly code = 'GATE_BUSY'

  /** @param refusesEarly the queue is full, and long: for a moment the route may refuse others before it does anything */
  constructor(
    message: string,
    readonly refusesEarly = false,
  ) {
    super(message)
  }
}

/** A caller that has waited less counts as present: to check would cost more than the wait. */
const FRESH_MS = 50

export interface GateSize {
  /** How many may be inside at once. */
  places: number
  /** How many may wait. */
  queue: number
  /** How long one may wait before it is refused. */
  maxWaitMs?: number
  /** Whether the routes that it refuses may refuse early for a moment: for long queues, where refusals come by the thousand. */
  refusesEarly?: boolean
}

interface Waiter {
  since: number
  admit: () => void
  refuse: (error: BusyError) => void
  isGone: (() => boolean) | undefined
}

/**
 * First come, first served. Whoever enters must leave, once. `isGone` tells that nobody waits for the result any more,
 * because the request was aborted or its deadline has passed: such a caller leaves the queue within 200 ms.
 */
export class Gate {
  readonly places: number
  readonly #queue: number
  readonly #maxWaitMs: number
  readonly #refusesEarly: boolean
  #inUse = 0
  #refused = 0
  #waiting: Waiter[] = []
  #sweeper: ReturnType<typeof setInterval> | undefined
  #sweptAt = -Infinity

  constructor({ places, queue, maxWaitMs = Infinity, refusesEarly = false }: GateSize) {
    if (!Number.isSafeInteger(places) || places < 1) throw new RangeError(`gate: ${places} places`)
    if (!Number.isSafeInteger(queue) || queue < 0) throw new RangeError(`gate: a queue of ${queue}`)
    this.places = places
    this.#queue = queue
    this.#maxWaitMs = maxWaitMs
    this.#refusesEarly = refusesEarly
  }

  /** Enters if a place is free. Never overtakes the queue: a place that is being handed over counts as in use. */
  tryEnter(): boolean {
    if (this.#inUse >= this.places) return false
    this.#inUse++
    return true
  }

  /**
   * Enters at once, without a promise, or resolves when it is this caller's turn.
   * @throws BusyError, at once, if the queue is full
   */
  enter(isGone?: () => boolean): Promise<void> | undefined {
    if (this.tryEnter()) return undefined
    // Not on every arrival: a full queue is long, and arrivals are many.
    if (this.#waiting.length >= this.#queue && performance.now() - this.#sweptAt > FRESH_MS) this.#sweep()
    if (this.#waiting.length >= this.#queue) {
      this.#refused++
      throw new BusyError('too many wait already', this.#refusesEarly)
    }
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS)
    const since = performance.now()
    return new Promise((admit, refuse) => void this.#waiting.push({ since, admit, refuse, isGone }))
  }

  /** Hands the place on in a microtask, after the clean-up that follows what was awaited inside. */
  leave(): void {
    if (this.#waiting.length === 0) this.#inUse--
    else queueMicrotask(() => this.#handOver())
  }

  /** Runs the work inside, and tells it how many ms it has waited. */
  async run<T>(work: (waitedMs: number) => T | PromiseLike<T>, isGone?: () => boolean): Promise<T> {
    const turn = this.enter(isGone)
    const waitedMs = turn === undefined ? 0 : await timed(turn)
    try {
      return await work(waitedMs)
    } finally {
      this.leave()
    }
  }

  /** `refused` counts, since the start, the callers that found the queue full or waited too long. */
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
    this.#stopSweeperIfIdle()
  }

  #sweep(): void {
    this.#sweptAt = performance.now()
    this.#waiting = this.#waiting.filter((waiter) => {
      const isLate = this.#sweptAt - waiter.since > this.#maxWaitMs
      if (!isLate && waiter.isGone?.() !== true) return true
      if (isLate) this.#refused++
      waiter.refuse(isLate ? new BusyError('waited too long for its turn') : gone())
      return false
    })
    this.#stopSweeperIfIdle()
  }

  /** Runs no timer while nobody waits. */
  #stopSweeperIfIdle(): void {
    if (this.#waiting.length > 0) return
    clearInterval(this.#sweeper)
    this.#sweeper = undefined
  }
}

/** @returns how many ms the turn of a caller took to come */
export async function timed(turn: Promise<void>): Promise<number> {
  const since = performance.now()
  await turn
  return performance.now() - since
}

const gone = () => new BusyError('gone before its turn')
