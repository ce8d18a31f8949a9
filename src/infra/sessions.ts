// Sessions in Redis: who is logged in, what a session remembers, and which sessions a user has.
import { hash, randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import { z } from 'zod'
import { ROLES } from '../account/roles.ts'
import type { Identity, Json, Sessions } from '../deps.ts'

const TOKEN_BYTES = 32
const TOKEN = /^[A-Za-z0-9_-]{43}$/

/**
 * The index and the data expire this much later than the identity they belong to.
 * The identity's expiry is pushed by every request, theirs by `touch`. An active session is touched in the first
 * request after a day has passed since the last time, so theirs is at most a day behind, and so always later.
 */
const OUTLIVE_SECONDS = 2 * 24 * 60 * 60

/** An index is cleaned of ended sessions when it reaches this size, or doubles it. */
const MIN_PRUNE = 32

const SCAN_COUNT = 500

/** The order of the fields is that of the stored text, which `swap` compares. */
const StoredIdentity = z.object({
  userId: z.string(),
  role: z.enum(ROLES),
  ip: z.string(),
  agent: z.string(),
  loginAt: z.number(),
  sentAt: z.number(),
  remember: z.boolean(),
}) satisfies z.ZodType<Identity>

/** Changes an identity that is still what it was, and leaves its expiry alone: an ended session stays ended. */
const SWAP = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1`

/**
 * ARGV: expiry in seconds, how many fields to delete, those fields, then field and value in turn.
 * In slices, because Lua limits how many arguments one call takes.
 */
const WRITE_DATA = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local function each(command, first, last)
  for i = first, last, 1000 do
    redis.call(command, KEYS[2], unpack(ARGV, i, math.min(i + 999, last)))
  end
end
local deleted = tonumber(ARGV[2])
each('HDEL', 3, 2 + deleted)
each('HSET', 3 + deleted, #ARGV)
redis.call('EXPIRE', KEYS[2], ARGV[1])
return 1`

/**
 * Sessions under `<prefix>s:<digest>` (the identity, one JSON string), `<prefix>d:<digest>` (a hash of its data)
 * and `<prefix>u:<user id>` (the digests of a user's sessions). A token that cannot be one costs no round trip.
 * @param sessionSeconds how long a session lives after its last request
 */
export function createSessions(redis: Redis, prefix: string, sessionSeconds: number): Sessions {
  if (!Number.isSafeInteger(sessionSeconds) || sessionSeconds < 1) {
    throw new RangeError(`sessions: sessionSeconds must be a whole number, 1 or more, not ${sessionSeconds}`)
  }
  const besideSeconds = sessionSeconds + OUTLIVE_SECONDS
  const identityKey = (digest: string) => `${prefix}s:${digest}`
  const dataKey = (digest: string) => `${prefix}d:${digest}`
  const indexKey = (userId: string) => `${prefix}u:${userId}`

  const swap = async (digest: string, before: string, after: Identity): Promise<boolean> =>
    (await redis.eval(SWAP, 1, identityKey(digest), before, encode(after))) === 1

  /** A digest without an identity never gets one again (create writes both in one step), so it can go. */
  async function prune(userId: string): Promise<void> {
    const digests = await redis.smembers(indexKey(userId))
    const alive = await Promise.all(digests.map((digest) => redis.exists(identityKey(digest))))
    const ended = digests.filter((_, i) => alive[i] === 0)
    if (ended.length > 0) await redis.srem(indexKey(userId), ...ended)
  }

  /** Tries again when a request or another role change was faster, until the session has the role or is gone. */
  async function setRoleOf(digest: string, role: Identity['role']): Promise<void> {
    for (;;) {
      // Compared with the text as it stands: a newer version may have written more than `encode` would.
      const text = await redis.get(identityKey(digest))
      const identity = decode(text)
      if (text === null || identity === null || identity.role === role) return
      if (await swap(digest, text, { ...identity, role })) return
    }
  }

  return {
    async create(identity) {
      const token = randomBytes(TOKEN_BYTES).toString('base64url')
      const digest = digestOf(token)
      const index = indexKey(identity.userId)
      // The index stands first: no reader may ever find a session that the index does not know.
      const replies = await redis
        .multi()
        .sadd(index, digest)
        .set(identityKey(digest), encode(identity), 'EX', sessionSeconds)
        .expire(index, besideSeconds)
        .scard(index)
        .exec()
      const failed = replies?.find(([error]) => error)
      if (failed?.[0]) throw failed[0]
      const size = Number(replies?.at(-1)?.[1])
      if (size >= MIN_PRUNE && isPowerOfTwo(size)) await prune(identity.userId)
      return token
    },

    async open(token) {
      if (!TOKEN.test(token)) return null
      return decode(await redis.getex(identityKey(digestOf(token)), 'EX', sessionSeconds))
    },

    async touch(token, before, sentAt) {
      if (!TOKEN.test(token)) return
      const digest = digestOf(token)
      await Promise.all([
        swap(digest, encode(before), { ...before, sentAt }),
        redis.expire(dataKey(digest), besideSeconds),
        redis.expire(indexKey(before.userId), besideSeconds),
      ])
    },

    async destroy(token) {
      if (!TOKEN.test(token)) return
      const digest = digestOf(token)
      // The identity goes first: from then on nobody writes data any more.
      const identity = decode(await redis.getdel(identityKey(digest)))
      await Promise.all([
        redis.unlink(dataKey(digest)),
        identity === null ? 0 : redis.srem(indexKey(identity.userId), digest),
      ])
    },

    async readData(token) {
      // No prototype: a key like `constructor` is only there if somebody has set it.
      const data: Record<string, Json> = Object.create(null)
      if (!TOKEN.test(token)) return data
      for (const [key, text] of Object.entries(await redis.hgetall(dataKey(digestOf(token))))) {
        const value = parse(text)
        if (value !== undefined) data[key] = value
      }
      return data
    },

    async writeData(token, changes) {
      const entries = Object.entries(changes)
      if (!TOKEN.test(token) || entries.length === 0) return
      const deleted = entries.filter(([, value]) => value === undefined).map(([key]) => key)
      const written = entries
        .filter(([, value]) => value !== undefined)
        .flatMap(([key, value]) => [key, JSON.stringify(value)])
      const digest = digestOf(token)
      const keys = [identityKey(digest), dataKey(digest)]
      await redis.eval(WRITE_DATA, 2, ...keys, besideSeconds, deleted.length, ...deleted, ...written)
    },

    async setRole(userId, role) {
      const digests = await redis.smembers(indexKey(userId))
      await Promise.all(digests.map((digest) => setRoleOf(digest, role)))
    },

    async allOf(userId) {
      const digests = await redis.smembers(indexKey(userId))
      const texts = digests.length === 0 ? [] : await redis.mget(digests.map(identityKey))
      return texts.map(decode).filter((identity) => identity !== null)
    },

    async destroyAllOf(userId) {
      const digests = await redis.smembers(indexKey(userId))
      if (digests.length === 0) return
      await redis.unlink(...digests.map(identityKey))
      await redis.unlink(...digests.map(dataKey))
      // Not the whole index: a login may have added to it meanwhile.
      await redis.srem(indexKey(userId), ...digests)
    },

    async destroyAll() {
      const pattern = `${escapeGlob(prefix)}[sdu]:*`
      let cursor = '0'
      do {
        const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT)
        if (keys.length > 0) await redis.unlink(...keys)
        cursor = next
      } while (cursor !== '0')
    },
  }
}

const digestOf = (token: string) => hash('sha256', token)

/** One identity has one text: `swap` compares texts. */
const encode = ({ userId, role, ip, agent, loginAt, sentAt, remember }: Identity): string =>
  JSON.stringify({ userId, role, ip, agent, loginAt, sentAt, remember } satisfies Identity)

/** What is not an identity, of an older version for example, counts as no session. */
function decode(text: string | null): Identity | null {
  return text === null ? null : (StoredIdentity.safeParse(parse(text)).data ?? null)
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isPowerOfTwo = (n: number) => Number.isInteger(Math.log2(n))

const escapeGlob = (text: string) => text.replace(/[\\*?[\]]/g, '\\$&')
