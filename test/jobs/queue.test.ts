// The queue's promises to those who enqueue, to those who write tasks, and to those who operate it.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { defineTask, JobError, type Job } from '../../src/jobs/task.ts'
import { until } from '../support/until.ts'
import { backoff, collector, gate, inRoom, Text } from './room.ts'

const failing = (error: () => Error, attempts = 3) =>
  defineTask({
    name: 'fail',
    input: Text,
    attempts,
    backoff,
    keepResultMs: 60_000,
    run: () => {
      throw error()
    },
  })

describe('enqueue', () => {
  test(
    'jobs run in their order, an urgent one first',
    inRoom(async (room) => {
      const { ran, task } = collector()
      await room.queue.enqueue(task, { text: 'one' })
      await room.queue.enqueueBulk(task, [{ text: 'two' }, { text: 'three' }])
      await room.queue.enqueue(task, { text: 'urgent' }, { urgent: true })
      await room.worker([task], { concurrency: 1 })
      await room.idle()
      expect(ran).toEqual(['urgent', 'one', 'two', 'three'])
    }),
  )

  test(
    'input that fails the schema is refused, with the path and without the value',
    inRoom(async (room) => {
      const task = defineTask({ name: 'deep', input: z.object({ a: z.array(z.email()) }), run: () => {} })
      const refused = room.queue.enqueue(task, { a: ['a@b.org', 'secret'] })
      expect(refused).rejects.toThrow(/task "deep" refuses its input: a\.1: /)
      expect(refused).rejects.not.toThrow(/secret/)
      // @ts-expect-error the schema asks for an array
      expect(room.queue.enqueue(task, { a: 'x' })).rejects.toThrow(/a: /)
      // @ts-expect-error a Date does not survive JSON
      defineTask({ name: 'date', input: z.object({ on: z.date() }), run: () => {} })
      expect((await room.queueAdmin.stats()).waiting).toBe(0)
    }),
  )

  test(
    'a payload over the limit is refused, in bytes and not in characters',
    inRoom(async (room) => {
      const { task } = collector()
      const refused = room.queue.enqueue(task, { text: '€'.repeat(400) })
      expect(refused).rejects.toThrow(/1211 bytes, at most 1000 are allowed/)
      await room.queue.enqueue(task, { text: 'e'.repeat(900) })
      expect((await room.queueAdmin.stats()).waiting).toBe(1)
    }),
  )

  test(
    'a delayed job is not taken before it is due',
    inRoom(async (room) => {
      const { ran, task } = collector()
      await room.queue.enqueue(task, { text: 'later' }, { delayMs: 300 })
      await room.queue.enqueue(task, { text: 'at' }, { at: new Date(Date.now() + 3_600_000) })
      await room.queue.enqueue(task, { text: 'now' })
      await room.worker([task])
      await until('the delayed job', () => ran.length === 2)
      expect(ran).toEqual(['now', 'later'])
      expect((await room.queueAdmin.list('later')).map((job) => job.data)).toEqual([{ text: 'at' }])
      expect(room.queue.enqueue(task, { text: '' }, { urgent: true, delayMs: 5 })).rejects.toThrow(/exclude/)
    }),
  )

  test(
    'while a unique job has not ended, a second one is not added and the first is named',
    inRoom(async (room) => {
      const { task, open } = gate()
      const first = await room.queue.enqueue(task, { text: 'a' }, { unique: 'k' })
      expect(first.added).toBe(true)
      expect(await room.queue.enqueue(task, { text: 'b' }, { unique: 'k' })).toEqual({
        id: first.id,
        added: false,
      })
      expect((await room.queue.enqueue(task, { text: 'c' }, { unique: 'other' })).added).toBe(true)
      await room.worker([task])
      await until('both to run', async () => (await room.ids('running')).length === 2)
      expect((await room.queue.enqueue(task, { text: 'd' }, { unique: 'k' })).added).toBe(false)
      open()
      await room.idle()
      expect((await room.queue.enqueue(task, { text: 'e' }, { unique: 'k' })).added).toBe(true)
    }),
  )

  test(
    'a unique key of the task is let go when its job dies, and when it is dropped',
    inRoom(async (room) => {
      const task = defineTask({
        ...failing(() => new Error('no'), 1),
        unique: ({ text }) => text,
        run: () => Promise.reject(new Error('no')),
      })
      const dropped = await room.queue.enqueue(task, { text: 'k' })
      expect(await room.queueAdmin.drop(dropped.id)).toBe(true)
      expect((await room.queue.enqueue(task, { text: 'k' })).added).toBe(true)
      await room.worker([task])
      await room.idle()
      expect((await room.queueAdmin.stats()).dead).toBe(1)
      expect((await room.queue.enqueue(task, { text: 'k' })).added).toBe(true)
    }),
  )

  test(
    'a bare RPUSH from any other language is a valid enqueue',
    inRoom(async (room) => {
      const { ran, task } = collector()
      await room.redis.rpush(
        `${room.base}queue`,
        '{ "id": "py-1", "task": "collect", "data": {"text": "hello"} }',
      )
      await room.worker([task])
      await room.idle()
      expect(ran).toEqual(['hello'])
    }),
  )

  test(
    'what was prepared and written down can be sent later, and twice adds a unique job once',
    inRoom(async (room) => {
      const { task } = collector()
      const prepared = room.queue.prepare(task, { text: 'x' }, { unique: 'once' })
      const copy: typeof prepared = JSON.parse(JSON.stringify(prepared))
      expect(await room.queue.send(copy)).toEqual({ id: prepared.id, added: true })
      expect(await room.queue.send(copy)).toEqual({ id: prepared.id, added: true })
      expect(await room.ids('waiting')).toEqual([prepared.id])
    }),
  )
})

