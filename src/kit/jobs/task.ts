// Declares background tasks and the options of an enqueue. Portable: the app that enqueues imports only this.
import type { z } from 'zod'
import type { Log } from '../types/log.ts'
import { parseInput, type InputSchema, type Upgrade } from './input.ts'
import { DEFAULT_QUEUE, QUEUE_NAME } from '../types/queue-defaults.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** The job, as its running task sees it. */
export interface Job {
  /** The same in every attempt: an idempotency key for calls to other services. */
  readonly id: string
  /** Counts from 1. An attempt whose worker died counts too. */
  readonly attempt: number
  /** Fires at the timeout, when the worker must stop, and when another worker has taken over the job. */
  readonly signal: AbortSignal
  /** The account that enqueued it, if any. */
  readonly by: string | undefined
  /** The request that enqueued it, if any. */
  readonly requestId: string | undefined
  /** Carries the job's id, task, attempt and request id. */
  readonly log: Log
  /**
   * Enqueues a job that follows this one: in the movement that acknowledges this attempt, so neither is there without
   * the other, and not at all if it fails. `by` and `requestId` are those of this job by default. If an older job holds
   * its unique key it is dropped. At most 100 of them.
   * @throws InputError; TypeError for a task of another queue, which `enqueue` takes
   */
  next<S extends InputSchema, D, R>(
    task: Task<S, D, R>,
    input: z.input<S>,
    options?: EnqueueOptions,
  ): { id: string }
  /** Reports the progress, 0 to 1, to operators, and to the owner of a task with `keepResultMs`. */
  progress(fraction: number): void
}

/**
 * For a task that calls a service whose outages may last for hours: `defineTask({ ...FOR_DAYS, ... })`. Twenty attempts
 * with waits from 10 s to 12 h: given up after some three days.
 */
export const FOR_DAYS = { attempts: 20, backoff: { minMs: 10 * SECOND, maxMs: 12 * HOUR } }

interface Options<S extends InputSchema> {
  /** From what older releases enqueued to the input of this one; made by `upgradeFrom`. */
  upgrade?: Upgrade<z.input<S>>
  /** Where its jobs wait: behind each other, and beside those of other queues. `default` if none. */
  queue?: string
  /** How often it runs before it is dead; 5 by default, within minutes. See FOR_DAYS. */
  attempts?: number
  /** The wait doubles from `minMs` (10 s) to `maxMs` (1 h), and half of it is random. */
  backoff?: { minMs?: number; maxMs?: number }
  /** When the signal fires; a task that ignores its signal takes its worker down. 10 minutes by default. */
  timeoutMs?: number
  /** While a job with the same key (per task) has not ended, a second one is not added. */
  unique?(this: void, input: z.output<S>): string
  /** How many jobs with one key may run at once or start within a time, over all workers; the others wait aside. */
  limit?: Limit<S>
  /** When the key is free again: at the end by default, or when a worker takes the job, so that one may wait beside it. */
  uniqueUntil?: 'start' | 'end'
  /** How long the owner can read status and result; 0, not at all, by default. */
  keepResultMs?: number
  /** The owner may cancel it; with `keepResultMs`. What runs is told by its signal. */
  cancellable?: boolean
}

export interface Limit<S extends InputSchema = InputSchema> {
  /** Jobs with the same key (per task) count together. */
  key(this: void, input: z.output<S>): string
  /** The most that run at once. With 1 they run one after the other, in their order; a failed one lets others pass. */
  max?: number
  /** At most so many starts within any `perMs`. */
  rate?: { starts: number; perMs: number }
}

/** A task as declared by `defineTask`. `execute` upgrades the data and checks it against the schema before it runs. */
export interface Task<S extends InputSchema = InputSchema, D = never, R = unknown> extends Required<
  Pick<Options<S>, 'attempts' | 'timeoutMs' | 'keepResultMs' | 'uniqueUntil' | 'cancellable' | 'queue'>
