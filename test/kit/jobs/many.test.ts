// Jobs in their ten thousands: found where they lie, without being carried to whoever asks, and revived each once.
import { expect, test } from 'bun:test'
import { Redis } from 'ioredis'
import { createQueueAdmin } from '../../../src/kit/jobs/queue-admin.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { redisUrl } from '../support/services.ts'
import { until } from '../support/until.ts'
import { inRoom, Text, type Room } from './room.ts'

const job = (i: number | string) =>
  JSON.stringify({ id: `j${i}`, task: 'revived', data: { text: String(i) } })

async function fill({ redis, base }: Room, key: string, count: number): Promise<void> {
  for (let start = 0; start < count; start += 1000) {
    await redis.rpush(base + key, ...Array.from({ length: 1000 }, (_, i) => job(start + i)))
  }
}

test.each(['queue', 'dead', 'later'] as const)(
  'a job is found and dropped among 20,000 without carrying them to the client: %s',
  (key) =>
    inRoom(async (room) => {
      const { redis, base } = room
      if (key !== 'later') await fill(room, key, 20_000)
      for (let i = 0; key === 'later' && i < 20_000; i += 1000) {
        await redis.zadd(
          `${base}later`,
          ...Array.from({ length: 1000 }, (_, k) => [9e12 + k, job(i + k)]).flat(),
        )
      }
      const own = new Redis(redisUrl())
      room.atEnd(() => own.disconnect())
      const queueAdmin = createQueueAdmin({ redis: own, prefix: room.prefix })
      await queueAdmin.show('warm')
      const before = own.stream.bytesRead
      for (const i of [0, 10_000, 19_999]) {
        expect(await queueAdmin.show(`j${i}`)).toMatchObject({ id: `j${i}`, data: { text: String(i) } })
        expect(await queueAdmin.drop(`j${i}`)).toBe(true)
        expect(await queueAdmin.show(`j${i}`)).toBeUndefined()
      }
      expect(await queueAdmin.show('revived')).toBeUndefined()
      expect(own.stream.bytesRead - before).toBeWithin(1, 50_000)
    })(),
)

test(
  'a job is found by its id, however its JSON is written',
  inRoom(async (room) => {
    const { redis, base, queueAdmin } = room
    const written: Record<string, string> = {
      first: '{"id":"first","task":"t"}',
      spaced: '{ "task" : "t", "id" : "spaced" }',
      abc: '{"task":"t","id":"\\u0061bc"}',
      'a/b': '{"id":"a\\/b","task":"t"}',
      'q"uote': '{"id":"q\\"uote","task":"t","data":"\\n"}',
      é: '{"id":"\\u00e9","task":"t","data":{"id":"no"}}',
      ü: '{"task":"t","id":"ü"}',
      last: '{"id":"other","task":"t","id":"last"}',
    }
    await redis.rpush(
      `${base}queue`,
      ...Object.values(written),
      '{"id":"x","task":"t","data":{"id":"inner"}}',
    )
    for (const [id, raw] of Object.entries(written)) {
      expect([raw, (await queueAdmin.show(id))?.id]).toEqual([raw, id])
      expect(await queueAdmin.drop(id)).toBe(true)
    }
    for (const id of ['inner', 'other', '', 'x"', '{"id":"x"'])
      expect(await queueAdmin.show(id)).toBeUndefined()
    expect(await room.ids('waiting')).toEqual(['x'])
  }),
)

test(
  'a waiting job is found while others are taken, and while others come',
  inRoom(async (room) => {
    const { redis, base, queueAdmin } = room
    await fill(room, 'queue', 6000)
    let over = false
    const taking = (async () => {
      for (let i = 0; !over && i < 4500; i += 10) {
        await redis.lpop(`${base}queue`, 10)
        await redis.rpush(`${base}queue`, job(`new-${i}`))
      }
    })()
    for (let i = 0; i < 20; i++) expect((await queueAdmin.show(`j${5900 + i}`))?.id).toBe(`j${5900 + i}`)
    over = true
    await taking
  }),
)

test(
  'all dead jobs are revived once each, oldest first, and not again if they die meanwhile',
  inRoom(async (room) => {
    const runs = new Map<string, number>()
    const task = defineTask({
      name: 'revived',
      input: Text,
      attempts: 1,
      run: ({ text }) => {
        runs.set(text, (runs.get(text) ?? 0) + 1)
        throw new Error('still broken')
      },
    })
    await fill(room, 'dead', 5000)
    await room.worker([task], { keepDead: 100_000, concurrency: 50 })
    const queueAdmin = createQueueAdmin({ redis: room.redis, prefix: room.prefix })
    expect(await queueAdmin.retry('all')).toBe(5000)
    await room.idle()
    expect(runs.size).toBe(5000)
    expect(new Set(runs.values())).toEqual(new Set([1]))
    expect([...runs.keys()][0]).toBe('4999')
    expect(await queueAdmin.stats()).toMatchObject({ dead: 5000, trimmed: 0 })
  }),
)

test(
  'a revival that breaks half way has moved some, and loses none',
  inRoom(async (room) => {
    await fill(room, 'dead', 3000)
    let scripts = 0
    const breaking = new Proxy(room.redis, {
      get(redis, name) {
        if (name === 'evalsha' && ++scripts === 5)
          return () => Promise.reject(new Error('Connection is closed.'))
        const value: unknown = Reflect.get(redis, name, redis)
        return typeof value === 'function' ? value.bind(redis) : value
      },
    })
    const queueAdmin = createQueueAdmin({ redis: breaking, prefix: room.prefix })
    expect(queueAdmin.retry('all')).rejects.toThrow('Connection is closed')
    await until('the break', () => scripts >= 5)
    const { waiting, dead } = await room.queueAdmin.stats()
    expect(waiting).toBeWithin(1, 3000)
    expect(waiting + dead).toBe(3000)
    expect(await room.queueAdmin.retry('all')).toBe(dead)
    const ids = (await room.queueAdmin.list('waiting', 1, 5000)).map(({ id }) => id)
    expect(ids).toEqual(Array.from({ length: 3000 }, (_, i) => `j${2999 - i}`))
  }),
)
