// Keeps the index of each user's sessions: read in batches, and ended in an order that is safe.
import type { Redis } from 'ioredis'

/** The most keys in one command: a longer one would hold up other commands and exceed its timeout. */
export const BATCH = 500

/**
 * `impersonations`: who acts as a user. `identity`: one JSON text. `data`: a hash. `index`: the digests of a user's sessions, ordered by when each cookie was
 * last sent.
 *
 * In a Cluster, braces keep what one script touches in one slot: a session with its data, and what belongs to a user.
 * What touches both does so one after the other, in an order that is safe at each step.
 */
export function sessionKeys(prefix: string, isCluster: boolean) {
  const tag = (id: string) => (isCluster ? `{${id}}` : id)
  return {
    identity: (digest: string) => `${prefix}s:${tag(digest)}`,
    data: (digest: string) => `${prefix}d:${tag(digest)}`,
    index: (userId: string) => `${prefix}i:${tag(userId)}`,
    impersonations: (userId: string) => `${prefix}a:${tag(userId)}`,
  }
}

/** What each of many keys answers: one command each, as of a Cluster each may be another server's. */
export const eachOf = <T>(keys: string[], ask: (key: string) => Promise<T>) => Promise.all(keys.map(ask))

/**
 * @param maxSessions how many sessions a user may have
 * @param indexSeconds until an index that nobody touches expires
 */
export function createSessionIndex(
  redis: Redis,
  keys: ReturnType<typeof sessionKeys>,
  { maxSessions, indexSeconds }: { maxSessions: number; indexSeconds: number },
) {
  /**
   * Adds a session to the ordered index. In a Cluster to be called before its identity is written, so that whoever ends all
   * finds it, and behind: they may have taken it out in between, and the next one is to find it as well.
   */
  const add = (userId: string, digest: string, sentAt: number) =>
    redis.multi().zadd(keys.index(userId), sentAt, digest).expire(keys.index(userId), indexSeconds).exec()

  /**
   * Returns a user's digests in batches: all that exist throughout the scan, and maybe some that have ended. The scan
   * completes before any is changed: the embedded Redis skips some if others are removed meanwhile.
   */
  async function digestsOf(userId: string): Promise<string[][]> {
    const found = new Set<string>()
    let cursor = '0'
    do {
      const [next, members] = await redis.zscan(keys.index(userId), cursor, 'COUNT', BATCH)
      for (let i = 0; i < members.length; i += 2) found.add(members[i] ?? '') // member and score in turn
      cursor = next
    } while (cursor !== '0')
    return batchesOf([...found])
  }

  /** Like `digestsOf`, then those that came meanwhile, until there are no more: a session that is rotated is not missed. */
  async function* allDigestsOf(userId: string): AsyncGenerator<string[]> {
    const seen = new Set<string>()
    for (;;) {
      const added = (await digestsOf(userId)).flat().filter((digest) => !seen.has(digest))
      if (added.length === 0) return
      for (const digest of added) seen.add(digest)
      yield* batchesOf(added)
    }
  }

  /**
   * Deletes identities first: from then on nobody is let in and nobody writes data. Deletes from the index last, so
   * that a second attempt finds what a failed one has left. Returns how many lived.
   */
  async function end(userId: string, digests: string[]): Promise<number> {
    let ended = 0
    for (const batch of batchesOf(digests)) {
      const unlinkAll = (of: (digest: string) => string) => eachOf(batch.map(of), (key) => redis.unlink(key))
      ended += sumOf(await unlinkAll(keys.identity))
      await unlinkAll(keys.data)
      await redis.zrem(keys.index(userId), ...batch)
      // In a Cluster one of them may just have been begun, behind its place in the index.
      if (redis.isCluster) ended += sumOf(await unlinkAll(keys.identity))
    }
    return ended
  }

  /** The range beyond `maxSessions`: the sessions whose cookies were sent longest ago. */
  const excess = ['0', String(-maxSessions - 1)] as const

  return { add, digestsOf, allDigestsOf, end, excess }
}

const sumOf = (counts: number[]) => counts.reduce((sum, n) => sum + n, 0)

const batchesOf = (digests: string[]) =>
  Array.from({ length: Math.ceil(digests.length / BATCH) }, (_, i) =>
    digests.slice(i * BATCH, (i + 1) * BATCH),
  )