describe('a task', () => {
  test(
    'that fails is tried again, later and later, and ends among the dead with its error',
    inRoom(async (room) => {
      const attempts: number[] = []
      const task = defineTask({
        name: 'fail',
        input: Text,
        attempts: 6,
        backoff: { minMs: 20, maxMs: 100 },
        run: (_input, job) => {
          attempts.push(job.attempt)
          throw new RangeError(`no luck with ${job.id}`)
        },
      })
      const { id } = await room.queue.enqueue(task, { text: 'x' }, { by: 'ann', requestId: 'r-1' })
      await room.worker([task])
      await room.idle()
      expect(attempts).toEqual([1, 2, 3, 4, 5, 6])
      const [dead] = await room.queueAdmin.list('dead')
      expect(dead).toMatchObject({ id, failures: 6, error: `RangeError: no luck with ${id}`, by: 'ann' })
      // It doubles up to the most, and a random half of it is left out.
      const waits = room.said('tried again').map((line) => Number(line.fields.delayMs))
      expect(waits).toHaveLength(5)
      const shares = [20, 40, 80, 100, 100].map((most, i) => (waits[i] ?? NaN) / most)
      for (const share of shares) expect(share).toBeWithin(0.45, 1.001)
      expect(new Set(shares).size).toBeGreaterThan(1)
      expect(room.said('last time')[0]).toMatchObject({
        level: 'error',
        fields: { job: id, task: 'fail', attempt: 6, requestId: 'r-1', ms: expect.any(Number) },
      })
    }),
  )

  test(
    'logs with the id, name, attempt and request of its job, and a line with the time taken at its end',
    inRoom(async (room) => {
      const task = defineTask({
        name: 'log',
        input: Text,
        run: (_input, job) => job.log.info('hello', { more: 1 }),
      })
      const { id } = await room.queue.enqueue(task, { text: 'x' }, { requestId: 'r-2' })
      await room.worker([task])
      await room.idle()
      const fields = { job: id, task: 'log', attempt: 1, requestId: 'r-2' }
      expect(room.said('hello')[0]?.fields).toEqual({ ...fields, more: 1 })
      expect(room.said('job done')[0]?.fields).toEqual({ ...fields, ms: expect.any(Number) })
    }),
  )

  test(
    'that keeps its result is seen waiting, running with its progress, and done with its result',
    inRoom(async (room) => {
      const go = Promise.withResolvers<void>()
      const task = defineTask({
        name: 'export',
        input: Text,
        keepResultMs: 60_000,
        run: async ({ text }, job: Job) => {
          job.progress(0.25)
          await go.promise
          return { length: text.length, list: [] }
        },
      })
      const { id } = await room.queue.enqueue(task, { text: 'four' }, { by: 'ann' })
      const seen = { id, task: 'export', by: 'ann' }
      expect(await room.queueAdmin.status(id)).toEqual({ ...seen, state: 'waiting' })
      await room.worker([task])
      await until('progress', async () => (await room.queueAdmin.status(id))?.progress === 0.25)
      expect(await room.queueAdmin.status(id)).toEqual({ ...seen, state: 'running', progress: 0.25 })
      go.resolve()
      await room.idle()
      const result = { length: 4, list: [] }
      expect(await room.queueAdmin.status(id)).toEqual({ ...seen, state: 'done', result })
      expect(await room.queueAdmin.status('nobody')).toBeUndefined()
    }),
  )

  test(
    'that fails for good tells its owner only what it means to tell',
    inRoom(async (room) => {
      const errors = [new Error('password is 123'), new JobError('The file is empty.')]
      const task = failing(() => errors.shift() ?? new Error('too often'), 1)
      const [first, second] = await room.queue.enqueueBulk(task, [{ text: 'a' }, { text: 'b' }])
      await room.worker([task], { concurrency: 1 })
      await room.idle()
      expect(await room.queueAdmin.status(first?.id ?? '')).toMatchObject({
        state: 'failed',
        error: 'The task failed.',
      })
      expect(await room.queueAdmin.status(second?.id ?? '')).toMatchObject({ error: 'The file is empty.' })
    }),
  )

  test(
    'past its timeout gets its signal, and is tried again',
    inRoom(async (room) => {
      let runs = 0
      const task = defineTask({
        name: 'slow',
        input: Text,
        backoff,
        timeoutMs: 30,
        run: async (_input, job) => {
          if (++runs === 2) return
          await new Promise<void>((resolve) => job.signal.addEventListener('abort', () => resolve()))
          job.signal.throwIfAborted()
        },
      })
      await room.queue.enqueue(task, { text: 'x' })
      await room.worker([task])
      await room.idle()
      expect(runs).toBe(2)
      expect(String(room.said('tried again')[0]?.fields.error)).toContain('timed out after 30 ms')
    }),
  )

  test(
    'whose timeout is longer than any timer has all the time',
    inRoom(async (room) => {
      const aborted: boolean[] = []
      const task = defineTask({
        name: 'patient',
        input: Text,
        timeoutMs: Infinity,
        run: async (_input, job) => {
          await Bun.sleep(20)
          aborted.push(job.signal.aborted)
        },
      })
      await room.queue.enqueue(task, { text: 'x' })
      await room.worker([task])
      await room.idle()
      expect(aborted).toEqual([false])
    }),
  )

  test(
    'that ignores its signal ends the worker, after the others have ended, and is tried again elsewhere',
    inRoom(async (room) => {
      const deaf = defineTask({
        name: 'deaf',
        input: Text,
        timeoutMs: 20,
        backoff: { minMs: 60_000 },
        run: () => new Promise<void>(() => {}),
      })
      const other = gate('other')
      await room.queue.enqueue(deaf, { text: 'x' })
      await room.queue.enqueue(other.task, { text: 'y' })
      const worker = await room.worker([deaf, other.task], { graceMs: 20 })
      await until('the worker to give up', () => room.said('runs on past its timeout').length > 0)
      other.open()
      expect(worker.ended).rejects.toThrow('task "deaf" runs on past its timeout and ignores its signal')
      await worker.ended.catch(() => {})
      expect(other.aborted).toEqual([])
      expect(await room.queueAdmin.list('later')).toMatchObject([{ task: 'deaf', failures: 1 }])
      expect(await room.queueAdmin.stats()).toMatchObject({ waiting: 0, running: 0, workers: [] })
    }),
  )

  test(
    'whose name nobody knows waits, and stops nobody',
    inRoom(async (room) => {
      const { ran, task } = collector()
      const newer = collector('newer')
      const { id } = await room.queue.enqueue(newer.task, { text: 'from the future' })
      await room.queue.enqueue(task, { text: 'known' })
      await room.worker([task])
      await until('the known one', () => ran.length === 1)
      await until('the other to wait', async () => (await room.ids('later'))[0] === id)
      await room.worker([newer.task], { id: 'newer' })
      // It may come to the old worker once more, which sends it back to wait.
      await until('the new one', async () => {
        await room.queueAdmin.retry({ id })
        return newer.ran.length > 0
      })
      expect(newer.ran).toEqual(['from the future'])
      expect(room.said('unknown task')[0]?.fields).toEqual({ job: id, task: 'newer' })
    }),
  )
})

