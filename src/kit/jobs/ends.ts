// Holds the Lua that ends jobs which are not to be run any more, and tells their owners of a start or an end.

export const ENDS = `
-- What its owner sees of a job; nil if that is nothing.
local function stateOf(id) return string.match(tostring(redis.pcall('GET', base..'r:'..id)), '"state":"(%a+)"') end

-- Its owner sees another state of a job that waits.
local function tell(id, state)
  if stateOf(id) ~= 'waiting' then return end
  local shown = string.gsub(redis.call('GET', base..'r:'..id), '"state":"waiting"', state, 1)
  redis.pcall('SET', base..'r:'..id, shown, 'KEEPTTL')
end

-- All of a job, with '' for no unique key; nil if it is none.
local function jobOf(element)
  local isJson, job = pcall(cjson.decode, element)
  -- Its input may hold halves of characters, which cjson does not read: any other stands for them.
  if not isJson then
    isJson, job = pcall(cjson.decode, (string.gsub(element, '\\\\(.)([dD]?[89a-fA-F]?)', function(escape, half)
      if escape == 'u' and #half == 2 then return '\\\\u00' end
    end)))
  end
  if not isJson then return nil end
  job.key = type(job.key) == 'string' and job.key or ''
  return job
end

-- Jobs that ended instead of being taken, each behind why.
local ended = {}
-- Whether it is not to be run any more: its owner has cancelled it, or the time for its start is over.
local function ends(gate, element)
  local isCancelled = gate.c and stateOf(gate.id) == 'cancelled'
  local isLate = type(gate.b) == 'number' and now > gate.b
  if not isCancelled and not isLate then return false end
  local job = jobOf(element)
  -- One that is tried again has been started.
  if not job or not isCancelled and (job.n or job.c) then return false end
  if not isCancelled then tell(gate.id, '"state":"failed","error":"The task was not started in time."') end
  release(job.key, gate.id)
  if job.keep then redis.pcall('PEXPIRE', base..'r:'..gate.id, job.keep) end
  table.insert(ended, isCancelled and 'cancelled' or 'late')
  table.insert(ended, element)
  return true
end
`
