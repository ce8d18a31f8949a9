// A job that its owner cancels: where it waits and while it runs, and in a race with its start or its end.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import type { DeadJob } from '../../../src/kit/jobs/dead.ts'
import { defineTask, type Job } from '../../../src/kit/jobs/task.ts'
import { until } from '../support/until.ts'
import { backoff, collector, inRoom, Text, type Room } from './room.ts'

const common = { input: Text, backoff, keepResultMs: 60_000, cancellable: true, attempts: 2 }

/** A task that tells what ran. */
function recorder(more: { unique?: () => string; limit?: { key: () => string; max: number } } = {}) {
  const ran: string[] = []
  const task = defineTask({ name: 'record', ...common, ...more, run: ({ text }) => void ran.push(text) })
  return { ran, task }
}

/** A task whose job runs until the test lets it go, or its signal fires if it looks at that. */
function held(act: (job: Job) => unknown = () => {}, obeys = true) {
  const started = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  const reasons: string[] = []
  const task = defineTask({
    name: 'held',
    ...common,
    unique: () => 'one',
    limit: { key: () => 'k', max: 1 },
    run: async (_input, job) => {
      job.signal.addEventListener('abort', () => {
        reasons.push(String(job.signal.reason))
        if (obeys) go.reject(job.signal.reason)
      })
      started.resolve()
      await go.promise
      return act(job)
    },
  })
  return { task, started: started.promise, go: () => go.resolve(), reasons }
}

const state = async (room: Room, id: string) => (await room.queueAdmin.status(id))?.state

describe('a job that waits', () => {
  test(
    'is not run, wherever it waits; its key is free at once, and others of its limit go on',
    inRoom(async (room) => {
      const { ran, task } = recorder({ limit: { key: () => 'k', max: 1 } })
      const holder = held()
      const add = (text: string, options = {}) => room.queue.enqueue(task, { text }, options)
      await room.worker([task, holder.task], { concurrency: 3 })
      const first = await room.queue.enqueue(task, { text: 'runs' })
      await until('it to be done', async () => (await state(room, first.id)) === 'done')

      await room.queueAdmin.pause()
      const waiting = await add('waiting', { unique: 'u' })
      const delayed = await add('delayed', { delayMs: 100 })
      const others = [await add('b'), await add('c')]
      for (const { id } of [waiting, delayed]) {
        expect(await room.queueAdmin.cancel(id)).toMatchObject({ id, state: 'cancelled' })
      }
      const again = await add('again', { unique: 'u' })
      expect(again.added).toBe(true)
      await room.queueAdmin.resume()
      await room.idle()
      expect(ran).toEqual(['runs', 'b', 'c', 'again'])
      for (const { id } of [waiting, delayed]) expect(await state(room, id)).toBe('cancelled')
      for (const { id } of [...others, again]) expect(await state(room, id)).toBe('done')
      expect(room.said('cancelled before it started')).toHaveLength(2)
      // It is seen no longer than any other outcome.
      expect(await room.redis.pttl(`${room.base}r:${waiting.id}`)).toBeWithin(1, 60_001)
      // The key of the second one was not let go by the end of the first.
      expect(await room.redis.keys(`${room.base}*`)).not.toContain(`${room.base}key:record:u`)
    }),
  )

  test(
    'behind its limit is passed over, and whoever comes after it starts',
    inRoom(async (room) => {
      const { ran, task } = recorder({ limit: { key: () => 'k', max: 1 } })
      const go = Promise.withResolvers<void>()
      const slow = defineTask({ ...task, run: () => go.promise, limit: { key: () => 'k', max: 1 } })
      await room.queue.enqueue(slow, { text: 'slow' })
      const worker = await room.worker([slow], { concurrency: 3 })
      const texts = ['a', 'b', 'c', 'd'].map((text) => ({ text }))
      const jobs = await room.queue.enqueueBulk(task, texts)
      await until('them to be parked', async () => (await room.redis.llen(`${room.base}park:record:k`)) === 4)
      for (const i of [0, 1, 3]) await room.queueAdmin.cancel(jobs[i]?.id ?? '')
      const stopped = worker.stop()
      go.resolve()
      await stopped
      await room.worker([task])
      await until('the one that is left', async () => (await state(room, jobs[2]?.id ?? '')) === 'done')
      await until('an empty park', async () => (await room.redis.exists(`${room.base}park:record:k`)) === 0)
      expect(ran).toEqual(['c'])
    }),
  )

  test(
    'among many others costs no search: a park of a thousand cancelled ones does not hold up who comes after',
    inRoom(async (room) => {
      const { ran, task } = recorder({ limit: { key: () => 'k', max: 1 } })
      const jobs = await room.queue.enqueueBulk(
        task,
        Array.from({ length: 1201 }, (_, i) => ({ text: String(i) })),
      )
      await room.redis.rename(`${room.base}queue`, `${room.base}park:record:k`)
      await room.redis.zadd(`${room.base}parks`, 0, 'record:k')
      for (const { id } of jobs.slice(0, 1200)) await room.queueAdmin.cancel(id)
      await room.worker([task])
      await until('the last one', () => ran.length === 1)
      expect(ran).toEqual(['1200'])
    }),
  )

  test(
    'is not enqueued by its enqueue when that is sent again, and does not get its key back',
    inRoom(async (room) => {
      const { ran, task } = recorder()
      // As a relay of the outbox does that died before it wrote down what it had sent.
      const job = room.queue.prepare(task, { text: 'x' }, { unique: 'u' })
      expect(await room.queue.send(job)).toEqual({ id: job.id, added: true })
      await room.queueAdmin.cancel(job.id)
      await room.queue.send(job)
      expect(await room.redis.exists(`${room.base}key:record:u`)).toBe(0)
      await room.worker([task])
      await room.idle()
      expect([ran, await state(room, job.id)]).toEqual([[], 'cancelled'])
    }),
  )

  test(
    'after an attempt that failed is not tried again',
    inRoom(async (room) => {
      const later = `${room.base}later`
      let attempts = 0
      const task = defineTask({
        name: 'fails',
        ...common,
        backoff: { minMs: 3_600_000 },
        run() {
          attempts++
          throw new Error('no')
        },
      })
      const { id } = await room.queue.enqueue(task, { text: 'x' }, { unique: 'u' })
      await room.worker([task])
      await until('the retry to wait', async () => (await room.ids('later')).includes(id))
      const [element = ''] = await room.redis.zrange(later, 0, '0')
      await room.queueAdmin.cancel(id)
      expect((await room.queue.enqueue(task, { text: 'y' }, { unique: 'u', delayMs: 60_000 })).added).toBe(
        true,
      )
      await room.redis.zadd(later, 0, element)
      await until('its end', async () => !(await room.queueAdmin.show(id)))
      expect([attempts, await state(room, id)]).toEqual([1, 'cancelled'])
    }),
  )
})

