// Divides the slots of a worker among its queues, so that a flood in one starves no other and no slot stands idle.
import type { QueueShare } from '../types/queue-defaults.ts'
import type { Bell } from './bell.ts'
import type { Lifetime } from './lifetime.ts'

/** What a queue asks of the slots. */
export interface Lane {
  readonly share: QueueShare
  readonly bell: Bell
  /** Slots that its jobs have, and that those may need which a step is about to bring. */
  readonly used: number
  /** There may be more to take. */
  readonly isHungry: boolean
  /** When it took last, counted in jobs. */
  readonly tookAt: number
  readonly isDeaf: boolean
  /** Jobs in its hands, ended ones too. */
  readonly size: number
}

interface Asking {
  one: Lane
  /** Slots that it has beside its reserved ones. */
  has: number
  /** It has none, though by its weight one of the last jobs would have been its own. */
  isDue: boolean
}

export class Slots {
  readonly lanes: Lane[] = []
  /** A job whose worker died twice: it runs alone, so that a killer takes nobody with it. */
  suspect: object | undefined
  /** Jobs so far. */
  taken = 0

  constructor(
    readonly options: { concurrency: number; maxJobs: number },
    readonly lifetime: Lifetime,
  ) {}

  get size(): number {
    return this.lanes.reduce((total, { size }) => total + size, 0)
  }

  /** Nothing but jobs that ignore their signals: the worker has waited long enough. */
  get isDeaf(): boolean {
    return this.lanes.every((lane) => lane.isDeaf)
  }

  /** How many more a lane may take: what is left of its reserved slots, and its part of those that are free for all. */
  room(lane: Lane): number {
    if (this.lifetime.isStopping || this.suspect) return 0
    const { concurrency, maxJobs } = this.options
    let free = concurrency
    const rivals: Lane[] = []
    for (const one of this.lanes) {
      // What has ended in another queue is in our list there until Redis knows; here the step that tells it also takes.
      const has = one === lane ? one.used : Math.max(one.used, one.size)
      free -= Math.max(has, one.share.reserved)
      if (one !== lane && one.isHungry) rivals.push(one)
    }
    const part = rivals.length === 0 ? Math.max(0, free) : this.#partOf(lane, rivals, free)
    const reserved = Math.max(0, lane.share.reserved - lane.used)
    return Math.max(0, Math.min(reserved + part, maxJobs - this.taken))
  }

  /**
   * One slot by one they go to whoever has the fewest for its weight; of equals to the one that has waited longest. Where
   * slots are fewer than weights, a queue has its part over time.
   */
  #partOf(lane: Lane, rivals: Lane[], free: number): number {
    const weights = rivals.reduce((sum, { share }) => sum + share.weight, lane.share.weight)
    const asking = [lane, ...rivals].map((one): Asking => {
      const has = Math.max(0, one.used - one.share.reserved)
      const isDue = has === 0 && this.taken - one.tookAt >= weights / one.share.weight - 1
      return { one, has, isDue }
    })
    let part = 0
    for (; free > 0; free--) {
      const next = asking.reduce((a, b) => (isBefore(b, a) ? b : a))
      next.has++
      next.isDue = false
      if (next.one === lane) part++
    }
    return part
  }

  /** A slot came free, or a rival is gone: whoever could do something now looks, `but` the one that knows. */
  changed(but?: Lane): void {
    for (const lane of this.lanes) {
      if (lane !== but && (lane.isHungry || this.suspect || this.lifetime.isStopping)) lane.bell.ring()
    }
  }
}

function isBefore(a: Asking, b: Asking): boolean {
  if (a.isDue !== b.isDue) return a.isDue
  const [forA, forB] = [(a.has + 1) / a.one.share.weight, (b.has + 1) / b.one.share.weight]
  return forA < forB || (forA === forB && a.one.tookAt < b.one.tookAt)
}
