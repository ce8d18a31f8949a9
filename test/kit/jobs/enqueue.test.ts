// The queue's promises to those who enqueue.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { until } from '../support/until.ts'
import { collector, failing, gate, inRoom } from './room.ts'

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
    'an input that is nested deeper than scripts can read is refused',
    inRoom(async (room) => {
      const task = defineTask({ name: 'deep', input: z.json(), run: () => {} })
      const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as []
      await room.queue.enqueue(task, nested(400), { unique: 'key' })
      expect(room.queue.enqueue(task, nested(401))).rejects.toThrow(/"deep".*nested deeper than 400/)
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
