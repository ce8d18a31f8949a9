// A job that enqueues what follows it: neither is there without the other, whatever breaks.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { parseElement } from '../../../src/kit/jobs/element.ts'
import { call } from '../../../src/kit/jobs/lua.ts'
import { finish, moveArgs } from '../../../src/kit/jobs/moves.ts'
import { followers } from '../../../src/kit/jobs/new-job.ts'
import { REAP, STEP } from '../../../src/kit/jobs/scripts.ts'
import { defineTask, type Job } from '../../../src/kit/jobs/task.ts'
import { until } from '../support/until.ts'
import { backoff, collector, inRoom, Text, type Room } from './room.ts'

/** A task that does what it is told, once. */
const first = (act: (job: Job) => unknown) =>
  defineTask({ name: 'first', input: Text, backoff, attempts: 2, run: (_input, job) => act(job) })

describe('a job that follows another', () => {
  test(
    'runs when that one has ended, on behalf of the same account and request; several do',
    inRoom(async (room) => {
      const seen: unknown[] = []
      const second = defineTask({
        name: 'second',
        input: Text,
        run: ({ text }, { by, requestId }) => void seen.push([text, by, requestId]),
      })
      const task = first(async (job) => {
        for (const text of ['"é', '\\{}']) job.next(second, { text })
        job.next(second, { text: 'other' }, { by: 'bob' })
        // Nothing is enqueued before the end.
        expect(await room.ids('waiting')).toEqual([])
      })
      await room.queue.enqueue(task, { text: 'x' }, { by: 'ann', requestId: 'r1' })
      await room.worker([task, second])
      await room.idle()
      expect(seen).toEqual([
        ['"é', 'ann', 'r1'],
        ['\\{}', 'ann', 'r1'],
        ['other', 'bob', 'r1'],
      ])
    }),
  )

  test(
    'is not enqueued by an attempt that fails, and once by the one that succeeds',
    inRoom(async (room) => {
      const { ran, task: second } = collector()
      const task = first((job) => {
        job.next(second, { text: String(job.attempt) })
        if (job.attempt === 1) throw new Error('not yet')
      })
      const hopeless = defineTask({
        name: 'hopeless',
        input: Text,
        attempts: 1,
        run: (_input, job) => {
          job.next(second, { text: 'never' })
          throw new Error('never')
        },
      })
      await room.queue.enqueue(task, { text: 'x' })
      await room.queue.enqueue(hopeless, { text: 'x' })
      await room.worker([task, hopeless, second])
      await room.idle()
      expect(ran).toEqual(['2'])
    }),
  )

  test(
    'may have the unique key of the one before it, which has let go of it',
    inRoom(async (room) => {
      const Poll = z.object({ left: z.number() })
      const ran: number[] = []
      const poll = defineTask({
        name: 'poll',
        input: Poll,
        unique: () => 'one',
        run({ left }, job) {
          ran.push(left)
          if (left > 0) job.next(poll, { left: left - 1 }, { delayMs: 5 })
        },
      })
      await room.queue.enqueue(poll, { left: 3 })
      await room.worker([poll])
      await room.idle()
      expect(ran).toEqual([3, 2, 1, 0])
    }),
  )

  test(
    'waits, goes first, is seen by its owner, and yields to an older one of its key as any job does',
    inRoom(async (room) => {
      const second = defineTask({ name: 'second', input: Text, keepResultMs: 60_000, run: () => 'seen' })
      const older = await room.queue.enqueue(second, { text: 'older' }, { unique: 'k', delayMs: 60_000 })
      const made: Record<string, string> = {}
      const task = first((job) => {
        made.plain = job.next(second, { text: 'plain' }).id
        made.urgent = job.next(second, { text: 'urgent' }, { urgent: true }).id
        made.delayed = job.next(second, { text: 'delayed' }, { delayMs: 60_000 }).id
        made.at = job.next(second, { text: 'at' }, { at: new Date('2100-01-01') }).id
        made.dropped = job.next(second, { text: 'dropped' }, { unique: 'k' }).id
      })
      await room.queue.enqueue(task, { text: 'x' })
      await (
        await room.worker([task], { maxJobs: 1 })
      ).ended
      expect(await room.ids('waiting')).toEqual([made.urgent, made.plain].map(String))
      expect(new Set(await room.ids('later'))).toEqual(new Set([older.id, made.delayed, made.at].map(String)))
      expect((await room.queueAdmin.show(made.at ?? ''))?.due).toBe(Date.parse('2100-01-01'))
      expect(await room.queueAdmin.status(made.plain ?? '')).toMatchObject({ state: 'waiting' })
      expect(await room.queueAdmin.status(made.dropped ?? '')).toBeUndefined()
    }),
  )

  test(
    'may have any text as its key, even one that was cut within a character',
    inRoom(async (room) => {
      const { ran, task: second } = collector()
      const task = first((job) => job.next(second, { text: 'cut' }, { unique: '👍'.slice(0, 1) }))
      await room.queue.enqueue(task, { text: 'x' })
      await room.worker([task, second])
      await until('what follows', () => ran.length === 1)
    }),
  )

  test(
    'is refused by name when its input is wrong, when it is one too many, and after the end',
    inRoom(async (room) => {
      const { ran, task: second } = collector()
      let late: (() => unknown) | undefined
      const errors: unknown[] = []
      const attempt = (act: () => unknown) => {
        try {
          act()
        } catch (error) {
          errors.push(String(error))
        }
      }
      const task = first((job) => {
        late = () => job.next(second, { text: 'late' })
        attempt(() => job.next(second, { text: 1 as unknown as string }))
        attempt(() => job.next(second, { text: 'x'.repeat(70_000) }))
        attempt(() => job.next(second, { text: 'x' }, { unique: 'k', uniqueMs: 0 }))
        attempt(() => job.next({ ...second, keepResultMs: 2 ** 70 }, { text: 'x' }))
        attempt(() => job.next(second, { text: 'x' }, { delayMs: Infinity }))
        for (let i = 0; i <= 100; i++) attempt(() => job.next(second, { text: String(i) }))
      })
      const { id } = await room.queue.enqueue(task, { text: 'x' })
      await room.worker([task, second], { concurrency: 1 })
      await room.idle()
      attempt(() => late?.())
      expect(ran).toEqual(Array.from({ length: 100 }, (_, i) => String(i)))
      const refusal = `job "${id}" cannot be followed by task "collect": `
      expect(errors).toEqual([
        expect.stringContaining('InputError: task "collect" refuses its input: text: '),
        expect.stringContaining('bytes, at most 65536 are allowed'),
        ...Array.from({ length: 3 }, () =>
          expect.stringContaining('TypeError: task "collect": not a time to run at'),
        ),
        `RangeError: ${refusal}at most 100 follow; enqueue one that enqueues the others`,
        `Error: ${refusal}it has ended; await what calls job.next`,
      ])
    }),
  )

  test(
    'is of the same queue: another one is refused, and what an older release put elsewhere goes on there',
    inRoom(async (room) => {
      const ran: string[] = []
      const second = defineTask({
        name: 'second',
        queue: 'mail',
        input: Text,
        run: ({ text }) => void ran.push(text),
      })
      const { task: third } = collector('third')
      const first = defineTask({
        name: 'first',
        queue: 'mail',
        input: Text,
        attempts: 1,
        run({ text }, job) {
          ran.push(job.next(second, { text }).id.split('.').length === 2 ? 'mail' : 'default')
          if (text === 'mixed') job.next(third, { text })
        },
      })
      for (const text of ['a', 'mixed']) await room.queue.enqueue(first, { text })
      await room.worker([first, second, third], { concurrency: 2 })
      await until('both', async () => ran.length === 3 && room.said('last time').length === 1)
      expect(new Set(ran)).toEqual(new Set(['mail', 'a']))
      expect(String(room.said('last time')[0]?.fields.error)).toMatch(
        /^TypeError: job "mail.+" cannot be followed by task "third": its queue is default, that of "first" is mail,/,
      )
      ran.length = 0
      await room.redis.rpush(`${room.base}queue`, '{"id":"1","task":"first","data":{"text":"b"}}')
      await until('what followed the older one', () => ran.length === 2)
      expect(ran).toEqual(['default', 'b'])
    }),
  )
})

