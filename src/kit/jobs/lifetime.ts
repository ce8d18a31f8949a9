// Holds whether a worker runs, stops or has ended, and why, and ends the waits of its parts.
import { setTimeout as timeout } from 'node:timers/promises'

export class Lifetime {
  readonly #stopping = new AbortController()
  readonly #over = new AbortController()
  readonly #end = Promise.withResolvers<void>()
  #failure: unknown
  /** Fires when the worker takes no more and drains. */
  readonly stopping = this.#stopping.signal
  /** Fires at the end. */
  readonly over = this.#over.signal
  /** Resolves at the end; rejects with what went wrong first. */
  readonly ended = this.#end.promise

  get isStopping(): boolean {
    return this.stopping.aborted
  }

  get isOver(): boolean {
    return this.over.aborted
  }

  /** @param failure what its end is to be rejected with */
  stop(failure?: unknown): void {
    this.#failure ??= failure
    this.#stopping.abort()
  }

  /** A part that fails ends the whole worker: a dead loop with a live heartbeat would be the worst state. */
  readonly fail = (error: unknown): void => {
    this.#failure ??= error
    this.finish()
  }

  finish(): void {
    if (this.isOver) return
    this.#over.abort()
    if (this.#failure === undefined) this.#end.resolve()
    else this.#end.reject(this.#failure)
  }

  /** Ends early when all is over. */
  async sleep(ms: number): Promise<void> {
    await timeout(ms, undefined, { signal: this.over }).catch(() => {})
  }
}