> {
  readonly name: string
  readonly input: S
  readonly backoff: { readonly minMs: number; readonly maxMs: number }
  unique?(this: void, input: z.output<S>): string
  /** Of its input: how many times it was upgraded. */
  readonly version: number
  /** @param version of the data; that of the task by default */
  readonly execute: (data: unknown, job: Job, deps: D, version?: number) => Promise<R>
  readonly limit?: Limit<S>
}

/**
 * Declares a task. `run` may be called twice for one job, if its worker dies between the work and its
 * acknowledgement: make it idempotent, by `job.id` if necessary, and pass `job.signal` on.
 */
export function defineTask<S extends InputSchema, D = unknown, R = unknown>(
  task: {
    name: string
    input: S
    run: (input: z.output<S>, job: Job, deps: D) => Promise<R> | R
  } & Options<S>,
): Task<S, D, R> {
  const { name, input, run, attempts = 5, backoff = {}, timeoutMs = 10 * MINUTE, keepResultMs = 0 } = task
  const version = task.upgrade?.version ?? 0
  const { queue = DEFAULT_QUEUE, limit, uniqueUntil = 'end', cancellable = false } = task
  if (!/^[\w.:-]{1,100}$/.test(name)) {
    throw new Error(`task "${name}": a name has 1 to 100 letters, digits, dots, colons, dashes`)
  }
  if (!(attempts >= 1) || !(timeoutMs > 0))
    throw new Error(`task "${name}": attempts and timeoutMs are positive`)
  if (cancellable && keepResultMs === 0)
    throw new Error(`task "${name}": cancellable needs keepResultMs, by which its owner knows it`)
  if (!QUEUE_NAME.test(queue)) {
    throw new Error(`task "${name}": a queue's name is a small letter and up to 30 more, digits or dashes`)
  }
  const { max, rate } = limit ?? {}
  for (const n of [max, rate?.starts, rate?.perMs]) {
    if (n !== undefined && !(Number.isSafeInteger(n) && n >= 1))
      throw new Error(`task "${name}": the numbers of its limit are whole and from 1`)
  }
  if (limit && !max && !rate) throw new Error(`task "${name}": a limit has a max, a rate or both`)
  return {
    name,
    input,
    attempts,
    timeoutMs,
    keepResultMs,
    uniqueUntil,
    cancellable,
    queue,
    backoff: { minMs: backoff.minMs ?? 10 * SECOND, maxMs: backoff.maxMs ?? HOUR },
    ...(task.unique && { unique: task.unique }),
    version,
    execute: async (data, job, deps, from = version) => {
      const current = task.upgrade && from < version ? task.upgrade.apply(name, data, from) : data
      return run(parseInput(name, input, current), job, deps)
    },
    ...(limit && { limit }),
  }
}

/** Thrown by a task: the message may be shown to the account that enqueued the job. */
export class JobError extends Error {
  override name = 'JobError'
}

export interface EnqueueOptions {
  /** Not before this many milliseconds from now, by Redis's clock. */
  delayMs?: number
  /** Not before this moment. */
  at?: Date
  /** If no worker has taken it by then, by Redis's clock, it is not run: the log and its owner are told, nobody else. */
  startBefore?: Date
  /** Goes to the front of the queue; not together with a delay. */
  urgent?: boolean
  /** Overrides the task's own key: while a job with this key has not ended, none is added. */
  unique?: string
  /** The key is released this long after the due time, in case the job was lost; a day by default. */
  uniqueMs?: number
  /** The id of the account that enqueues it, which may read its status. */
  by?: string
  /** The id of the request that enqueues it, for the log. */
  requestId?: string | undefined
  /** The trace that it belongs to, as `currentTrace` of log/trace.ts says it; the current one by default. */
  trace?: string | undefined
}

/** `added: false`: a job with the same unique key has not ended yet, and `id` is that one's. */
export interface Enqueued {
  id: string
  added: boolean
}

/** Resolves when Redis has the job. */
export type Enqueue = <S extends InputSchema, D, R>(
  task: Task<S, D, R>,
  input: z.input<S>,
  options?: EnqueueOptions,
) => Promise<Enqueued>

export const UNIQUE_MS = DAY
