// Several on one Redis: other versions, other prefixes, foreign keys, and workers that share a queue.
import { describe, expect, test } from 'bun:test'
import { defineCron } from '../../../src/kit/jobs/cron.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { until } from '../support/until.ts'
import { collector, gate, inRoom, Text } from './room.ts'

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
          if (most <= 7) await until('the other worker', () => most > 7)
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
