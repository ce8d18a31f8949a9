// The queue's promises to those who write tasks.
import { describe, expect, test } from 'bun:test'
import { defineTask, JobError, type Job } from '../../../src/kit/jobs/task.ts'
import { until } from '../support/until.ts'
import { backoff, collector, failing, gate, inRoom, Text } from './room.ts'

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
