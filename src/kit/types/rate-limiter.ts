// Declares the counters behind rate limits as the app sees them.

/** What is counted: `key` says for whom, and is only stored as a digest. */
export interface Counter {
  name: string
  key: string
  /** The most there may be. */
  limit: number
  /** The length of its window, which begins with the first one. */
  seconds: number
  /** Each one taken is pending until `settle` decides about it. */
  settles: boolean
}

/** The state of a counter. */
export interface Count {
  counter: Counter
  /** Above `limit`: it was full before. */
  count: number
  endsInMs: number
  /** Identifies its window. */
  window: number
}

/** What becomes of one that was taken: it counts, it is given back, or the whole count is cleared. */
export interface Settlement extends Pick<Count, 'counter' | 'window'> {
  outcome: 'keep' | 'refund' | 'clear'
}

export interface RateLimiter {
  /**
   * Takes one from every counter or from none, atomically. `full`: one of them has none left.
   * `pending`: one may become free if what is pending is refunded: ask again in a moment.
   */
  take(counters: Counter[]): Promise<{ verdict: 'taken' | 'pending' | 'full'; counts: Count[] }>
  settle(settlements: Settlement[]): Promise<void>
}
