// Holds the Lua functions that scripts share: those that count, hold unique keys, and add and move an element.
import { ENDS } from './ends.ts'
import { GATE } from './gate.ts'
import { UNIQUE_MS } from './task.ts'

// A write that is refused (out of memory, read-only) is refused only as the first one of its script, so a script
// either changes nothing or runs to its end. A removal is never refused: a full Redis is drained by its workers.
const COUNTS_AND_KEYS = `
-- Anybody may write to Redis: what is no whole number counts as none.
local function int(text) return tonumber(string.match(text or '', '^%d+$') or 0) end

-- No count is worth a job: where it cannot go on, it begins anew.
local function count(key, field, n)
  local total = redis.pcall('HINCRBY', base..key, field, n)
  if type(total) == 'table' then redis.pcall('HSET', base..key, field, n) end
end

-- Nor is a unique key: one of a wrong type is nobody's.
local function release(key, id)
  if key ~= '' and redis.pcall('GET', base..'key:'..key) == id then redis.call('DEL', base..'key:'..key) end
end

-- While a job waits for its next attempt, its key is held for as long as that of a new one.
local function extend(key, id, ms)
  local name = base..'key:'..key
  if key ~= '' and redis.pcall('GET', name) == id and redis.call('PTTL', name) < ms then
    redis.call('PEXPIRE', name, ms)
  end
end

-- False if another job holds the key; a script that was sent twice finds its own id.
local function hold(key, id, ms)
  return key == '' or redis.call('SET', base..'key:'..key, id, 'PX', ms, 'NX')
end
`

const MOVES = `
-- Takes {element, id, to, due, delay, key, keyMs, status, keepMs}; returns the id, an older job's if that holds the key.
-- Never fails behind its first write.
local function add(job)
  local element, id, to, due, key = job[1], job[2], job[3], job[4], job[6]
  -- It was sent before, and may have ended.
  if job[8] ~= '' and redis.call('EXISTS', base..'r:'..id) == 1 then return id end
  if not hold(key, id, job[7]) then return redis.pcall('GET', base..'key:'..key) end
  if job[8] ~= '' then redis.call('SET', base..'r:'..id, job[8], 'PX', job[9]) end
  if to == 'later' then
    redis.call('ZADD', base..'later', due ~= '' and due or now + job[5], element)
  elseif to == 'front' then toFront(element)
  else redis.call('RPUSH', base..'queue', element) end
  return id
end

-- 11 arguments from i: raw, to, as, delay, counts, id, key, status, keep, the longest dead list, and what add takes of
-- each job that follows, as JSON.
-- -> 1; 2 if it ends because it was cancelled; 0 if it was not there.
-- The removal is the guard: a movement that was made already, or overtaken, is not made. Identical elements, left by
-- an enqueue that was sent twice, are one job and move as one, unless n (of LREM) is given.
local function move(from, i, n)
  local raw, to, as, id, key = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 5], ARGV[i + 6]
  -- What may fail does so while nothing is removed yet: what is no JSON, or a key of a wrong type.
  local following = ARGV[i + 10] ~= '' and cjson.decode(ARGV[i + 10]) or {}
  redis.call('ZCARD', base..'later')
  redis.call('LLEN', base..'queue')
  redis.call('LLEN', base..'dead')
  local removed = from == 'later' and redis.call('ZREM', base..from, raw)
    or redis.call('LREM', base..from, n or 0, raw)
  if removed == 0 then return 0 end
  local gate = string.sub(from, 1, 4) == 'run:' and gateOf(raw)
  if gate then leave(gate) end
  -- Its owner has cancelled it: this is its end, whatever came of it.
  if ARGV[i + 7] ~= '' and stateOf(id) == 'cancelled' then
    release(key, id)
    redis.call('PEXPIRE', base..'r:'..id, ARGV[i + 8])
    return 2
  end
  if to == 'front' then toFront(as)
  elseif to == 'back' then redis.call('RPUSH', base..'queue', as)
  elseif to == 'later' then
    redis.call('ZADD', base..'later', now + ARGV[i + 3], as)
    extend(key, id, ARGV[i + 3] + ${UNIQUE_MS})
  else release(key, id) end
  if to == 'dead' then
    local over = redis.call('LPUSH', base..'dead', as) - ARGV[i + 9]
    count('deaths', 'all', 1)
    if over > 0 then
      redis.call('LTRIM', base..'dead', 0, ARGV[i + 9] - 1)
      count('deaths', 'trimmed', over)
    end
  end
  if ARGV[i + 4] ~= '' then count('minutes', minute..':'..ARGV[i + 4], 1) end
  if ARGV[i + 7] ~= '' then redis.call('SET', base..'r:'..id, ARGV[i + 7], 'PX', ARGV[i + 8]) end
  -- Last, so that a job may be followed by one with its own key.
  for _, job in ipairs(following) do add(job) end
  return 1
end
`

/** Each function behind those that it needs, and between blank lines. */
const PIECES = [COUNTS_AND_KEYS, ENDS, GATE, MOVES]
  .join('\n')
  .trim()
  .split(/\n{2,}/)

/** Functions and what they need: not all of them, as a script makes each anew at every call. */
export function library(...names: string[]): string {
  let [calls, made] = [names.map((name) => `${name}(`).join(' '), '']
  for (const piece of PIECES.toReversed()) {
    const name = /^local function (\w+)/m.exec(piece)?.[1]
    if (!new RegExp(`\\b${name}\\(`).test(calls)) continue
    calls += piece
    made = `${piece}\n${made}`
  }
  return made
}
