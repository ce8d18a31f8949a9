// Lists a user's live sessions for their owner, and ends one of them by its id.
import type { Redis } from 'ioredis'
import type { Identity, LiveSession, Sessions } from '../../types/sessions.ts'
import { decode } from './session-identity.ts'
import { type createSessionIndex, eachOf, type sessionKeys } from './session-index.ts'
import { digestOf, idOfDigest } from './session-token.ts'

interface Options {
  sessionSeconds: number
  isOver(this: void, identity: Identity): boolean
}

export function createSessionList(
  redis: Redis,
  keys: ReturnType<typeof sessionKeys>,
  index: ReturnType<typeof createSessionIndex>,
  { sessionSeconds, isOver }: Options,
): Pick<Sessions, 'allOf' | 'idOf' | 'destroyOne'> {
  /** Every request has set the expiry anew: what is left of it tells when the last one was, without a write of its own. */
  const seenAt = ({ sentAt }: Identity, leftMs: number) =>
    Math.max(sentAt, Math.min(Date.now(), Date.now() + leftMs - sessionSeconds * 1000))

  return {
    async allOf(userId) {
      const found: LiveSession[] = []
      for (const digests of await index.digestsOf(userId)) {
        const identities = digests.map(keys.identity)
        const [texts, lefts] = await Promise.all([
          eachOf(identities, (key) => redis.get(key)),
          eachOf(identities, (key) => redis.pttl(key)),
        ])
        for (const [i, digest] of digests.entries()) {
          const identity = decode(texts[i])
          if (identity === null || isOver(identity)) continue
          found.push({ ...identity, id: idOfDigest(digest), seenAt: seenAt(identity, lefts[i] ?? 0) })
        }
      }
      return found
    },

    idOf(token) {
      const digest = digestOf(token)
      return digest && idOfDigest(digest)
    },

    async destroyOne(userId, id) {
      const digests = (await index.digestsOf(userId)).flat().filter((digest) => idOfDigest(digest) === id)
      return (await index.end(userId, digests)) > 0
    },
  }
}
