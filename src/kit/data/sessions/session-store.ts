// Stores sessions in Redis: who is logged in, the data of each session, and the sessions of each user.
import type { Redis } from 'ioredis'
import type { Roles } from '../../types/roles.ts'
import type { Identity, Sessions } from '../../types/sessions.ts'
import { createSessionData } from './session-data.ts'
import { decode, encode } from './session-identity.ts'
import { BATCH, createSessionIndex, eachOf, sessionKeys } from './session-index.ts'
import { primaries } from '../redis-open.ts'
import { createImpersonation } from './session-impersonation.ts'
import { createRotation } from './session-rotation.ts'
import { createSessionList } from './session-list.ts'
import { SET_IMPERSONATED, SWAP, TOUCH } from './session-scripts.ts'
import { createToken, digestOf } from './session-token.ts'

/**
 * How much later the index and the data expire than their identity. Every request extends the expiry of the identity,
 * `touch` theirs. An active session is touched at least once a day, so theirs is always later.
 */
const OUTLIVE_SECONDS = 2 * 24 * 60 * 60

interface Options<Role extends string> {
  prefix: string
  roles: Pick<Roles<Role>, 'names' | 'atLeast' | 'isBarred'>
  /** How long a session lives after its last request. */
  sessionSeconds: number
  /** How long it lives after its login, whatever its activity. */
  maxSeconds: number
  /** How many live sessions a user may have. */
  maxSessions: number
}

