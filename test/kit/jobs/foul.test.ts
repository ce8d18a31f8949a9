// What is foul stops nobody: bytes that are not UTF-8, wherever they lie, end among the dead or are thrown away.
import { describe, expect, test } from 'bun:test'
import { defineCron } from '../../../src/kit/jobs/cron.ts'
import type { Place } from '../../../src/kit/jobs/places.ts'
import { until } from '../support/until.ts'
import { collector, inRoom, type Room } from './room.ts'

/** JSON but for one byte, and bytes that are nothing at all. */
const FOUL = [
  Buffer.from('{"id":"f1","task":"collect","data":{"text":"caf\xe9"}}', 'latin1'),
  Buffer.from('{"id":"f\xff","task":"collect","data":{"text":"x"}}', 'latin1'),
  Buffer.from([0xff, 0xfe, 0x00, 0x80]),
  Buffer.from([0xed, 0xa0, 0x80]), // half a surrogate pair
]
const shown = '{"id":"f1","task":"collect","data":{"text":"caf\\xe9"}}'

/** Puts an element where workers or operators have put it, without a worker. */
const put: Record<Place, (room: Room, raw: Buffer) => Promise<unknown>> = {
  waiting: ({ redis, base }, raw) => redis.rpush(`${base}queue`, raw),
  later: ({ redis, base }, raw) => redis.zadd(`${base}later`, Date.now() + 60_000, raw),
  dead: ({ redis, base }, raw) => redis.lpush(`${base}dead`, raw),
  running: async ({ redis, base }, raw) => {
    await redis.zadd(`${base}workers`, 0, Buffer.from('w\xff', 'latin1'))
    await redis.rpush(Buffer.from(`${base}run:w\xff`, 'latin1'), raw)
  },
}

const dead = async (room: Room) => (await room.queueAdmin.list('dead', 1, 100)).map((job) => job.data)

describe('elements that are not UTF-8', () => {
  test(
    'in the queue go to the dead, more of them than a worker holds, and the jobs among them run',
    inRoom(async (room) => {
      const { ran, task } = collector()
      for (let i = 0; i < 5; i++) {
        for (const raw of FOUL) await put.waiting(room, Buffer.concat([raw, Buffer.from(String(i))]))
        await room.queue.enqueue(task, { text: String(i) })
      }
      await room.worker([task], { concurrency: 2, keepDead: 100 })
      await room.idle()
      expect(ran).toEqual(['0', '1', '2', '3', '4'])
      expect(await dead(room)).toHaveLength(20)
      expect(await dead(room)).toContain(`${shown}0`)
      expect(await dead(room)).toContain('\\xff\\xfe\u0000\\x803')
      expect(room.said('it goes to the dead')).toHaveLength(20)
      expect(room.said('taken away')).toEqual([])
    }),
  )

  test(
    'in the list of a worker that starts again go to the dead',
    inRoom(async (room) => {
      const { task } = collector()
      for (const raw of FOUL) await room.redis.rpush(`${room.base}run:w0`, raw, raw)
      await room.worker([task], { concurrency: 10 })
      expect(await room.redis.llen(`${room.base}run:w0`)).toBe(0)
      expect(await dead(room)).toHaveLength(FOUL.length)
    }),
  )

  test(
    'in the list of a dead worker are taken over by the others, whatever its name',
    inRoom(async (room) => {
      const { ran, task } = collector()
      for (const raw of FOUL) await put.running(room, raw)
      await put.running(room, Buffer.from('{"id":"fine","task":"collect","data":{"text":"fine"}}'))
      await room.worker([task])
      await until('the good one', () => ran.length === 1)
      expect(await dead(room)).toHaveLength(FOUL.length)
      await until('the worker forgotten', async () => (await room.queueAdmin.stats()).workers.length === 1)
      expect(room.said('worker died')).toHaveLength(1)
    }),
  )

  test(
    'that are delayed go to the dead when they are due',
    inRoom(async (room) => {
      const { task } = collector()
      for (const raw of FOUL) await room.redis.zadd(`${room.base}later`, Date.now() + 100, raw)
      await room.worker([task])
      await room.idle()
      expect(await dead(room)).toHaveLength(FOUL.length)
    }),
  )

  test(
    'let go of the unique key that they hold, and tell their owner',
    inRoom(async (room) => {
      const { redis, base } = room
      const raw = Buffer.from(
        '{"id":"f1","task":"collect","data":"\xff","key":"k\xfe","keep":60000,"by":"ann"}',
        'latin1',
      )
      const key = Buffer.from(`${base}key:k\xfe`, 'latin1')
      const ends = {
        dropped: async () => room.queueAdmin.drop((await room.ids('waiting'))[0] ?? ''),
        buried: async () => room.worker([collector().task]),
      }
      for (const [what, end] of Object.entries(ends)) {
        await redis.set(key, 'f1')
        await put.waiting(room, raw)
        await end()
        await until(`the key of what was ${what}`, async () => (await redis.exists(key)) === 0)
        expect(await room.queueAdmin.status('f1')).toMatchObject({ state: 'failed', by: 'ann' })
        await redis.del(`${base}r:f1`)
      }
    }),
  )

  test.each(['waiting', 'later', 'dead', 'running'] as const)(
    'are seen and dropped by an id of their own: %s',
    (place) =>
      inRoom(async (room) => {
        for (const raw of FOUL) await put[place](room, raw)
        const jobs = await room.queueAdmin.list(place)
        expect(new Set(jobs.map((job) => job.id)).size).toBe(FOUL.length)
        for (const { id, data } of jobs) {
          expect(id).toMatch(/^malformed-[\da-f]{40}$/)
          expect(await room.queueAdmin.show(id)).toMatchObject({ id, data, place })
          expect(await room.queueAdmin.drop(id)).toBe(true)
          expect(await room.queueAdmin.drop(id)).toBe(false)
        }
        expect(await room.queueAdmin.list(place)).toEqual([])
      })(),
  )

  test(
    'have the same id when they are buried, and can be retried without harm',
    inRoom(async (room) => {
      const { ran, task } = collector()
      for (const raw of FOUL) await put.dead(room, raw)
      await put.dead(room, Buffer.from('{"id":"fine","task":"collect","data":{"text":"fine"}}'))
      const before = (await room.ids('dead')).toSorted()
      expect(await room.queueAdmin.retry('all')).toBe(5)
      expect((await room.ids('dead')).toSorted()).toEqual(before.filter((id) => id !== 'fine'))
      expect(await room.queueAdmin.retry('all')).toBe(4)
      await room.worker([task])
      await room.idle()
      expect(ran).toEqual(['fine'])
      expect(await dead(room)).toHaveLength(FOUL.length)
    }),
  )
})

