// Limits per key: who has to wait waits aside, takes no slot, and starts when its turn has come.
import { expect, test } from 'bun:test'
import { z } from 'zod'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { until } from '../support/until.ts'
import { collector, gate, inRoom, type Room } from './room.ts'

const Input = z.object({ domain: z.string(), name: z.string() })

/** A task that runs until it is let go, and tells what started and how many of one domain ran at once. */
function gated(limit: { max?: number; rate?: { starts: number; perMs: number } }) {
  const started: string[] = []
  const at: number[] = []
  const running = new Map<string, (fail?: Error) => void>()
  const most = new Map<string, number>()
  const domains = new Map<string, number>()
  const task = defineTask({
    name: 'gated',
    input: Input,
    backoff: { minMs: 1 },
    limit: { key: ({ domain }) => domain, ...limit },
    async run({ domain, name }) {
      started.push(name)
      at.push(Date.now())
      const now = (domains.get(domain) ?? 0) + 1
      domains.set(domain, now)
      most.set(domain, Math.max(now, most.get(domain) ?? 0))
      try {
        await new Promise<void>((resolve, reject) => {
          running.set(name, (fail) => (fail ? reject(fail) : resolve()))
        })
      } finally {
        running.delete(name)
        domains.set(domain, (domains.get(domain) ?? 0) - 1)
      }
    },
  })
  const end = (name: string, fail?: Error) => running.get(name)?.(fail)
  return { task, started, at, running, most, end }
}

const names = (domain: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ domain, name: `${domain}${i}` }))

const isClean = async ({ redis, base }: Room) =>
  (
    await Promise.all(['held:*', 'park*'].map((key) => redis.keys(base.replace(/[[\]*?\\]/g, '\\$&') + key)))
  ).flat()

test(
  'no more than max of one key run at once, over all workers, and other keys do not wait for them',
  inRoom(async (room) => {
    const { task, started, running, most, end } = gated({ max: 2 })
    await room.worker([task])
    await room.worker([task])
    await room.queue.enqueueBulk(task, [...names('a{"}b', 30), ...names('c', 1)])
    await until('three that run', () => running.size === 3)
    expect(started.toSorted()).toEqual(['a{"}b0', 'a{"}b1', 'c0'])
    while (started.length < 31 || running.size > 0) {
      for (const name of running.keys()) end(name)
      await Bun.sleep(2)
    }
    await room.idle()
    expect(Object.fromEntries(most)).toEqual({ 'a{"}b': 2, c: 1 })
    expect(new Set(started).size).toBe(31)
    expect(await isClean(room)).toEqual([])
  }),
)

test(
  'with max 1 jobs of one key run in their order, and one that fails lets the others pass',
  inRoom(async (room) => {
    const { task, started, running, end } = gated({ max: 1 })
    await room.worker([task])
    await room.worker([task])
    await room.queue.enqueueBulk(task, names('a', 5))
    await until('the first', () => running.size === 1)
    end('a0', new Error('not now'))
    for (const name of ['a1', 'a2', 'a3', 'a4', 'a0']) {
      await until(name, () => running.has(name))
      expect([...running.keys()]).toEqual([name])
      end(name)
    }
    await room.idle()
    expect(started).toEqual(['a0', 'a1', 'a2', 'a3', 'a4', 'a0'])
    expect(await isClean(room)).toEqual([])
  }),
)

test(
  'no more than the rate of one key start within its time, and nothing else waits for it',
  inRoom(async (room) => {
    const { task, started, at, running, end } = gated({ rate: { starts: 3, perMs: 200 } })
    await room.worker([task])
    const before = Date.now()
    await room.queue.enqueueBulk(task, [...names('a', 10), ...names('b', 1)])
    await until('b', () => running.has('b0'))
    while (started.length < 11 || running.size > 0) {
      for (const name of running.keys()) end(name)
      await Bun.sleep(2)
    }
    await room.idle()
    const starts = at.filter((_, i) => started[i] !== 'b0')
    // A start is seen later than it is counted: only from before the first one on can its time be said.
    for (const [i, start] of starts.entries())
      expect(start - before).toBeGreaterThanOrEqual(200 * Math.floor(i / 3))
    expect(started.filter((name) => name !== 'b0')).toEqual(names('a', 10).map(({ name }) => name))
  }),
)

test(
  'all jobs that wait for limits are counted, of however many keys',
  inRoom(async ({ redis, base, queueAdmin }) => {
    const pipeline = redis.pipeline()
    for (let i = 0; i < 1200; i++) {
      pipeline.zadd(`${base}parks`, 9e15, `gated:${i}`)
      pipeline.rpush(
        `${base}park:gated:${i}`,
        `{"id":"j${i}","gate":{"k":"gated:${i}","m":1},"task":"gated"}`,
      )
    }
    await pipeline.exec()
    await redis.rpush(`${base}queue`, '{"id":"j","task":"gated"}')
    expect(await queueAdmin.stats()).toMatchObject({ waiting: 1201, limited: 1200 })
  }),
)