/** Creates the sessions under the keys of `sessionKeys`. A malformed token costs no round trip. */
export function createSessions<Role extends string>(
  redis: Redis,
  { prefix, roles, sessionSeconds, maxSeconds, maxSessions }: Options<Role>,
): Sessions<Role> {
  for (const [name, value] of Object.entries({ sessionSeconds, maxSeconds, maxSessions })) {
    if (Number.isSafeInteger(value) && value >= 1) continue
    throw new RangeError(`sessions: ${name} must be a whole number, 1 or more, not ${value}`)
  }
  const indexSeconds = sessionSeconds + OUTLIVE_SECONDS
  const keys = sessionKeys(prefix, redis.isCluster)
  const index = createSessionIndex(redis, keys, { maxSessions, indexSeconds })

  const impersonation = createImpersonation(redis, keys, roles, openOwn)

  const known: readonly string[] = roles.names
  const isKnown = (identity: Identity): identity is Identity<Role> => known.includes(identity.role)

  const isOver = ({ loginAt }: Identity) => Date.now() - loginAt >= maxSeconds * 1000

  /** Replaces identities that have not changed meanwhile; returns the digests of the others. */
  async function swap(changes: { digest: string; before: string; after: Identity }[]): Promise<string[]> {
    const swapped = await Promise.all(
      changes.map(({ digest, before, after }) =>
        redis.eval(SWAP, 1, keys.identity(digest), before, encode(after)),
      ),
    )
    return changes.filter((_, i) => swapped[i] !== 1).map(({ digest }) => digest)
  }

  async function destroy(token: string): Promise<void> {
    const digest = digestOf((await impersonation.end(token)) ?? token)
    if (digest === undefined) return
    // The identity goes first: from then on nobody writes data.
    const identity = decode(await redis.getdel(keys.identity(digest)))
    await (identity === null ? redis.unlink(keys.data(digest)) : index.end(identity.userId, [digest]))
  }

  async function openOwn(token: string): Promise<Identity<Role> | null> {
    const digest = digestOf(token)
    if (digest === undefined) return null
    const identity = decode(await redis.getex(keys.identity(digest), 'EX', sessionSeconds))
    if (identity === null || !isKnown(identity)) return null
    if (!isOver(identity)) return identity
    await destroy(token)
    return null
  }

  return {
    destroy,

    async create(identity) {
      const { userId, sentAt } = identity
      const [token, digest] = createToken()
      const stored = [keys.identity(digest), encode(identity), 'EX', sessionSeconds] as const
      // The index first: every session that a reader can find is in it.
      const steps = redis
        .multi()
        .zadd(keys.index(userId), sentAt, digest)
        .expire(keys.index(userId), indexSeconds)
      if (!redis.isCluster) steps.set(...stored)
      const replies = await steps.zrange(keys.index(userId), ...index.excess).exec()
      const failed = replies?.find(([error]) => error)
      if (failed?.[0]) throw failed[0]
      // In a Cluster it is in another slot. One that breaks off before leaves a digest of no session.
      if (redis.isCluster) {
        await redis.set(...stored)
        await index.add(userId, digest, sentAt)
      }
      const oldest = replies?.at(-1)?.[1] as string[]
      // Expired sessions are the oldest: all others have sent their cookies since.
      await index.end(userId, oldest)
      return token
    },

    // Only one that acts as another account has a dot.
    open: (token) => (token.includes('.') ? impersonation.open(token) : openOwn(token)),
    ...impersonation.calls,

    async touch(token, before, sentAt) {
      const [digest, { userId }] = [digestOf(token), before]
      if (digest === undefined) return
      const texts = [encode(before), encode({ ...before, sentAt })]
      const own = [keys.identity(digest), keys.data(digest)]
      const all = [...own, ...(redis.isCluster ? [] : [keys.index(userId)])]
      const touched = await redis.eval(TOUCH, all.length, ...all, ...texts, indexSeconds, digest, sentAt)
      // One that ends in between leaves a digest of no session in the index.
      if (touched === 1 && redis.isCluster) await index.add(userId, digest, sentAt)
    },

    ...createRotation(redis, keys, index, { isKnown, sessionSeconds, indexSeconds }),
    ...createSessionData(redis, keys, indexSeconds),

    async setRole(userId, role) {
      await redis.eval(SET_IMPERSONATED, 1, keys.impersonations(userId), role)
      for await (const digests of index.allDigestsOf(userId)) {
        // Repeated for those that a concurrent request or change has replaced, until each has the role or is gone.
        let left = digests
        for (let isFirst = true; left.length > 0; isFirst = false) {
          const texts = await eachOf(left.map(keys.identity), (key) => redis.get(key))
          const changes = left.flatMap((digest, i) => {
            // Compares the stored text itself: a newer version may have written more fields than `encode` does.
            const before = texts[i] ?? null
            const identity = decode(before)
            if (before === null || identity === null || identity.role === role) return []
            return [{ digest, before, after: { ...identity, role } }]
          })
          // In a Cluster one may be looked for before it is there, and under its old token after that: once more, then.
          const missed = redis.isCluster && isFirst ? left.filter((_, i) => texts[i] === null) : []
          left = [...missed, ...(await swap(changes))]
        }
      }
    },

    ...createSessionList(redis, keys, index, { sessionSeconds, isOver }),

    /** A concurrent login may survive. */
    async destroyAllOf(userId, { but } = { but: undefined }) {
      await redis.unlink(keys.impersonations(userId))
      const kept = but && digestOf(but)
      for await (const digests of index.allDigestsOf(userId)) {
        await index.end(
          userId,
          digests.filter((digest) => digest !== kept),
        )
      }
    },

    async destroyAll() {
      const pattern = `${escapeGlob(prefix)}[sdia]:*`
      for (const one of primaries(redis)) {
        let cursor = '0'
        let isClean = true
        do {
          if (cursor === '0') isClean = true
          const [next, found] = await one.scan(cursor, 'MATCH', pattern, 'COUNT', BATCH)
          await eachOf(found, (key) => redis.unlink(key))
          isClean &&= found.length === 0
          cursor = next
        } while (cursor !== '0' || !isClean) // the embedded Redis skips some if others are removed meanwhile
      }
    },
  }
}

const escapeGlob = (text: string) => text.replace(/[\\*?[\]]/g, '\\$&')
