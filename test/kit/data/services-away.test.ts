// Postgres or Redis away: 503 at once, nothing crashes or hangs, and service again when they return.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { openLink, type FaultyLink } from '../support/faulty-link.ts'
import { startApp, type TestApp } from '../support/harness.ts'
import { createDatabase, redisUrl } from '../support/services.ts'
import { until } from '../support/until.ts'

let database: { url: string; drop(): Promise<void> }
let postgres: FaultyLink
let redis: FaultyLink
let app: TestApp
let member: Awaited<ReturnType<TestApp['member']>>

// Far above what any of these answers may take, and below the test's own limit.
const DEADLINE_MS = 4000

beforeAll(async () => {
  database = await createDatabase('kit')
  postgres = await openLink(database.url)
  redis = await openLink(redisUrl())
  app = await startApp({
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    REQUEST_TIMEOUT_MS: String(DEADLINE_MS),
    REDIS_TIMEOUT_MS: '2000',
    LOG_LEVEL: 'silent',
  })
  member = await app.member()
})
afterAll(async () => {
  await app.close()
  await Promise.all([postgres.close(), redis.close()])
  await database.drop()
})

const expectAway = (reply: { status: number; headers: Headers; body: { err: string } }) => {
  expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '2'])
  expect(reply.body.err).toBe('503: The service is not available right now, please try again')
}
const expectNotReady = (
  reply: { status: number; headers: Headers; body: { err: string } },
  ...why: string[]
) => {
  expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '2'])
  for (const part of ['503: Not ready: ', ...why]) expect(reply.body.err).toContain(part)
}
const ready = async () => (await app.visitor().get('/ready')).status === 200

test('without Redis: sessions get 503, visitors are served, and all is well when it returns', async () => {
  await redis.cut()
  await until('the loss to be noticed', async () => (await member.get('/club/self')).status === 503)
  expectAway(await member.get('/club/self'))
  expectNotReady(await app.visitor().get('/ready'), 'Redis does not answer')
  expect((await app.visitor().get('/health')).status).toBe(200)
  expect((await app.visitor().get('/api/probe')).status).toBe(200)
  const burst = await Promise.all(Array.from({ length: 50 }, () => member.get('/club/self')))
  expect(new Set(burst.map((r) => r.status))).toEqual(new Set([503]))
  await redis.restore()
  await until('Redis to be found again', ready)
  expect((await member.get('/club/self')).status).toBe(200)
})

test('without Postgres: queries get 503, and all is well when it returns', async () => {
  await postgres.cut()
  expectAway(await app.visitor().get('/api/probe'))
  expectAway(await member.post('/api/probe', { title: 'x' }))
  expectNotReady(await app.visitor().get('/ready'), 'Postgres does not answer')
  const burst = await Promise.all(Array.from({ length: 50 }, () => app.visitor().get('/api/probe')))
  expect(new Set(burst.map((r) => r.status))).toEqual(new Set([503]))
  await postgres.restore()
  await until('Postgres to be found again', ready)
  expect((await app.visitor().get('/api/probe')).status).toBe(200)
})

test('a Redis that no longer answers is no hang', async () => {
  redis.stall()
  expectAway(await member.get('/club/self'))
  expectNotReady(await app.visitor().get('/ready'), 'Redis does not answer')
  await redis.restore()
  await until('Redis to be found again', ready)
})

test('a Postgres that no longer answers is no hang', async () => {
  postgres.stall()
  expectNotReady(await app.visitor().get('/ready'), 'Postgres does not answer')
  expect((await app.visitor().get('/api/probe')).status).toBe(503)
  await postgres.restore()
  await until('Postgres to be found again', ready)
})

test('an app that starts while both are away serves as soon as they are there', async () => {
  await Promise.all([postgres.cut(), redis.cut()])
  const late = await startApp({ DATABASE_URL: postgres.url, REDIS_URL: redis.url, LOG_LEVEL: 'silent' })
  try {
    expect((await late.visitor().get('/health')).status).toBe(200)
    expectNotReady(await late.visitor().get('/ready'), 'Redis does not answer', 'Postgres does not answer')
    await Promise.all([postgres.restore(), redis.restore()])
    await until('both to be found', async () => (await late.visitor().get('/ready')).status === 200)
    expect((await late.member('writer', { email: 'late@example.com' })).user.role).toBe('writer')
  } finally {
    await late.close()
  }
})

test('past the deadline a request gets 503, and its query is cancelled', async () => {
  const slow = await startApp({ REQUEST_TIMEOUT_MS: '300' })
  try {
    const reply = await slow.visitor().get('/apitest/sleep?ms=60000')
    expect(reply.status).toBe(503)
    expect(reply.body.err).toContain('300 ms')
    const query = (async () => slow.deps.db.execute('select pg_sleep(60)'))()
    await expect(query).rejects.toThrow()
    await until('the statement to be cancelled', async () => {
      const rows = await slow.deps.db.execute(
        "select 1 from pg_stat_activity where datname = current_database() and query like 'select pg_sleep%' and state = 'active'",
      )
      return rows.length === 0
    })
  } finally {
    await slow.close()
  }
})
