// The counts behind rate limits: exact under load, given back when nothing failed, shared with an older release.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import { createApp } from '../product/app.ts'
import type { Counter, Settlement } from '../../../src/kit/types/rate-limiter.ts'
import { clientNetwork } from '../../../src/kit/http/client-ip.ts'
import { ApiError } from '../../../src/kit/types/api-error.ts'
import { factory } from '../product/product.ts'
import { rateLimit } from '../../../src/kit/http/rate-limit.ts'
import { startApp, type TestApp } from '../support/harness.ts'
import { silent } from '../support/log.ts'
import { redisUrl } from '../support/services.ts'
import { until } from '../support/until.ts'

const SECONDS = 600

let app: TestApp

let redis: Redis

beforeAll(async () => {
  app = await startApp({ RATE_LIMIT: 'on', TRUSTED_PROXIES: '127.0.0.1' })
  redis = new Redis(redisUrl())
})

afterAll(async () => {
  redis.disconnect()
  await app.close()
})

test.each([
  ['203.0.113.7', '::ffff:203.0.113.7', true],
  ['203.0.113.7', '203.0.113.8', false],
  ['2001:db8::1', '2001:db8:0:0:ffff::', true],
  ['2001:db8::1', '2001:db8:0:1::', false],
  ['::1', '0.0.0.1', false],
  ['unknown', 'unknown', true],
])('%s and %s are one client: %p', (one, other, same) => {
  expect(clientNetwork(one) === clientNetwork(other)).toBe(same)
})

test('a route of any kind may have a limit of its own, an answer that is our fault counts for nobody, and the log says once that it is reached', async () => {
  const mine = rateLimit({
    name: 'mine',
    quotas: () => [
      { per: 'caller', limit: 2, seconds: SECONDS, counts: 'failures', key: (c) => c.get('ip') },
    ],
  })
  const slice = factory.createApp().get('/:status', mine, (c) => {
    throw new ApiError(Number(c.req.param('status')) as 404, 'as asked')
  })
  const warnings: string[] = []
  const log = { ...silent, warn: (message: string) => void warnings.push(message) }
  const own = createApp({ ...app.deps, log })
  own.route('/limited', slice)
  const get = async (status: number) => {
    const init = { headers: { 'X-Forwarded-For': '192.0.2.2' } } // from one who is no trusted proxy
    return (await own.request(`/limited/${status}`, init, { remoteAddress: '192.0.2.1' })).status
  }
  expect([await get(503), await get(500), await get(503)]).toEqual([503, 500, 503])
  expect([await get(404), await get(404), await get(404), await get(404)]).toEqual([404, 404, 429, 429])
  const said = warnings.filter((message) => message.startsWith('rate limit'))
  expect(said).toEqual([expect.stringMatching(/^rate limit mine-caller reached .*TRUSTED_PROXIES/)]) // once
})

