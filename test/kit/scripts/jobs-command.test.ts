// `npm run jobs`: the queue, seen and steered from a terminal.
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { Redis } from 'ioredis'
import { createQueue } from '../../../src/kit/jobs/queue.ts'
import { keyBase } from '../../../src/kit/jobs/scripts.ts'
import { sendWelcome } from '../../../src/account/mail-tasks.ts'
import { runCommand } from '../support/command.ts'
import { startApp, type TestApp } from '../../support/harness.ts'
import { deletePrefix, redisUrl } from '../support/services.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
beforeEach(() => deletePrefix(app.config.redisPrefix))
afterAll(() => app.close())

/** On the test's own queue. No worker runs here: nothing is taken. */
const jobs = (...args: string[]) => runCommand('jobs', args, app.config)

test('no id looks like an option', () => {
  const redis = new Redis({ lazyConnect: true })
  const ids = Array.from({ length: 1000 }, () => {
    const queue = createQueue({ redis, prefix: '', maxBytes: 1000 })
    return queue.prepare(sendWelcome, { userId: crypto.randomUUID() }).id
  })
  expect(ids.filter((id) => id.startsWith('-'))).toEqual([])
})

test('a job is counted, listed, shown and dropped', async () => {
  const userId = crypto.randomUUID()
  const { id } = await app.deps.enqueue(sendWelcome, { userId })
  expect((await jobs('stats')).out).toContain('waiting 1  running 0  later 0  dead 0')
  expect(JSON.parse((await jobs('stats', '--json')).out)).toMatchObject({ waiting: 1, workers: [] })
  expect((await jobs('list', 'waiting')).out).toContain(`${id}  sendWelcome  {"userId":"${userId}"}`)
  expect((await jobs('show', id)).out).toContain(userId)
  expect((await jobs('drop', id)).out).toContain(`dropped ${id}`)
  expect((await jobs('list', 'waiting')).out).toBe('nothing waiting\n')
})

test('what is no job, and not even text, is listed, shown and dropped by its id', async () => {
  const redis = new Redis(redisUrl())
  const base = keyBase(app.config.redisPrefix)
  const raw = (id: string) => Buffer.from(`{"id":"${id}","task":"caf\xe9"}`, 'latin1')
  await redis.rpush(`${base}queue`, raw('a'))
  // Never due, at no moment that a date can hold.
  await redis.zadd(`${base}later`, 'inf', raw('b'))
  for (const place of ['waiting', 'later']) {
    const { out, code } = await jobs('list', place)
    const [, id = ''] = /^(malformed-[\da-f]{40}) .*caf\\+xe9/.exec(out) ?? []
    expect([place, code, id === '']).toEqual([place, 0, false])
    expect((await jobs('show', id)).out).toContain('not UTF-8')
    expect((await jobs('drop', id)).out).toBe(`dropped ${id}\n`)
  }
  expect((await jobs('stats')).out).toContain('waiting 0  running 0  later 0  dead 0')
  await redis.hset(`${base}deaths`, 'trimmed', '5')
  expect((await jobs('stats')).out).toContain('dead 0 (5 older ones were thrown away)')
  redis.disconnect()
})

test('a pause is seen until it is ended', async () => {
  await jobs('pause')
  expect((await jobs('stats')).out).toContain('PAUSED')
  await jobs('resume')
  expect((await jobs('stats')).out).not.toContain('PAUSED')
})

test('one of several queues is paused by its name, and each is shown', async () => {
  const redis = new Redis(redisUrl())
  const base = keyBase(app.config.redisPrefix)
  await redis.sadd(`${base}queues`, 'mail')
  await redis.zadd(`${base}workers`, 1, 'of-default-alone')
  await redis.hset(`${base}clock`, { clock: 1, last: Date.now() })
  expect((await jobs('pause', 'mail')).out).toStartWith('paused mail: ')
  const { out } = await jobs('stats')
  expect(out).toContain('queue default: waiting 0  running 0  later 0  dead 0')
  expect(out.match(/^queue (\w+): .*no worker serves it$/gm)).toHaveLength(1)
  expect(out).toContain('queue mail: waiting 0  running 0  later 0  dead 0  PAUSED  no worker serves it\n')
  await jobs('resume')
  expect((await jobs('stats')).out).not.toContain('PAUSED')
  expect(await jobs('pause', 'mial')).toMatchObject({
    code: 1,
    err: 'There is no queue mial: npm run jobs -- stats names them\n',
  })
  redis.disconnect()
})

test('a cron can be run now', async () => {
  expect((await jobs('run', 'nightly')).out).toStartWith('enqueued nightly@now-')
  expect((await jobs('run', 'nightly')).out).toContain('has not ended yet')
})

test('what cannot be is said, and how to see the usage where the call was wrong', async () => {
  const nothing = await jobs('retry', 'no-such-id')
  expect([nothing.code, nothing.err]).toEqual([1, 'There is no such job: no-such-id. It may have ended\n'])
  for (const args of [['dance'], ['list', 'all'], ['run', 'never'], ['show'], ['stats', '--loud']]) {
    const { code, err } = await jobs(...args)
    expect([args.join(' '), code]).toEqual([args.join(' '), 2])
    expect(err).toContain('\nHow it is called: npm run jobs -- --help\n')
  }
  expect((await jobs('list')).err).toStartWith('Which place? There are waiting, running, later, dead\n')
})

test('what a job says of itself moves no cursor', async () => {
  const evil = '\x1b]0;evil\x07\x9b2J\u202e\nforged'
  const element = JSON.stringify({ id: `i${evil}`, task: `t${evil}`, data: { evil }, error: evil })
  const redis = new Redis(redisUrl())
  await redis.lpush(`${keyBase(app.config.redisPrefix)}dead`, element)
  redis.disconnect()
  for (const args of [
    ['list', 'dead'],
    ['list', 'dead', '--json'],
    ['show', `i${evil}`],
  ]) {
    const { out, code } = await jobs(...args)
    expect(code).toBe(0)
    expect(out).toContain('forged')
    expect(out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u)
    expect(out).not.toMatch(/^forged/m)
  }
})
