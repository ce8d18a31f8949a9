// Cancels a job for the account that enqueued it.
import type { Redis } from 'ioredis'
import { library } from './library.ts'
import { call, script } from './lua.ts'
import { parseStatus, type JobStatus } from './status.ts'

/** A job may wait for longer than its owner may see it; it is cancelled for as long, at the least. */
const LEAST_MS = 30 * 24 * 3_600_000

/** A job moves on some times a second at the most. */
const TRIES = 100

/**
 * (id, its status as seen, the one that says it is cancelled, the least time for that, ms, key that it lets go of or '')
 * -> 0 if it has another status by now.
 */
const CANCEL = script<number>(`
${library('release')}
local name = base..'r:'..ARGV[1]
if redis.pcall('GET', name) ~= ARGV[2] then return 0 end
redis.call('SET', name, ARGV[3], 'PX', math.max(redis.call('PTTL', name), ARGV[4]))
release(ARGV[5], ARGV[1])
return 1`)

/**
 * A waiting job is not run when its turn comes; a running one is told by its signal, and nothing comes of it. At once
 * and for good, and one that has ended stays as it is.
 * @returns what its owner sees from now on: unchanged if its task is not `cancellable`; undefined if nothing is kept
 */
export async function cancel(redis: Redis, base: string, id: string): Promise<JobStatus | undefined> {
  for (let tries = 0; tries < TRIES; tries++) {
    const seen = await redis.get(`${base}r:${id}`)
    const job = seen === null ? undefined : parseStatus(seen)
    if (seen === null || !job?.cancellable) return job
    const { task, by, key = '', state } = job
    const cancelled: JobStatus = { id, task, state: 'cancelled', by }
    // What runs holds its key until it has ended.
    const free = state === 'waiting' ? key : ''
    const args = [id, seen, JSON.stringify(cancelled), LEAST_MS, free]
    if ((await call(redis, CANCEL, base, ...args)) === 1) return cancelled
    // It started, made progress or ended meanwhile.
  }
  throw new Error(`The status of job ${id} is not what it reads as: no JSON in UTF-8`)
}
