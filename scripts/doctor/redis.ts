// Redis: reachable, of an age, never evicting, and persistent.
import type { Redis } from 'ioredis'
import type { Config } from '../../src/config.ts'
import { isInCompany, serversOf } from '../../src/kit/config/redis-url.ts'
import { openRedis, primaries } from '../../src/kit/data/redis-open.ts'
import { refuseMissingDatabase } from '../../src/kit/data/redis.ts'
import { assessServer } from '../../src/kit/jobs/connection.ts'
import { createQueueAdmin } from '../../src/kit/jobs/queue-admin.ts'
import { tasks } from '../../src/tasks.ts'
import { judgeRedisUse } from './bounds.ts'
import { checkClock } from './clock.ts'
import { judgeCluster, judgeReplicas, type Master, mergeFindings } from './company.ts'
import { fail, type Finding, messageOf, ok, warn } from './finding.ts'
import { judgeQueues } from './queues.ts'

const TIMEOUT_MS = 5000

export async function checkRedis(config: Config): Promise<Finding[]> {
  const { redisUrl, redisPrefix, production, jobs } = config
  const host = serversOf(redisUrl)
    .map((server) => new URL(server).host)
    .join(', ')
  const redis = openRedis(redisUrl, {
    lazyConnect: true,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
  })
  let why: Error | undefined
  redis.on('error', (error: Error) => (why = error))
  try {
    await redis.connect()
    await refuseMissingDatabase(redis)
    const { queues } = await createQueueAdmin({ redis, prefix: redisPrefix }).stats()
    const [findings, masters] = [{} as Record<string, Finding[]>, {} as Record<string, Master>]
    for (const server of primaries(redis)) {
      const info = await server.info()
      const name = `${server.options.host}:${server.options.port}`
      const needed = await readSetting(server, 'min-replicas-to-write')
      masters[name] = {
        replicas: Number(valueOf(info, 'connected_slaves') ?? 0),
        needed: needed === undefined ? undefined : Number(needed),
      }
      findings[name] = [
        ...judgeServer(info),
        judgePersistence(info, await readSetting(server, 'save'), production),
        ...judgeRedisUse({ ...memoryOf(info), keepDead: jobs.keepDead, queues }),
        await checkClock('Redis', async () => {
          const [seconds, micros] = await server.time()
          return Number(seconds) * 1000 + Number(micros) / 1000
        }),
      ]
    }
    return [
      ok('Redis', `${host} answers`),
      ...mergeFindings(findings),
      ...(isInCompany(redisUrl) ? [judgeReplicas(masters)] : []),
      ...(redis.isCluster
        ? [
            judgeCluster(
              await redis.cluster('INFO'),
              await readSetting(redis, 'cluster-require-full-coverage'),
            ),
          ]
        : []),
      judgeQueues(tasks, jobs.queues, queues),
    ]
  } catch (error) {
    return [
      fail(
        'Redis',
        `${host} cannot be used: ${messageOf(why ?? error)}`,
        'Check REDIS_URL, and that it runs',
      ),
    ]
  } finally {
    redis.disconnect()
  }
}

/** Undefined where the server keeps its settings to itself, as hosted ones do. */
async function readSetting(redis: Redis, name: string): Promise<string | undefined> {
  try {
    const [, value] = await redis.config('GET', name)
    return value
  } catch {
    return undefined
  }
}

/** @param info what INFO answers */
export function judgeServer(info: string): Finding[] {
  const version = valueOf(info, 'valkey_version') ?? valueOf(info, 'redis_version') ?? 'unknown'
  const { refuse, warn: evicts } = assessServer(info)
  return [
    refuse === undefined
      ? ok('Redis version', version)
      : fail('Redis version', refuse, 'Use Redis 6.2 or newer, or Valkey'),
    evicts === undefined
      ? ok('Redis eviction', valueOf(info, 'maxmemory_policy') ?? 'not said')
      : fail('Redis eviction', evicts, 'CONFIG SET maxmemory-policy noeviction, and the same in redis.conf'),
  ]
}

/** @param save the save points of CONFIG GET, '' for none, undefined if they are not known */
export function judgePersistence(info: string, save: string | undefined, production: boolean): Finding {
  const check = 'Redis persistence'
  if (valueOf(info, 'aof_enabled') === '1') {
    const failed = valueOf(info, 'aof_last_write_status') === 'err'
    return failed
      ? fail(check, 'the append-only file could not be written', 'See the log of Redis: is its disk full?')
      : ok(check, 'append-only file')
  }
  const snapshots = save === undefined ? 'not known' : save
  if (snapshots !== '') {
    return production
      ? warn(check, 'no append-only file: a crash loses what came after the last snapshot', FIX)
      : ok(check, 'snapshots at most')
  }
  return production
    ? fail(check, 'none: a restart of Redis ends all sessions and loses all jobs', FIX)
    : ok(check, 'none: sessions and jobs end with it')
}

const memoryOf = (info: string) => ({
  used: Number(valueOf(info, 'used_memory') ?? 0),
  max: Number(valueOf(info, 'maxmemory') ?? 0),
})

const FIX = 'CONFIG SET appendonly yes, and the same in redis.conf'

const valueOf = (info: string, name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1]
