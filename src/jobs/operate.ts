// What operators see of the queue, and what they can do to it.
import type { Redis } from 'ioredis'
import { buryMalformed, parseElement, status, type Element, type Move, type Status } from './element.ts'
import { type Beat, parseBeat } from './running.ts'
import { call, COUNT, keyBase, MOVE, moveArgs } from './scripts.ts'

const CHUNK = 500
const MINUTE = 60_000

export type Place = 'waiting' | 'running' | 'later' | 'dead'

export interface JobView {
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

export interface WorkerView {
  id: string
  /** False: no beat within the lease; its jobs are about to be taken over. */
  alive: boolean
  /** In its list. */
  jobs: number
  /** What it said at its last beat. */
  beat?: Beat
}

export interface Stats {
  waiting: number
  running: number
  later: number
  dead: number
  paused: boolean
  /** The last 60 minutes, oldest first; `failed` counts attempts. The last one is not over yet. */
  minutes: { at: number; done: number; failed: number }[]
  workers: WorkerView[]
}

interface Found {
  raw: string
  /** Key under the base. */
  from: string
  view: JobView
}

/** @param leaseMs and keepDead as the workers have them */
export function createOperations(options: {
  redis: Redis
  prefix: string
  leaseMs?: number
  keepDead?: number
}) {
  const { redis, prefix, leaseMs = 15_000, keepDead = 1000 } = options
  const base = keyBase(prefix)

  async function stats(): Promise<Stats> {
    const [[waiting, later, dead, ...rows], paused, clock, beats, minutes, time] = await Promise.all([
      call(redis, COUNT, base),
      redis.exists(`${base}paused`),
      redis.hget(`${base}clock`, 'clock'),
      redis.hgetall(`${base}beats`),
      redis.hgetall(`${base}minutes`),
      redis.time(),
    ])
    const workers: WorkerView[] = []
    for (let i = 0; i < rows.length; i += 3) {
      const [id, score, jobs] = [String(rows[i]), Number(rows[i + 1]), Number(rows[i + 2])]
      workers.push({ id, alive: Number(clock) - score <= leaseMs, jobs, beat: parseBeat(beats[id]) })
    }
    const current = Math.floor((Number(time[0]) * 1000) / MINUTE)
    return {
      waiting,
      running: workers.reduce((sum, worker) => sum + worker.jobs, 0),
      later,
      dead,
      paused: paused === 1,
      minutes: Array.from({ length: 60 }, (_, i) => {
        const minute = current - 59 + i
        const count = (what: string) => Number(minutes[`${minute}:${what}`] ?? 0)
        return { at: minute * MINUTE, done: count('done'), failed: count('failed') }
      }),
      workers,
    }
  }

  /** A slice of a place; waiting jobs in their order, delayed ones by due time, dead ones newest first. */
  async function slice(place: Place, start: number, stop: number): Promise<Found[]> {
    if (place === 'later') {
      const rows = await redis.zrange(`${base}later`, start, String(stop), 'WITHSCORES')
      return pairs(rows).map(([raw, due]) => ({
        raw,
        from: 'later',
        view: view(raw, place, { due: Number(due) }),
      }))
    }
    if (place === 'running') {
      const workers = await redis.zrange(`${base}workers`, 0, '-1')
      const lists = await Promise.all(
        workers.map(async (worker) => {
          const raws = await redis.lrange(`${base}run:${worker}`, 0, -1)
          return raws.map((raw) => ({ raw, from: `run:${worker}`, view: view(raw, place, { worker }) }))
        }),
      )
      return lists.flat().slice(start, stop + 1)
    }
    const from = place === 'waiting' ? 'queue' : 'dead'
    const raws = await redis.lrange(base + from, start, stop)
    return raws.map((raw) => ({ raw, from, view: view(raw, place) }))
  }

  /** Looks through all places, a piece at a time: a job that moves meanwhile may be missed. */
  async function find(id: string, places: readonly Place[]): Promise<Found | undefined> {
    for (const place of places) {
      for (let start = 0; ; start += CHUNK) {
        const part = await slice(place, start, start + CHUNK - 1)
        const found = part.find((job) => job.view.id === id)
        if (found) return found
        if (part.length < CHUNK) break
      }
    }
    return undefined
  }

  const move = (from: string, moves: Move[]) =>
    call(redis, MOVE, base, from, ...moves.flatMap((m) => moveArgs(m, keepDead)))

  return {
    stats,

    /** @param page from 1 */
    async list(place: Place, page = 1, size = 50): Promise<JobView[]> {
      const start = (Math.max(1, page) - 1) * size
      return (await slice(place, start, start + size - 1)).map((job) => job.view)
    },

    /** The job, wherever it is; undefined if it has ended. */
    show: async (id: string) => (await find(id, ['running', 'dead', 'later', 'waiting']))?.view,

    /**
     * A dead or a delayed job goes to the front of the queue, with all its attempts before it; `all`: every dead one,
     * to the back. A unique key that it let go when it died it does not get again.
     * @returns how many
     */
    async retry(which: { id: string } | 'all'): Promise<number> {
      if (which !== 'all') {
        const found = await find(which.id, ['dead', 'later'])
        return found ? await move(found.from, [revive(found.raw, 'front')]) : 0
      }
      let left = await redis.llen(`${base}dead`)
      let moved = 0
      // From the oldest end: what dies meanwhile comes in at the other one.
      while (left > 0) {
        const part = await redis.lrange(`${base}dead`, -Math.min(CHUNK, left), -1)
        if (part.length === 0) break
        moved += await move(
          'dead',
          part.toReversed().map((raw) => revive(raw, 'back')),
        )
        left -= part.length
      }
      return moved
    },

    /** Throws a job away. One that runs is told by its signal within seconds. */
    async drop(id: string): Promise<boolean> {
      const found = await find(id, ['dead', 'later', 'waiting', 'running'])
      if (!found) return false
      const e = parseElement(found.raw)
      const end = e ? status(e, 'failed', { error: 'The task was cancelled.' }) : {}
      return (await move(found.from, [{ raw: found.raw, to: 'gone', id, release: e?.key, ...end }])) === 1
    },

    /** Workers finish what they run, and take nothing more until `resume`. */
    async pause(): Promise<void> {
      await redis.set(`${base}paused`, '1')
    },
    async resume(): Promise<void> {
      await redis.del(`${base}paused`)
    },

    /** What the owner of a job may see; undefined if its task keeps no result, or the time for it is over. */
    async status(id: string): Promise<Status | undefined> {
      const text = await redis.get(`${base}r:${id}`)
      return text === null ? undefined : JSON.parse(text)
    },
    /** Its owner can ask no more: what is kept of it goes before its time is over. */
    async forgetStatus(id: string): Promise<void> {
      await redis.del(`${base}r:${id}`)
    },

    /** The last tick of each cron that a worker has seen, Unix ms. */
    async lastTicks(): Promise<Record<string, number>> {
      const ticks = await redis.hgetall(`${base}cron`)
      return Object.fromEntries(Object.entries(ticks).map(([name, tick]) => [name, Number(tick)]))
    },
  }
}

export type Operations = ReturnType<typeof createOperations>

function view(raw: string, place: Place, more: Partial<JobView> = {}): JobView {
  const e = parseElement(raw)
  if (!e) return { id: '', task: '', place, data: raw, failures: 0, crashes: 0, ...more }
  const { id, task, data, n = 0, c = 0, error, by, rid, malformed } = e
  return {
    id,
    task,
    place,
    data: malformed ?? data,
    failures: n,
    crashes: c,
    error,
    by,
    requestId: rid,
    ...more,
  }
}

function revive(raw: string, to: 'front' | 'back'): Move {
  const e = parseElement(raw)
  if (!e) return buryMalformed(raw)
  if (e.malformed !== undefined) return { raw, to, as: e.malformed }
  const fresh: Element = { ...e }
  for (const spent of ['n', 'c', 'error'] as const) delete fresh[spent]
  return { raw, to, as: JSON.stringify(fresh), id: e.id, ...status(e, 'waiting') }
}

function pairs(flat: string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] ?? '', flat[2 * i + 1] ?? ''])
}
