// The embedded Redis survives what real ones take without a word.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Redis } from 'ioredis'
import { serveEmbeddedRedis } from '../../../scripts/services/embedded-redis.ts'

let service: Awaited<ReturnType<typeof serveEmbeddedRedis>>
let redis: Redis
beforeAll(async () => {
  service = await serveEmbeddedRedis('secret')
  redis = new Redis(service.url)
})
afterAll(async () => {
  redis.disconnect()
  await service.stop()
})

test.each([
  ['memory', "return #string.rep('x', 100 * 1024 * 1024)"],
  ['stack', "return #cjson.decode(string.rep('[', 990)..string.rep(']', 990))"],
])('a script that takes more %s than its Lua has is the only one that fails', async (_, script) => {
  await redis.set('kept', 'value')
  await expect(redis.eval(script, 0)).rejects.toThrow()
  for (let i = 0; i < 5000; i++) {
    expect(await redis.eval("return redis.call('GET', KEYS[1])", 1, 'kept')).toBe('value')
  }
  const kilobytes = Number(await redis.eval("return collectgarbage('count')", 0))
  expect(kilobytes).toBeLessThan(1000) // a broken one collects no more
})
