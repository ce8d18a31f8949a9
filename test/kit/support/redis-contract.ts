// What Redis has to do for the service, on whatever stands behind a REDIS_URL: a session's life, limits, the store, jobs.
import { expect } from 'bun:test'
import { trace } from '@opentelemetry/api'
import { z } from 'zod'
import { createRateLimiter } from '../../../src/kit/data/rate-limiter.ts'
import { closeRedis, connectRedis } from '../../../src/kit/data/redis.ts'
import { createSessions } from '../../../src/kit/data/sessions/session-store.ts'
import { traceCommands } from '../../../src/kit/data/spans.ts'
import { createStore } from '../../../src/kit/data/store.ts'
import { readLimits } from '../../../src/kit/jobs/limits.ts'
import { createQueueAdmin } from '../../../src/kit/jobs/queue-admin.ts'
import { createQueue } from '../../../src/kit/jobs/queue.ts'
import { readTaskStats } from '../../../src/kit/jobs/task-stats.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { startWorker } from '../../../src/kit/jobs/worker.ts'
import { DEFAULT_QUEUE } from '../../../src/kit/types/queue-defaults.ts'
import { roles } from '../product/table.ts'
import { silent } from './log.ts'
import { until } from './until.ts'

const JOBS = 200

export function sessionsOn(redis: ReturnType<typeof connectRedis>, prefix: string) {
  const limits = { sessionSeconds: 3600, maxSeconds: 86_400, maxSessions: 3 }
  return createSessions(redis, { prefix, roles, ...limits })
}

export const identityOf = (userId: string) => {
  const now = Date.now()
  const login = { way: 'password', loginAt: now, sentAt: now, remember: false }
  return { userId, role: 'reader' as const, ip: '127.0.0.1', agent: 'test', ...login }
}

export async function expectContract(url: string, prefix: string): Promise<void> {
  const redis = connectRedis(url, { log: silent, timeoutMs: 10_000 })
  const store = createStore(redis, prefix)
  try {
    await redis.connect()
    traceCommands(redis, trace.getTracer('test'))
    await expectSessions(sessionsOn(redis, prefix))
    await expectLimits(createRateLimiter(redis, prefix))
    await expectStore(store)
    await expectJobs(redis, prefix)
  } finally {
    store.close()
    await closeRedis(redis)
  }
}

async function expectSessions(sessions: ReturnType<typeof sessionsOn>): Promise<void> {
  const userId = crypto.randomUUID()
  const tokens: string[] = []
  for (let n = 0; n < 5; n++) tokens.push(await sessions.create(identityOf(userId)))
  // No more than the limit are alive.
  expect((await sessions.allOf(userId)).length).toBe(3)
  const last = tokens.at(-1) ?? ''
  const identity = await sessions.open(last)
  if (identity === null) throw new Error('the session is not there')
  await sessions.writeData(last, { cart: [1, 2], name: 'x' })
  await sessions.touch(last, identity, Date.now() + 1)
  const rotated = await sessions.rotate(last, { provenAt: Date.now() })
  const token = rotated?.token ?? ''
  expect(await sessions.open(last)).toBeNull()
  expect(await sessions.readData(token)).toEqual({ cart: [1, 2], name: 'x' })
  await sessions.setRole(userId, 'writer')
  expect((await sessions.open(token))?.role as string | undefined).toBe('writer')
  await sessions.destroyAllOf(userId, { but: token })
  expect((await sessions.allOf(userId)).length).toBe(1)
  await Promise.all(Array.from({ length: 30 }, () => sessions.create(identityOf(crypto.randomUUID()))))
  await sessions.destroyAll()
  expect(await sessions.open(token)).toBeNull()
}

async function expectLimits(limiter: ReturnType<typeof createRateLimiter>): Promise<void> {
  const counters = ['account', 'address'].map((name, i) => {
    return { name, key: `${name} ${Math.random()}`, limit: 2 + i, seconds: 60, settles: true }
  })
  const verdicts: string[] = []
  for (let n = 0; n < 3; n++) {
    const { verdict, counts } = await limiter.take(counters)
    verdicts.push(verdict)
    if (verdict === 'taken')
      await limiter.settle(
        counts.map(({ counter, window }) => ({ counter, window, outcome: 'keep' })) as never,
      )
  }
  expect(verdicts).toEqual(['taken', 'taken', 'full'])
}

async function expectStore(store: ReturnType<typeof createStore>): Promise<void> {
  const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)
  await Promise.all(keys.map((key) => store.set(key, key, 60)))
  expect(await store.delete(...keys)).toBe(20)
  const popped = store.pop<string>('list', 30)
  await store.append('list', 'item', 5)
  expect(await popped).toBe('item')
}

async function expectJobs(redis: ReturnType<typeof connectRedis>, prefix: string): Promise<void> {
  const done = new Set<number>()
  const options = { input: z.object({ n: z.number() }), run: ({ n }: { n: number }) => void done.add(n) }
  const tasks = [
    defineTask({ name: 'plain', ...options }),
    defineTask({ name: 'apart', queue: 'apart', ...options }),
  ]
  const queue = createQueue({ redis, prefix, maxBytes: 100_000 })
  const worker = startWorker({ redis, prefix, id: crypto.randomUUID(), tasks, deps: {}, log: silent })
  await worker.ready
  for (let n = 0; n < JOBS; n++) {
    const [task] = n % 2 ? tasks : tasks.toReversed()
    if (task) await queue.enqueue(task, { n }, n % 5 === 0 ? { delayMs: 50, unique: `u${n}` } : {})
  }
  await until('all jobs', () => done.size === JOBS)
  const stats = await createQueueAdmin({ redis, prefix }).stats()
  expect(stats.dead).toBe(0)
  const queues = [DEFAULT_QUEUE, 'apart']
  await until('what tasks did', async () => {
    const told = await readTaskStats(redis, prefix, queues, 'hour')
    return told.reduce((sum, one) => sum + one.done, 0) === JOBS
  })
  expect(await readLimits(redis, prefix, queues)).toEqual({ keys: 0, limits: [] })
  await worker.stop()
}
