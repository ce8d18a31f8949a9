// Nothing is missed silently: whatever breaks, a listener ends with exactly the events in their order, or was told of a gap.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { join } from 'node:path'
import { hasRedisServer, startRedis } from '../jobs/real-redis.ts'
import { openStream } from '../support/events.ts'
import { openLink } from '../support/faulty-link.ts'
import { startApp, type TestApp } from '../support/harness.ts'
import { redisUrl, serverEnv } from '../support/services.ts'
import { until } from '../support/until.ts'
import { roomChannel } from './mounted.ts'
import { listen, publishOf } from './support.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

/** The next event only follows the one before, unless a reset stands between. */
const findGap = (told: (number | 'reset')[]) =>
  told.findIndex((n, i) => i > 0 && n !== 'reset' && told[i - 1] !== 'reset' && n !== Number(told[i - 1]) + 1)

/** Publishes numbers until it is stopped; one that is refused is published again. */
function keepPublishing(to: TestApp, number: number) {
  let n = 0
  let isOver = false
  const run = async () => {
    while (!isOver) {
      // Refused may also mean that only the reply was lost: a number is not used again.
      await publishOf(to)(roomChannel, { number }, { n: ++n }).catch(() => {})
      await Bun.sleep(20) // some seconds away are less than what is kept
    }
  }
  const ended = run()
  return {
    count: () => n,
    /** Until the newest is told: one may have gone into a gap, of which a reset then tells. */
    async stop(told: (number | 'reset')[]) {
      isOver = true
      await ended
      await until('the newest to be told', async () => {
        await publishOf(to)(roomChannel, { number }, { n: ++n }).catch(() => {})
        const isTold = () => told.at(-1) === n
        for (let i = 0; i < 50 && !isTold(); i++) await Bun.sleep(20)
        return isTold()
      })
    },
  }
}

