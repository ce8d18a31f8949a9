// Stores sessions in Redis: who is logged in, the data of each session, and the sessions of each user.
import { hash, randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { Json } from '../../types/json.ts'
import type { Roles } from '../../types/roles.ts'
import { type Identity, type Sessions, sessionTooLarge } from '../../types/sessions.ts'
import { decode, encode, parseJson } from './session-identity.ts'
import { BATCH, createSessionIndex, sessionKeys } from './session-index.ts'
import { SWAP, TOUCH, WRITE_DATA } from './session-scripts.ts'

const TOKEN_BYTES = 32
const TOKEN = /^[A-Za-z0-9_-]{43}$/

/**
 * How much later the index and the data expire than their identity. Every request extends the expiry of the identity,
 * `touch` theirs. An active session is touched at least once a day, so theirs is always later.
 */
const OUTLIVE_SECONDS = 2 * 24 * 60 * 60

/** The data of a session, in bytes of keys and values; each key counts this many more, as it does in Redis. */
const MAX_DATA_BYTES = 64 * 1024
const KEY_OVERHEAD_BYTES = 64

interface Options<Role extends string> {
  prefix: string
  roles: Pick<Roles<Role>, 'names'>
  /** How long a session lives after its last request. */
  sessionSeconds: number
  /** How many live sessions a user may have. */
  maxSessions: number
}

/** Creates the sessions under the keys of `sessionKeys`. A malformed token costs no round trip. */
export function createSessions<Role extends string>(
  redis: Redis,
  { prefix, roles, sessionSeconds, maxSessions }: Options<Role>,
): Sessions<Role> {
  for (const [name, value] of Object.entries({ sessionSeconds, maxSessions })) {
    if (Number.isSafeInteger(value) && value >= 1) continue
    throw new RangeError(`sessions: ${name} must be a whole number, 1 or more, not ${value}`)
  }
  const indexSeconds = sessionSeconds + OUTLIVE_SECONDS
  const keys = sessionKeys(prefix)
  const index = createSessionIndex(redis, keys, { maxSessions, indexSeconds })

  const known: readonly string[] = roles.names
  const isKnown = (identity: Identity): identity is Identity<Role> => known.includes(identity.role)

  /** Replaces identities that have not changed meanwhile; returns the digests of the others. */
  async function swap(changes: { digest: string; before: string; after: Identity }[]): Promise<string[]> {
    if (changes.length === 0) return []
    const identities = changes.map(({ digest }) => keys.identity(digest))
    const texts = changes.flatMap(({ before, after }) => [before, encode(after)])
    const missed = (await redis.eval(SWAP, identities.length, ...identities, ...texts)) as number[]
    return missed.flatMap((i) => changes[i - 1]?.digest ?? [])
  }

  return {
    async create(identity) {
      const { userId, sentAt } = identity
      const token = randomBytes(TOKEN_BYTES).toString('base64url')
      const digest = digestOf(token)
      // Indexes first: every session that a reader can find is in them.
      const replies = await redis
        .multi()
        .zadd(keys.index(userId), sentAt, digest)
        .sadd(keys.olderIndex(userId), digest)
        .set(keys.identity(digest), encode(identity), 'EX', sessionSeconds)
        .expire(keys.index(userId), indexSeconds)
        .expire(keys.olderIndex(userId), indexSeconds)
        .zrange(keys.index(userId), ...index.excess)
        .scard(keys.olderIndex(userId))
        .exec()
      const failed = replies?.find(([error]) => error)
      if (failed?.[0]) throw failed[0]
      const [oldest, size] = (replies ?? []).slice(-2).map(([, reply]) => reply) as [string[], number]
      // Expired sessions are the oldest: all others have sent their cookies since.
      await index.end(userId, oldest)
      if (size - oldest.length > maxSessions) await index.adopt(userId)
      return token
    },

    async open(token) {
      if (!TOKEN.test(token)) return null
      const identity = decode(await redis.getex(keys.identity(digestOf(token)), 'EX', sessionSeconds))
      return identity !== null && isKnown(identity) ? identity : null
    },

    async touch(token, before, sentAt) {
      if (!TOKEN.test(token)) return
      const [digest, { userId }] = [digestOf(token), before]
      const beside = [keys.data(digest), keys.index(userId), keys.olderIndex(userId)]
      const texts = [encode(before), encode({ ...before, sentAt })]
      await redis.eval(TOUCH, 4, keys.identity(digest), ...beside, ...texts, indexSeconds, digest, sentAt)
    },

    async destroy(token) {
      if (!TOKEN.test(token)) return
      const digest = digestOf(token)
      // The identity goes first: from then on nobody writes data.
      const identity = decode(await redis.getdel(keys.identity(digest)))
      await (identity === null ? redis.unlink(keys.data(digest)) : index.end(identity.userId, [digest]))
    },

    async readData(token) {
      // Without a prototype, a key like `constructor` exists only if somebody set it.
      const data: Record<string, Json> = Object.create(null)
      if (!TOKEN.test(token)) return data
      for (const [key, text] of Object.entries(await redis.hgetall(keys.data(digestOf(token))))) {
        const value = parseJson(text)
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
      const limits = [indexSeconds, MAX_DATA_BYTES, KEY_OVERHEAD_BYTES]
      const args = [...limits, deleted.length, ...deleted, ...written]
      const tooLarge = await redis.eval(WRITE_DATA, 2, keys.identity(digest), keys.data(digest), ...args)
      if (tooLarge === 0) return
      throw sessionTooLarge({
        message: `The session would hold ${String(tooLarge)} bytes, and may hold ${MAX_DATA_BYTES}: store less in it`,
      })
    },

    async setRole(userId, role) {
      for (const digests of await index.digestsOf(userId)) {
        // Repeated for those that a concurrent request or change has replaced, until each has the role or is gone.
        let left = digests
        while (left.length > 0) {
          const texts = await redis.mget(left.map(keys.identity))
          const changes = left.flatMap((digest, i) => {
            // Compares the stored text itself: a newer version may have written more fields than `encode` does.
            const before = texts[i] ?? null
            const identity = decode(before)
            if (before === null || identity === null || identity.role === role) return []
            return [{ digest, before, after: { ...identity, role } }]
          })
          left = await swap(changes)
        }
      }
    },

    async allOf(userId) {
      const identities: Identity[] = []
      for (const digests of await index.digestsOf(userId)) {
        const texts = await redis.mget(digests.map(keys.identity))
        identities.push(...texts.map(decode).filter((identity) => identity !== null))
      }
      return identities
    },

    /** A concurrent login may survive. */
    async destroyAllOf(userId) {
      for (const digests of await index.digestsOf(userId)) await index.end(userId, digests)
    },

    async destroyAll() {
      const pattern = `${escapeGlob(prefix)}[sdiu]:*`
      let cursor = '0'
      let isClean = true
      do {
        if (cursor === '0') isClean = true
        const [next, found] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', BATCH)
        if (found.length > 0) await redis.unlink(found)
        isClean &&= found.length === 0
        cursor = next
      } while (cursor !== '0' || !isClean) // the embedded Redis skips some if others are removed meanwhile
    },
  }
}

const digestOf = (token: string) => hash('sha256', token)

const escapeGlob = (text: string) => text.replace(/[\\*?[\]]/g, '\\$&')
