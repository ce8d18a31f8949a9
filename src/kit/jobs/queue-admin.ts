// Shows operators the jobs of the queue, and retries, drops or holds them up on their behalf.
import type { Redis } from 'ioredis'
import { QUEUE_DEFAULTS } from '../types/queue-defaults.ts'
import { cancel } from './cancel.ts'
import { moveMalformedToDead, drop, malformed, parseStatus, readElement, status } from './element.ts'
import type { Element, Move, JobStatus } from './element.ts'
import { call, moveArgs } from './lua.ts'
import { findElement } from './scan.ts'
import { keyBase, MOVE } from './scripts.ts'
import { readStats, type Stats } from './stats.ts'

/** Dead jobs that one script revives: few, so that no other client of Redis waits for long. */
const SLICE = 250

export type Place = 'waiting' | 'running' | 'later' | 'dead'

export interface JobView {
  /** Of what is no job: made from its bytes. */
  id: string
  task: string
  place: Place
  data: unknown
  /** Attempts that failed, and workers that died with it. */
  failures: number
  crashes: number
  error?: string
  by?: string
  requestId?: string
  worker?: string
  /** Unix ms at which it is due. */
  due?: number
}

interface Found {
  /** Byte for byte: only so can it be removed. */
  raw: Buffer
  /** Key under the base. */
  from: string | Buffer
  view: JobView
}

const KEYS = { waiting: 'queue', later: 'later', dead: 'dead' } as const

/** Searched in the order in which jobs move, so that one that moves on is found further on; small places come first. */
const PLACES: readonly Place[] = ['running', 'dead', 'later', 'waiting', 'running']

