// Holds the Lua that judges gates: what is taken, and what has to wait for the limit of its key.

/** Elements, and keys whose turn may have come, that one script looks at: no other client of Redis waits for long. */
const LOOK = 500
/** After so long, ms, a full key is looked into: who holds it may have gone without a word (older workers, other hands). */
const DOUBT_MS = 30_000

// Its keys stand in README.md. What lies under one of them and is of another type limits nothing.
export const GATE = `
-- What is wrong in a gate counts as none. No user's text is taken for one: the id before it holds no quote.
local function gateOf(element)
  -- Almost no element has one, and the g behind its id says so.
  if string.byte(element, (string.find(element, '"', 8, true) or 0) + 3) ~= 103 then return nil end
  local id, text = string.match(element, '^{"id":"([^"\\\\]*)","gate":(%b{})')
  if not id then return nil end
  local isJson, gate = pcall(cjson.decode, text)
  if not isJson then return nil end
  if type(gate.k) ~= 'string' then gate.k, gate.m, gate.r = nil, nil, nil end
  local m, r = gate.m, type(gate.r) == 'table' and gate.r or {}
  gate.id, gate.m = id, type(m) == 'number' and m >= 1 and m or nil
  gate.r = type(r[1]) == 'number' and r[1] >= 1 and type(r[2]) == 'number' and r or nil
  return gate
end

-- Whether something waits for the key, in a park that can be used.
local function isParked(gate) return gate.k and (tonumber(redis.pcall('LLEN', base..'park:'..gate.k)) or 0) > 0 end

-- False if it cannot be set aside.
local function park(gate, element, push, at)
  local listed = redis.pcall('ZADD', base..'parks', unpack(at == 0 and {0, gate.k} or {'NX', at, gate.k}))
  return type(listed) == 'number' and type(redis.pcall(push, base..'park:'..gate.k, element)) == 'number'
end

-- To the front of the queue; behind a limit that others wait for, to the front of those.
local function toFront(element)
  local gate = gateOf(element)
  if gate and isParked(gate) and park(gate, element, 'LPUSH', 0) then return end
  redis.call('LPUSH', base..'queue', element)
end

-- It runs no more: the first that waits for its key may start.
local function leave(gate)
  if not gate.m then return end
  redis.pcall('SREM', base..'held:'..gate.k, gate.id)
  redis.pcall('ZADD', base..'parks', 'XX', 0, gate.k)
end

-- When to look again: nil, it may start now; false, when one that runs has left.
local function waitOf(gate)
  if gate.m and (tonumber(redis.pcall('SCARD', base..'held:'..gate.k)) or 0) >= gate.m then return false end
  if not gate.r then return nil end
  local first = tonumber(redis.pcall('LINDEX', base..'starts:'..gate.k, gate.r[1] - 1))
  if first and first <= now and now - first < gate.r[2] then return first + gate.r[2] end
end

local function start(gate, element)
  if gate.c then tell(gate.id, '"state":"running","progress":0') end
  local job = gate.u and jobOf(element)
  if job then release(job.key, gate.id) end
  if gate.m then redis.pcall('SADD', base..'held:'..gate.k, gate.id) end
  if not gate.r then return end
  local starts = base..'starts:'..gate.k
  redis.pcall('LPUSH', starts, now)
  redis.pcall('LTRIM', starts, 0, gate.r[1] - 1)
  redis.pcall('PEXPIRE', starts, gate.r[2])
end

-- Whoever is in no worker's list holds nothing.
local alive
local function forget(gate)
  if not alive then
    alive = {}
    for _, worker in ipairs(redis.call('ZRANGE', base..'workers', 0, -1)) do
      for _, element in ipairs(redis.pcall('LRANGE', base..'run:'..worker, 0, -1)) do
        local other = gateOf(element)
        if other then alive[other.id] = true end
      end
    end
  end
  for _, id in ipairs(redis.pcall('SMEMBERS', base..'held:'..gate.k)) do
    if not alive[id] then redis.pcall('SREM', base..'held:'..gate.k, id) end
  end
end

-- Takes from parks and from the queue, or first of all what has just come out of the queue.
-- -> what is taken; in how many ms there is more to look at, -1: when something happens; what ended instead
local function take(want, elements)
  local taken, wake, looked = {}, -1, 0
  local function waits(key, at)
    redis.pcall('ZADD', base..'parks', at or now + ${DOUBT_MS}, key)
    if at and (wake < 0 or at - now < wake) then wake = at - now end
  end
  -- The first in a park that is to be run still, and its gate.
  local function first(park)
    while true do
      local element = redis.pcall('LINDEX', park, 0)
      local gate = type(element) == 'string' and gateOf(element)
      if not gate or looked >= ${LOOK} or not ends(gate, element) then return element, gate end
      redis.call('LPOP', park)
      looked = looked + 1
    end
  end
  local function takeParked()
    local due = redis.pcall('ZRANGEBYSCORE', base..'parks', '-inf', now, 'LIMIT', 0, ${LOOK})
    for _, key in ipairs(due) do
      if #taken == want then break end
      local park, before = base..'park:'..key, #taken
      while #taken < want do
        local element, gate = first(park)
        if type(element) ~= 'string' then break end
        if gate and waitOf(gate) == false and #taken == before then forget(gate) end
        local at = gate and waitOf(gate)
        if looked >= ${LOOK} then at = now end
        if gate and at ~= nil then
          waits(key, at)
          break
        end
        redis.call('LPOP', park)
        if gate then start(gate, element) end
        taken[#taken + 1] = element
      end
      if type(redis.pcall('LINDEX', park, 0)) ~= 'string' then redis.call('ZREM', base..'parks', key) end
    end
    if #due == ${LOOK} then wake = 0 end
  end
  local function judge(element)
    local gate = gateOf(element)
    if gate then
      if ends(gate, element) then return end
      -- Whoever comes while others wait for the key waits behind them.
      local at = waitOf(gate)
      if (isParked(gate) or at ~= nil) and park(gate, element, 'RPUSH', at or now + ${DOUBT_MS}) then
        if at then waits(gate.k, at) end
        return
      end
      start(gate, element)
    end
    taken[#taken + 1] = element
  end
  local function takeQueued()
    while #taken < want do
      if looked >= ${LOOK} then wake = 0 break end
      local room = math.min(want - #taken, ${LOOK} - looked)
      local found = #elements > 0 and elements or redis.call('LPOP', base..'queue', room) or {}
      elements, looked = {}, looked + #found
      for _, element in ipairs(found) do judge(element) end
      if #found < room then break end
    end
  end
  -- By turns, so that neither what is urgent waits for all that is parked, nor that for all that comes.
  if #elements > 0 then takeQueued()
  elseif now % 2 == 0 then takeParked() takeQueued()
  else takeQueued() takeParked() end
  return taken, wake, ended
end
`
