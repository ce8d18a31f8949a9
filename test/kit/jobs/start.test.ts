// What is decided when a worker takes a job: that its unique key is free again, and that it is too late to start.
import { describe, expect, test } from 'bun:test'
import { defineCron } from '../../../src/kit/jobs/cron.ts'
import type { DeadJob } from '../../../src/kit/jobs/dead.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { until } from '../support/until.ts'
import { backoff, collector, gate, inRoom, Text } from './room.ts'

describe('a unique key until the start', () => {
  test(
    'keeps a second job from waiting beside the first, and not from waiting while that one runs',
    inRoom(async (room) => {
      const { task: open, started, open: go } = gate('sync')
      const task = { ...open, unique: () => 'k', uniqueUntil: 'start' as const }
      const add = async (text: string) => (await room.queue.enqueue(task, { text })).added
      expect([await add('a'), await add('b')]).toEqual([true, false])
      await room.worker([task], { concurrency: 1 })
      await until('it to run', () => started.length === 1)
      // What changed since it began to read is not missed: one job waits for it, and no more than one.
      expect([await add('c'), await add('d')]).toEqual([true, false])
      go()
      await room.idle()
      expect(started).toEqual(['a', 'c'])
      expect(await add('e')).toBe(true)
    }),
  )

  test(
    'is not taken from the job that waits by the end, the retry or the death of the one before it',
    inRoom(async (room) => {
      const task = defineTask({
        name: 'sync',
        input: Text,
        attempts: 2,
        backoff,
        unique: () => 'k',
        uniqueUntil: 'start',
        run() {
          throw new Error('no')
        },
      })
      await room.queue.enqueue(task, { text: 'a' })
      await room.worker([task])
      await until('its start', async () => (await room.redis.exists(`${room.base}key:sync:k`)) === 0)
      const second = await room.queue.enqueue(task, { text: 'b' }, { delayMs: 60_000 })
      expect(second.added).toBe(true)
      await until('the death of the first', async () => (await room.ids('dead')).length === 1)
      expect(await room.redis.get(`${room.base}key:sync:k`)).toBe(second.id)
    }),
  )

  test(
    'changes nothing for a cron: a tick is passed over until the job of the last one has ended',
    inRoom(async (room) => {
      const { task, started, open: go } = gate('sync')
      const early = { ...task, uniqueUntil: 'start' as const }
      const cron = defineCron({ name: 'c', schedule: '* * * * *', task: early, input: { text: 'x' } })
      await room.queue.send(cron.prepare('now'))
      await room.worker([task])
      await until('it to run', () => started.length === 1)
      expect((await room.queue.send(cron.prepare('now'))).added).toBe(false)
      go()
      await room.idle()
      expect((await room.queue.send(cron.prepare('now'))).added).toBe(true)
    }),
  )

  test(
    'holds for a job that waits behind its limit too',
    inRoom(async (room) => {
      const { task: open, started, open: go } = gate('sync')
      const limit = { key: () => 'one', max: 1 }
      const task = { ...open, limit, unique: () => 'k', uniqueUntil: 'start' as const }
      const add = async (text: string) => (await room.queue.enqueue(task, { text })).added
      await add('a')
      await room.worker([task])
      await until('it to run', () => started.length === 1)
      expect(await add('b')).toBe(true)
      await until('it to be parked', async () => (await room.redis.exists(`${room.base}park:sync:one`)) === 1)
      expect(await add('c')).toBe(false)
      go()
      await until('both', () => started.length === 2)
      await room.idle()
      expect(await add('d')).toBe(true)
    }),
  )
})

