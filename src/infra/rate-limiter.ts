// Counts for rate limits, in Redis: each in one atomic script, each with an end.
import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import { RateLimiterRedis } from 'rate-limiter-flexible'
import type { Counter, RateLimiter } from '../deps.ts'

/**
 * Counts under `<prefix>rl:<name>:<digest of the key>`: no address or email is stored.
 * Whether a count is too high is for the caller to say: the library's own quota (`points`) is not used.
 */
export function createRateLimiter(redis: Redis, prefix: string): RateLimiter {
  const limiter = new RateLimiterRedis({
    storeClient: redis,
    keyPrefix: `${prefix}rl`,
    points: 1,
    duration: 1,
  })
  return {
    async add(counter) {
      const { consumedPoints, msBeforeNext } = await limiter.penalty(keyOf(counter), 1, lasting(counter))
      return { count: consumedPoints, endsInMs: msBeforeNext }
    },
    async takeBack(counter) {
      await limiter.reward(keyOf(counter), 1, lasting(counter))
    },
    async clear(counter) {
      await limiter.delete(keyOf(counter))
    },
  }
}

const keyOf = ({ name, key }: Counter) => `${name}:${createHash('sha256').update(key).digest('base64url')}`

const lasting = ({ seconds }: Counter) => ({ customDuration: seconds })
