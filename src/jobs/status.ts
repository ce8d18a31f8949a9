// What the account that enqueued a job may see of it, as it stands in Redis.
import type { Redis } from 'ioredis'
import type { Status } from './element.ts'
import { keyBase } from './scripts.ts'

/** Undefined if there is no such job, its task keeps no result, or the time for it is over. Whose it is says `by`. */
export async function readStatus(redis: Redis, prefix: string, id: string): Promise<Status | undefined> {
  const text = await redis.get(`${keyBase(prefix)}r:${id}`)
  return text === null ? undefined : JSON.parse(text)
}
