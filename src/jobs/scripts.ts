// The keys and the Lua scripts: every movement of a job is one script, so a job is always in exactly one place.
import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { Move } from './element.ts'

// Part of every key, so that two versions of the element on one Redis never read each other's jobs.
const SCHEMA = 1

/** The common start of all keys: one hash tag, so one slot of a Redis Cluster. */
export const keyBase = (prefix: string) => `${prefix}{jobs:${SCHEMA}}:`

/*
 * base..  queue     list    waiting; urgent ones are pushed to the front
 *         run:<w>   list    in flight at worker w, never more than its concurrency
 *         later     zset    element -> due, ms of Redis TIME
 *         dead      list    newest first, bounded
 *         workers   zset    worker -> cluster clock at its last beat
 *         beats     hash    worker -> JSON of what it is doing
 *         clock     hash    clock (ms), last (Redis TIME of the last tick)
 *         minutes   hash    <minute>:done, <minute>:failed -> count, of the last hour
 *         cron      hash    name -> last tick, ms
 *         paused    string  present: nothing is taken
 *         key:<k>   string  PX, id of the job that holds a unique key
 *         r:<id>    string  PX, status and result of a job whose owner asks for it
 */

// A write that is refused (out of memory, read-only) is refused only as the first one of its script, so a script
// either changes nothing or runs to its end. A removal is never refused: a full Redis is drained by its workers.
const LIB = `
local base = KEYS[1]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local minute = math.floor(now / 60000)

local function release(key, id)
  if key ~= '' and redis.call('GET', base..'key:'..key) == id then redis.call('DEL', base..'key:'..key) end
end

-- False if another job holds the key; a script that was sent twice finds its own id.
local function hold(key, id, ms)
  return key == '' or redis.call('SET', base..'key:'..key, id, 'PX', ms, 'NX')
end

-- 10 arguments from i: raw, to, as, delay, counts, id, release, status, keep, and the longest dead list.
-- The removal is the guard: a movement that was made already, or overtaken, is not made. Identical elements, left by
-- an enqueue that was sent twice, are one job and move as one.
local function move(from, i)
  local raw, to, as, id = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 5]
  -- Fails on a key of a wrong type while nothing is removed yet.
  redis.call('ZCARD', base..'later')
  redis.call('LLEN', base..'queue')
  redis.call('LLEN', base..'dead')
  local removed = from == 'later' and redis.call('ZREM', base..from, raw) or redis.call('LREM', base..from, 0, raw)
  if removed == 0 then return 0 end
  if to == 'front' then redis.call('LPUSH', base..'queue', as)
  elseif to == 'back' then redis.call('RPUSH', base..'queue', as)
  elseif to == 'later' then redis.call('ZADD', base..'later', now + ARGV[i + 3], as)
  elseif to == 'dead' then
    redis.call('LPUSH', base..'dead', as)
    redis.call('LTRIM', base..'dead', 0, ARGV[i + 9] - 1)
  end
  if ARGV[i + 4] ~= '' then redis.call('HINCRBY', base..'minutes', minute..':'..ARGV[i + 4], 1) end
  release(ARGV[i + 6], id)
  if ARGV[i + 7] ~= '' then redis.call('SET', base..'r:'..id, ARGV[i + 7], 'PX', ARGV[i + 8]) end
  return 1
end
`

const MOVE_ARGS = 10

/** A script and the type of its reply. */
interface Script<Reply> {
  body: string
  sha: string
  reply?: Reply
}

function script<Reply>(lua: string): Script<Reply> {
  const body = LIB + lua
  return { body, sha: createHash('sha1').update(body).digest('hex') }
}

/**
 * (me, concurrency, want, acks, ack..., move...)
 * -> [may we take, length of our list, [taken...], [0 or 1 for each ack and move]]
 * Settles what has ended and takes what is next. Nothing is taken for a worker that no reaper looks at.
 */
export const STEP = script<[number, number, string[], number[]]>(`
local me, concurrency, want, acks = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local run, settled, done = 'run:'..me, {}, 0
local open = redis.call('EXISTS', base..'paused') == 0 and redis.call('ZSCORE', base..'workers', me)
for i = 5, 4 + acks do
  settled[#settled + 1] = math.min(1, redis.call('LREM', base..run, 0, ARGV[i]))
  done = done + settled[#settled]
end
if done > 0 then redis.call('HINCRBY', base..'minutes', minute..':done', done) end
for i = 5 + acks, #ARGV, ${MOVE_ARGS} do settled[#settled + 1] = move(run, i) end
-- What is in flight already counts: a script that was sent twice takes no more than the worker can hold.
local held, taken = redis.call('LLEN', base..run), {}
want = math.min(want, concurrency - held)
if open and want > 0 then taken = redis.call('LPOP', base..'queue', want) or {} end
if #taken > 0 then held = redis.call('RPUSH', base..run, unpack(taken)) end
return {open and 1 or 0, held, taken, settled}`)

/**
 * (me, tickMs, leaseMs, beat) -> [now, paused, whether more is due, whether we were known, [stale worker...]]
 * The cluster clock moves by at most two ticks, and only while someone ticks: an outage of Redis, a clock that jumps,
 * or a pause of the whole cluster declares nobody dead.
 */
