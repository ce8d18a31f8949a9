// A generic store on the run's Redis, under a prefix of its own.
import { afterAll } from 'bun:test'
import { closeRedis, connectRedis } from '../../../src/kit/data/redis.ts'
import { createStore } from '../../../src/kit/data/store.ts'
import { silent } from './log.ts'
import { deletePrefix, PATIENT, redisUrl, uniquePrefix } from './services.ts'

/** Call it at the top of a test file: all is closed and deleted after the last test. */
export function openStore() {
  const prefix = uniquePrefix()
  const redis = connectRedis(redisUrl(), { log: silent, timeoutMs: Number(PATIENT.REDIS_TIMEOUT_MS) })
  const store = createStore(redis, prefix)
  afterAll(async () => {
    store.close()
    await deletePrefix(prefix)
    await closeRedis(redis)
  })
  return { prefix, redis, store }
}
