// Keeps the names of all queues that there are, and says to which one a job belongs.
import type { Redis } from 'ioredis'
import { isTransient } from '../data/transient.ts'
import { DEFAULT_QUEUE, QUEUE_NAME } from '../types/queue-defaults.ts'
import { keyBase } from './scripts.ts'

const namesKey = (prefix: string) => `${keyBase(prefix)}queues`

/** Writes down queues, for those who want to know of all: an operator, or the metrics. */
export async function announceQueues(redis: Redis, prefix: string, names: readonly string[]): Promise<void> {
  try {
    await redis.sadd(namesKey(prefix), ...names)
  } catch (error) {
    if (isTransient(error)) throw error // what else lies there is somebody's, and no reason not to work
  }
}

/** All that a worker has ever served or had a task for, the default one first. */
export async function readQueueNames(redis: Redis, prefix: string): Promise<string[]> {
  const names = await redis.smembers(namesKey(prefix)).catch((error: unknown) => {
    if (isTransient(error)) throw error
    return []
  })
  return [
    DEFAULT_QUEUE,
    ...names.filter((name) => name !== DEFAULT_QUEUE && QUEUE_NAME.test(name)).toSorted(),
  ]
}

/** Where a job of this id is looked for first. It may lie in the default queue all the same: a name may hold any dot. */
export function queueOf(id: string): string {
  const [name, ...rest] = id.split('.')
  return name !== undefined && rest.length > 0 && QUEUE_NAME.test(name) ? name : DEFAULT_QUEUE
}