/** @param leaseMs and keepDead as the workers have them */
export function createQueueAdmin(options: {
  redis: Redis
  prefix: string
  leaseMs?: number
  keepDead?: number
}) {
  const { redis, prefix, leaseMs = QUEUE_DEFAULTS.leaseMs, keepDead = QUEUE_DEFAULTS.keepDead } = options
  const base = keyBase(prefix)

  /** A slice of a place; waiting jobs in their order, delayed ones by due time, dead ones newest first. */
  async function slice(place: Place, start: number, stop: number): Promise<Found[]> {
    if (place === 'running') {
      const workers = await redis.zrangeBuffer(`${base}workers`, 0, '-1')
      const lists = await Promise.all(workers.map(held))
      return lists.flat().slice(start, stop + 1)
    }
    const from = KEYS[place]
    if (place === 'later') {
      const raws = await redis.zrangeBuffer(base + from, start, String(stop))
      return await Promise.all(raws.map(delayed))
    }
    const raws = await redis.lrangeBuffer(base + from, start, stop)
    return raws.map((raw) => ({ raw, from, view: view(raw, place) }))
  }

  /** In the list of a worker, never more than its concurrency. */
  async function held(worker: Buffer): Promise<Found[]> {
    const from = Buffer.concat([Buffer.from('run:'), worker])
    const raws = await redis.lrangeBuffer(Buffer.concat([Buffer.from(base), from]), 0, -1)
    return raws.map((raw) => ({ raw, from, view: view(raw, 'running', { worker: String(worker) }) }))
  }

  async function delayed(raw: Buffer): Promise<Found> {
    const score = await redis.zscore(`${base}later`, raw)
    return { raw, from: 'later', view: view(raw, 'later', score === null ? {} : { due: Number(score) }) }
  }

  /** Looks through all places, a piece at a time: a job that moves meanwhile may be missed. */
  async function find(id: string, places: readonly Place[] = PLACES): Promise<Found | undefined> {
    for (const place of places) {
      if (place === 'running') {
        const found = (await slice(place, 0, Infinity)).find((job) => job.view.id === id)
        if (found) return found
        continue
      }
      const from = KEYS[place]
      const raw = await findElement(redis, base, from, id)
      if (raw) return place === 'later' ? await delayed(raw) : { raw, from, view: view(raw, place) }
    }
    return undefined
  }

  const move = (from: string | Buffer, n: 0 | -1, moves: Move[]) =>
    call(redis, MOVE, base, from, n, ...moves.flatMap((m) => moveArgs(m, keepDead)))

  return {
    stats: (): Promise<Stats> => readStats(redis, base, leaseMs),

    /** @param page from 1 */
    async list(place: Place, page = 1, size = 50): Promise<JobView[]> {
      const start = (Math.max(1, page) - 1) * size
      return (await slice(place, start, start + size - 1)).map((job) => job.view)
    },

    /** The job, wherever it is; undefined if it has ended. */
    show: async (id: string) => (await find(id))?.view,

    /**
     * A dead or a delayed job goes to the front of the queue, with all its attempts before it; `all`: every dead one,
     * to the back. A unique key that it let go when it died it does not get again.
     * @returns how many
     */
    async retry(which: { id: string } | 'all'): Promise<number> {
      if (which !== 'all') {
        const found = await find(which.id, ['dead', 'later'])
        return found ? await move(found.from, 0, [revive(found.raw, 'front')]) : 0
      }
      let left = await redis.llen(`${base}dead`)
      let moved = 0
      // From the oldest end: what dies meanwhile comes in at the other one. What is left when it breaks is still dead.
      while (left > 0) {
        const part = await redis.lrangeBuffer(`${base}dead`, -Math.min(SLICE, left), -1)
        if (part.length === 0) break
        const moves = part.toReversed().map((raw) => revive(raw, 'back'))
        moved += await move('dead', -1, moves)
        left -= part.length
      }
      return moved
    },

    /** Drops a job. A running one is told by its signal within seconds. */
    async drop(id: string): Promise<boolean> {
      const found = await find(id)
      return found !== undefined && (await move(found.from, 0, [drop(found.raw)])) === 1
    },

    /** Drops each dead job of which this is true; returns how many. */
    async dropDead(isMeant: (job: JobView) => Promise<boolean>): Promise<number> {
      const found: Buffer[] = []
      // All are read before one is dropped: what dies meanwhile makes some be read twice, and none be passed over.
      for (let start = 0, more = true; more; start += SLICE) {
        const part = await slice('dead', start, start + SLICE - 1)
        for (const { raw, view: job } of part) if (await isMeant(job)) found.push(raw)
        more = part.length === SLICE
      }
      let dropped = 0
      for (const raw of found) dropped += await move('dead', 0, [drop(raw)])
      return dropped
    },

    /** Workers finish what they run, and take nothing more until `resume`. */
    pause: () => redis.set(`${base}paused`, '1'),
    resume: () => redis.del(`${base}paused`),

    /** What the owner of a job may see; undefined if its task keeps no result, or the time for it is over. */
    async status(id: string): Promise<JobStatus | undefined> {
      const text = await redis.get(`${base}r:${id}`)
      return text === null ? undefined : parseStatus(text)
    },
    /** For its owner; operators drop it. */
    cancel: (id: string) => cancel(redis, base, id),
    /** Its owner can ask no more: what is kept of it goes before its time is over. */
    async forgetStatus(id: string): Promise<void> {
      await redis.del(`${base}r:${id}`)
    },

    /** The last tick of each cron that a worker has seen, Unix ms. */
    async lastTicks(): Promise<Record<string, number>> {
      const [ticks, unrun] = await Promise.all([redis.hgetall(`${base}cron`), redis.hgetall(`${base}unrun`)])
      const ran = Object.entries(ticks).filter(([name, tick]) => unrun[name] !== tick)
      return Object.fromEntries(ran.map(([name, tick]) => [name, Number(tick)]))
    },
  }
}

export type QueueAdmin = ReturnType<typeof createQueueAdmin>

function view(raw: Buffer, place: Place, more: Partial<JobView> = {}): JobView {
  const e = readElement(raw) ?? malformed(raw)
  const { id, task, n = 0, c = 0, error, by, rid } = e
  const data = e.malformed ?? e.data
  return { id, task, place, data, failures: n, crashes: c, error, by, requestId: rid, ...more }
}

function revive(raw: Buffer, to: 'front' | 'back'): Move {
  const e = readElement(raw)
  if (!e) return moveMalformedToDead(raw)
  if (e.malformed !== undefined) return { raw, to, as: e.malformed }
  const fresh: Element = { ...e }
  for (const spent of ['n', 'c', 'error'] as const) delete fresh[spent]
  return { raw, to, as: JSON.stringify(fresh), id: e.id, ...status(e, 'waiting') }
}
