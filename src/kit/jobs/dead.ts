// Reports each job that dies: in the log, and to the hook with which a product sends a mail or a chat message.
import type { ReportUnexpected } from '../log/unexpected.ts'
import type { Log } from '../types/log.ts'
import { Bell } from './bell.ts'
import { factsOf, parseElement, type JobFacts } from './element.ts'
import type { Move } from './moves.ts'

/** How long hooks may still run after the end of a worker's last job. */
const LAST_HOOKS_MS = 2000

/** A dead job, without its input, which an operator reads by the id. */
export type DeadJob = JobFacts

/** Called once for each job that dies, and not again if the worker dies during the call. A failure is logged. */
export type OnDead<D> = (job: DeadJob, deps: D) => Promise<unknown> | void

interface Terms<D> {
  deps: D
  log: Log
  onDead: OnDead<D>
  report: ReportUnexpected
}

/** Calls the hook of one worker, and tracks the calls that have not ended. */
export class DeadNotices<D> {
  readonly #calls = new Set<Promise<void>>()

  constructor(readonly terms: Terms<D>) {}

  /** A movement was made; others than to the dead are nobody's news. `ran`: its last run has logged its end. */
  tell({ to, as = '' }: Move, ran: boolean): void {
    const e = to === 'dead' && parseElement(as)
    if (!e) return
    const { id: job, task, error } = e
    if (!ran) {
      this.terms.log.error('job given up: it goes to the dead', { job, task, error })
      const attempt = (e.n ?? 0) + (e.c ?? 0)
      void this.terms.report(new Error(`job given up: ${error ?? 'no reason is known'}`), {
        in: 'job',
        task,
        job,
        attempt,
        final: true,
        requestId: e.rid,
      })
    }
    const call = this.#call(factsOf(e)).finally(() => this.#calls.delete(call))
    this.#calls.add(call)
  }

  /** Until all that were called have ended, or had their time. Never rejects. */
  async settled(): Promise<void> {
    const patience = new Bell()
    void Promise.all(this.#calls).then(() => patience.ring())
    await patience.wait(LAST_HOOKS_MS)
  }

  async #call(dead: DeadJob): Promise<void> {
    const { onDead, deps, log } = this.terms
    try {
      await onDead(dead, deps)
    } catch (error) {
      log.warn('onDead failed: nobody may have been told of a dead job', {
        job: dead.id,
        task: dead.task,
        error,
      })
    }
  }
}
