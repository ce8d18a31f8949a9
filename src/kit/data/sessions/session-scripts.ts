// Holds the Lua scripts of the sessions, which read and write atomically. Each is given every key that it touches.

/**
 * KEYS: identity. ARGV: the expected text and the new one. Replies 0 if it has another text. Its expiry stays, and an
 * ended session stays ended.
 */
export const SWAP = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1`

/** KEYS: impersonations. ARGV: the user's role. Does nothing where nobody acts as the user. */
export const SET_IMPERSONATED = `
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'role', ARGV[1]) end`

/**
 * KEYS: identity, data, and but in a Cluster the index. ARGV: the text before, the text after, expiry of data and index in
 * seconds, digest, score. Replies 0 if it has ended.
 */
export const TOUCH = `
local text = redis.call('GET', KEYS[1])
if not text then return 0 end
if text == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL') end
if KEYS[3] then redis.call('ZADD', KEYS[3], ARGV[5], ARGV[4]) end
for i = 2, #KEYS do redis.call('EXPIRE', KEYS[i], ARGV[3]) end
return 1`

/**
 * KEYS: identity, new identity, data, new data, index. ARGV: the text before, the text after, expiry of the identity and of the
 * rest in seconds, digest, new digest, score. Replies 0 if the identity has another text.
 */
export const ROTATE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
redis.call('DEL', KEYS[1])
if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('RENAME', KEYS[3], KEYS[4]) end
redis.call('ZREM', KEYS[5], ARGV[5])
redis.call('ZADD', KEYS[5], ARGV[7], ARGV[6])
for i = 4, 5 do redis.call('EXPIRE', KEYS[i], ARGV[4]) end
return 1`

/** KEYS: identity. ARGV: the expected text. Ends the session; replies 0 if it has another text. */
export const END = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`

/**
 * KEYS: identity, data. ARGV: expiry in seconds, the byte limit, the overhead in bytes of each field, how many fields to
 * delete, those fields, then fields and values alternating. Replies the new size if it exceeds the limit and has grown,
 * else 0. Works in slices, because Lua limits the arguments of one call.
 */
export const WRITE_DATA = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local limit, each, deleted = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local sizes, before = {}, 0
local stored = redis.call('HGETALL', KEYS[2])
for i = 1, #stored, 2 do
  sizes[stored[i]] = each + #stored[i] + #stored[i + 1]
  before = before + sizes[stored[i]]
end
local after = before
for i = 5, 4 + deleted do
  after = after - (sizes[ARGV[i]] or 0)
  sizes[ARGV[i]] = nil
end
for i = 5 + deleted, #ARGV, 2 do after = after - (sizes[ARGV[i]] or 0) + each + #ARGV[i] + #ARGV[i + 1] end
if after > limit and after > before then return after end
local function slices(command, first, last)
  for i = first, last, 1000 do
    redis.call(command, KEYS[2], unpack(ARGV, i, math.min(i + 999, last)))
  end
end
slices('HDEL', 5, 4 + deleted)
slices('HSET', 5 + deleted, #ARGV)
redis.call('EXPIRE', KEYS[2], ARGV[1])
return 0`
