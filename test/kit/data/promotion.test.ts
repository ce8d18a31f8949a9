// A Redis that has become a replica keeps its connections; its address leads to the new primary: no restart is needed.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { createDeps } from '../../../src/kit/create-deps.ts'
import { manifest } from '../product/app.ts'
import { closeRedis, connectRedis } from '../../../src/kit/data/redis.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { hasRedisServer, promote, type RealRedis, startRedis } from '../jobs/real-redis.ts'
import { type FaultyLink, openLink } from '../support/faulty-link.ts'
import { startApp, type TestApp } from '../support/harness.ts'
import { until } from '../support/until.ts'
import { startTestWorker } from '../support/worker.ts'

describe.skipIf(!hasRedisServer())('when a replica is promoted', () => {
  let servers: [RealRedis, RealRedis]
  let link: FaultyLink
  let app: TestApp
  beforeEach(async () => {
    const first = await startRedis()
    servers = [first, await startRedis()]
    link = await openLink(first.url)
    app = await startApp({ REDIS_URL: link.url, LOG_LEVEL: 'silent' })
  })
  afterEach(async () => {
    await app.close()
    await link.close()
    await Promise.all(servers.map((server) => server.remove()))
  })

  test('the API, a worker, what waits in the store and a command go on with it by themselves', async () => {
    const [first, second] = servers
    const ran: number[] = []
    const task = defineTask({
      name: 'note',
      input: z.object({ n: z.number() }),
      run: ({ n }) => void ran.push(n),
    })
    const worker = await startTestWorker(app, [task])
    const command = createDeps(app.config, manifest)
    const member = await app.member()
    try {
      await app.deps.enqueue(task, { n: 1 })
      await until('a job', () => ran.includes(1))
      await command.deps.queueAdmin.stats()

      await promote(first, second)
      link.leadTo(second.url) // what is open stays with the first
      await until('a session', async () => (await member.get('/club/self')).status === 200)
      await until('readiness', async () => (await app.visitor().get('/ready')).status === 200)
      expect((await app.visitor().post('/club/enter', member.account)).status).toBe(200)
      await app.deps.enqueue(task, { n: 2 })
      await until('a job of the new primary', () => ran.includes(2))
      const popped = app.deps.store.pop<number>('later', 10)
      await app.deps.store.append('later', 7)
      expect(await popped).toBe(7)
      await until('the command', () =>
        command.deps.queueAdmin.pause().then(
          () => true,
          () => false,
        ),
      )
      await command.deps.queueAdmin.resume()
    } finally {
      await worker.stop()
      await command.close()
    }
  })

  test('while its address leads to a replica requests are 503, and the log says why, once', async () => {
    const [old, next] = servers
    const logged: string[] = []
    const write = (message: string) => void logged.push(message)
    const redis = connectRedis(link.url, { log: { debug: write, info: write, warn: write, error: write } })
    const isWritten = (value: number) =>
      redis.set('x', value).then(
        () => true,
        () => false,
      )
    const saysReplica = () => logged.filter((line) => line.includes('is a replica'))
    try {
      expect(await isWritten(1)).toBe(true)
      await promote(old, next)
      await until('the news', async () => !(await isWritten(2)) && saysReplica().length > 0)
      await until('503', async () => (await app.visitor().get('/ready')).status === 503)
      const ready = await app.visitor().get('/ready')
      expect(ready.body.err).toBe('503: Not ready: Redis does not answer')
      link.leadTo(next.url)
      await until('the way back', () => isWritten(3))
      expect(saysReplica()).toHaveLength(1)
      expect(logged.at(-1)).toMatch(/is back$/)
    } finally {
      await closeRedis(redis)
    }
  })
})