export const TICK = script<[number, number, number, number, string[]]>(`
local me, tick, lease, beat = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local state = redis.call('HMGET', base..'clock', 'clock', 'last')
local clock, last = tonumber(state[1] or 0), tonumber(state[2] or now)
clock = clock + math.max(0, math.min(now - last, 2 * tick))
redis.call('HSET', base..'clock', 'clock', clock, 'last', now)
local known = redis.call('ZSCORE', base..'workers', me)
redis.call('ZADD', base..'workers', clock, me)
redis.call('HSET', base..'beats', me, beat)
local due = redis.call('ZRANGEBYSCORE', base..'later', '-inf', now, 'LIMIT', 0, 500)
for _, element in ipairs(due) do
  redis.call('RPUSH', base..'queue', element)
  redis.call('ZREM', base..'later', element)
end
if math.floor(last / 60000) ~= minute then
  for _, field in ipairs(redis.call('HKEYS', base..'minutes')) do
    local age = minute - tonumber(string.match(field, '^%d+'))
    if age > 60 or age < 0 then redis.call('HDEL', base..'minutes', field) end
  end
end
local stale = redis.call('ZRANGEBYSCORE', base..'workers', '-inf', '('..(clock - lease))
return {now, redis.call('EXISTS', base..'paused'), #due == 500 and 1 or 0, known and 1 or 0, stale}`)

/**
 * (worker, leaseMs or '' for oneself, move...) -> moved; -1 if the worker has beaten meanwhile, or is gone.
 * An empty worker is forgotten.
 */
export const REAP = script<number>(`
local worker, lease, moved = ARGV[1], tonumber(ARGV[2]), 0
local score = redis.call('ZSCORE', base..'workers', worker)
if lease and not (score and redis.call('HGET', base..'clock', 'clock') - score > lease) then return -1 end
for i = 3, #ARGV, ${MOVE_ARGS} do moved = moved + move('run:'..worker, i) end
if redis.call('LLEN', base..'run:'..worker) == 0 then
  redis.call('ZREM', base..'workers', worker)
  redis.call('HDEL', base..'beats', worker)
end
return moved`)

/** (from, move...) -> moved: the operators' script. `from` is queue, later, dead or run:<w>. */
export const MOVE = script<number>(`
local moved = 0
for i = 2, #ARGV, ${MOVE_ARGS} do moved = moved + move(ARGV[1], i) end
return moved`)

/**
 * (element, id, to, due, delay, key, keyMs, status, keepMs) -> id of the job: an older one if it holds the unique key.
 */
export const ADD = script<string>(`
local element, id, to, due, key = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[6]
if not hold(key, id, ARGV[7]) then return redis.call('GET', base..'key:'..key) end
if ARGV[8] ~= '' and not redis.call('SET', base..'r:'..id, ARGV[8], 'PX', ARGV[9], 'NX') then return id end
if to == 'later' then
  redis.call('ZADD', base..'later', due ~= '' and due or now + ARGV[5], element)
elseif to == 'front' then redis.call('LPUSH', base..'queue', element)
else redis.call('RPUSH', base..'queue', element) end
return id`)

/**
 * (name, the last tick seen or '', tick, element or '', id, key, keyMs) -> [last tick now, what happened]
 * Compare and set: of all workers that saw the same last tick, one moves it, and in the same breath enqueues the job.
 */
export const CRON = script<[string, string]>(`
local name, seen, tick, element, id, key = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local last = redis.call('HGET', base..'cron', name)
if (last or '') ~= seen then return {last or '', 'seen'} end
redis.call('HSET', base..'cron', name, tick)
if element == '' then return {tick, 'passed'} end
if not hold(key, id, ARGV[7]) then return {tick, 'overlaps'} end
redis.call('RPUSH', base..'queue', element)
return {tick, 'enqueued'}`)

/**
 * How many jobs lie where, all at one moment: read one after the other, a job that moves meanwhile would be missed.
 * Replies the lengths of queue, later and dead, and of each worker in turn: its name, its last beat, its list's length.
 */
export const COUNT = script<[number, number, number, ...(string | number)[]]>(`
local reply = {redis.call('LLEN', base..'queue'), redis.call('ZCARD', base..'later'), redis.call('LLEN', base..'dead')}
local workers = redis.call('ZRANGE', base..'workers', 0, -1, 'WITHSCORES')
for i = 1, #workers, 2 do
  table.insert(reply, workers[i])
  table.insert(reply, tostring(workers[i + 1]))
  table.insert(reply, redis.call('LLEN', base..'run:'..workers[i]))
end
return reply`)

/** Runs a script on the keys of `base`; Redis forgets scripts at a restart, and is then given the text again. */
export async function call<Reply>(
  redis: Redis,
  { body, sha }: Script<Reply>,
  base: string,
  ...args: (string | number)[]
): Promise<Reply> {
  let reply: unknown
  try {
    reply = await redis.evalsha(sha, 1, base, ...args)
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
    reply = await redis.eval(body, 1, base, ...args)
  }
  return reply as Reply
}

/** Whether STEP is told by the raw element alone: it is done, and nobody waits for its key or its status. */
export const isAck = (m: Move | undefined) =>
  m?.counts === 'done' && m.release === undefined && m.status === undefined

/** A movement as the arguments of a script. `keepDead`: the longest dead list. */
export function moveArgs(m: Move, keepDead: number): (string | number)[] {
  const { raw, to, as, delayMs, counts, id, release, status, keepMs } = m
  return [
    raw,
    to,
    as ?? (to === 'gone' ? '' : raw),
    Math.round(delayMs ?? 0),
    counts ?? '',
    id ?? '',
    release ?? '',
    status ?? '',
    keepMs ?? 0,
    keepDead,
  ]
}