async function startServer(env: Record<string, string> = {}) {
  const server = Bun.spawn([process.execPath, join(import.meta.dir, 'server.ts')], {
    env: { ...serverEnv(app.config.databaseUrl, app.config.redisPrefix), COOKIE_SECURE: 'off', ...env },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  let said = ''
  const reading = (async () => {
    for await (const chunk of server.stdout) said += new TextDecoder().decode(chunk)
  })()
  const url = await until('it to listen', () => /listening on (http:\S+)\//.exec(said)?.[1])
  return {
    url,
    async end(signal: 'SIGTERM' | 'SIGKILL') {
      server.kill(signal)
      await server.exited
      await reading
    },
  }
}

/** Another process's app on the same database and keys, whose Redis is behind a link. */
const startBehind = (redis: string) =>
  startApp({
    REDIS_URL: redis,
    DATABASE_URL: app.config.databaseUrl,
    REDIS_PREFIX: app.config.redisPrefix,
    REDIS_TIMEOUT_MS: '1000',
  })

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'processes that are replaced while events come, by %p, lose none of them',
  async (signal) => {
    const ann = await app.member()
    const number = signal === 'SIGTERM' ? 1 : 2
    let server = await startServer()
    const listener = listen(ann, [`room:${number}`, 'self:mail'], { url: () => server.url })
    await until('it to be connected', () => listener.connected() === 1)
    const told = listener.told[`room:${number}`] ?? []
    const publishing = keepPublishing(app, number)
    for (let replaced = 1; replaced <= 3; replaced++) {
      const before = told.length
      await until('events', () => told.length > before)
      const old = server
      server = await startServer()
      await old.end(signal)
      await until('it to be connected again', () => listener.connected() > replaced)
    }
    await publishing.stop(told)
    if (process.env.TEST_REDIS !== 'embedded') expect(told).not.toContain('reset') // which cannot tell that it is the same
    expect(findGap(told)).toBe(-1)
    listener.stop()
    await server.end('SIGTERM')
  },
)

test.each(['cut', 'stall'] as const)('a connection to Redis that is %p loses nothing', async (fault) => {
  const link = await openLink(redisUrl())
  const far = await startBehind(link.url)
  const ann = await app.member()
  const number = fault === 'cut' ? 3 : 4
  const listener = listen(ann, [`room:${number}`], { url: () => far.url })
  await until('it to be connected', () => listener.connected() === 1)
  const told = listener.told[`room:${number}`] ?? []
  const publishing = keepPublishing(app, number)
  await until('events', () => told.length > 10)
  await link[fault]()
  const before = publishing.count()
  await until('more events', () => publishing.count() > before + 50)
  await link.restore()
  await publishing.stop(told)
  // Without a name of Redis's run each connection counts as another.
  if (process.env.TEST_REDIS !== 'embedded') {
    expect(told).not.toContain('reset')
    expect(listener.connected()).toBe(1)
  }
  expect(findGap(told)).toBe(-1)
  listener.stop()
  await far.close()
  await link.close()
})

test.skipIf(!hasRedisServer()).each([
  ['with its data', []],
  ['without it', ['--appendonly', 'no']],
])(
  'a Redis that is killed and comes back %s: a reset stands where events may be lost',
  async (_how, settings) => {
    const redis = await startRedis(settings)
    const own = await startApp({ REDIS_URL: redis.url, REDIS_TIMEOUT_MS: '1000' })
    const ann = await own.member()
    const listener = listen(ann, ['room:5'], { url: () => own.url })
    await until('it to be connected', () => listener.connected() === 1)
    const told = listener.told['room:5'] ?? []
    const publishing = keepPublishing(own, 5)
    await until('events', () => told.length > 10)
    await redis.kill()
    await redis.start()
    await until('the gap to be told', () => told.includes('reset'))
    const before = told.length
    await until('events', () => told.length > before + 10)
    await publishing.stop(told)
    expect(findGap(told)).toBe(-1)
    expect(told.filter((n) => n === 'reset').length).toBeLessThan(4)
    listener.stop()
    await own.close()
    await redis.remove()
  },
)

test('while Redis is away what is published is refused, and a stream that is opened waits', async () => {
  const link = await openLink(redisUrl())
  const far = await startBehind(link.url)
  await link.cut()
  await until('it to be refused', () =>
    publishOf(far)(roomChannel, { number: 6 }, { n: 1 }).then(
      () => false,
      () => true,
    ),
  )
  await link.restore()
  const ann = await app.member()
  const listener = listen(ann, ['room:6'], { url: () => far.url })
  await until('an event', async () => {
    await publishOf(app)(roomChannel, { number: 6 }, { n: 1 })
    return listener.told['room:6']?.length
  })
  listener.stop()
  await far.close()
  await link.close()
})

test('a client that does not read is told no more, and the others go on', async () => {
  const slow = await app.member()
  const ann = await app.member()
  const { hostname, port } = new URL(app.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  socket.pause()
  socket.write(
    `GET /api/channels?on=room:8 HTTP/1.1\r\nHost: ${hostname}\r\nCookie: ${slow.cookieHeader}\r\n\r\n`,
  )
  const other = await openStream(ann, '/api/channels?on=room:8')
  await until('its position', () => /^id: /m.test(other.text()))
  const text = 'x'.repeat(8000)
  for (let n = 1; n <= 3000; n += 20)
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => publishOf(app)(roomChannel, { number: 8 }, { n: n + i, text })),
    )
  await until('the last', () => other.text().includes('"n":3000,'))
  // What has waited for it comes, and the end.
  let got = ''
  socket.on('data', (bytes) => (got += String(bytes)))
  socket.resume()
  await until('its end', () => got.endsWith('\r\n0\r\n\r\n'))
  expect(got).not.toContain('"n":3000,')
  socket.destroy()
  expect(other.events().map(({ n }) => n)).toEqual(Array.from({ length: 3000 }, (_, i) => i + 1))
  other.leave()
})
