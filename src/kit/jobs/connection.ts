// Holds a worker's own connections to Redis, retries while Redis is away, and checks that the server is suitable.
import type { Redis, RedisOptions } from 'ioredis'
import { duplicateRedis } from '../data/redis-open.ts'
import { isTransient } from '../data/transient.ts'
import type { Log } from '../types/log.ts'
import type { Lifetime } from './lifetime.ts'

const RETRY_REDIS_MS = 1000

// Commands wait while Redis is away, and are sent again if no reply came: that is why every script may run twice.
// A connection that died silently is noticed by its silence.
const OPTIONS: RedisOptions = {
  lazyConnect: false,
  maxRetriesPerRequest: null,
  enableOfflineQueue: true,
  enableAutoPipelining: false,
  autoResendUnfulfilledCommands: true,
  commandTimeout: undefined,
  socketTimeout: 8000,
  retryStrategy: (attempt) => Math.min(attempt * 50, 1000),
}

export class Connection {
  readonly redis: Redis
  /** Times it broke: a script that was under way may have run twice, and its second reply says nothing. */
  breaks = 0

  /** @param onLoss a command failed, or its reply may have been lost: Redis may hold something else than we think */
  constructor(
    readonly options: { redis: Redis; id: string; log: Log },
    readonly lifetime: Lifetime,
    readonly onLoss: () => void,
  ) {
    this.redis = this.open(`worker-${options.id}`)
    this.redis.on('close', () => {
      this.breaks++
      onLoss()
    })
  }

  /** One more like that of `options`, until all is over. */
  open(connectionName: string): Redis {
    // That of `options` tells of an outage.
    const connection = duplicateRedis(this.options.redis, { ...OPTIONS, connectionName })
    this.lifetime.over.addEventListener('abort', () => connection.disconnect())
    return connection
  }

  /** Until it succeeds or all is over. If Redis is not up to it, waits a little; other errors are thrown. */
  async retryUntilAvailable<T>(act: () => Promise<T>): Promise<T | undefined> {
    while (!this.lifetime.isOver) {
      try {
        return await act()
      } catch (error) {
        if (this.lifetime.isOver) break
        if (!isTransient(error)) throw error
        this.options.log.warn('worker: Redis refused a command; trying again', { error })
        this.onLoss()
        await this.lifetime.sleep(RETRY_REDIS_MS)
      }
    }
    return undefined
  }
}

/**
 * Refuses a Redis older than 6.2 and warns about one that evicts. A server that keeps INFO to itself is trusted.
 * @throws if the server is too old
 */
export async function checkRedis(redis: Redis, log: Log): Promise<void> {
  const info = await redis.info().catch((error: unknown) => {
    if (error instanceof Error && error.name === 'ReplyError' && !isTransient(error)) return ''
    throw error
  })
  const { refuse, warn } = assessServer(info)
  if (refuse !== undefined) throw new Error(refuse)
  if (warn !== undefined) log.warn(warn)
}

/** Says why a server cannot be used, or what is wrong with it, by its INFO. */
export function assessServer(info: string): { refuse?: string; warn?: string } {
  const [, version, major, minor] = /redis_version:((\d+)\.(\d+)\S*)/.exec(info) ?? []
  if (version !== undefined && Number(major) * 1000 + Number(minor) < 6002) {
    return {
      refuse: `Redis ${version} is too old: the queue needs Redis 6.2 or newer (LMOVE, LPOP with a count)`,
    }
  }
  const policy = /maxmemory_policy:(\S+)/.exec(info)?.[1] ?? 'noeviction'
  if (policy === 'noeviction') return {}
  return {
    warn: `Redis may evict queued jobs when memory is short: its maxmemory-policy is ${policy}, set it to noeviction`,
  }
}
