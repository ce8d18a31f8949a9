// Runs one job under a deadline: gives its task what it needs, and decides where the element moves.
import type { z } from 'zod'
import { isTransient } from '../data/transient.ts'
import { traceIdOf } from '../log/request-context.ts'
import { withFields } from '../log/with-fields.ts'
import { currentTrace, parseTrace } from '../log/trace.ts'
import type { Log, LogFields } from '../types/log.ts'
import { knownSince, type Element } from './element.ts'
import type { InputSchema } from './input.ts'
import { finish, moveToDead, postpone, requeue, retry, type Move } from './moves.ts'
import { followers, type PreparedJob } from './new-job.ts'
import { inTraceOfJob } from './spans.ts'
import { JobError, type EnqueueOptions, type Job, type Task } from './task.ts'
import type { Terms } from './terms.ts'

/** The longest error text that is kept with a job. */
const MAX_ERROR = 2000
/** Bytes of its status, in JSON: a result lies in Redis until its time is over. */
const MAX_RESULT = 1024 * 1024
/** A longer timer would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1
/** Jobs that follow one: they are added by one script. */
const MAX_NEXT = 100

export class RunningJob<D> implements Job {
  readonly id: string
  readonly attempt: number
  readonly by: string | undefined
  readonly requestId: string | undefined
  readonly startedAt = Date.now()
  readonly #started = performance.now()
  /** From when it could start to its start; undefined if its element does not say. */
  readonly waitedMs: number | undefined
  begun = false
  /** What is to become of its element, once that is known. */
  outcome: Move | undefined
  /** Its element went elsewhere while it ran: whatever comes of it settles nothing. */
  lost = false
  /** It ignored its signal past the timeout. */
  deaf = false
  fraction: number | undefined
  /** Its owner, if it has one, does not know yet how far it is. */
  unseen: boolean
  #next: PreparedJob[] | undefined
  #hasEnded = false
  #controller: AbortController | undefined
  #reason: Error | undefined

  constructor(
    readonly raw: string,
    readonly element: Element,
    readonly task: Task<InputSchema, D> | undefined,
    readonly terms: Terms<D>,
    /** It has not ended when the grace after its timeout is over. */
    readonly onDeaf: (job: RunningJob<D>) => void,
  ) {
    this.id = element.id
    this.attempt = (element.n ?? 0) + (element.c ?? 0) + 1
    this.by = element.by
    this.requestId = element.rid
    this.unseen = Boolean(element.keep)
    const since = knownSince(element.since)
    this.waitedMs = since && Math.max(0, this.startedAt - since) // by two clocks
  }

  get ranMs(): number {
    return performance.now() - this.#started
  }

