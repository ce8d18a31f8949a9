// What is counted of each task: how its attempts ended, how long its jobs waited, and how long they ran.
import { expect, test } from 'bun:test'
import { quantile } from '../../../src/kit/jobs/durations.ts'
import { readTaskStats, TaskCounts, type TaskStats } from '../../../src/kit/jobs/task-stats.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { until } from '../support/until.ts'
import { collector, failing, inRoom, Text, type Room } from './room.ts'

const onlyTask = (stats: TaskStats[]): TaskStats => {
  const [first, ...others] = stats
  if (!first || others.length > 0) throw new Error(`not one task: ${stats.map(({ task }) => task).join()}`)
  return first
}

test(
  'what all workers did counts together, in the last hour and ever, when they have ended at the latest',
  inRoom(async (room) => {
    const { task } = collector()
    const bad = failing(() => new Error('no'), 1)
    const workers = [await room.worker([task, bad]), await room.worker([task, bad])]
    await room.queue.enqueueBulk(
      task,
      Array.from({ length: 50 }, () => ({ text: 'x' })),
    )
    await room.queue.enqueue(bad, { text: 'x' })
    await room.idle()
    await Promise.all(workers.map((worker) => worker.stop()))
    for (const over of ['hour', 'ever'] as const) {
      const [done, failed] = await room.queueAdmin.taskStats(over)
      expect(done).toMatchObject({ task: task.name, queue: 'default', done: 50, failed: 0 })
      expect([done?.wait.count, done?.run.count]).toEqual([50, 50])
      expect(failed).toMatchObject({ task: bad.name, done: 0, failed: 1, run: { count: 1 } })
    }
  }),
)

test(
  'a worker tells what it has done while it goes on',
  inRoom(async (room) => {
    const { task } = collector()
    await room.worker([task])
    await room.queue.enqueue(task, { text: 'x' })
    await until('the count', async () => (await room.queueAdmin.taskStats('hour'))[0]?.done === 1)
  }),
)

test(
  'a wait is counted from when the job could start, and not where nobody knows that',
  inRoom(async (room) => {
    const { task } = collector()
    const { redis, base } = room
    const element = (id: string, since?: unknown) =>
      JSON.stringify({ id, task: task.name, since, data: { text: id } })
    await redis.rpush(
      `${base}queue`,
      element('bare'),
      element('odd', 'now'),
      element('old', Date.now() - 3_600_000),
    )
    await room.queue.enqueue(task, { text: 'delayed' }, { at: new Date(Date.now() - 600_000) })
    const worker = await room.worker([task])
    await room.idle()
    await worker.stop()
    const { wait, run } = onlyTask(await room.queueAdmin.taskStats('hour'))
    expect([wait.count, run.count]).toEqual([2, 4])
    expect(quantile(wait, 1)).toBeGreaterThan(3_000_000)
    expect(quantile(wait, 0.5)).toBeWithin(450_000, 800_000)
  }),
)

test(
  'a job that is tried again waits anew; a dead one says since when',
  inRoom(async (room) => {
    const before = Date.now()
    const task = defineTask({
      name: 'twice',
      input: Text,
      attempts: 2,
      backoff: { minMs: 1, maxMs: 1 },
      run: () => Promise.reject(new Error('no')),
    })
    const old = { id: 'old', task: task.name, since: before - 3_600_000, data: { text: 'x' } }
    await room.redis.rpush(`${room.base}queue`, JSON.stringify(old))
    const worker = await room.worker([task])
    await until('its death', async () => (await room.queueAdmin.stats()).dead === 1)
    await worker.stop()
    const { failed, wait } = onlyTask(await room.queueAdmin.taskStats('hour'))
    expect([failed, wait.count]).toEqual([2, 2])
    expect(quantile(wait, 0.5)).toBeLessThan(60_000)
    expect((await room.queueAdmin.list('dead'))[0]?.since).toBeGreaterThanOrEqual(before)
    await room.queueAdmin.retry('all')
    expect((await room.queueAdmin.stats()).lagMs).toBeLessThan(60_000)
  }),
)

test(
  'the lag of a queue is the wait of the first in line: none of an empty one, unknown where it does not say',
  inRoom(async (room) => {
    const { redis, base, queueAdmin } = room
    const lag = async () => (await queueAdmin.stats()).queues.default?.lagMs
    expect(await lag()).toBe(0)
    for (const odd of [
      'no json',
      '5',
      '{"id":"a","task":"t","data":{"since":5}}',
      '{"id":"a","task":"t","since":{}}',
    ]) {
      await redis.lpush(`${base}queue`, odd)
      expect([odd, await lag()]).toEqual([odd, undefined])
    }
    await redis.lpush(`${base}queue`, JSON.stringify({ id: 'a', task: 't', since: Date.now() - 90_000 }))
    expect(await lag()).toBeWithin(89_000, 600_000)
    await redis.lpush(`${base}queue`, JSON.stringify({ id: 'a', task: 't', since: Date.now() + 3_600_000 }))
    expect(await lag()).toBe(0)
  }),
)

test(
  'counts of before the last hour are left out, and go; what lies in their place and is none breaks nothing',
  inRoom(async (room) => {
    const { redis, base } = room
    // It may be over before all this is read.
    const minute = Math.floor(Number((await redis.time())[0]) / 60)
    await redis.hset(`${base}tasks:${minute - 60}`, 'done a', 100)
    await redis.hset(`${base}tasks:${minute - 58}`, {
      'done a': 1,
      'run5 a': 'x',
      odd: 5,
      'what a': 5,
      'done b': '-1',
    })
    await redis.set(`${base}tasks:${minute - 5}`, 'a text')
    expect(onlyTask(await read(room))).toMatchObject({ task: 'a', done: 1, run: { count: 0 } })
    await redis.set(`${base}tasks`, 'a text')
    const counts = new TaskCounts()
    counts.add('c', 'done', 5, 5)
    await counts.fold(redis, base)
    expect((await read(room)).map(({ task }) => task)).toEqual(['a', 'c'])
    const [newest = ''] = (await redis.keys(`${base}tasks:*`)).toSorted().toReversed()
    expect(await redis.ttl(newest)).toBeGreaterThan(0)
  }),
)

test(
  'what a part of the durations did not exceed is told within a fifth, from less than a millisecond to a day',
  inRoom(async (room) => {
    for (const ms of [0.2, 1, 3, 10, 47, 1000, 33_333, 86_400_000]) {
      const counts = new TaskCounts()
      for (let i = 0; i < 100; i++) counts.add('t', 'done', undefined, i < 95 ? ms : 100 * ms)
      await room.redis.del(`${room.base}tasks`)
      await counts.fold(room.redis, room.base)
      const { run } = onlyTask(await room.queueAdmin.taskStats('ever'))
      for (const q of [0.5, 0.95]) expect(quantile(run, q)).toBeWithin(ms * 0.8, Math.max(1.01, ms * 1.2))
    }
    expect(quantile({ count: 0, sumMs: 0, buckets: [] }, 0.5)).toBeUndefined()
  }),
)

const read = (room: Room) => readTaskStats(room.redis, room.prefix, ['default'], 'hour')
