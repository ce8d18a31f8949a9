// Keeps the jobs of one queue that a worker has in flight: starts each, and settles it.
import type { QueueShare } from '../types/queue-defaults.ts'
import type { Bell } from './bell.ts'
import type { Element } from './element.ts'
import type { Lifetime } from './lifetime.ts'
import { postpone, requeue, type Move } from './moves.ts'
import type { WorkerOptions } from './options.ts'
import { RunningJob } from './running-job.ts'
import type { Terms } from './terms.ts'
import type { Lane, Slots } from './slots.ts'
import { TaskCounts } from './task-stats.ts'

type Options<D> = Pick<Required<WorkerOptions<D>>, 'tasks' | 'maxJobs'> & Omit<Terms<D>, 'queue'>

export class InFlight<D> implements Lane {
  /** What is in our list in Redis, as far as we know, by raw element; and what was lost to others, until it ends. */
  readonly #jobs = new Map<string, RunningJob<D>>()
  /** Those of them whose outcome Redis does not know yet. */
  #settled: RunningJob<D>[] = []
  /** The length of our list, by Redis's last word. */
  listed = 0
  /** How many a step that is under way may bring. */
  asked = 0
  isHungry = true
  tookAt = 0
  readonly counts = new TaskCounts()
  readonly #tasks
  readonly #terms

  /**
   * @param bell rings when a job has ended
   * @param show tells the owner of a job how far it is
   */
  constructor(
    readonly options: Options<D>,
    readonly share: QueueShare,
    readonly slots: Slots,
    readonly lifetime: Lifetime,
    readonly bell: Bell,
    readonly show: (job: RunningJob<D>) => void,
  ) {
    slots.lanes.push(this)
    this.#tasks = new Map(options.tasks.map((task) => [task.name, task]))
    this.#terms = { ...options, queue: share.name }
  }

  get size(): number {
    return this.#jobs.size
  }

  get used(): number {
    return Math.max(this.listed, this.#jobs.size) - this.#settled.length + this.asked
  }

  get settled(): readonly RunningJob<D>[] {
    return this.#settled
  }

  /** Those that have not ended. */
  get unsettled(): RunningJob<D>[] {
    return [...this.#jobs.values()].filter((job) => !job.outcome)
  }

  /** Some job will settle by itself. */
  get mayEnd(): boolean {
    return this.#settled.length < this.#jobs.size
  }

  get isDeaf(): boolean {
    return this.#jobs.values().every((job) => job.deaf)
  }

  /** A job is in our list: it runs, unless something speaks against it. */
  begin(raw: string, element: Element): void {
    // Identical elements are one job, whose enqueue was sent twice; they leave our list together.
    if (this.#jobs.has(raw)) return
    this.tookAt = ++this.slots.taken
    if (this.slots.taken >= this.options.maxJobs) this.lifetime.stop()
    const job = new RunningJob(raw, element, this.#tasks.get(element.task), this.#terms, this.#giveUpOn)
    this.#jobs.set(raw, job)
    if ((element.c ?? 0) < 2) this.#run(job)
    else if (this.slots.suspect) this.settle(job, postpone(raw, element))
    else this.slots.suspect = job
  }

  /** Runs the suspect, once it is alone. @returns whether there was something to do */
  beginSuspect(): boolean {
    const job = this.slots.suspect && this.#jobs.values().find((one) => one === this.slots.suspect)
    if (!job || job.begun || this.slots.size > 1) return false
    if (this.lifetime.isStopping || job.signal.aborted) this.settle(job, requeue(job.raw, job.element))
    else this.#run(job)
    return true
  }

  /** The first word on what becomes of a job counts. */
  settle(job: RunningJob<D>, outcome: Move): void {
    if (job.outcome) return
    job.outcome = outcome
    if (job.lost) this.#forget(job)
    else this.#settled.push(job)
    // Of declared tasks alone: so there are not more of them than somebody has written.
    if (outcome.counts && job.task) this.counts.add(job.task.name, outcome.counts, job.waitedMs, job.ranMs)
    this.bell.ring()
  }

  /** Redis has the outcomes of the first `count` that have settled. */
  release(count: number): void {
    for (const job of this.#settled.slice(0, count)) this.#forget(job)
    this.#settled = this.#settled.slice(count)
  }

  /** It is in our list no more, though nobody here has settled it. */
  lose(job: RunningJob<D>): void {
    job.lost = true
    job.abort(new Error('another worker took the job over, or an operator dropped it'))
    this.options.log.warn('job taken away while it ran: it may run twice', job.fields())
    if (!job.begun) this.#forget(job)
  }

  /** Loses those that are not in our list. */
  loseOthers(listed: Set<string>): void {
    for (const job of this.#jobs.values()) {
      if (!listed.has(job.raw) && !job.lost && !job.outcome) this.lose(job)
    }
  }

  abort(reason: Error): void {
    for (const job of this.#jobs.values()) job.abort(reason)
  }

  /** They did not end in time. Not the deaf ones: they still run. */
  requeue(): void {
    for (const job of this.#jobs.values()) if (!job.deaf) this.settle(job, requeue(job.raw, job.element))
  }

  /** The process is about to end, so that what runs on in it cannot overlap the next attempt. */
  failDeaf(): void {
    for (const job of this.#jobs.values()) this.settle(job, job.fail())
  }

  #run(job: RunningJob<D>): void {
    this.show(job)
    job.run().then((outcome) => this.settle(job, outcome), this.lifetime.fail)
  }

  #forget(job: RunningJob<D>): void {
    this.#jobs.delete(job.raw)
    this.slots.changed(this.slots.suspect || this.lifetime.isStopping ? undefined : this)
    if (job === this.slots.suspect) this.slots.suspect = undefined
  }

  readonly #giveUpOn = (job: RunningJob<D>): void => {
    if (job.outcome || this.lifetime.isOver) return
    job.deaf = true
    this.options.log.error('job runs on past its timeout: the worker ends', job.fields(true))
    const task = job.element.task
    this.lifetime.stop(new Error(`task "${task}" runs on past its timeout and ignores its signal`))
    this.slots.changed()
  }
}