  // Most tasks ask for neither signal nor log, and both cost something.
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#reason) this.#controller.abort(this.#reason)
    return this.#controller.signal
  }

  get log(): Log {
    return withFields(this.terms.log, this.fields())
  }

  next<S extends InputSchema, D2, R>(task: Task<S, D2, R>, input: z.input<S>, options?: EnqueueOptions) {
    const refusal = `job "${this.id}" cannot be followed by task "${task.name}"`
    const { queue = task.queue } = this.task ?? {}
    if (task.queue !== queue) {
      throw new TypeError(
        `${refusal}: its queue is ${task.queue}, that of "${this.element.task}" is ${queue}, and only jobs of one queue ` +
          'are added together with an end; name one queue in both, or call enqueue, which may add it twice',
      )
    }
    if (this.#hasEnded) throw new Error(`${refusal}: it has ended; await what calls job.next`)
    this.#next ??= []
    if (this.#next.length === MAX_NEXT) {
      throw new RangeError(`${refusal}: at most ${MAX_NEXT} follow; enqueue one that enqueues the others`)
    }
    const { by, requestId } = this
    // An older release may have put this one elsewhere than where its task belongs now: what follows stays with it.
    const beside = { ...task, queue: this.terms.queue }
    const job = this.terms.prepare(beside, input, { by, requestId, trace: currentTrace(), ...options })
    this.#next.push(job)
    return { id: job.id }
  }

  progress(fraction: number): void {
    if (!(fraction >= 0)) return
    this.fraction = Math.min(1, fraction)
    this.unseen = Boolean(this.element.keep)
  }

  abort(reason: Error): void {
    this.#reason ??= reason
    this.#controller?.abort(this.#reason)
  }

  /** Resolves with what is to become of it; never rejects for what its task throws. */
  async run(): Promise<Move> {
    const { raw, element, task, terms } = this
    this.begun = true
    const { id: job, task: name, v = 0 } = element
    if (!task || v > task.version) {
      // Processes of several releases run side by side during a deploy, and after a rollback.
      const what = task ? 'whose input a newer release enqueued' : 'of an unknown task'
      terms.log.warn(`job ${what}: it waits`, { job, task: name })
      return postpone(raw, element)
    }
    const onTimeout = () => {
      this.abort(new DOMException(`timed out after ${task.timeoutMs} ms`, 'TimeoutError'))
      timer = setTimeout(() => this.onDeaf(this), terms.graceMs)
    }
    let timer = setTimeout(onTimeout, Math.min(task.timeoutMs, MAX_TIMER_MS))
    try {
      const execute = () => task.execute(element.data, this, terms.deps, v)
      const result = await inTraceOfJob(terms.tracer, element, terms.queue, execute)
      this.#hasEnded = true
      const outcome = finish(raw, element, result, this.#next && followers(this.#next))
      const size = Buffer.byteLength(outcome.status ?? '')
      if (size > MAX_RESULT) return this.fail(tooLarge(size), 1)
      terms.log.info('job done', this.fields(true))
      return outcome
    } catch (error) {
      if (!this.#reason || this.#reason.name === 'TimeoutError') return this.fail(error)
      // Stopped by us, not failed: at the end of a drain, or because it is not ours any more.
      if (this.#reason.name === 'AbortError') terms.log.info('job cancelled', this.fields(true))
      else terms.log.warn('job stopped', { ...this.fields(true), error })
      return requeue(raw, element)
    } finally {
      clearTimeout(timer)
    }
  }

  /** After an attempt that failed: another one, later and later, or the dead. */
  fail(error: unknown = this.#reason, attempts = this.task?.attempts ?? 1): Move {
    const { backoff = { minMs: 0, maxMs: 0 } } = this.task ?? {}
    const { log, describe } = this.terms
    const n = (this.element.n ?? 0) + 1
    const after = { ...this.element, n, error: describe(error).slice(0, MAX_ERROR) }
    const final = n >= attempts
    if (final || !(error instanceof JobError || isTransient(error))) this.#report(error, final)
    if (final) {
      log.error('job failed for the last time: it goes to the dead', { ...this.fields(true), error })
      return moveToDead(this.raw, after, error instanceof JobError ? error.message : undefined)
    }
    const wait = Math.min(backoff.maxMs, backoff.minMs * 2 ** (n - 1))
    const delayMs = Math.round(wait * (0.5 + Math.random() / 2))
    log.warn('job failed: it is tried again', { ...this.fields(true), delayMs, error })
    return retry(this.raw, after, delayMs)
  }

  #report(error: unknown, final: boolean): void {
    void this.terms.report(error, { in: 'job', final, ...this.#facts })
  }

  /** What each log line about it carries; with the time taken when it has ended. */
  fields(ended = false): LogFields {
    return { ...this.#facts, ...(ended && { ms: Math.round(this.ranMs * 10) / 10 }) }
  }

  get #facts() {
    const { id: job, attempt, requestId } = this
    const { task, tp } = this.element
    const traceId = traceIdOf(parseTrace(tp))
    return { job, task, attempt, ...(requestId !== undefined && { requestId }), ...(traceId && { traceId }) }
  }
}

// Another attempt would end the same.
const tooLarge = (size: number) =>
  new JobError(`The result is too large to be kept: ${size} bytes of JSON, at most ${MAX_RESULT} are allowed`)
