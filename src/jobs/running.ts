// One job at work in this process: what its task sees of it, and how it is told to stop.
import { hostname } from 'node:os'
import type { Log, LogFields } from '../deps.ts'
import type { Element, Move } from './element.ts'
import type { Job } from './task.ts'

/** What a worker says of itself at each beat. */
export interface Beat {
  host: string
  pid: number
  concurrency: number
  /** Unix ms, by the worker's own clock. */
  startedAt: number
  beatAt: number
  stopping: boolean
  running: { id: string; task: string; attempt: number; startedAt: number; progress?: number }[]
}

export class Running implements Job {
  readonly id: string
  readonly attempt: number
  readonly by: string | undefined
  readonly requestId: string | undefined
  readonly startedAt = Date.now()
  readonly #started = performance.now()
  /** How many identical elements of it are in the worker's list: a push that was sent twice leaves two. */
  copies = 1
  /** What becomes of it, once that is known. */
  move: Move | undefined
  /** Its element went elsewhere while it ran: whatever comes of it settles nothing. */
  lost = false
  /** It ignored its signal past the timeout. */
  deaf = false
  begun = false
  timer: ReturnType<typeof setTimeout> | undefined
  fraction: number | undefined
  /** `fraction` as last shown to the owner. */
  shown: number | undefined
  #controller: AbortController | undefined
  #reason: Error | undefined
  #log: Log

  constructor(
    readonly raw: string,
    readonly element: Element,
    log: Log,
  ) {
    this.id = element.id
    this.attempt = (element.n ?? 0) + (element.c ?? 0) + 1
    this.by = element.by
    this.requestId = element.rid
    this.#log = log
  }

  // Most tasks ask for neither signal nor log, and both cost something.
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#reason) this.#controller.abort(this.#reason)
    return this.#controller.signal
  }

  get log(): Log {
    return withFields(this.#log, this.fields())
  }

  /** What each log line about it carries; with the time taken when it has ended. */
  fields(ended = false): LogFields {
    const { id, element, attempt, requestId } = this
    const ms = ended ? { ms: Math.round((performance.now() - this.#started) * 10) / 10 } : {}
    return { job: id, task: element.task, attempt, ...(requestId !== undefined && { requestId }), ...ms }
  }

  get aborted(): Error | undefined {
    return this.#reason
  }

  abort(reason: Error): void {
    this.#reason ??= reason
    this.#controller?.abort(this.#reason)
  }

  progress(fraction: number): void {
    if (fraction >= 0) this.fraction = Math.min(1, fraction)
  }
}

export function describeWorker(
  concurrency: number,
  startedAt: number,
  stopping: boolean,
  jobs: Iterable<Running>,
): Beat {
  const running = Array.from(jobs, ({ id, element, attempt, startedAt: at, fraction }) => ({
    id,
    task: element.task,
    attempt,
    startedAt: at,
    ...(fraction !== undefined && { progress: fraction }),
  }))
  return { host: hostname(), pid: process.pid, concurrency, startedAt, beatAt: Date.now(), stopping, running }
}

function withFields(log: Log, more: LogFields): Log {
  return {
    debug: (message, fields) => log.debug(message, { ...more, ...fields }),
    info: (message, fields) => log.info(message, { ...more, ...fields }),
    warn: (message, fields) => log.warn(message, { ...more, ...fields }),
    error: (message, fields) => log.error(message, { ...more, ...fields }),
  }
}