test(
  'malformed elements go to the dead and stop nobody',
  inRoom(async (room) => {
    const { ran, task } = collector()
    const malformed = ['', 'no json', 'null', '5', '[]', '{"id":5,"task":"collect"}', '{"id":"x"}']
    await room.redis.rpush(`${room.base}queue`, ...malformed.slice(0, 5))
    await room.queue.enqueue(task, { text: 'fine' })
    await room.worker([task], { concurrency: 2 })
    await room.idle()
    expect(ran).toEqual(['fine'])
    const dead = await room.queueAdmin.list('dead')
    expect(new Set(dead.map((job) => job.data))).toEqual(new Set(malformed.slice(0, 5)))
    expect(dead[0]?.error).toContain('not a job')
    // Put back, it is what it was.
    expect(await room.queueAdmin.retry('all')).toBe(5)
    await room.idle()
    await room.redis.rpush(`${room.base}queue`, ...malformed.slice(5))
    await until(
      'them among the dead',
      async () => (await room.queueAdmin.list('dead'))[0]?.data === '{"id":"x"}',
    )
    // Bounded: the oldest made room.
    expect((await room.queueAdmin.stats()).dead).toBe(5)
  }),
)

describe('operators', () => {
  test(
    'see what waits, runs, is delayed and is dead, and what each worker does',
    inRoom(async (room) => {
      const { task, open } = gate()
      const dead = failing(() => new Error('gone'), 1)
      const { id } = await room.queue.enqueue(dead, { text: 'x' })
      await room.worker([task, dead], { concurrency: 2 })
      await until('the dead', async () => (await room.queueAdmin.stats()).dead === 1)
      await room.queue.enqueueBulk(task, [{ text: '1' }, { text: '2' }, { text: '3' }])
      await room.queue.enqueue(task, { text: '4' }, { delayMs: 60_000 })
      const stats = await until('a beat with both', async () => {
        const now = await room.queueAdmin.stats()
        return now.workers[0]?.beat?.running.length === 2 ? now : undefined
      })
      expect(stats).toMatchObject({ waiting: 1, running: 2, later: 1, dead: 1, paused: false })
      expect(stats.workers).toMatchObject([
        { id: 'w0', alive: true, jobs: 2, beat: { pid: process.pid, concurrency: 2 } },
      ])
      expect(stats.workers[0]?.beat?.running[0]).toMatchObject({ task: 'gate', attempt: 1 })
      expect((await room.queueAdmin.list('running')).map((job) => job.worker)).toEqual(['w0', 'w0'])
      expect(await room.queueAdmin.show(id)).toMatchObject({ place: 'dead', error: 'Error: gone' })
      expect(await room.queueAdmin.show('nobody')).toBeUndefined()
      expect(await room.queueAdmin.list('waiting', 2, 1)).toEqual([])
      open()
      await until(
        'the count',
        async () => (await room.queueAdmin.stats()).minutes.reduce((n, m) => n + m.done, 0) === 3,
      )
      const { minutes } = await room.queueAdmin.stats()
      expect(minutes).toHaveLength(60)
      expect(minutes.reduce((n, m) => n + m.failed, 0)).toBe(1)
    }),
  )

  test(
    'retry one dead job or all of them, with all attempts before them',
    inRoom(async (room) => {
      let broken = true
      const ran: string[] = []
      const task = defineTask({
        name: 'mended',
        input: Text,
        attempts: 1,
        run: ({ text }, job) => {
          if (broken) throw new Error('broken')
          ran.push(`${text} ${job.attempt}`)
        },
      })
      const jobs = await room.queue.enqueueBulk(
        task,
        ['a', 'b', 'c'].map((text) => ({ text })),
      )
      await room.worker([task], { concurrency: 1 })
      await until('three dead', async () => (await room.queueAdmin.stats()).dead === 3)
      broken = false
      expect(await room.queueAdmin.retry({ id: jobs[1]?.id ?? '' })).toBe(1)
      await until('the one', () => ran.length === 1)
      expect(await room.queueAdmin.retry('all')).toBe(2)
      await room.idle()
      expect(ran).toEqual(['b 1', 'a 1', 'c 1'])
      expect(await room.queueAdmin.retry({ id: 'nobody' })).toBe(0)
    }),
  )

  test(
    'pause and resume: what runs ends, nothing is taken meanwhile',
    inRoom(async (room) => {
      const { ran, task } = collector()
      const { task: running, open, started } = gate()
      await room.worker([task, running])
      await room.queue.enqueue(running, { text: 'x' })
      await until('it to run', () => started.length === 1)
      await room.queueAdmin.pause()
      await room.queue.enqueue(task, { text: 'waits' })
      open()
      await until('the end of what ran', async () => (await room.queueAdmin.stats()).running === 0)
      expect(await room.queueAdmin.stats()).toMatchObject({ paused: true, waiting: 1 })
      expect(ran).toEqual([])
      await room.queueAdmin.resume()
      await room.idle()
      expect(ran).toEqual(['waits'])
    }),
  )

  test(
    'drop a job wherever it is; one that runs gets its signal',
    inRoom(async (room) => {
      const { task, started, aborted } = gate()
      const { id } = await room.queue.enqueue(task, { text: 'running' })
      await room.worker([task])
      await until('it to run', () => started.length === 1)
      const delayed = await room.queue.enqueue(task, { text: 'delayed' }, { delayMs: 60_000 })
      expect(await room.queueAdmin.drop(delayed.id)).toBe(true)
      expect(await room.queueAdmin.drop(id)).toBe(true)
      expect(await room.queueAdmin.drop(id)).toBe(false)
      await until('its signal', () => aborted.length === 1)
      expect(await room.queueAdmin.stats()).toMatchObject({ waiting: 0, running: 0, later: 0, dead: 0 })
    }),
    15_000,
  )
})
