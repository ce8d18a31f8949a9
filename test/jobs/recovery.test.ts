// What holds when things break, in one process: drains, dead workers, lost replies, cut connections, foreign data.
import { describe, expect, test } from 'bun:test'
import { Redis } from 'ioredis'
import { Bell } from '../../src/jobs/bell.ts'
import { defineCron } from '../../src/jobs/cron.ts'
import { defineTask } from '../../src/jobs/task.ts'
import { startWorker } from '../../src/jobs/worker.ts'
import { redisUrl } from '../support/services.ts'
import { until } from '../support/until.ts'
import { backoff, collector, gate, inRoom, Text } from './room.ts'

describe('a worker that stops', () => {
  test(
    'takes nothing more, and lets what runs end',
    inRoom(async (room) => {
      const { task, started, aborted, open } = gate()
      await room.queue.enqueueBulk(
        task,
        ['a', 'b', 'c'].map((text) => ({ text })),
      )
      const worker = await room.worker([task], { concurrency: 2 })
      await until('two to run', () => started.length === 2)
      const stopped = worker.stop()
      open()
      await stopped
      expect(started).toEqual(['a', 'b'])
      expect(aborted).toEqual([])
      expect(await room.queueAdmin.stats()).toMatchObject({ waiting: 1, running: 0, workers: [] })
    }),
  )

  test(
    'gives back what has not ended in time, without counting it as a failure',
    inRoom(async (room) => {
      const polite = gate('polite')
      const stubborn = defineTask({ name: 'stubborn', input: Text, run: () => new Promise<void>(() => {}) })
      const jobs = [
        await room.queue.enqueue(polite.task, { text: 'a' }, { unique: 'k' }),
        await room.queue.enqueue(stubborn, { text: 'b' }),
      ]
      const worker = await room.worker([polite.task, stubborn], { drainMs: 50 })
      await until('both to run', async () => (await room.ids('running')).length === 2)
      await worker.stop()
      expect(polite.aborted).toEqual(['a'])
      const waiting = await room.queueAdmin.list('waiting')
      expect(new Set(waiting.map((job) => job.id))).toEqual(new Set(jobs.map((job) => job.id)))
      expect(waiting).toMatchObject([
        { failures: 0, crashes: 0 },
        { failures: 0, crashes: 0 },
      ])
      // Its key was not let go.
      expect((await room.queue.enqueue(polite.task, { text: 'c' }, { unique: 'k' })).added).toBe(false)
    }),
  )

  test(
    'ends when its last job ends, whatever the moment',
    inRoom(async (room) => {
      // A lost wake-up hung the drain when the last job ended while nobody looked: stop at every moment around it.
      const task = defineTask({ name: 'brief', input: Text, run: () => Bun.sleep(1) })
      for (let i = 0; i < 60; i++) {
        await room.queue.enqueueBulk(task, [{ text: 'a' }, { text: 'b' }])
        const worker = await room.worker([task], { concurrency: 2, drainMs: 60_000 })
        await Bun.sleep(Math.random() * 4)
        await worker.stop()
      }
      const worker = await room.worker([task])
      await room.idle()
      await worker.stop()
      expect((await room.queueAdmin.stats()).dead).toBe(0)
    }),
    30_000,
  )

  test(
    'by itself after its share of jobs leaves the rest to others',
    inRoom(async (room) => {
      const { ran, task } = collector()
      await room.queue.enqueueBulk(
        task,
        Array.from({ length: 30 }, (_, i) => ({ text: String(i) })),
      )
      const worker = await room.worker([task], { maxJobs: 12, concurrency: 5 })
      await worker.ended
      expect(ran).toHaveLength(12)
      expect(await room.queueAdmin.stats()).toMatchObject({ waiting: 18, running: 0, workers: [] })
    }),
  )

  test('before Redis ever answered ends at once', async () => {
    const redis = new Redis('redis://127.0.0.1:1', { lazyConnect: true })
    const silent = { debug() {}, info() {}, warn() {}, error() {} }
    const worker = startWorker({ redis, prefix: 'x:', id: 'w', tasks: [], deps: undefined, log: silent })
    await worker.stop()
    expect(worker.ready).rejects.toThrow('stopped before it was at work')
    redis.disconnect()
  })
})

