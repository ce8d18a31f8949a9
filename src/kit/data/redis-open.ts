// Opens clients to Redis, the only place that does: one server, servers that Sentinels watch, or a Cluster, behind one type.
import { Cluster, Redis, type ClusterOptions, type RedisOptions } from 'ioredis'
import { readRedisUrl } from '../config/redis-url.ts'
import { PRIMARY_ONLY } from './redis-primary.ts'
import { sentinelConnector } from './redis-sentinel.ts'

/** After a failover a Cluster's new owner of a slot is known within seconds; what may run twice is sent again until then. */
const RESEND_MS = 500
/** A node that is not asked tells of no move. */
const REFRESH_MS = 2000

/** Neither a server that is frozen or cut off nor the way to it is waited for without a bound. */
type Bounded = RedisOptions & Required<Pick<RedisOptions, 'connectTimeout' | 'socketTimeout'>>

/**
 * A Cluster has all commands of a `Redis`, as long as each names keys of one slot. What else differs stays in this file
 * and behind `redis.isCluster`. Nothing connects yet if `options.lazyConnect` is set.
 * @throws TypeError for a URL that the settings refuse
 */
export function openRedis(url: string, options: Bounded): Redis {
  const place = readRedisUrl(url)
  if (typeof place === 'string') throw new TypeError(`the URL of Redis ${place}`)
  if (place.kind === 'single') return heard(new Redis(url, { ...options, ...PRIMARY_ONLY }))
  const servers = place.urls.map((server) => new URL(server))
  const hosts = (port: number) =>
    servers.map((one) => ({ host: one.hostname.replace(/^\[|\]$/g, ''), port: Number(one.port || port) }))
  const [first] = servers
  const tls = first?.protocol === 'rediss:' ? {} : undefined
  const auth = {
    username: decodeURIComponent(first?.username ?? '') || undefined,
    password: decodeURIComponent(first?.password ?? '') || undefined,
    ...(tls && { tls }),
  }
  if (place.kind === 'cluster')
    return heard(asRedis(new Cluster(hosts(6379), clusterOptions({ ...options, ...auth }))))
  const { master, db } = place
  const Connector = sentinelConnector({
    addresses: hosts(26379),
    master,
    auth: { ...place.sentinelAuth, ...(tls && { tls }) },
  })
  return heard(new Redis({ ...options, ...auth, ...PRIMARY_ONLY, Connector, name: master, db }))
}

/** One more client like it, with other options. */
export function duplicateRedis(redis: Redis, options: RedisOptions): Redis {
  if (!redis.isCluster) return heard(redis.duplicate(options))
  return heard(asRedis((redis as unknown as Cluster).duplicate([], clusterOptions(options))))
}

/** Its errors are told by what fails: without a listener ioredis would print them, with addresses, beside the log. */
function heard(redis: Redis): Redis {
  redis.on('error', () => {})
  return redis
}

/** The servers that take writes: itself, but of a Cluster each of its masters. */
export const primaries = (redis: Redis): Redis[] =>
  redis.isCluster ? (redis as unknown as Cluster).nodes('master') : [redis]

const asRedis = (cluster: Cluster) => cluster as unknown as Redis

/** What concerns the whole is an option of the Cluster, what concerns a connection one of each node. */
function clusterOptions(options: RedisOptions): ClusterOptions {
  const { lazyConnect, enableOfflineQueue, enableAutoPipelining: _, retryStrategy, ...redisOptions } = options
  const given = { lazyConnect, enableOfflineQueue }
  const isSet = ([, value]: [string, unknown]) => value !== undefined
  return {
    ...Object.fromEntries(Object.entries(given).filter(isSet)),
    ...(retryStrategy && { clusterRetryStrategy: retryStrategy }),
    redisOptions,
    // As with one server: what was pending is refused, as it may have been done, unless it may be done twice.
    retryDelayOnFailover: options.autoResendUnfulfilledCommands ? RESEND_MS : 0,
    slotsRefreshInterval: REFRESH_MS,
    // A pipeline over several slots of a server is not sent on when they have moved: each command is.
    enableAutoPipelining: false,
  }
}
