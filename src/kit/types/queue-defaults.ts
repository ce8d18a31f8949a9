// Holds the queue's defaults, for its own options and for the settings.
export const QUEUE_DEFAULTS = {
  concurrency: 10,
  /** The bound of JOB_BLOCK_MS follows from it: a blocked worker is killed before its jobs are taken over. */
  leaseMs: 15_000,
  tickMs: 500,
  drainMs: 10_000,
  graceMs: 5000,
  blockMs: 10_000,
  keepDead: 100_000,
  maxBytes: 64 * 1024,
}

/** Dead jobs that operators retry or drop by one call. */
export const MOST_AT_ONCE = 1000

export const MAX_CONCURRENCY = 1000

/** The queue of tasks that name none. */
export const DEFAULT_QUEUE = 'default'
export const QUEUE_NAME = /^[a-z][a-z0-9-]{0,30}$/

/** A queue that a worker serves. */
export interface QueueShare {
  name: string
  /** Its part, beside the others', of the slots that nobody has reserved. */
  weight: number
  /** Slots that are for its jobs alone. */
  reserved: number
}