test('a limit that makes no sense is refused', () => {
  const define = (limit: object) => () =>
    defineTask({ name: 't', input: Input, limit: { key: ({ domain }) => domain, ...limit }, run() {} })
  expect(define({ max: 0 })).toThrow('whole and from 1')
  expect(define({ rate: { starts: 1, perMs: 0.5 } })).toThrow('whole and from 1')
  expect(define({})).toThrow('a max, a rate or both')
})

test(
  'who holds a key without being in the hands of any worker is forgotten',
  inRoom(async (room) => {
    const { task, running, end } = gated({ max: 1 })
    await room.redis.sadd(`${room.base}held:gated:a`, 'ghost')
    await room.worker([task])
    await room.queue.enqueue(task, { domain: 'a', name: 'a0' })
    await until('its turn to come within a minute', async () => {
      const at = Number(await room.redis.zscore(`${room.base}parks`, 'gated:a'))
      return at > Date.now() && at < Date.now() + 60_000
    })
    expect(await room.queueAdmin.stats()).toMatchObject({ waiting: 1, limited: 1, running: 0 })
    expect(await room.ids('waiting')).toHaveLength(1)
    await room.redis.zadd(`${room.base}parks`, 0, 'gated:a')
    await until('the job', () => running.size === 1)
    end('a0')
    await room.idle()
    expect(await isClean(room)).toEqual([])
  }),
)

test(
  'a job that waits for a limit is found, dropped, and waits no more',
  inRoom(async (room) => {
    const { task, running, started, end } = gated({ max: 1 })
    await room.worker([task])
    const [, second] = await room.queue.enqueueBulk(task, names('a', 3))
    await until('the first', () => running.size === 1)
    await until('the others', async () => (await room.queueAdmin.stats()).limited === 2)
    const id = second?.id ?? ''
    expect(await room.queueAdmin.show(id)).toMatchObject({ place: 'waiting', data: { name: 'a1' } })
    expect(await room.queueAdmin.drop(id)).toBe(true)
    end('a0')
    await until('the last', () => running.has('a2'))
    end('a2')
    await room.idle()
    expect(started).toEqual(['a0', 'a2'])
  }),
)

test(
  'a clock that is set back holds up nobody who waits for a rate',
  inRoom(async (room) => {
    const { task, running, end } = gated({ rate: { starts: 1, perMs: 100 } })
    const element = {
      id: 'x',
      gate: { k: 'gated:a', r: [1, 100] },
      task: 'gated',
      data: { domain: 'a', name: 'x' },
    }
    await room.worker([task])
    await room.redis.rpush(`${room.base}park:gated:a`, JSON.stringify(element))
    const later = Date.now() + 3_600_000
    await room.redis
      .multi()
      .zadd(`${room.base}parks`, later, 'gated:a')
      .hset(`${room.base}clock`, 'last', later)
      .exec()
    await until('its start', () => running.has('x'))
    end('x')
    await room.idle()
  }),
)

test(
  'an urgent job does not wait for all that wait for a limit',
  inRoom(async (room) => {
    const { task, started, running, end } = gated({ max: 1 })
    const { task: urgent, ran } = collector('urgent')
    const { task: long, started: begun, open } = gate('long')
    await room.worker([task, urgent, long], { concurrency: 2 })
    await room.queue.enqueueBulk(task, names('a', 100))
    await until('all others to wait for it', async () => (await room.queueAdmin.stats()).limited === 99)
    await room.queue.enqueue(long, { text: '' })
    await until('both slots to be taken', () => begun.length === 1)
    await room.queue.enqueue(urgent, { text: 'now' }, { urgent: true })
    while (ran.length === 0) {
      const count = started.length
      for (const name of running.keys()) end(name)
      await until('the next', () => started.length > count || ran.length === 1)
    }
    expect(started.length).toBeLessThan(100)
    open()
    while (started.length < 100 || running.size > 0) {
      for (const name of running.keys()) end(name)
      await Bun.sleep(1)
    }
  }),
)

test.each(['parks', 'park:gated:a', 'held:gated:a', 'starts:gated:a'])(
  'what somebody else wrote under the key %s holds up no job',
  (key) =>
    inRoom(async (room) => {
      const { task, started, running, end } = gated({ max: 1, rate: { starts: 100, perMs: 10 } })
      await room.redis.set(room.base + key, 'foul')
      await room.worker([task])
      await room.queue.enqueueBulk(task, names('a', 3))
      while (started.length < 3 || running.size > 0) {
        for (const name of running.keys()) end(name)
        await Bun.sleep(2)
      }
      await room.idle()
      expect(new Set(started).size).toBe(3)
    })(),
)
