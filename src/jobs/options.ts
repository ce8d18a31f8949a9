// What a worker can be told, and what it does where it is told nothing.
import type { Redis } from 'ioredis'
import type { Log } from '../types/log.ts'
import type { Cron } from './cron.ts'
import type { OnDead } from './dead.ts'
import type { InputSchema, Task } from './task.ts'

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
  /** Jobs at a time; 10 by default. */
  concurrency?: number
  /** Without a beat for this long a worker counts as dead, in time of the cluster; 15 s by default. */
  leaseMs?: number
  /** Between beats; delayed jobs and crons are this exact. 500 by default. */
  tickMs?: number
  /** What a stopping worker gives its jobs to end; 10 s by default. */
  drainMs?: number
  /** What a task gets to end after its timeout has fired its signal; 5 s by default. */
  graceMs?: number
  /** Stops by itself after so many jobs. */
  maxJobs?: number
  /** A blocked event loop is killed after this; below the lease; null under a debugger. 10 s by default. */
  blockMs?: number | null
  /** The dead jobs that are kept, the newest; 100,000 by default. */
  keepDead?: number
  /** Told of each job that is given up. */
  onDead?: OnDead<D>
  /** The text of an error as it may be stored and shown to operators. */
  describe?: (error: unknown) => string
}

export const KEEP_DEAD = 100_000

const DEFAULTS = {
  crons: [],
  concurrency: 10,
  leaseMs: 15_000,
  tickMs: 500,
  drainMs: 10_000,
  graceMs: 5000,
  maxJobs: Infinity,
  blockMs: 10_000,
  keepDead: KEEP_DEAD,
  onDead: () => {},
  describe: (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
}

/** @throws if an option makes no sense */
export function completeOptions<D>(given: WorkerOptions<D>): Required<WorkerOptions<D>> {
  const options = { ...DEFAULTS, ...given }
  const { tasks, concurrency, leaseMs, tickMs, blockMs } = options
  const wrong = (what: string) => new RangeError(`worker: ${what}`)
  if (!(concurrency >= 1 && concurrency <= 1000)) throw wrong('concurrency is from 1 to 1000')
  if (blockMs !== null && blockMs >= leaseMs) throw wrong('blockMs must be below leaseMs')
  if (tickMs * 4 > leaseMs) throw wrong('leaseMs must hold at least four beats (tickMs)')
  if (new Set(tasks.map((t) => t.name)).size < tasks.length) throw wrong('two tasks have the same name')
  return options
}
