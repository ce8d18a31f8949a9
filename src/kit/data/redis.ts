// Connects to Redis: commands fail fast while Redis is away, and the connection recovers by itself.
import type { Redis, RedisOptions } from 'ioredis'
import { ConfigError } from '../types/config-error.ts'
import type { Log } from '../types/log.ts'
import { duplicateRedis, openRedis } from './redis-open.ts'
import { IS_REPLICA } from './redis-primary.ts'

const REPLY_TIMEOUT_MS = 2000
const RECONNECT_MIN_MS = 50
const RECONNECT_MAX_MS = 1000

/** The longest wait that a blocking command may ask for: short, to notice a connection that died silently. */
export const MAX_BLOCK_SECONDS = 2

/**
 * Creates a client that connects with its first command (or an explicit `connect()`) and reconnects until it is closed.
 * While Redis is away, commands are rejected at once; while it is stalled, after `timeoutMs`. A command that was
 * pending when the connection broke is rejected and never sent again, so nothing is done twice.
 * Each outage is logged once, and so is its end. A server that was demoted to a replica counts as away.
 * @param url as REDIS_URL: of a server, of Sentinels or of a Cluster; never logged, because it may hold a password
 * @param options.timeoutMs a command without a reply by then is rejected, and the connection closed
 */
export function connectRedis(
  url: string,
  { log, timeoutMs = REPLY_TIMEOUT_MS }: { log: Log; timeoutMs?: number },
): Redis {
  const redis = openRedis(url, {
    lazyConnect: true,
    enableAutoPipelining: true,
    commandTimeout: timeoutMs,
    connectTimeout: timeoutMs,
    // Without it, a half-open connection stays "ready" for minutes while every command on it times out.
    socketTimeout: timeoutMs,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(attempt * RECONNECT_MIN_MS, RECONNECT_MAX_MS),
  })
  // Only commands before the first connection wait for it. ioredis reads this option at each command.
  const refuseWhileAway = () => {
    redis.options.enableOfflineQueue = false
  }
  // Of a Cluster each server is connected to by its first command, which waits for it, at most `timeoutMs`.
  if (redis.isCluster) redis.on('ready', () => void (redis.options.enableOfflineQueue = true))
  else redis.once('ready', refuseWhileAway)
  redis.on('close', refuseWhileAway)
  logOutages(redis, log)
  return redis
}

/**
 * Creates another connection to the same Redis for blocking commands, which would hold up everything behind them.
 * Block for at most `MAX_BLOCK_SECONDS`: after a longer silence the connection counts as dead, and the command fails.
 */
export function connectBlocking(redis: Redis): Redis {
  // The main connection logs an outage; here it rejects every waiting command.
  return duplicateRedis(redis, {
    lazyConnect: true,
    enableOfflineQueue: true,
    enableAutoPipelining: false,
    commandTimeout: undefined,
    socketTimeout: MAX_BLOCK_SECONDS * 1000 + (timeoutOf(redis) ?? REPLY_TIMEOUT_MS),
  })
}

/**
 * Checks that Redis has the database that its URL names: ioredis would silently use database 0 and its foreign keys.
 * An outage is no reason to refuse.
 * @throws ConfigError if it has not
 */
export async function refuseMissingDatabase(redis: Redis): Promise<void> {
  const db = redis.options.db ?? 0
  try {
    if (db > 0) await redis.select(db)
  } catch (error) {
    if (!(error instanceof Error) || !/DB index|not allowed/i.test(error.message)) return
    throw new ConfigError(
      `REDIS_URL names database ${db}, and Redis answers: ${error.message}. Write a lower number behind the /, ` +
        'or raise its setting `databases`; a REDIS_PREFIX of its own keeps a service apart as well',
    )
  }
}

/** Closes the connection after the pending replies; at once if Redis is away. */
export async function closeRedis(redis: Redis): Promise<void> {
  if (redis.status === 'ready') await redis.quit().catch(() => {})
  redis.disconnect()
}

function logOutages(redis: Redis, log: Log): void {
  let awaySince: number | undefined
  let told = ''
  const away = (error?: Error) => {
    const what = complaint(error)
    // A connection to a demoted server first closes; the reason only shows when it reconnects.
    if (awaySince !== undefined && (told === what || error?.message !== IS_REPLICA)) return
    awaySince ??= Date.now()
    told = what
    log.error(`Redis at ${address(redis)} ${what}; trying again`, error === undefined ? {} : { error })
  }
  redis.on('error', away)
  redis.on('reconnecting', () => away())
  redis.on('ready', () => {
    if (awaySince === undefined) return
    log.info(`Redis at ${address(redis)} is back`, { seconds: (Date.now() - awaySince) / 1000 })
    awaySince = undefined
  })
}

function complaint(error: Error | undefined): string {
  if (error === undefined) return 'closed the connection'
  if (error.message === IS_REPLICA) return IS_REPLICA
  if (/^(WRONGPASS|NOAUTH)/.test(error.message)) return 'refuses the user or password in REDIS_URL'
  return 'is away'
}

const address = ({ options, isCluster }: Redis) => {
  if (isCluster) return 'its Cluster'
  return options.name ? `the master ${options.name}` : (options.path ?? `${options.host}:${options.port}`)
}

const timeoutOf = ({ options }: { options: RedisOptions & { redisOptions?: RedisOptions } }) =>
  (options.redisOptions ?? options).commandTimeout
