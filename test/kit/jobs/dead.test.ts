// The dead: who is told of them and how often, what becomes of too many, and how long it takes to die.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { parseElement } from '../../../src/kit/jobs/element.ts'
import type { DeadJob } from '../../../src/kit/jobs/dead.ts'
import { RunningJob } from '../../../src/kit/jobs/running-job.ts'
import { defineTask, FOR_DAYS } from '../../../src/kit/jobs/task.ts'
import { greet } from '../product/tasks.ts'
import { until } from '../support/until.ts'
import { collector, inRoom, Text } from './room.ts'

const mortal = defineTask({
  name: 'mortal',
  input: Text,
  attempts: 1,
  run: ({ text }) => Promise.reject(new Error(`no ${text}`)),
})

describe('a dead job is told', () => {
  test(
    'once, whatever it died of, without its input',
    inRoom(async (room) => {
      const { redis, base } = room
      const told: DeadJob[] = []
      const secret = { text: 'secret' }
      const twice = defineTask({
        ...mortal,
        input: Text,
        attempts: 2,
        backoff: { minMs: 1 },
        run: mortal.execute,
      })
      const { id } = await room.queue.enqueue(twice, secret, { by: 'ann', requestId: 'r-1' })
      await redis.rpush(`${base}queue`, Buffer.from([0xff]), 'no json')
      await redis.rpush(`${base}run:w0`, '{"id":"killer","task":"mortal","data":{"text":"secret"},"c":3}')
      await room.worker([twice], { onDead: (job) => void told.push(job) })
      await room.idle()
      await until('all four', () => told.length === 4)
      const byTask = Map.groupBy(told, ({ error }) => error?.slice(0, 12))
      expect(byTask.get('Error: no se')).toEqual([
        {
          id,
          task: 'mortal',
          error: 'Error: no secret',
          failures: 2,
          crashes: 0,
          by: 'ann',
          requestId: 'r-1',
          since: expect.any(Number),
        },
      ])
      expect(byTask.get('its worker d')).toMatchObject([{ id: 'killer', task: 'mortal', crashes: 4 }])
      expect(byTask.get('not a job: i')).toMatchObject([
        { task: '', id: expect.stringMatching(/^malformed-/) },
      ])
      expect(told.flatMap((job) => Object.keys(job))).not.toContain('data')
      // In the log as well, each once.
      expect(room.said('it goes to the dead').map(({ level }) => level)).toEqual(Array(4).fill('error'))
      expect(await room.queueAdmin.stats()).toMatchObject({ dead: 4, died: 4, trimmed: 0 })
    }),
  )

  test(
    'by a hook that fails or never ends, and nothing is the worse for it',
    inRoom(async (room) => {
      const { ran, task } = collector()
      const hooks = [
        () => {
          throw new Error('no chat')
        },
        () => Promise.reject(new Error('no mail')),
        () => new Promise<void>(() => {}),
      ]
      const jobs = hooks.map((_, i) => ({ text: String(i) }))
      await room.queue.enqueueBulk(mortal, jobs)
      await room.queue.enqueue(task, { text: 'fine' })
      const worker = await room.worker([mortal, task], { onDead: () => hooks.pop()?.() })
      await room.idle()
      await until('both failures', () => room.said('onDead failed').length === 2)
      expect(ran).toEqual(['fine'])
      expect((await room.queueAdmin.stats()).dead).toBe(3)
      await worker.stop()
    }),
  )

  test(
    'before its worker ends',
    inRoom(async (room) => {
      let told = 0
      await room.queue.enqueue(mortal, { text: 'x' })
      const onDead = async () => {
        await Bun.sleep(100)
        told++
      }
      const worker = await room.worker([mortal], { onDead, maxJobs: 1 })
      await worker.ended
      expect(told).toBe(1)
    }),
  )
})

test(
  'dead jobs that are too many are counted, and one worker logs how many',
  inRoom(async (room) => {
    const texts = Array.from({ length: 12 }, (_, i) => ({ text: String(i) }))
    await room.queue.enqueueBulk(mortal, texts)
    for (let i = 0; i < 3; i++) await room.worker([mortal], { keepDead: 5 })
    await room.idle()
    const logged = () => room.said('thrown away').reduce((sum, { fields }) => sum + Number(fields.jobs), 0)
    await until('all in the log', () => logged() >= 7)
    expect(await room.queueAdmin.stats()).toMatchObject({ dead: 5, died: 12, trimmed: 7 })
    // Some beats later still.
    const beats = await room.redis.hget(`${room.base}clock`, 'clock')
    await until(
      'more beats',
      async () => Number(await room.redis.hget(`${room.base}clock`, 'clock')) > Number(beats) + 200,
    )
    expect(logged()).toBe(7)
  }),
)

describe('work that talks to the outside', () => {
  const unreachable = () => expect.unreachable()
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const terms = {
    deps: undefined,
    log,
    graceMs: 1,
    describe: String,
    report: async () => {},
    tracer: null,
    queue: 'default',
    prepare: unreachable,
  }

  test('survives an outage of a day, and is given up within a week: a mail', () => {
    const task = { ...greet, execute: () => Promise.resolve() }
    let raw = JSON.stringify({ id: 'm', task: 'greet', data: {} })
    let waited = 0
    let attempts = 1
    for (; ; attempts++) {
      const element = parseElement(raw)
      if (!element) throw new Error(raw)
      const move = new RunningJob(raw, element, task, terms, unreachable).fail(new Error('ECONNREFUSED'))
      raw = move.as ?? raw
      if (move.to === 'dead') break
      waited += move.delayMs ?? 0
    }
    expect(attempts).toBe(20)
    expect(waited / 3_600_000).toBeWithin(24, 7 * 24)
  })

  test(
    'holds its unique key, and its owner sees it, for as long as it is tried',
    inRoom(async (room) => {
      const { redis, base } = room
      const DAY = 24 * 3_600_000
      const task = defineTask({
        name: 'outside',
        input: z.object({}),
        ...FOR_DAYS,
        backoff: { minMs: 2 * DAY, maxMs: 2 * DAY },
        keepResultMs: 1000,
        run: () => Promise.reject(new Error('ECONNREFUSED')),
      })
      const { id } = await room.queue.enqueue(task, {}, { unique: 'k' })
      // After a restart Redis has no script: what tells of the start is sent once more, and comes behind the end.
      await redis.script('FLUSH')
      await room.worker([task])
      await until('it to wait', async () => (await room.ids('later')).length === 1)
      expect(await redis.pttl(`${base}key:outside:k`)).toBeGreaterThan(1.9 * DAY)
      expect(await redis.pttl(`${base}r:${id}`)).toBeGreaterThan(1.9 * DAY)
      expect((await room.queueAdmin.status(id))?.state).toBe('waiting')
      expect((await room.queue.enqueue(task, {}, { unique: 'k' })).added).toBe(false)
    }),
  )
})
