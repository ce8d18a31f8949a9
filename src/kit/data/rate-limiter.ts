// Counts for rate limits in Redis: one atomic script takes from several counters, and every counter expires.
import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { Counter, RateLimiter } from '../types/rate-limiter.ts'

/** Whatever is pending for longer belongs to a process that died. */
const PENDING_MS = 60_000
/** Two window ends that differ by less are the same window, as none is shorter than a second. */
const SAME_WINDOW_MS = 500

const VERDICTS = ['taken', 'pending', 'full'] as const

const LIB = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function read(key) return math.max(0, tonumber(redis.call('GET', key) or 0)) end
`

/**
 * KEYS: for each counter its count, and how much of it is pending. ARGV: for each its limit, its window in ms, 1 if it
 * is to be settled. Replies the verdict; then for each the count, the ms until its window ends, and that end in Unix ms.
 * A count without an end gets one: where the clock goes on inside of a script (the embedded Redis), a key may expire between
 * two commands, and INCR makes one that would refuse for ever.
 * A refusal increments only counts that are full, which have keys already: a flood of refusals creates no keys.
 */
const TAKE = `${LIB}
local verdict, full = 0, {}
for i = 1, #KEYS, 2 do
  local limit = tonumber(ARGV[(i - 1) / 2 * 3 + 1])
  local count = read(KEYS[i])
  full[i] = count - read(KEYS[i + 1]) >= limit
  if full[i] then verdict = 2 elseif count >= limit then verdict = math.max(verdict, 1) end
end
local reply = {verdict}
for i = 1, #KEYS, 2 do
  local window, settles = ARGV[(i - 1) / 2 * 3 + 2], ARGV[(i - 1) / 2 * 3 + 3]
  local count = read(KEYS[i])
  if verdict == 0 or (verdict == 2 and full[i]) then
    count = count + 1
    if count == 1 then redis.call('SET', KEYS[i], 1, 'PX', window) else redis.call('INCR', KEYS[i]) end
  end
  if verdict == 0 and settles == '1' then
    redis.call('INCR', KEYS[i + 1])
    redis.call('PEXPIRE', KEYS[i + 1], ${PENDING_MS})
  end
  local ttl = redis.call('PTTL', KEYS[i])
  if ttl < 0 then
    ttl = tonumber(window)
    redis.call('PEXPIRE', KEYS[i], ttl)
  end
  for _, value in ipairs({count, ttl, now + ttl}) do reply[#reply + 1] = value end
end
return reply`

/**
 * KEYS as in TAKE. ARGV: for each the outcome, and the end of the window that it was taken from.
 * A refund goes to that window only. `clear` leaves those that are still pending.
 */
const SETTLE = `${LIB}
for i = 1, #KEYS, 2 do
  local outcome, window = ARGV[i], tonumber(ARGV[i + 1])
  local count, left = read(KEYS[i]), read(KEYS[i + 1]) - 1
  if left > 0 then redis.call('DECR', KEYS[i + 1]) elseif left == 0 then redis.call('DEL', KEYS[i + 1]) end
  if outcome == 'clear' then
    if left <= 0 then redis.call('DEL', KEYS[i])
    elseif count > left then redis.call('SET', KEYS[i], left, 'KEEPTTL') end
  elseif outcome == 'refund' and math.abs(now + redis.call('PTTL', KEYS[i]) - window) < ${SAME_WINDOW_MS} then
    if count > 1 then redis.call('DECR', KEYS[i]) else redis.call('DEL', KEYS[i]) end
  end
end
return 0`

/**
 * Keeps counts under `<prefix>rl:<name>:<digest of the key>`, and the pending part of each under
 * `rl-pending:` likewise. No address or email is stored. In a Cluster `rl` is in braces: a script takes from all counters
 * or from none, so all are in one slot.
 */
export function createRateLimiter(redis: Redis, prefix: string): RateLimiter {
  const rl = redis.isCluster ? '{rl}' : 'rl'
  const keysOf = ({ name, key }: Counter) => {
    const whose = `${name}:${createHash('sha256').update(key).digest('base64url')}`
    return [`${prefix}${rl}:${whose}`, `${prefix}${rl}-pending:${whose}`]
  }
  return {
    async take(counters) {
      const keys = counters.flatMap(keysOf)
      const args = counters.flatMap(({ limit, seconds, settles }) => [limit, seconds * 1000, settles ? 1 : 0])
      const [verdict = 0, ...numbers] = (await redis.eval(TAKE, keys.length, ...keys, ...args)) as number[]
      const counts = counters.map((counter, i) => {
        const [count = 0, endsInMs = 0, window = 0] = numbers.slice(3 * i, 3 * i + 3)
        return { counter, count, endsInMs, window }
      })
      return { verdict: VERDICTS[verdict] ?? 'full', counts }
    },
    async settle(settlements) {
      if (settlements.length === 0) return
      const keys = settlements.flatMap(({ counter }) => keysOf(counter))
      const args = settlements.flatMap(({ outcome, window }) => [outcome, window])
      await redis.eval(SETTLE, keys.length, ...keys, ...args)
    },
  }
}
