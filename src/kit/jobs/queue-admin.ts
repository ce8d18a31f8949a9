// Shows operators the jobs of all queues, and retries, drops or holds them up on their behalf.
import type { Redis } from 'ioredis'
import { DEFAULT_QUEUE, QUEUE_DEFAULTS } from '../types/queue-defaults.ts'
import { cancel } from './cancel.ts'
import { createDeadSearch } from './dead-search.ts'
import { readLimits } from './limits.ts'
import { call } from './lua.ts'
import { drop, moveArgs, revive, type Move } from './moves.ts'
import { findInPart, lengthOf, partsOf, readPart, SEARCHED } from './places.ts'
import type { Found, JobView, Part, Place } from './places.ts'
import { queueOf, readQueueNames } from './queue-names.ts'
import { keyBase, MOVE } from './scripts.ts'
import { parseStatus } from './status.ts'
import { readStats, type Stats } from './stats.ts'
import { readTaskStats } from './task-stats.ts'

/** Dead jobs that one script revives: few, so that no other client of Redis waits for long. */
const SLICE = 250

/** @param leaseMs and keepDead as the workers have them */
export function createQueueAdmin(options: {
  redis: Redis
  prefix: string
  leaseMs?: number
  keepDead?: number
}) {
  const { redis, prefix, leaseMs = QUEUE_DEFAULTS.leaseMs, keepDead = QUEUE_DEFAULTS.keepDead } = options
  const names = () => readQueueNames(redis, prefix)
  const parts = (queue: string, place: Place) => partsOf(redis, keyBase(prefix, queue), queue, place)
  /** The queues that a job of this id may be in: the one that it begins with, and the default one, whose ids may look so. */
  const homes = (id: string) => [...new Set([queueOf(id), DEFAULT_QUEUE])]

  /** What the first of them answers that knows the job. */
  async function ask<T>(id: string, which: (base: string) => Promise<T | undefined>): Promise<T | undefined> {
    for (const queue of homes(id)) {
      const answer = await which(keyBase(prefix, queue))
      if (answer !== undefined) return answer
    }
    return undefined
  }

  async function find(id: string, places: readonly Place[] = SEARCHED): Promise<Found | undefined> {
    // Last in all: what another program enqueued has the id that it gave it.
    for (const queue of new Set([...homes(id), ...(await names())])) {
      for (const place of places) {
        for (const part of await parts(queue, place)) {
          const found = await findInPart(redis, part, id)
          if (found) return found
        }
      }
    }
    return undefined
  }

  const move = ({ base, key }: Part, n: 0 | 1 | -1, moves: Move[]) =>
    call(redis, MOVE, base, key, n, ...moves.flatMap((m) => moveArgs(m, keepDead)))

  /** A slice of a place over all queues, one after the other. */
  async function slice(place: Place, start: number, size: number): Promise<Found[]> {
    const found: Found[] = []
    let before = start
    for (const queue of await names()) {
      for (const part of await parts(queue, place)) {
        if (found.length === size) return found
        found.push(...(await readPart(redis, part, before, before + size - found.length - 1)))
        if (before > 0) before = Math.max(0, before - (await lengthOf(redis, part)))
      }
    }
    return found
  }

  async function hold(queue: string | undefined, act: (key: string) => Promise<unknown>): Promise<boolean> {
    const held = (await names()).filter((name) => queue === undefined || name === queue)
    for (const name of held) await act(`${keyBase(prefix, name)}paused`)
    return held.length > 0
  }

  return {
    stats: async (): Promise<Stats> => readStats(redis, prefix, await names(), leaseMs),
    /** See `readTaskStats`. */
    taskStats: async (over: 'hour' | 'ever') => readTaskStats(redis, prefix, await names(), over),

    /** See `readLimits`. */
    limits: async () => readLimits(redis, prefix, await names()),
    /** The dead by task, error and age, many at once. */
    dead: createDeadSearch({ slice, move }),

    /** Waiting jobs in their order, delayed ones by due time, dead ones newest first. @param page from 1 */
    async list(place: Place, page = 1, size = 50): Promise<JobView[]> {
      return (await slice(place, (Math.max(1, page) - 1) * size, size)).map(({ view }) => view)
    },

    /** The job, wherever it is; undefined if it has ended. */
    show: async (id: string) => (await find(id))?.view,

    /**
     * A dead or a delayed job goes to the front of its queue, with all its attempts before it; `all`: every dead one,
     * to the back. A unique key that it let go when it died it does not get again.
     * @returns how many
     */
    async retry(which: { id: string } | 'all'): Promise<number> {
      if (which !== 'all') {
        const found = await find(which.id, ['dead', 'later'])
        return found ? await move(found, 0, [revive(found.raw, 'front')]) : 0
      }
      let moved = 0
      for (const queue of await names()) {
        for (const dead of await parts(queue, 'dead')) {
          // From the oldest end: what dies meanwhile comes in at the other one. What is left when it breaks is still dead.
          for (let left = await lengthOf(redis, dead); left > 0;) {
            const slices = await readPart(redis, dead, -Math.min(SLICE, left), -1)
            if (slices.length === 0) break
            const moves = slices.toReversed().map(({ raw }) => revive(raw, 'back'))
            moved += await move(dead, -1, moves)
            left -= slices.length
          }
        }
      }
      return moved
    },

    /** Drops a job. A running one is told by its signal within seconds. */
    async drop(id: string): Promise<boolean> {
      const found = await find(id)
      return found !== undefined && (await move(found, 0, [drop(found.raw)])) === 1
    },

    /** Drops each dead job of which this is true; returns how many. */
    async dropDead(isMeant: (job: JobView) => Promise<boolean>): Promise<number> {
      const meant: Found[] = []
      // All are read before one is dropped: what dies meanwhile makes some be read twice, and none be passed over.
      for (let start = 0, more = true; more; start += SLICE) {
        const some = await slice('dead', start, SLICE)
        for (const job of some) if (await isMeant(job.view)) meant.push(job)
        more = some.length === SLICE
      }
      let dropped = 0
      for (const job of meant) dropped += await move(job, 0, [drop(job.raw)])
      return dropped
    },

    /** Workers finish what they run, and take nothing more from a queue, or from any, until `resume`. False: no such one. */
    pause: (queue?: string) => hold(queue, (key) => redis.set(key, '1')),
    resume: (queue?: string) => hold(queue, (key) => redis.del(key)),

    /** What the owner of a job may see; undefined if its task keeps no result, or the time for it is over. */
    status: (id: string) => ask(id, async (base) => parseStatus((await redis.get(`${base}r:${id}`)) ?? '')),
    /** For its owner; operators drop it. */
    cancel: (id: string) => ask(id, (base) => cancel(redis, base, id)),
    /** Its owner can ask no more: what is kept of it goes before its time is over. */
    async forgetStatus(id: string): Promise<void> {
      for (const queue of homes(id)) await redis.del(`${keyBase(prefix, queue)}r:${id}`)
    },

    /** The last tick of each cron that a worker has seen, Unix ms. */
    async lastTicks(): Promise<Record<string, number>> {
      const last: Record<string, number> = {}
      for (const base of (await names()).map((name) => keyBase(prefix, name))) {
        const [ticks, unrun] = await Promise.all([
          redis.hgetall(`${base}cron`),
          redis.hgetall(`${base}unrun`),
        ])
        for (const [name, tick] of Object.entries(ticks)) {
          // A task that went to another queue has left a tick in the one before.
          if (unrun[name] !== tick) last[name] = Math.max(Number(tick), last[name] ?? 0)
        }
      }
      return last
    },
  }
}

export type QueueAdmin = ReturnType<typeof createQueueAdmin>