describe('a job with a time before which it is to start', () => {
  const soon = () => new Date(Date.now() + 60_000)
  const past = () => new Date(Date.now() - 1)

  test(
    'is not run after that: its owner and the log are told, its key is free, and nobody is told of a death',
    inRoom(async (room) => {
      const { ran, task: plain } = collector()
      const task = { ...plain, keepResultMs: 60_000 }
      const dead: DeadJob[] = []
      const late = await room.queue.enqueue(task, { text: 'late' }, { startBefore: past(), unique: 'k' })
      await room.queue.enqueue(plain, { text: 'also late' }, { startBefore: past(), requestId: 'r1' })
      const inTime = await room.queue.enqueue(task, { text: 'in time' }, { startBefore: soon() })
      await room.worker([plain], { onDead: (job) => void dead.push(job) })
      await room.idle()
      expect(ran).toEqual(['in time'])
      const failed = { state: 'failed', error: 'The task was not started in time.' }
      expect(await room.queueAdmin.status(late.id)).toEqual({
        id: late.id,
        task: 'collect',
        ...failed,
      } as never)
      expect(await room.queueAdmin.status(inTime.id)).toMatchObject({ state: 'done' })
      const lines = room.said('could not be started in time')
      expect(lines).toMatchObject([
        { level: 'warn', fields: { job: late.id, task: 'collect' } },
        { level: 'warn', fields: { task: 'collect', requestId: 'r1' } },
      ])
      expect([dead, await room.ids('dead')]).toEqual([[], []])
      const { died, minutes } = await room.queueAdmin.stats()
      expect([died, minutes.reduce((sum, { failed: n }) => sum + n, 0)]).toEqual([0, 0])
      expect((await room.queue.enqueue(task, { text: 'x' }, { unique: 'k', delayMs: 60_000 })).added).toBe(
        true,
      )
    }),
  )

  test(
    'that has been started once is tried again, however late: it failed, or its worker died',
    inRoom(async (room) => {
      const { ran, task } = collector()
      for (const begun of [{ n: 1 }, { c: 1 }]) {
        const text = JSON.stringify(begun)
        const element = {
          id: text.at(2),
          gate: { b: past().getTime() },
          task: 'collect',
          data: { text },
          ...begun,
        }
        await room.redis.rpush(`${room.base}queue`, JSON.stringify(element))
      }
      await room.worker([task])
      await room.idle()
      expect(ran).toEqual(['{"n":1}', '{"c":1}'])
    }),
  )

  test(
    'that its worker gave back, or that an operator took from the dead, has been started',
    inRoom(async (room) => {
      const { task, started } = gate()
      const worker = await room.worker([task], { drainMs: 0 })
      await room.queue.enqueue(task, { text: 'given back' }, { startBefore: soon() })
      await until('its start', () => started.length === 1)
      await worker.stop()
      const dead = {
        id: 'd',
        gate: { k: 'x', b: 1 },
        task: 'collect',
        data: { text: 'dead' },
        n: 5,
        error: 'x',
      }
      await room.redis.rpush(`${room.base}dead`, JSON.stringify(dead))
      expect(await room.queueAdmin.retry({ id: 'd' })).toBe(1)
      // From then on no time is too late.
      const waiting = await room.redis.lrange(`${room.base}queue`, 0, -1)
      expect(waiting.map((raw) => (JSON.parse(raw) as { gate?: { b?: number } }).gate?.b)).toEqual([
        undefined,
        undefined,
      ])
      const { ran, task: plain } = collector()
      const again = { ...task, execute: plain.execute }
      await room.worker([again, plain])
      await room.idle()
      expect(ran.toSorted()).toEqual(['dead', 'given back'])
    }),
  )

  test(
    'is not run after that whatever its input is, even a text that was cut within a character',
    inRoom(async (room) => {
      const { ran, task } = collector()
      for (const text of ['👍'.slice(0, 1), '👍'.slice(1), '\\ud83d'])
        await room.queue.enqueue(task, { text }, { startBefore: past(), unique: text })
      await room.worker([task])
      await room.idle()
      expect(ran).toEqual([])
      const { added } = await room.queue.enqueue(task, { text: '' }, { unique: '👍'.slice(0, 1) })
      expect(added).toBe(true)
    }),
  )

  test(
    'does not take the place of one that waits behind the same limit',
    inRoom(async (room) => {
      const { task: open, started, open: go } = gate('slow')
      const task = { ...open, limit: { key: () => 'k', max: 1 } }
      const startBefore = new Date(Date.now() + 400)
      await room.queue.enqueue(task, { text: 'first' })
      await room.worker([task])
      await until('it to run', () => started.length === 1)
      for (const text of ['b', 'c']) await room.queue.enqueue(task, { text }, { startBefore })
      await room.queue.enqueue(task, { text: 'd' })
      await until('them to be late', () => Date.now() > startBefore.getTime() + 50)
      go()
      await room.idle()
      expect(started).toEqual(['first', 'd'])
    }),
  )

  test(
    'is refused where it could never start',
    inRoom(async (room) => {
      const { task } = collector()
      const add = (options: object) => room.queue.enqueue(task, { text: 'x' }, options)
      const refusal = 'task "collect": startBefore is a time after that at which it is due'
      expect(add({ startBefore: soon(), delayMs: 120_000 })).rejects.toThrow(refusal)
      expect(add({ startBefore: soon(), at: soon() })).rejects.toThrow(refusal)
      expect(add({ startBefore: new Date('never') })).rejects.toThrow(refusal)
      expect((await add({ startBefore: soon(), delayMs: 1000 })).added).toBe(true)
    }),
  )
})