describe('the movement that acknowledges a job and enqueues the next', () => {
  const raw = '{"id":"1","task":"first","data":{"text":"x"}}'

  /** A job in the list of worker `w`, and the script that ends it, with one that follows. */
  async function ended(room: Room) {
    const { redis, base, queue } = room
    await redis.zadd(`${base}workers`, 0, 'w')
    await redis.rpush(`${base}run:w`, raw)
    const element = parseElement(raw)
    if (!element) throw new Error(raw)
    const next = [queue.prepare(collector().task, { text: 'next' })]
    const move = finish(raw, element, undefined, followers(next))
    return { next, settle: () => call(redis, STEP, base, 'w', 1, 0, 0, ...moveArgs(move, 1)) }
  }

  test(
    'adds it once when it is sent twice',
    inRoom(async (room) => {
      const { next, settle } = await ended(room)
      expect([(await settle())[3], (await settle())[3]]).toEqual([[1], [0]])
      expect(await room.ids('waiting')).toEqual(next.map(({ id }) => id))
    }),
  )

  test(
    'adds nothing for a job that was taken over',
    inRoom(async (room) => {
      const { settle } = await ended(room)
      await call(room.redis, REAP, room.base, 'w', '', ...moveArgs({ raw, to: 'front' }, 1))
      expect((await settle())[3]).toEqual([0])
      expect(await room.redis.lrange(`${room.base}queue`, 0, -1)).toEqual([raw])
    }),
  )

  test(
    'holds while connections are cut: each link of a chain is there once',
    inRoom(async (room) => {
      const Link = z.object({ chain: z.number(), step: z.number() })
      const ids = new Map<string, Set<string>>()
      const link = defineTask({
        name: 'link',
        input: Link,
        run({ chain, step }, job) {
          const place = `${chain}.${step}`
          ids.set(place, (ids.get(place) ?? new Set()).add(job.id))
          if (step < 20) job.next(link, { chain, step: step + 1 })
        },
      })
      const { link: wire, viaLink } = await room.linked()
      const chains = Array.from({ length: 20 }, (_, chain) => ({ chain, step: 1 }))
      await room.queue.enqueueBulk(link, chains)
      await room.worker([link], { redis: viaLink, concurrency: 4 })
      await until('all chains', async () => {
        await wire.cut()
        await wire.restore()
        await Bun.sleep(40)
        return chains.every(({ chain }) => ids.has(`${chain}.20`))
      })
      await room.idle()
      expect(ids.size).toBe(400)
      expect([...ids.values()].filter(({ size }) => size !== 1)).toEqual([])
    }),
  )
})
