// Reads all that the app under test has stored, for tests that look for what must not be there.
import { sql } from 'drizzle-orm'
import { Redis } from 'ioredis'
import { KEPT_MAILS } from '../../src/kit/types/mail.ts'
import { redisUrl } from '../kit/support/services.ts'
import type { TestApp } from './harness.ts'

/** Every value below the prefix, but the mails that development keeps: those are the mailboxes. */
export async function allInRedis({ config: { redisPrefix: prefix } }: TestApp): Promise<string> {
  const redis = new Redis(redisUrl())
  const texts: string[] = []
  for (const key of await redis.keys(`${prefix}*`)) {
    if (key === `${prefix}kv:${KEPT_MAILS}`) continue
    const value = await readKey(redis, key)
    texts.push(key, JSON.stringify(value))
  }
  redis.disconnect()
  return texts.join('\n')
}

async function readKey(redis: Redis, key: string): Promise<unknown> {
  const type = await redis.type(key)
  if (type === 'hash') return redis.hgetall(key)
  if (type === 'list') return redis.lrange(key, 0, -1)
  if (type === 'set') return redis.smembers(key)
  if (type === 'zset') return redis.zrange(key, '0', '-1')
  if (type === 'stream') return redis.xrange(key, '-', '+')
  return redis.get(key)
}

/** Every row of every table. */
export async function allInPostgres({ deps: { db } }: TestApp): Promise<string> {
  const tables = await db.execute<{ name: string }>(
    sql`select tablename as name from pg_tables where schemaname = 'public'`,
  )
  const all = []
  for (const { name } of tables) {
    all.push(...(await db.execute(sql`select row_to_json(t)::text from ${sql.identifier(name)} t`)))
  }
  return JSON.stringify(all)
}