describe('a count', () => {
  let names = 0
  /** A counter of its own, and its keys. */
  const newCounter = (more: Partial<Counter> = {}) => {
    const counter = { name: `unit${++names}`, key: 'x', limit: 3, seconds: SECONDS, settles: true, ...more }
    const whose = `${counter.name}:${createHash('sha256').update('x').digest('base64url')}`
    const { redisPrefix } = app.config
    return { counter, key: `${redisPrefix}rl:${whose}`, pending: `${redisPrefix}rl-pending:${whose}` }
  }
  const take = async (counter: Counter) => {
    const { verdict, counts } = await app.deps.rateLimiter.take([counter])
    return { verdict, count: counts[0]?.count, window: counts[0]?.window ?? 0 }
  }
  const settle = (counter: Counter, window: number, outcome: Settlement['outcome']) =>
    app.deps.rateLimiter.settle([{ counter, window, outcome }])

  test('is given back to the window that it was taken from, never to a later one, nor below zero', async () => {
    const { counter, key } = newCounter({ limit: 16 })
    const windows: number[] = []
    for (let n = 0; n < 16; n++) windows.push((await take(counter)).window)
    await redis.pexpire(key, 1)
    await until('the end of the window', async () => (await redis.exists(key)) === 0)
    for (const window of windows.slice(0, 8)) await settle(counter, window, 'refund')
    expect(await redis.exists(key)).toBe(0)
    await settle(counter, (await take({ ...counter, seconds: 9 })).window, 'keep')
    for (const window of windows.slice(8)) await settle(counter, window, 'refund')
    expect(await redis.get(key)).toBe('1')
  })

  test('that is used up by what is pending is not full until that has failed', async () => {
    const { counter, pending } = newCounter()
    const taken = [await take(counter), await take(counter), await take(counter)]
    expect(taken.map(({ verdict }) => verdict)).toEqual(['taken', 'taken', 'taken'])
    expect((await take(counter)).verdict).toBe('pending')
    await settle(counter, taken[0]?.window ?? 0, 'refund')
    const next = await take(counter)
    expect(next.verdict).toBe('taken')
    for (const { window } of [...taken.slice(1), next]) await settle(counter, window, 'keep')
    expect((await take(counter)).verdict).toBe('full')
    expect(await redis.exists(pending)).toBe(0)
  })

  test('that is cleared keeps what is pending', async () => {
    const { counter, key } = newCounter({ limit: 5 })
    await settle(counter, (await take(counter)).window, 'keep')
    const [one, two, three] = [await take(counter), await take(counter), await take(counter)]
    await settle(counter, one.window, 'clear')
    expect(await redis.get(key)).toBe('2')
    await settle(counter, two.window, 'keep')
    expect(await redis.get(key)).toBe('2')
    await settle(counter, three.window, 'clear')
    expect(await redis.exists(key)).toBe(0)
  })

  test('does not wait for a process that died', async () => {
    const { counter, pending } = newCounter()
    for (let n = 0; n < 3; n++) await take(counter)
    expect(await redis.pttl(pending)).toBeWithin(1, 60_001)
    await redis.pexpire(pending, 1)
    await until('its end', async () => (await redis.exists(pending)) === 0)
    expect((await take(counter)).verdict).toBe('full')
  })

  test('that an older release has left below zero gives no guess more', async () => {
    const { counter, key } = newCounter()
    await redis.set(key, -16, 'EX', SECONDS)
    const verdicts: string[] = []
    for (let n = 0; n < 4; n++) {
      const { verdict, window } = await take(counter)
      verdicts.push(verdict)
      if (verdict === 'taken') await settle(counter, window, 'keep')
    }
    expect(verdicts).toEqual(['taken', 'taken', 'taken', 'full'])
  })

  test('is one count with that of an older release on the same Redis', async () => {
    const { counter, key } = newCounter()
    await redis.set(key, 2, 'EX', 100) // as it counts: failures and what is in flight
    expect(await take(counter)).toMatchObject({ verdict: 'taken', count: 3 })
    expect(await redis.get(key)).toBe('3')
    expect(await redis.ttl(key)).toBeWithin(1, 101)
    expect((await take(counter)).verdict).toBe('pending')
  })
})

test('while all that is left is pending others wait, so many and no more, and go on when it is given back', async () => {
  const quota = { per: 'all', limit: 1, seconds: SECONDS, counts: 'failures' as const, key: () => 'one' }
  const held = Promise.withResolvers<void>()
  let inside = 0
  const slice = factory
    .createApp()
    .get('/', rateLimit({ name: 'held', quotas: () => [quota] }), async (c) => {
      inside++
      await held.promise
      return c.json({})
    })
  const own = createApp(app.deps)
  own.route('/held', slice)
  const ask = async (signal?: AbortSignal) => (await own.request('/held', signal ? { signal } : {})).status
  const first = ask()
  await until('the first inside', async () => inside === 1)
  const gone = new AbortController()
  const replies = Array.from({ length: 320 }, (_, n) => ask(n === 0 ? gone.signal : undefined))
  expect(await Promise.race(replies.slice(1))).toBe(503) // one past the 300, at once
  expect(inside).toBe(1)
  gone.abort()
  expect(await replies[0]).toBe(503)
  held.resolve()
  expect(await first).toBe(200)
  const counts = new Map<number, number>()
  for (const status of await Promise.all(replies)) counts.set(status, (counts.get(status) ?? 0) + 1)
  expect([...counts.keys()].toSorted()).toEqual([200, 503])
  expect(counts.get(200)).toBeWithin(290, 301)
})
