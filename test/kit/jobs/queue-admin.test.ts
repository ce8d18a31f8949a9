// The queue's promises to those who operate it.
import { describe, expect, test } from 'bun:test'
import { keyBase } from '../../../src/kit/jobs/scripts.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { until } from '../support/until.ts'
import { collector, failing, gate, inRoom, Text } from './room.ts'

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

test(
  'of the dead those are dropped that are meant, however many there are, and no others',
  inRoom(async (room) => {
    const dead = Array.from({ length: 600 }, (_, n) =>
      JSON.stringify({ id: `d${n}`, task: 'none', data: { n }, by: n % 3 === 0 ? 'ann' : 'bob' }),
    )
    await room.redis.rpush(`${room.base}dead`, 'no json', ...dead)
    expect(await room.queueAdmin.dropDead(({ by }) => Promise.resolve(by === 'ann'))).toBe(200)
    const left = await room.queueAdmin.list('dead', 1, 1000)
    expect([left.length, left.filter(({ by }) => by === 'bob').length]).toEqual([401, 400])
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
  )
})

test(
  'what is no job, or has an id of another program, is found in whichever queue it is',
  inRoom(async (room) => {
    const own = keyBase(room.prefix, 'mail')
    await room.redis.sadd(`${room.base}queues`, 'mail')
    await room.redis.rpush(`${own}dead`, 'no json', '{"id":"7","task":"t","data":{}}')
    const ids = await room.ids('dead')
    expect(ids).toEqual([expect.stringMatching(/^malformed-/), '7'])
    for (const id of ids) {
      expect(await room.queueAdmin.show(id)).toMatchObject({ id, queue: 'mail', place: 'dead' })
      expect(await room.queueAdmin.drop(id)).toBe(true)
    }
    expect(await room.ids('dead')).toEqual([])
  }),
)

test(
  'a worker that serves a queue no more is alive by those that it serves',
  inRoom(async (room) => {
    const own = keyBase(room.prefix, 'mail')
    await room.redis.sadd(`${room.base}queues`, 'mail')
    await room.redis.zadd(`${own}workers`, 5, 'w0')
    await room.redis.hset(`${own}clock`, 'clock', 5, 'last', 5)
    await room.worker([collector().task])
    const { workers, queues } = await room.queueAdmin.stats()
    expect([workers, queues.mail?.workers]).toMatchObject([[{ id: 'w0', alive: true }], [{ alive: false }]])
  }),
)
