// Searches the dead jobs for operators, a bounded piece at a time, and retries or drops many of them at once.
import { MOST_AT_ONCE } from '../types/queue-defaults.ts'
import { drop, revive, type Move } from './moves.ts'
import type { Found, JobView, Part, Place } from './places.ts'

/** Dead jobs that one search looks at, and what is read of them at once. */
const LOOKED_AT = 5000
const READ = 250
/** Jobs that one script moves at the most: each is looked for in a long list. */
const BATCH = 25

export interface DeadFilter {
  task?: string | undefined
  /** A part of the error, in small letters or capitals. */
  error?: string | undefined
  /** Dead for so long at the least; those of older releases do not say since when, and count as old. */
  forMs?: number | undefined
  ids?: readonly string[] | undefined
}

export interface DeadPage {
  /** The newest first. */
  jobs: JobView[]
  /** Of those that were looked at: how many of each task fit the rest of the filter. */
  tasks: [task: string, count: number][]
  /** From which one to go on; undefined at the end. */
  next: number | undefined
}

export function createDeadSearch(parts: {
  slice: (place: Place, start: number, size: number) => Promise<Found[]>
  move: (part: Part, n: 1, moves: Move[]) => Promise<number>
}) {
  const { slice, move } = parts
  return {
    /** @param from the place of the first that is looked at, from 0: the newest */
    async search(filter: DeadFilter, from: number, size: number): Promise<DeadPage> {
      const { task, ...others } = filter
      const fits = filterOf(others)
      const jobs: JobView[] = []
      const counts = new Map<string, number>()
      let next: number | undefined
      let at = from
      for (let isMore = true; isMore && at < from + LOOKED_AT;) {
        const some = await slice('dead', at, READ)
        for (const [i, { view }] of some.entries()) {
          if (!fits(view)) continue
          counts.set(view.task, (counts.get(view.task) ?? 0) + 1)
          if (task !== undefined && view.task !== task) continue
          if (jobs.length < size) jobs.push(view)
          else next ??= at + i
        }
        at += some.length
        isMore = some.length === READ
        if (isMore && at >= from + LOOKED_AT) next ??= at
      }
      return { jobs, tasks: [...counts].toSorted((a, b) => b[1] - a[1]), next }
    },

    /** Those of a filter, MOST_AT_ONCE at the most; `isMore`: there are others. */
    async moveAll(to: 'retry' | 'drop', filter: DeadFilter): Promise<{ moved: number; isMore: boolean }> {
      const fits = filterOf(filter)
      const meant: Found[] = []
      // All are read before one moves: what dies meanwhile makes some be read twice, and none be passed over.
      for (let start = 0, isMore = true; isMore && meant.length <= MOST_AT_ONCE; start += READ) {
        const some = await slice('dead', start, READ)
        meant.push(...some.filter(({ view }) => fits(view)))
        isMore = some.length === READ && meant.length !== filter.ids?.length
      }
      let moved = 0
      const going = meant.slice(0, MOST_AT_ONCE).toReversed()
      for (const base of new Set(going.map((job) => job.base))) {
        const ofQueue = going.filter((job) => job.base === base)
        for (let i = 0; i < ofQueue.length; i += BATCH) {
          const some = ofQueue.slice(i, i + BATCH)
          const moves = some.map(({ raw }) => (to === 'retry' ? revive(raw, 'back') : drop(raw)))
          if (some[0]) moved += await move(some[0], 1, moves)
        }
      }
      return { moved, isMore: meant.length > MOST_AT_ONCE }
    },
  }
}

function filterOf({ task, error, forMs, ids }: DeadFilter) {
  const [part, before, named] = [error?.toLowerCase(), forMs && Date.now() - forMs, ids && new Set(ids)]
  return (job: JobView): boolean =>
    (task === undefined || job.task === task) &&
    (part === undefined || (job.error ?? '').toLowerCase().includes(part)) &&
    (before === undefined || (job.since ?? 0) <= before) &&
    (named === undefined || named.has(job.id))
}
