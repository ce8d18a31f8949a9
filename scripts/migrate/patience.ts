// How long a migrator waits, for what.

/** In milliseconds. */
export interface Patience {
  /** For one lock: everybody who asks for that table queues behind the one who waits. */
  lockMs: number
  /** Between two attempts at a migration whose locks were taken, at first and at most. */
  pauseMs: { first: number; most: number }
  /** For all attempts at one migration. */
  retryMs: number
  /** Between two looks at whether another migrator is done, and for that in all. */
  pollMs: number
  turnMs: number
}

export const PATIENCE: Patience = {
  lockMs: 200,
  pauseMs: { first: 300, most: 3000 },
  retryMs: 60_000,
  pollMs: 200,
  turnMs: 600_000,
}
