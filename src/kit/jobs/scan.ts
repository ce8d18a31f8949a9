// Finds a job by its id among a million, inside Redis and in slices, so that no other client waits for long.
import type { Redis } from 'ioredis'
import { malformed, readElement } from './element.ts'
import { callBuffer, script } from './lua.ts'

/** What one slice reads at the most; it ends at the first of the two. Some milliseconds of Redis. */
const SLICE = 1000
const SLICE_BYTES = 256 * 1024
/** What one LRANGE reads: elements may be large. */
const CHUNK = 100

/**
 * (from, start, id, {"id":id, the id as JSON, SHA-1 of what is no job or '') -> [the next start or -1, found...]
 * Queue and later are read against the way of their jobs, dead from the end that grows: what moves meanwhile is seen
 * twice rather than not at all. JSON has many ways to write an id, and only what may hold it is decoded; what else
 * cjson takes for JSON is for the caller to sort out.
 */
const FIND = script<[number, ...Buffer[]]>(`
local from, at, id, head, text, sha = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local function matches(element)
  if string.sub(element, 1, #head) == head then return true end
  if sha ~= '' and redis.sha1hex(element) == sha then return true end
  if not string.find(element, text, 1, true) and not string.find(element, '\\\\', 1, true) then return false end
  local isJson, job = pcall(cjson.decode, element)
  return isJson and type(job) == 'table' and job.id == id
end
local seen, bytes, found, chunk = 0, 0, {}
repeat
  if from == 'dead' then chunk = redis.call('LRANGE', base..from, at, at + ${CHUNK - 1})
  else chunk = redis.call(from == 'later' and 'ZRANGE' or 'LRANGE', base..from, -at - ${CHUNK}, -at - 1) end
  for _, element in ipairs(chunk) do
    bytes = bytes + #element
    if matches(element) then found[#found + 1] = element end
  end
  at, seen = at + #chunk, seen + #chunk
until #chunk < ${CHUNK} or seen >= ${SLICE} or bytes >= ${SLICE_BYTES}
return {#chunk < ${CHUNK} and -1 or at, unpack(found)}`)

/** The element of a job, byte for byte; undefined if it is not there. One that moves meanwhile may be missed. */
export async function findElement(
  redis: Redis,
  base: string,
  from: Buffer,
  id: string,
): Promise<Buffer | undefined> {
  const text = JSON.stringify(id)
  const sha = /^malformed-([\da-f]{40})$/.exec(id)?.[1] ?? ''
  for (let start = 0; start >= 0;) {
    const reply = await callBuffer(redis, FIND, base, from, start, id, `{"id":${text}`, text, sha)
    const [next, ...candidates] = reply
    const found = candidates.find((raw) => (readElement(raw) ?? malformed(raw)).id === id)
    if (found) return found
    start = next
  }
  return undefined
}
