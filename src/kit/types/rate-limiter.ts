// The counts behind rate limits, as the app sees them.

/** What is counted: `key` says whose count it is, and is stored as a digest only. */
export interface Counter {
  name: string
  key: string
  /** How many there may be. */
  most: number
  /** How long the count lasts, from its first on: its window. */
  seconds: number
  /** Each one is pending until `settle` says what becomes of it. */
  settles: boolean
}

/** How a counter stands. */
export interface Count {
  counter: Counter
  /** Above `most`: it was full before. */
  count: number
  endsInMs: number
  /** Tells its window from the next. */
  window: number
}

/** What becomes of one that was taken: it counts, it never was, or all that has counted is forgotten. */
export interface Settlement extends Pick<Count, 'counter' | 'window'> {
  outcome: 'keep' | 'back' | 'clear'
}

export interface RateLimiter {
  /**
   * Takes one of each counter or of none, in one step. `full`: one of them has no more.
   * `pending`: it may have some again, if what is pending is given back: ask again in a moment.
   */
  take(counters: Counter[]): Promise<{ verdict: 'taken' | 'pending' | 'full'; counts: Count[] }>
  settle(settlements: Settlement[]): Promise<void>
}