test(
  'a job that holds the character for what cannot be read is a job',
  inRoom(async (room) => {
    const { ran, task } = collector()
    await room.queue.enqueue(task, { text: 'a \uFFFD b' })
    await room.redis.rpush(`${room.base}queue`, '{"id":"bom","task":"collect","data":{"text":"\uFEFF"}}')
    await room.worker([task])
    await room.idle()
    expect(ran.toSorted()).toEqual(['a \uFFFD b', '\uFEFF'])
    expect(await dead(room)).toEqual([])
  }),
)

const BYTES = Buffer.from([0xff, 0xfe])

describe('fields that are not ours', () => {
  test(
    'in the counts of the hour: jobs are done and counted, and the fields are thrown away',
    inRoom(async (room) => {
      const { redis, base } = room
      const { ran, task } = collector()
      const minute = Math.floor(Date.now() / 60_000)
      const counts = { [`${minute}:done`]: 'many', [`${minute + 1}:done`]: 'many', '\uFFFD': '1', later: '1' }
      await redis.hset(`${base}minutes`, counts)
      await redis.hset(`${base}minutes`, BYTES, BYTES, `${minute}:failed`, BYTES)
      // The minute turns with the first beat.
      await redis.hset(`${base}clock`, 'clock', '5', 'last', String(Date.now() - 120_000))
      await room.queue.enqueue(task, { text: 'x' })
      await room.queue.enqueue(task, { text: 'y' }, { unique: 'y' })
      await room.worker([task])
      await room.idle()
      expect(ran.toSorted()).toEqual(['x', 'y'])
      const { minutes } = await room.queueAdmin.stats()
      expect(minutes.reduce((sum, { done }) => sum + done, 0)).toBeWithin(1, 3)
      const fields = await redis.hkeys(`${base}minutes`)
      expect(fields.filter((field) => !/^\d+:(done|failed)$/.test(field))).toEqual([])
    }),
  )

  test(
    'in the cluster clock: it goes on from the last beat, and a dead worker is still found dead',
    inRoom(async (room) => {
      const { redis, base } = room
      const { ran, task } = collector()
      await redis.hset(`${base}clock`, 'clock', BYTES, 'last', BYTES, BYTES, BYTES)
      await redis.zadd(`${base}workers`, '5000000', 'dead')
      await redis.rpush(`${base}run:dead`, '{"id":"1","task":"collect","data":{"text":"left"}}')
      await room.worker([task], { leaseMs: 300 })
      await until('the job', () => ran.length === 1)
    }),
  )

  test(
    'in the ticks of crons: a tick that is no number counts as never seen',
    inRoom(async (room) => {
      const { redis, base } = room
      const { ran, task } = collector()
      const cron = (name: string) =>
        defineCron({ name, schedule: '* * * * *', task, input: { text: name }, catchUp: 'all' })
      await redis.hset(`${base}cron`, 'bytes', BYTES, BYTES, BYTES, 'text', 'yesterday')
      await redis.hset(`${base}cron`, 'due', String(Math.floor(Date.now() / 60_000) * 60_000 - 60_000))
      await room.worker([task], { crons: ['bytes', 'text', 'due'].map(cron) })
      await until('the one that is due', () => ran.includes('due'))
      for (const name of ['bytes', 'text']) expect(await redis.hget(`${base}cron`, name)).toMatch(/^\d{13}$/)
      expect(Object.keys(await room.queueAdmin.lastTicks())).toContain('due')
    }),
  )

  test(
    'in what workers say, and in the state of a job: they are nobody and nothing',
    inRoom(async (room) => {
      const { redis, base } = room
      const { task } = collector()
      await redis.hset(`${base}beats`, BYTES, BYTES, 'nobody', '{}')
      await redis.hset(`${base}clock`, 'last', String(Date.now() - 120_000))
      for (const text of [BYTES, Buffer.from('5'), Buffer.from('{"id":"x"}')]) {
        await redis.set(`${base}r:job`, text)
        expect(await room.queueAdmin.status('job')).toBeUndefined()
      }
      await room.worker([task])
      expect(await redis.hkeys(`${base}beats`)).toEqual(['w0'])
      expect((await room.queueAdmin.stats()).workers.map(({ id }) => id)).toEqual(['w0'])
    }),
  )
})

