// Counts the jobs in each place and those of the last hour, and lists the workers, for operators and for the metrics.
import type { Redis } from 'ioredis'
import { call, script } from './lua.ts'
import { keyBase } from './scripts.ts'
import { parseWorkerInfo, type WorkerInfo } from './worker-info.ts'

const MINUTE = 60_000

/**
 * (which of the parks is counted first, from 0)
 * -> [from which one to go on, 0 at the end, parked jobs, lengths of queue, later and dead, since when the first in the queue
 *   waits or '', and of each worker in turn: its name, the time of its last heartbeat, its list's length, and what it said at
 *   that heartbeat]; if not from 0, the first two
 * How many jobs lie where, all at one moment: read one after the other, a job that moves meanwhile would be missed. Only
 * what more than 500 keys have parked is counted in slices, so that no other client waits for long.
 */
const COUNT = script<[number, number, number, number, number, string, ...(string | number)[]]>(`
local from, parked = tonumber(ARGV[1]), 0
local keys = redis.pcall('ZRANGE', base..'parks', from, from + 499)
for _, key in ipairs(keys) do parked = parked + (tonumber(redis.pcall('LLEN', base..'park:'..key)) or 0) end
local more = #keys == 500 and from + 500 or 0
if from > 0 then return {more, parked} end
local reply = {more, parked, redis.call('LLEN', base..'queue'), redis.call('ZCARD', base..'later'), redis.call('LLEN', base..'dead')}
local isJson, first = pcall(cjson.decode, redis.call('LINDEX', base..'queue', 0) or '')
table.insert(reply, isJson and type(first) == 'table' and type(first.since) == 'number' and string.format('%.0f', first.since) or '')
local workers = redis.call('ZRANGE', base..'workers', 0, -1, 'WITHSCORES')
for i = 1, #workers, 2 do
  table.insert(reply, workers[i])
  table.insert(reply, tostring(workers[i + 1]))
  table.insert(reply, redis.call('LLEN', base..'run:'..workers[i]))
  table.insert(reply, redis.call('HGET', base..'beats', workers[i]) or '')
end
return reply`)

export interface WorkerView {
  id: string
  /** False: no heartbeat within the lease; its jobs are about to be taken over. */
  alive: boolean
  /** In its list. */
  jobs: number
  /** What it said at its last heartbeat. */
  beat?: WorkerInfo
}

export interface QueueStats {
  waiting: number
  /** Of those that wait: for the limit of their key. */
  limited: number
  running: number
  /** How long the first in line has waited since it could start; 0 if none waits, undefined if its element does not say. */
  lagMs: number | undefined
  later: number
  dead: number
  /** Jobs that have died so far, and those of them that were thrown away because too many were dead. */
  died: number
  trimmed: number
  /** Nothing is taken. Of all queues together: from none of them. */
  paused: boolean
  /** The last 60 minutes, oldest first; `failed` counts attempts. The last one is not over yet. */
  minutes: { at: number; done: number; failed: number }[]
  /** Those that serve it. */
  workers: WorkerView[]
}

/** All queues together, and each by its name. */
export interface Stats extends QueueStats {
  queues: Record<string, QueueStats>
}

/** @param leaseMs as the workers have it */
export async function readStats(
  redis: Redis,
  prefix: string,
  names: readonly string[],
  leaseMs: number,
): Promise<Stats> {
  const time = await redis.time()
  const now = Number(time[0]) * 1000 + Math.floor(Number(time[1]) / 1000)
  const current = Math.floor(now / MINUTE)
  const shown = Array.from({ length: 60 }, (_, i) => current - 59 + i)
  const all = await Promise.all(
    names.map((name) => readQueue(redis, keyBase(prefix, name), shown, now, leaseMs)),
  )
  const queues = Object.fromEntries(names.map((name, i) => [name, all[i]] as [string, QueueStats]))
  const total = (of: (queue: QueueStats) => number) => all.reduce((sum, queue) => sum + of(queue), 0)
  const views = all.flatMap((queue) => queue.workers)
  const ids = new Set(views.map(({ id }) => id))
  return {
    waiting: total(({ waiting }) => waiting),
    limited: total(({ limited }) => limited),
    running: total(({ running }) => running),
    lagMs: Math.max(0, ...all.map(({ lagMs }) => lagMs ?? 0)),
    later: total(({ later }) => later),
    dead: total(({ dead }) => dead),
    died: total(({ died }) => died),
    trimmed: total(({ trimmed }) => trimmed),
    paused: all.every(({ paused }) => paused),
    minutes: shown.map((minute, i) => ({
      at: minute * MINUTE,
      done: total(({ minutes }) => minutes[i]?.done ?? 0),
      failed: total(({ minutes }) => minutes[i]?.failed ?? 0),
    })),
    workers: [...ids].map((id) => mergeViews(views.filter((view) => view.id === id))),
    queues,
  }
}

async function readQueue(
  redis: Redis,
  base: string,
  shown: number[],
  now: number,
  leaseMs: number,
): Promise<QueueStats> {
  const [
    [next, parked, queued, later, dead, head, ...rows],
    paused,
    [clock, last],
    [died, trimmed],
    done,
    failed,
  ] = await Promise.all([
    call(redis, COUNT, base, 0),
    redis.exists(`${base}paused`),
    redis.hmget(`${base}clock`, 'clock', 'last'),
    redis.hmget(`${base}deaths`, 'all', 'trimmed'),
    redis.hmget(`${base}minutes`, ...shown.map((minute) => `${minute}:done`)),
    redis.hmget(`${base}minutes`, ...shown.map((minute) => `${minute}:failed`)),
  ])
  let limited = parked
  for (let from = next, more; from > 0; limited += more) [from, more] = await call(redis, COUNT, base, from)
  const workers: WorkerView[] = []
  for (let i = 0; i < rows.length; i += 4) {
    const [id, score, jobs, beat] = [String(rows[i]), Number(rows[i + 1]), Number(rows[i + 2]), rows[i + 3]]
    // Where the clock stands still for so long, nobody is alive who would move it.
    const alive = Number(clock) - score <= leaseMs && Number(last) >= now - leaseMs
    workers.push({ id, alive, jobs, beat: parseWorkerInfo(String(beat)) })
  }
  return {
    waiting: queued + limited,
    limited,
    lagMs: queued === 0 ? 0 : head === '' ? undefined : Math.max(0, now - Number(head)),
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

/** A worker as each of its queues knows it, in one. */
function mergeViews(views: WorkerView[]): WorkerView {
  const beats = views.flatMap(({ beat }) => beat ?? [])
  const running = beats.flatMap((beat) => beat.running)
  return {
    id: views[0]?.id ?? '',
    // A queue that it serves no more may still have its name.
    alive: views.some(({ alive }) => alive),
    jobs: views.reduce((sum, { jobs }) => sum + jobs, 0),
    beat: beats[0] && { ...beats[0], running },
  }
}

/** A count that is no number is somebody else's. */
const count = (text: string | null | undefined) => Number(text ?? 0) || 0
