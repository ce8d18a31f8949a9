// Chooses where an account's reads that may be stale go: to a replica, or to the primary while it has just written.
import type { Redis } from 'ioredis'
import type { Db } from '../types/db.ts'
import type { Log } from '../types/log.ts'
import type { Stale } from '../types/stale.ts'

/** Clocks of processes and of Redis run at rates of their own. */
const SLACK_MS = 1000

/**
 * A mark in Redis says that an account has written. It lives as long as a replica may lag: `Replicas` gives out none that
 * does not hold all of before that time, so that a read behind the mark sees the write. The position of the write in the log would say it
 * more closely, so that a replica is of use again after milliseconds; it costs every write a round trip to Postgres and every read
 * a comparison, for accounts that write seldom.
 * @param handles `reading` takes a replica if it can, `fresh` never does
 */
export function createStale(
  redis: Redis,
  options: { prefix: string; maxLagMs: number; log: Log; handles: { reading: Db; fresh: Db } },
): Stale {
  const { maxLagMs, log } = options
  const { reading, fresh } = options.handles
  const isReplicated = reading !== fresh
  const keyOf = (accountId: string) => `${options.prefix}wrote:${accountId}`
  return {
    async for(accountId) {
      if (!isReplicated || accountId === null) return reading
      // Without an answer it may have written.
      return (await redis.exists(keyOf(accountId)).catch(() => 1)) === 0 ? reading : fresh
    },
    async wrote(accountId) {
      if (!isReplicated) return
      try {
        await redis.set(keyOf(accountId), 1, 'PX', maxLagMs + SLACK_MS)
      } catch (error) {
        log.warn('for a moment an account may not see what it has written', { error })
      }
    },
  }
}
