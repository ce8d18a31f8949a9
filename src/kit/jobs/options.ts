// Declares the options of a worker, fills in defaults, and refuses values that make no sense.
import type { Tracer } from '@opentelemetry/api'
import type { Redis } from 'ioredis'
import type { ReportUnexpected } from '../log/unexpected.ts'
import type { Log } from '../types/log.ts'
import type { Cron } from './cron.ts'
import type { OnDead } from './dead.ts'
import { DEFAULT_QUEUE, QUEUE_DEFAULTS, MAX_CONCURRENCY, type QueueShare } from '../types/queue-defaults.ts'
import type { InputSchema } from './input.ts'
import type { Task } from './task.ts'

/** Optional ones default to QUEUE_DEFAULTS; times are in ms. */
export interface WorkerOptions<D> {
  /** The worker opens more connections like this one, which logs outages: one, and one for each queue. */
  redis: Redis
  prefix: string
  /** Used by one live process at a time. A worker that starts with the id of a dead one recovers its jobs at once. */
  id: string
  tasks: readonly Task<InputSchema, D>[]
  crons?: readonly Cron[]
  deps: D
  log: Log
  /** Default: that of each task and the default one, with weight 1 and, where there are more slots than queues, one reserved. */
  queues?: readonly (Omit<QueueShare, 'reserved'> & { reserved?: number })[]
  /** Concurrent jobs. */
  concurrency?: number
  /** A worker without a heartbeat for this long, by the clock of the cluster, counts as dead. */
  leaseMs?: number
  /** The time between heartbeats, and the precision of delayed jobs and crons. */
  tickMs?: number
  /** How long jobs may still run in a worker that stops. */
  drainMs?: number
  /** How long a task may still run after its timeout has fired its signal. */
  graceMs?: number
  /** The worker stops after this many jobs. */
  maxJobs?: number
  /** A process whose event loop is blocked for this long is killed; below the lease; null under a debugger. */
  blockMs?: number | null
  /** How many dead jobs are kept, the newest ones. */
  keepDead?: number
  /** Called for each job that dies. */
  onDead?: OnDead<D>
  /** Is told of what a task throws that it did not declare by a JobError, and of each job that is given up. */
  report?: ReportUnexpected
  /** Of an OpenTelemetry SDK. */
  tracer?: Tracer | null
  /** The largest input of a job that follows another one, as JSON in UTF-8. */
  maxBytes?: number
  /** The text of an error as it may be stored and shown to operators. */
  describe?: (error: unknown) => string
}

type Complete<D> = Required<WorkerOptions<D>> & { queues: readonly QueueShare[] }

/** All of them, and the common start of the queue's keys. */
export type WorkerSettings<D = unknown> = Complete<D> & { base: string }

const DEFAULTS = {
  ...QUEUE_DEFAULTS,
  crons: [],
  maxJobs: Infinity,
  onDead: () => {},
  report: async () => {},
  tracer: null,
  describe: (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
}

/** @throws if an option makes no sense */
export function completeOptions<D>(given: WorkerOptions<D>): Complete<D> {
  const named = [...new Set([DEFAULT_QUEUE, ...given.tasks.map(({ queue }) => queue)])]
  const { queues: wanted = named.map((name) => ({ name, weight: 1 })), ...rest } = { ...DEFAULTS, ...given }
  const { tasks, concurrency, leaseMs, tickMs, blockMs } = rest
  const one = concurrency > wanted.length ? 1 : 0
  const queues = wanted.map((queue) => ({ reserved: one, ...queue }))
  const wrong = (what: string) => new RangeError(`worker: ${what}`)
  if (!(concurrency >= 1 && concurrency <= MAX_CONCURRENCY)) {
    throw wrong(`concurrency is from 1 to ${MAX_CONCURRENCY}`)
  }
  if (blockMs !== null && blockMs >= leaseMs) throw wrong('blockMs must be below leaseMs')
  if (tickMs * 4 > leaseMs) throw wrong('leaseMs must hold at least four heartbeats (tickMs)')
  if (new Set(tasks.map((t) => t.name)).size < tasks.length) throw wrong('two tasks have the same name')
  if (queues.length === 0 || new Set(queues.map(({ name }) => name)).size < queues.length)
    throw wrong('it serves each queue once, and at least one')
  if (queues.reduce((sum, { reserved }) => sum + reserved, 0) > concurrency)
    throw wrong('more slots are reserved than there are')
  return { ...rest, queues }
}
