// Defines the keys and the Lua scripts: each movement of a job is one script, so a job is always in exactly one place.
import { DEFAULT_QUEUE } from '../types/queue-defaults.ts'
import { library } from './library.ts'
import { script } from './lua.ts'
import { MOVE_ARGS } from './moves.ts'

// Part of every key, so that two versions of the element on one Redis never read each other's jobs.
const SCHEMA = 1

/** The common start of all keys of a queue: one hash tag, so one slot of a Redis Cluster. */
export const keyBase = (prefix: string, queue = DEFAULT_QUEUE) =>
  `${prefix}{jobs:${SCHEMA}${queue === DEFAULT_QUEUE ? '' : `:${queue}`}}:`

/*
 * Beside the places and what limits need, which stand in README.md:
 * base..  workers   zset    worker -> cluster clock at its last heartbeat
 *         beats     hash    worker -> JSON of what it is doing
 *         clock     hash    clock (ms), last (Redis TIME of the last tick)
 *         minutes   hash    <minute>:done, <minute>:failed -> count, of the last hour
 *         deaths    hash    all, trimmed (thrown away: too many), told (of these, to the log) -> count, ever
 *         cron      hash    name -> last tick, ms
 *         unrun     hash    cron -> its last tick, where that had no job and none before it had one
 *         paused    string  present: nothing is taken
 *         key:<k>   string  PX, id of the job that holds a unique key
 *         r:<id>    string  PX, status and result of a job whose owner asks for it
 */

/**
 * (me, most in our list, want, acks, ack..., move...)
 * -> [may we take, length of our list, [taken...], [0 or 1 for each ack, what move returns for each move],
 *   ms until there is more to take, or -1, [why, what ended instead of being taken, ...]]
 * Settles what has ended and takes what is next. Nothing is taken for a worker that no reaper looks at.
 */
export const STEP = script<[number, number, string[], number[], number, string[]]>(`
${library('count')}
-- Most steps need none of it, and it is made when one does.
local function seldom()
${library('move', 'take')}
return move, take
end
local me, most, want, acks = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local run, settled, done = 'run:'..me, {}, 0
-- One question for what is seldom there.
local special = redis.call('EXISTS', base..'paused', base..'parks') > 0
local open = not (special and redis.call('EXISTS', base..'paused') == 1) and redis.call('ZSCORE', base..'workers', me)
for i = 5, 4 + acks do
  settled[#settled + 1] = math.min(1, redis.call('LREM', base..run, 0, ARGV[i]))
  done = done + settled[#settled]
end
if done > 0 then count('minutes', minute..':done', done) end
local settle, judge
if special or #ARGV > 4 + acks then settle, judge = seldom() end
for i = 5 + acks, #ARGV, ${MOVE_ARGS} do settled[#settled + 1] = settle(run, i) end
-- What is in flight already counts: a script that was sent twice takes no more than were wanted.
local held, taken, wake, ended = redis.call('LLEN', base..run), {}, -1, {}
want = math.min(want, most - held)
if open and want > 0 then
  local find, found = string.find, not special and redis.call('LPOP', base..'queue', want) or {}
  -- Hardly ever one of them has a gate.
  for i = 1, #found do special = special or find(found[i], ',"gate":{', 9, true) end
  if special then
    if not judge then settle, judge = seldom() end
    taken, wake, ended = judge(want, found)
  else taken = found end
end
if #taken > 0 then held = redis.call('RPUSH', base..run, unpack(taken)) end
return {open and 1 or 0, held, taken, settled, wake, ended}`)

/**
 * (me, tickMs, leaseMs, beat)
 * -> [now, paused, whether more is due, whether we were known, [stale worker...], dead jobs that were thrown away]
 * The last is said once, to one worker. Read the reply as bytes: a worker's name may be any.
 * The cluster clock moves by at most two ticks, and only while someone ticks: an outage of Redis, a clock that jumps,
 * or a pause of the whole cluster declares nobody dead.
 */