describe('the jobs of a worker that died', () => {
  test(
    'are taken over at once by the next process under its id',
    inRoom(async (room) => {
      const { ran, task } = collector()
      await room.redis.rpush(`${room.base}run:w7`, '{"id":"1","task":"collect","data":{"text":"left"}}')
      await room.worker([task], { id: 'w7', leaseMs: 600_000 })
      await until('the job', () => ran.length === 1)
      expect(ran).toEqual(['left'])
    }),
  )

  test(
    'are taken over by another worker after the lease',
    inRoom(async (room) => {
      const { ran, task } = collector()
      await room.worker([task])
      await room.redis.zadd(`${room.base}workers`, '0', 'dead')
      await room.redis.rpush(`${room.base}run:dead`, '{"id":"1","task":"collect","data":{"text":"left"}}')
      await until('the job', () => ran.length === 1)
      await until('its worker forgotten', async () => (await room.queueAdmin.stats()).workers.length === 1)
      expect(room.said('worker died')[0]?.fields).toEqual({ worker: 'dead', jobs: 1 })
    }),
  )

  test(
    'are taken over even if no connection of the others lives as long as a lease',
    inRoom(async (room) => {
      // Who judges by what he has seen himself, and begins anew at each reconnect, never finds anybody dead.
      const { link, viaLink } = await room.linked()
      const { ran, task } = collector()
      await room.worker([task], { redis: viaLink, leaseMs: 600 })
      await room.redis.zadd(`${room.base}workers`, '0', 'dead')
      await room.redis.rpush(`${room.base}run:dead`, '{"id":"1","task":"collect","data":{"text":"left"}}')
      await until('the job', async () => {
        await Bun.sleep(200)
        await link.cut()
        await link.restore()
        return ran.length > 0
      })
    }),
    20_000,
  )

  test(
    'are nobody else’s while the cluster clock stands still',
    inRoom(async (room) => {
      const { task } = collector()
      await room.redis.zadd(`${room.base}workers`, '0', 'asleep')
      await room.redis.rpush(`${room.base}run:asleep`, '{"id":"1","task":"collect","data":{"text":"x"}}')
      // An hour in which nobody beat: an outage, or a pause of all. It counts as two beats.
      await room.redis.hset(`${room.base}clock`, 'clock', '0', 'last', String(Date.now() - 3_600_000))
      const worker = await room.worker([task], { tickMs: 100, leaseMs: 60_000 })
      await until('some beats', async () => Number(await room.redis.hget(`${room.base}clock`, 'clock')) > 300)
      await worker.stop()
      expect(await room.redis.llen(`${room.base}run:asleep`)).toBe(1)
      // A clock that went back does not move it either.
      await room.redis.hset(`${room.base}clock`, 'clock', '500', 'last', String(Date.now() + 3_600_000))
      await (await room.worker([task], { tickMs: 100, leaseMs: 60_000 })).stop()
      expect(await room.redis.hget(`${room.base}clock`, 'clock')).toBe('500')
    }),
  )
})

test(
  'a job whose worker died twice runs alone, so that a killer takes nobody with it',
  inRoom(async (room) => {
    let now = 0
    const beside: number[] = []
    const suspect = defineTask({
      name: 'suspect',
      input: Text,
      run: async () => {
        for (let i = 0; i < 5; i++) {
          beside.push(now)
          await Bun.sleep(2)
        }
      },
    })
    const other = defineTask({
      name: 'other',
      input: Text,
      run: async () => {
        now++
        await Bun.sleep(Math.random() * 5)
        now--
      },
    })
    await room.queue.enqueueBulk(
      other,
      Array.from({ length: 100 }, () => ({ text: '' })),
    )
    await room.redis.lpush(`${room.base}queue`, '{"id":"s","task":"suspect","data":{"text":""},"c":2}')
    await room.queue.enqueue(other, { text: '' }, { urgent: true })
    await room.worker([suspect, other], { concurrency: 5 })
    await room.idle()
    expect(beside).toEqual([0, 0, 0, 0, 0])
    expect(room.said('job done')).toHaveLength(102)
  }),
)