test(
  'a job with fields of a wrong type goes to the dead, and the worker lives on',
  inRoom(async (room) => {
    const { ran, task } = collector()
    const wrong = [
      { keep: 0.5 },
      { keep: -1 },
      { keep: 1e300 },
      { keep: '1' },
      { key: ['a', 'b'] },
      { n: 'x' },
      { c: {} },
      { error: 1 },
      { by: {} },
      { rid: [] },
      { malformed: 5 },
    ]
    for (const [i, fields] of wrong.entries()) {
      const job = { id: String(i), task: 'collect', data: { text: 'wrong' }, ...fields }
      await room.redis.rpush(`${room.base}queue`, JSON.stringify(job))
    }
    await room.redis.rpush(
      `${room.base}queue`,
      '{"id":"bare","task":"collect","data":{"text":"bare"},"n":null,"key":null,"keep":null}',
    )
    await room.worker([task], { keepDead: 100 })
    await room.idle()
    expect(ran).toEqual(['bare'])
    expect(await dead(room)).toHaveLength(wrong.length)
  }),
)

test(
  'keys of a wrong type, where counts and unique keys lie, lose no job and stop no worker',
  inRoom(async (room) => {
    const { redis, base, queue } = room
    const { ran, task } = collector()
    await queue.enqueue(task, { text: 'held' }, { unique: 'held' })
    await queue.enqueue(task, { text: 'free' })
    await redis.rpush(
      `${base}queue`,
      '{"id":"bad","task":"collect","data":{},"n":100,"key":"collect:gone"}',
      '{"id":"again","task":"collect","data":{},"key":"collect:gone"}',
    )
    for (const name of ['minutes', 'deaths']) await redis.set(base + name, 'x')
    for (const key of ['held', 'gone']) {
      await redis.del(`${base}key:collect:${key}`)
      await redis.rpush(`${base}key:collect:${key}`, 'x')
    }
    await redis.hset(`${base}clock`, 'clock', '5', 'last', String(Date.now() - 120_000))
    await room.worker([task])
    await until('both', () => ran.length === 2)
    await until('the bad one', async () => (await room.ids('dead')).includes('bad'))
    await until('the one that is tried again', async () => (await room.ids('later')).includes('again'))
  }),
)
