// A worker's own connections to Redis, and what it asks of the server behind them.
import type { Redis, RedisOptions } from 'ioredis'
import { isTransient } from '../transient.ts'
import type { Log } from '../types/log.ts'

// Commands wait while Redis is away, and are sent again if no answer came: that is why every script may run twice.
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

/** A connection like that of `redis`. */
export function connectAlike(redis: Redis, connectionName: string): Redis {
  const connection = redis.duplicate({ ...OPTIONS, connectionName })
  connection.on('error', () => {}) // that of `redis` tells of an outage
  return connection
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
  const { refuse, warn } = judge(info)
  if (refuse !== undefined) throw new Error(refuse)
  if (warn !== undefined) log.warn(warn)
}

/** What there is to say against a server, by its INFO. */
export function judge(info: string): { refuse?: string; warn?: string } {
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
