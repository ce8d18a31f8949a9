// Which sessions a user has: read in batches, the oldest ended where they are too many, and known to older releases too.
import type { Redis } from 'ioredis'
import type { Identity } from '../../types/sessions.ts'

/** The most keys in one command: a longer one would hold up everybody else's, and outlast its timeout. */
export const BATCH = 500

/**
 * `identity`: one JSON text. `data`: a hash. `index`: the digests of a user's sessions, by when each sent its cookie
 * last. `olderIndex`: a set of the same digests, the only one that releases before the other know. As long as they may
 * run beside this one it is written with it; it is read for the sessions that they make.
 */
export const sessionKeys = (prefix: string) => ({
  identity: (digest: string) => `${prefix}s:${digest}`,
  data: (digest: string) => `${prefix}d:${digest}`,
  index: (userId: string) => `${prefix}i:${userId}`,
  olderIndex: (userId: string) => `${prefix}u:${userId}`,
})

/**
 * @param most how many sessions a user may have
 * @param besideSeconds until an index expires that nobody touches
 * @param decode reads the text of an identity
 */
export function createSessionIndex(
  redis: Redis,
  keys: ReturnType<typeof sessionKeys>,
  {
    most,
    besideSeconds,
    decode,
  }: { most: number; besideSeconds: number; decode: (text: string | null | undefined) => Identity | null },
) {
  /**
   * The digests of a user, in batches: each that is there from the beginning to the end, and maybe some that have ended.
   * Read to the end before any is worked on: the embedded Redis passes over some where others are removed meanwhile.
   */
  async function digestsOf(userId: string): Promise<string[][]> {
    const found = new Set<string>()
    for (const scan of [scanIndex, scanOlderIndex]) {
      let cursor = '0'
      do {
        const [next, digests] = await scan(userId, cursor)
        for (const digest of digests) found.add(digest)
        cursor = next
      } while (cursor !== '0')
    }
    return batchesOf([...found])
  }

  async function scanIndex(userId: string, cursor: string): Promise<[string, string[]]> {
    const [next, found] = await redis.zscan(keys.index(userId), cursor, 'COUNT', BATCH)
    return [next, found.filter((_, i) => i % 2 === 0)] // member and score in turn
  }

  const scanOlderIndex = (userId: string, cursor: string) =>
    redis.sscan(keys.olderIndex(userId), cursor, 'COUNT', BATCH)

  /**
   * Identities first: from then on nobody is let in, and nobody writes data.
   * The indexes last: what broke off half way is found there when it is tried again.
   */
  async function end(userId: string, digests: string[]): Promise<void> {
    for (const batch of batchesOf(digests)) {
      await redis.unlink(batch.map(keys.identity))
      await redis.unlink(batch.map(keys.data))
      await Promise.all([
        redis.zrem(keys.index(userId), ...batch),
        redis.srem(keys.olderIndex(userId), ...batch),
      ])
    }
  }

  /** Takes into the ordered index what only older releases know of, and ends what is too much meanwhile. */
  async function adopt(userId: string): Promise<void> {
    for (const digests of await digestsOf(userId)) {
      const texts = await redis.mget(digests.map(keys.identity))
      const isAlive = (_: string, i: number) => texts[i] !== null
      const ended = digests.filter((digest, i) => !isAlive(digest, i))
      const scores = digests.flatMap((digest, i) =>
        isAlive(digest, i) ? [decode(texts[i])?.sentAt ?? 0, digest] : [],
      )
      await end(userId, ended)
      if (scores.length > 0) await redis.zadd(keys.index(userId), 'NX', ...scores)
      await end(userId, await redis.zrange(keys.index(userId), ...excess))
    }
    await redis.expire(keys.index(userId), besideSeconds)
  }

  /** The range of those past `most`: the first, whose cookies were sent longest ago. */
  const excess = ['0', String(-most - 1)] as const

  return { digestsOf, end, adopt, excess }
}

const batchesOf = (digests: string[]) =>
  Array.from({ length: Math.ceil(digests.length / BATCH) }, (_, i) =>
    digests.slice(i * BATCH, (i + 1) * BATCH),
  )