test('a wake-up while nobody waits ends the next wait at once', async () => {
  const bell = new Bell()
  bell.ring()
  await bell.wait()
  let woken = false
  const waiting = bell.wait().then(() => (woken = true))
  await Promise.resolve()
  expect(woken).toBe(false)
  bell.ring()
  await waiting
  // Rung twice in a row, and once more while the one that waited was on its way: never lost, never more than one.
  bell.ring()
  bell.ring()
  await bell.wait()
  expect(await Promise.race([bell.wait(10_000).then(() => 'rung'), Bun.sleep(1).then(() => 'silent')])).toBe(
    'silent',
  )
  bell.ring()
})

describe('a reply that was lost', () => {
  test(
    'of the script that took jobs: they are found in the list, and run',
    inRoom(async (room) => {
      const { link, viaLink } = await room.linked()
      const { ran, task } = collector()
      await room.worker([task], { redis: viaLink })
      // As if a script had taken it, and the connection had broken before its answer.
      await room.redis.rpush(`${room.base}run:w0`, '{"id":"1","task":"collect","data":{"text":"taken"}}')
      await link.cut()
      await link.restore()
      await until('the job', () => ran.length === 1)
      await room.idle()
      expect(ran).toEqual(['taken'])
    }),
  )

  test(
    'of an enqueue that was sent again: two identical elements are one job, and the worker goes on',
    inRoom(async (room) => {
      const { task, started, open } = gate()
      const next = gate('next')
      const twin = '{"id":"twin","task":"gate","data":{"text":"twin"}}'
      await room.redis.rpush(`${room.base}queue`, twin, twin, twin)
      await room.worker([task, next.task], { concurrency: 3 })
      await until('the twins in hand', async () => (await room.ids('running')).length === 3)
      open()
      await room.idle()
      expect(started).toEqual(['twin'])
      // Its hands are free again: all three of them.
      await room.queue.enqueueBulk(
        next.task,
        ['a', 'b', 'c'].map((text) => ({ text })),
      )
      await until('three to run', () => next.started.length === 3)
      next.open()
      await room.idle()
    }),
  )
})

test(
  'connections that are cut over and over lose nothing, and run nothing twice',
  inRoom(async (room) => {
    const { link, viaLink } = await room.linked()
    const ran: string[] = []
    const task = defineTask({
      name: 'some',
      input: Text,
      backoff,
      run: async ({ text }, job) => {
        await Bun.sleep(Math.random() * 20)
        if (job.attempt === 1 && Math.random() < 0.2) throw new Error('once')
        ran.push(text)
      },
    })
    const texts = Array.from({ length: 400 }, (_, i) => String(i))
    await room.queue.enqueueBulk(
      task,
      texts.map((text) => ({ text })),
    )
    await room.worker([task], { redis: viaLink, leaseMs: 60_000 })
    await room.worker([task], { redis: viaLink, leaseMs: 60_000 })
    while (ran.length < 400) {
      await Bun.sleep(30 + Math.random() * 50)
      await link.cut()
      await link.restore()
    }
    await room.idle()
    expect(ran.toSorted((a, b) => Number(a) - Number(b))).toEqual(texts)
  }),
  30_000,
)

