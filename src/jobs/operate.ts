// What operators see of the queue, and what they can do to it.
import type { Redis } from 'ioredis'
import { buryMalformed, drop, malformed, parseStatus, readElement, status } from './element.ts'
import type { Element, Move, Status } from './element.ts'
import { call, moveArgs } from './lua.ts'
import { KEEP_DEAD } from './options.ts'
import { parseWorkerInfo, type WorkerInfo } from './worker-info.ts'
import { findElement } from './scan.ts'
import { COUNT, keyBase, MOVE } from './scripts.ts'

/** Dead jobs that are revived by one script: no other client of Redis waits for long. */
const SLICE = 250
const MINUTE = 60_000

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

export interface WorkerView {
  id: string
  /** False: no beat within the lease; its jobs are about to be taken over. */
  alive: boolean
  /** In its list. */
  jobs: number
  /** What it said at its last beat. */
  beat?: WorkerInfo
}

export interface Stats {
  waiting: number
  running: number
  later: number
  dead: number
  /** Jobs that have died so far, and those of them that were thrown away because too many were dead. */
  died: number
  trimmed: number
  paused: boolean
  /** The last 60 minutes, oldest first; `failed` counts attempts. The last one is not over yet. */
  minutes: { at: number; done: number; failed: number }[]
  workers: WorkerView[]
}

interface Found {
  /** Byte for byte: only so can it be removed. */
  raw: Buffer
  /** Key under the base. */
  from: string | Buffer
  view: JobView
}

const KEYS = { waiting: 'queue', later: 'later', dead: 'dead' } as const

/** The way of a job, so that one that moves on is found further on; before it where few lie, or nothing moves. */
const PLACES: readonly Place[] = ['running', 'dead', 'later', 'waiting', 'running']

/** @param leaseMs and keepDead as the workers have them */
export function createOperations(options: {
  redis: Redis
  prefix: string
  leaseMs?: number
  keepDead?: number
}) {
  const { redis, prefix, leaseMs = 15_000, keepDead = KEEP_DEAD } = options
  const base = keyBase(prefix)

  async function stats(): Promise<Stats> {
    const time = await redis.time()
    const current = Math.floor((Number(time[0]) * 1000) / MINUTE)
    const shown = Array.from({ length: 60 }, (_, i) => current - 59 + i)
    const [[waiting, later, dead, ...rows], paused, clock, [died, trimmed], done, failed] = await Promise.all(
      [
        call(redis, COUNT, base),
        redis.exists(`${base}paused`),
        redis.hget(`${base}clock`, 'clock'),
        redis.hmget(`${base}deaths`, 'all', 'trimmed'),
        redis.hmget(`${base}minutes`, ...shown.map((minute) => `${minute}:done`)),
        redis.hmget(`${base}minutes`, ...shown.map((minute) => `${minute}:failed`)),
      ],
    )
    const workers: WorkerView[] = []
    for (let i = 0; i < rows.length; i += 4) {
      const [id, score, jobs, beat] = [String(rows[i]), Number(rows[i + 1]), Number(rows[i + 2]), rows[i + 3]]
      workers.push({ id, alive: Number(clock) - score <= leaseMs, jobs, beat: parseWorkerInfo(String(beat)) })
    }
    return {
      waiting,
      running: workers.reduce((sum, worker) => sum + worker.jobs, 0),
      later,
      dead,
      died: count(died),
      trimmed: count(trimmed),
      paused: paused === 1,
      minutes: shown.map((minute, i) => {
        return { at: minute * MINUTE, done: count(done[i]), failed: count(failed[i]) }
      }),
      workers,
    }
  }

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
    stats,

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

    /** Throws a job away. One that runs is told by its signal within seconds. */
    async drop(id: string): Promise<boolean> {
      const found = await find(id)
      return found !== undefined && (await move(found.from, 0, [drop(found.raw)])) === 1
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
      return text === null ? undefined : parseStatus(text)
    },
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

export type Operations = ReturnType<typeof createOperations>

/** A count that is no number is somebody else's. */
const count = (text: string | null | undefined) => Number(text ?? 0) || 0

function view(raw: Buffer, place: Place, more: Partial<JobView> = {}): JobView {
  const e = readElement(raw) ?? malformed(raw)
  const { id, task, n = 0, c = 0, error, by, rid } = e
  const data = e.malformed ?? e.data
  return { id, task, place, data, failures: n, crashes: c, error, by, requestId: rid, ...more }
}

function revive(raw: Buffer, to: 'front' | 'back'): Move {
  const e = readElement(raw)
  if (!e) return buryMalformed(raw)
  if (e.malformed !== undefined) return { raw, to, as: e.malformed }
  const fresh: Element = { ...e }
  for (const spent of ['n', 'c', 'error'] as const) delete fresh[spent]
  return { raw, to, as: JSON.stringify(fresh), id: e.id, ...status(e, 'waiting') }
}