export const TICK = script<[number, number, number, number, Buffer[], number]>(`
${library('int')}
local me, tick, lease, beat = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local state = redis.call('HMGET', base..'clock', 'clock', 'last')
local clock, last = int(state[1]), int(state[2])
-- Lost, it goes on from the last beat that it timed: no worker's may lie ahead of it.
if clock == 0 then clock = tonumber(redis.call('ZREVRANGE', base..'workers', 0, 0, 'WITHSCORES')[2] or 0) end
if last == 0 then last = now end
clock = clock + math.max(0, math.min(now - last, 2 * tick))
-- By a clock that was set back, parks would wait for long.
if now < last then
  for _, key in ipairs(redis.pcall('ZRANGE', base..'parks', 0, -1)) do redis.call('ZADD', base..'parks', 0, key) end
end
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
  for _, field in ipairs(redis.pcall('HKEYS', base..'minutes')) do
    local age = minute - int(string.match(field, '^(%d+):'))
    if age > 60 or age < 0 then redis.call('HDEL', base..'minutes', field) end
  end
  for _, worker in ipairs(redis.call('HKEYS', base..'beats')) do
    if not redis.call('ZSCORE', base..'workers', worker) then redis.call('HDEL', base..'beats', worker) end
  end
end
local stale = redis.call('ZRANGEBYSCORE', base..'workers', '-inf', '('..(clock - lease))
local deaths = redis.pcall('HMGET', base..'deaths', 'trimmed', 'told')
local untold = math.max(0, int(deaths[1]) - int(deaths[2]))
if untold > 0 then redis.call('HSET', base..'deaths', 'told', deaths[1]) end
return {now, redis.call('EXISTS', base..'paused'), #due == 500 and 1 or 0, known and 1 or 0, stale, untold}`)

/**
 * (worker, leaseMs or '' for oneself, move...) -> [what move returns for each]; null if it is alive again meanwhile, or is gone.
 * An empty worker is forgotten.
 */
export const REAP = script<number[] | null>(`
${library('int', 'move')}
local worker, lease, moved = ARGV[1], tonumber(ARGV[2]), {}
local score = redis.call('ZSCORE', base..'workers', worker)
if lease and not (score and int(redis.call('HGET', base..'clock', 'clock')) - score > lease) then return false end
for i = 3, #ARGV, ${MOVE_ARGS} do moved[#moved + 1] = move('run:'..worker, i) end
if redis.call('LLEN', base..'run:'..worker) == 0 then
  redis.call('ZREM', base..'workers', worker)
  redis.call('HDEL', base..'beats', worker)
end
return moved`)

/**
 * (from, n, move...) -> moved. `from` is queue, later, dead or run:<w>. `n` as that of LREM: 0 looks through the whole
 * list; 1 from its start and -1 from its end as far as the job, and so costs nothing for what lies there.
 */
export const MOVE = script<number>(`
${library('move')}
local moved = 0
for i = 3, #ARGV, ${MOVE_ARGS} do moved = moved + math.min(1, move(ARGV[1], i, ARGV[2])) end
return moved`)

/**
 * (element, id, to, due, delay, key, keyMs, status, keepMs) -> id of the job: an older one if it holds the unique key.
 */
export const ADD = script<string>(`${library('add')}return add(ARGV)`)

/**
 * (name, the last tick seen or '', tick, element or '', id, key, keyMs) -> [last tick now, what happened]
 * Compare and set: of all workers that saw the same last tick, one moves it, and in the same breath enqueues the job.
 */
export const CRON = script<[string, string]>(`
${library('hold')}
local name, seen, tick, element, id, key = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local last = string.match(redis.call('HGET', base..'cron', name) or '', '^%d+$') or ''
if last ~= seen then return {last, 'seen'} end
if element == '' and (last == '' or redis.call('HGET', base..'unrun', name) == last) then
  redis.call('HSET', base..'unrun', name, tick)
end
redis.call('HSET', base..'cron', name, tick)
if element == '' then return {tick, 'passed'} end
if not hold(key, id, ARGV[7]) then return {tick, 'overlaps'} end
redis.call('RPUSH', base..'queue', element)
return {tick, 'enqueued'}`)
