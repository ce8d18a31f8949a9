// What a worker has in hand: the jobs of its list in Redis, as far as it knows, and what is to become of them.
import type { Move } from './element.ts'
import type { Running } from './running.ts'

/** What one STEP settles: jobs that are done and nothing else, other jobs, and elements that are no jobs of ours. */
export interface Batch {
  acks: Running[]
  others: Running[]
  rejects: Move[]
  /** Of the others, in their order, and then of the rest. */
  moves: Move[]
}

export class Inflight {
  /** By raw element. */
  readonly jobs = new Map<string, Running>()
  #settled: Running[] = []
  #rejects: Move[] = []
  #elements = 0

  get size(): number {
    return this.jobs.size
  }

  /** Elements in our list, without those that the next STEP settles. */
  get held(): number {
    return this.#settled.reduce((sum, job) => sum - job.copies, this.#elements)
  }

  get anySettled(): boolean {
    return this.#settled.length > 0 || this.#rejects.length > 0
  }

  add(job: Running): void {
    this.jobs.set(job.raw, job)
    this.#elements += job.copies
  }

  /** An element lies in our list so many times: one that was pushed twice is one job, settled twice. */
  recount(job: Running, copies: number): void {
    this.#elements += copies - job.copies
    job.copies = copies
  }

  reject(move: Move): void {
    this.#rejects.push(move)
  }

  /** What becomes of a job; the first word on it counts. */
  settle(job: Running, move: Move): void {
    if (job.move) return
    clearTimeout(job.timer)
    job.move = move
    if (job.lost) this.forget(job)
    else this.#settled.push(job)
  }

  forget(job: Running): void {
    if (this.jobs.get(job.raw) === job) this.jobs.delete(job.raw)
    this.#elements -= job.copies
  }

  /** All that can be settled now. It stays here until `confirm`, so that a script that failed can be repeated. */
  batch(): Batch {
    const acks: Running[] = []
    const others: Running[] = []
    const moves: Move[] = []
    const twins: Move[] = []
    for (const job of this.#settled) {
      const { move, raw, copies } = job
      if (move && (move.to !== 'gone' || move.release !== undefined || move.status !== undefined)) {
        others.push(job)
        moves.push(move)
      } else acks.push(job)
      for (let twin = 1; twin < copies; twin++) twins.push({ raw, to: 'gone' })
    }
    const rejects = [...this.#rejects]
    moves.push(...twins, ...rejects)
    return { acks, others, rejects, moves }
  }

  confirm({ acks, others, rejects }: Batch): void {
    this.#settled = this.#settled.slice(acks.length + others.length)
    this.#rejects = this.#rejects.slice(rejects.length)
    for (const job of acks) this.forget(job)
    for (const job of others) this.forget(job)
  }
}