describe('a job that runs', () => {
  test(
    'is told by its signal, holds its key and its limit until it has stopped, and is not run again',
    inRoom(async (room) => {
      const { task, started, reasons } = held()
      const { id } = await room.queue.enqueue(task, { text: 'x' })
      await room.worker([task], { concurrency: 2 })
      await started
      expect(await room.queueAdmin.cancel(id)).toEqual({ id, task: 'held', state: 'cancelled' })
      await until('its signal', () => reasons.length === 1)
      await room.idle()
      expect(reasons).toEqual(['AbortError: its owner cancelled the job'])
      expect(room.said('job cancelled').map(({ level, fields }) => [level, fields.error])).toEqual([
        ['info', undefined],
      ])
      expect(room.said('job stopped')).toEqual([])
      expect(await state(room, id)).toBe('cancelled')
      expect(await room.redis.exists(`${room.base}key:held:one`, `${room.base}held:held:k`)).toBe(0)
      expect((await room.queue.enqueue(task, { text: 'x' }, { delayMs: 60_000 })).added).toBe(true)
    }),
  )

  test.each<[what: string, act: (job: Job, next: ReturnType<typeof collector>['task']) => unknown]>([
    ['a result and what follows', (job, next) => job.next(next, { text: 'never' })],
    [
      'its last failure',
      () => {
        throw new Error('too late')
      },
    ],
  ])('and ignores its signal ends like any, and nothing comes of it: %s', (_what, act) =>
    inRoom(async (room) => {
      const { ran, task: next } = collector()
      const { task, started, go, reasons } = held((job) => act(job, next), false)
      const dead: DeadJob[] = []
      const last = { ...task, attempts: 1 }
      const { id } = await room.queue.enqueue(last, { text: 'x' })
      await room.worker([last, next], { onDead: (job) => void dead.push(job) })
      await started
      await room.queueAdmin.cancel(id)
      // What runs still holds its key.
      expect((await room.queue.enqueue(last, { text: 'x' })).added).toBe(false)
      await until('its signal', () => reasons.length === 1)
      go()
      await room.idle()
      expect(await room.queueAdmin.status(id)).toEqual({ id, task: 'held', state: 'cancelled' })
      const { minutes } = await room.queueAdmin.stats()
      expect(minutes.every(({ done, failed }) => done + failed === 0)).toBe(true)
      expect([ran, dead, await room.ids('dead')]).toEqual([[], [], []])
      expect((await room.queue.enqueue(last, { text: 'x' }, { delayMs: 60_000 })).added).toBe(true)
    })(),
  )

  test(
    'and whose worker dies is not run again',
    inRoom(async (room) => {
      const { ran, task } = recorder()
      const { id } = await room.queue.enqueue(task, { text: 'x' })
      await room.redis.lmove(`${room.base}queue`, `${room.base}run:dead`, 'LEFT', 'LEFT')
      await room.redis.zadd(`${room.base}workers`, 0, 'dead')
      await room.queueAdmin.cancel(id)
      await room.worker([task])
      await until('its list empty', async () => (await room.redis.exists(`${room.base}run:dead`)) === 0)
      await room.idle()
      expect([ran, await state(room, id)]).toEqual([[], 'cancelled'])
    }),
  )
})

