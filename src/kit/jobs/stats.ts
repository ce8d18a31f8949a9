// Counts the jobs in each place and those of the last hour, and lists the workers, for operators and for the metrics.
import type { Redis } from 'ioredis'
import { call } from './lua.ts'
import { COUNT } from './scripts.ts'
import { parseWorkerInfo, type WorkerInfo } from './worker-info.ts'

const MINUTE = 60_000

export interface WorkerView {
  id: string
  /** False: no heartbeat within the lease; its jobs are about to be taken over. */
  alive: boolean
  /** In its list. */
  jobs: number
  /** What it said at its last heartbeat. */
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

/** @param leaseMs as the workers have it */
export async function readStats(redis: Redis, base: string, leaseMs: number): Promise<Stats> {
  const time = await redis.time()
  const current = Math.floor((Number(time[0]) * 1000) / MINUTE)
  const shown = Array.from({ length: 60 }, (_, i) => current - 59 + i)
  const [[waiting, later, dead, ...rows], paused, clock, [died, trimmed], done, failed] = await Promise.all([
    call(redis, COUNT, base),
    redis.exists(`${base}paused`),
    redis.hget(`${base}clock`, 'clock'),
    redis.hmget(`${base}deaths`, 'all', 'trimmed'),
    redis.hmget(`${base}minutes`, ...shown.map((minute) => `${minute}:done`)),
    redis.hmget(`${base}minutes`, ...shown.map((minute) => `${minute}:failed`)),
  ])
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

/** A count that is no number is somebody else's. */
const count = (text: string | null | undefined) => Number(text ?? 0) || 0
