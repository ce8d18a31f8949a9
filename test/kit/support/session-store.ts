// A store of sessions under a prefix of its own, emptied before each test, and a look at what it keeps in Redis.
import { afterAll, beforeEach, expect } from 'bun:test'
import { createHash, randomUUID } from 'node:crypto'
import { roles, type Role } from '../product/table.ts'
import type { Identity } from '../../../src/kit/types/sessions.ts'
import { closeRedis, connectRedis } from '../../../src/kit/data/redis.ts'
import { createSessions } from '../../../src/kit/data/sessions/session-store.ts'
import { silent } from './log.ts'
import { deletePrefix, PATIENT, redisUrl, uniquePrefix } from './services.ts'

export const SESSION_SECONDS = 1000
export const MAX_SECONDS = 1e9
export const DAY_SECONDS = 24 * 60 * 60
export const MOST = 50

export function openSessionStore() {
  const prefix = uniquePrefix()
  const redis = connectRedis(redisUrl(), { log: silent, timeoutMs: Number(PATIENT.REDIS_TIMEOUT_MS) })
  const options = {
    prefix,
    roles,
    sessionSeconds: SESSION_SECONDS,
    maxSeconds: MAX_SECONDS,
    maxSessions: MOST,
  }
  const sessions = createSessions(redis, options)
  beforeEach(() => sessions.destroyAll())
  afterAll(async () => {
    await deletePrefix(prefix)
    await closeRedis(redis)
  })

  const keysLike = (pattern: string): Promise<string[]> => redis.keys(prefix + pattern)

  async function only(pattern: string): Promise<string> {
    const keys = await keysLike(pattern)
    expect(keys).toHaveLength(1)
    return keys[0] ?? ''
  }

  /** Every key under the prefix, with its value in full. */
  async function dump(): Promise<Record<string, unknown>> {
    const found: Record<string, unknown> = {}
    for (const key of await keysLike('*')) {
      const type = await redis.type(key)
      found[key] =
        type === 'hash'
          ? await redis.hgetall(key)
          : type === 'set'
            ? await redis.smembers(key)
            : type === 'zset'
              ? await redis.zrange(key, 0, '-1')
              : await redis.get(key)
    }
    return found
  }

  return { options, prefix, redis, sessions, keysLike, only, dump }
}

export function identityOf(
  userId: string = randomUUID(),
  more: Partial<Identity<Role>> = {},
): Identity<Role> {
  return {
    userId,
    role: 'writer',
    ip: '192.0.2.7',
    agent: 'Mozilla/5.0 "ünïcode"',
    way: 'password',
    loginAt: 1_700_000_000_000,
    sentAt: 1_700_000_000_000,
    remember: true,
    ...more,
  }
}

export const range = (n: number) => Array.from({ length: n }, (_, i) => i)

export const digestOf = (token: string) => createHash('sha256').update(token).digest('hex')