test(
  'whoever comes first decides: every job of a crowd that is cancelled at any moment is either done or cancelled',
  inRoom(async (room) => {
    const done = new Map<string, string>()
    const { ran, task: next } = collector()
    const task = defineTask({
      name: 'quick',
      ...common,
      run: async ({ text }, job) => {
        await Bun.sleep(Math.random() * 3)
        job.next(next, { text })
        done.set(text, job.id)
      },
    })
    const jobs = await room.queue.enqueueBulk(
      task,
      Array.from({ length: 400 }, (_, i) => ({ text: String(i) })),
    )
    // One is cancelled before any is run, and one when it is done.
    await room.queueAdmin.cancel(jobs.at(-1)?.id ?? '')
    await room.worker([task, next], { concurrency: 8 })
    const answers = await Promise.all(
      jobs.map(async ({ id }, i) => {
        await Bun.sleep(Math.random() * i)
        if (i === 0) await until('the first', async () => (await state(room, id)) === 'done')
        const [first, second] = [await room.queueAdmin.cancel(id), await room.queueAdmin.cancel(id)]
        expect(second).toEqual(first)
        return first?.state ?? 'gone'
      }),
    )
    await room.idle()
    const states = await Promise.all(jobs.map(({ id }) => state(room, id)))
    expect(states.map(String)).toEqual(answers)
    expect(new Set(answers)).toEqual(new Set(['done', 'cancelled']))
    // What follows is there exactly for those that are done.
    const expected = answers.flatMap((answer, i) => (answer === 'done' ? [String(i)] : []))
    expect(new Set(ran)).toEqual(new Set(expected))
    expect(ran).toHaveLength(expected.length)
  }),
)

test(
  'what has ended, is of another kind, or is not there stays as it is; its progress shows only while it runs',
  inRoom(async (room) => {
    const { task } = recorder()
    const plain = defineTask({ name: 'plain', input: Text, keepResultMs: 60_000, run: () => {} })
    const { id } = await room.queue.enqueue(task, { text: 'x' }, { unique: 'k', by: 'ann' })
    expect(await room.queueAdmin.status(id)).toMatchObject({ state: 'waiting', by: 'ann', cancellable: true })
    await room.worker([task])
    await until('its end', async () => (await state(room, id)) === 'done')
    expect(await room.queueAdmin.cancel(id)).toEqual({ id, task: 'record', state: 'done', by: 'ann' })
    const other = await room.queue.enqueue(plain, { text: 'x' })
    expect(await room.queueAdmin.cancel(other.id)).toMatchObject({ state: 'waiting' })
    expect(await room.queueAdmin.cancel('nothing')).toBeUndefined()
    const foul = Buffer.from('{"id":"x","task":"\xff","state":"waiting","cancellable":true}', 'latin1')
    await room.redis.set(`${room.base}r:x`, foul)
    expect(room.queueAdmin.cancel('x')).rejects.toThrow('The status of job x is not what it reads as')
    expect(() => defineTask({ name: 'x', input: z.object({}), cancellable: true, run: () => {} })).toThrow(
      'task "x": cancellable needs keepResultMs, by which its owner knows it',
    )
  }),
)