describe('on one Redis', () => {
  test(
    'the jobs of another version of the element are left alone',
    inRoom(async (room) => {
      const { ran, task } = collector()
      // Another version: other keys of other types, under names that are like ours.
      const other = room.base.replace(/\d+\}:$/, '0}:')
      expect(other).not.toBe(room.base)
      await room.redis.set(`${other}queue`, 'not even a list')
      await room.redis.rpush(`${other}later`, '5:collect:{"text":"old"}')
      await room.queue.enqueue(task, { text: 'new' })
      await room.worker([task])
      await room.idle()
      expect(ran).toEqual(['new'])
      expect(await room.redis.get(`${other}queue`)).toBe('not even a list')
      expect(await room.redis.llen(`${other}later`)).toBe(1)
    }),
  )

  test(
    'two prefixes are two queues: not a job, a key, a cron, a worker or a pause of one is seen in the other',
    inRoom((one) =>
      inRoom(async (two) => {
        const [a, b] = [collector(), collector()]
        const cron = (task: typeof a.task, text: string) =>
          defineCron({ name: 'same', schedule: '* * * * *', task, input: { text } })
        const minuteAgo = String(Date.now() - 61_000)
        for (const room of [one, two]) await room.redis.hset(`${room.base}cron`, 'same', minuteAgo)
        await two.queueAdmin.pause()
        for (const room of [one, two]) {
          expect((await room.queue.enqueue(a.task, { text: 'unique' }, { unique: 'k' })).added).toBe(true)
        }
        // The same id of a worker, too.
        await one.worker([a.task], { id: 'w', crons: [cron(a.task, 'tick of one')] })
        await two.worker([b.task], { id: 'w', crons: [cron(b.task, 'tick of two')] })
        await until('the jobs of one', () => a.ran.length === 2)
        expect(a.ran.toSorted()).toEqual(['tick of one', 'unique'])
        expect(b.ran).toEqual([])
        await two.queueAdmin.resume()
        await until('the jobs of two', () => b.ran.length === 2)
        expect(b.ran.toSorted()).toEqual(['tick of two', 'unique'])
        await two.idle()
        expect((await two.queueAdmin.stats()).workers.map((worker) => worker.id)).toEqual(['w'])
      })(),
    ),
  )

  test(
    'a key of a wrong type ends the worker aloud: it does not beat on with a dead loop',
    inRoom(async (room) => {
      const { task } = collector()
      await room.redis.set(`${room.base}queue`, 'not a list')
      const worker = await room.worker([task])
      expect(worker.ended).rejects.toThrow('WRONGTYPE')
      await worker.ended.catch(() => {})
    }),
  )

  test(
    'a key that turns into another type loses no job that would have moved there',
    inRoom(async (room) => {
      const { task, started } = gate()
      await room.queue.enqueue(task, { text: 'x' })
      const worker = await room.worker([task], { drainMs: 0 })
      await until('it to run', () => started.length === 1)
      await room.redis.set(`${room.base}queue`, 'not a list')
      // It gives the job back, and cannot.
      expect(worker.stop()).rejects.toThrow('WRONGTYPE')
      await worker.ended.catch(() => {})
      expect(await room.redis.llen(`${room.base}run:w0`)).toBe(1)
    }),
  )

  test(
    'two workers run each job once, and never more than their concurrency',
    inRoom(async (room) => {
      const ran: string[] = []
      let now = 0
      let most = 0
      const task = defineTask({
        name: 'count',
        input: Text,
        run: async ({ text }) => {
          most = Math.max(most, ++now)
          await Bun.sleep(Math.random() * 3)
          ran.push(text)
          now--
        },
      })
      const texts = Array.from({ length: 500 }, (_, i) => String(i))
      await room.worker([task], { concurrency: 7 })
      await room.worker([task], { concurrency: 5 })
      await room.queue.enqueueBulk(
        task,
        texts.map((text) => ({ text })),
      )
      await room.idle()
      expect(ran.toSorted((a, b) => Number(a) - Number(b))).toEqual(texts)
      expect(most).toBeLessThanOrEqual(12)
      expect(most).toBeGreaterThan(7)
    }),
  )
})

test('options that cannot work are refused at once', () => {
  const redis = new Redis(redisUrl(), { lazyConnect: true })
  const silent = { debug() {}, info() {}, warn() {}, error() {} }
  const start = (more: object) => () =>
    startWorker({ redis, prefix: 'x:', id: 'w', tasks: [], deps: undefined, log: silent, ...more })
  expect(start({ concurrency: 0 })).toThrow('concurrency')
  expect(start({ blockMs: 15_000 })).toThrow('blockMs must be below leaseMs')
  expect(start({ tickMs: 5000 })).toThrow('four heartbeats')
  const { task } = collector()
  expect(start({ tasks: [task, task] })).toThrow('same name')
  expect(() => defineTask({ name: 'no spaces', input: Text, run: () => {} })).toThrow('"no spaces"')
  redis.disconnect()
})
