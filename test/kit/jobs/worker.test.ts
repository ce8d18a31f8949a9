// A worker: how it stops, whom it runs alone, and what it refuses.
import { describe, expect, test } from 'bun:test'
import { Redis } from 'ioredis'
import { Bell } from '../../../src/kit/jobs/bell.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { startWorker } from '../../../src/kit/jobs/worker.ts'
import { silent } from '../support/log.ts'
import { redisUrl } from '../support/services.ts'
import { until } from '../support/until.ts'
import { collector, gate, inRoom, Text } from './room.ts'

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
    const worker = startWorker({ redis, prefix: 'x:', id: 'w', tasks: [], deps: undefined, log: silent })
    await worker.stop()
    expect(worker.ready).rejects.toThrow('stopped before it was at work')
    redis.disconnect()
  })
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

test('options that cannot work are refused at once', () => {
  const redis = new Redis(redisUrl(), { lazyConnect: true })
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
