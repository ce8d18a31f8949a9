// What holds when things break, in one process: dead workers, lost replies, cut connections.
import { describe, expect, test } from 'bun:test'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { until } from '../support/until.ts'
import { backoff, collector, gate, inRoom, Text } from './room.ts'

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
)
