// Declares the options of a worker, fills in defaults, and refuses values that make no sense.
import type { Redis } from 'ioredis'
import type { Log } from '../types/log.ts'
import type { Cron } from './cron.ts'
import type { OnDead } from './dead.ts'
import { QUEUE_DEFAULTS, MAX_CONCURRENCY } from '../types/queue-defaults.ts'
import type { InputSchema, Task } from './task.ts'

/** What may be absent starts from QUEUE_DEFAULTS; times are in ms. */
export interface WorkerOptions<D> {
  /** Where Redis is: two connections of its kind are made. It is the one that logs outages. */
  redis: Redis
  prefix: string
  /** Of one live process at a time. A worker that starts under the id of a dead one recovers its jobs at once. */
  id: string
  tasks: readonly Task<InputSchema, D>[]
  crons?: readonly Cron[]
  deps: D
  log: Log
  /** Jobs at a time. */
  concurrency?: number
  /** Without a heartbeat for this long a worker counts as dead, in time of the cluster. */
  leaseMs?: number
  /** Between heartbeats; delayed jobs and crons are this exact. */
  tickMs?: number
  /** What a stopping worker gives its jobs to end. */
  drainMs?: number
  /** What a task gets to end after its timeout has fired its signal. */
  graceMs?: number
  /** Stops by itself after so many jobs. */
  maxJobs?: number
  /** A blocked event loop is killed after this; below the lease; null under a debugger. */
  blockMs?: number | null
  /** The dead jobs that are kept, the newest. */
  keepDead?: number
  /** Told of each job that is given up. */
  onDead?: OnDead<D>
  /** The text of an error as it may be stored and shown to operators. */
  describe?: (error: unknown) => string
}

const DEFAULTS = {
  ...QUEUE_DEFAULTS,
  crons: [],
  maxJobs: Infinity,
  onDead: () => {},
  describe: (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
}

/** @throws if an option makes no sense */
export function completeOptions<D>(given: WorkerOptions<D>): Required<WorkerOptions<D>> {
  const options = { ...DEFAULTS, ...given }
  const { tasks, concurrency, leaseMs, tickMs, blockMs } = options
  const wrong = (what: string) => new RangeError(`worker: ${what}`)
  if (!(concurrency >= 1 && concurrency <= MAX_CONCURRENCY)) {
    throw wrong(`concurrency is from 1 to ${MAX_CONCURRENCY}`)
  }
  if (blockMs !== null && blockMs >= leaseMs) throw wrong('blockMs must be below leaseMs')
  if (tickMs * 4 > leaseMs) throw wrong('leaseMs must hold at least four heartbeats (tickMs)')
  if (new Set(tasks.map((t) => t.name)).size < tasks.length) throw wrong('two tasks have the same name')
  return options
}
