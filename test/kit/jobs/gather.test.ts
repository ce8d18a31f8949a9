// A rollback: what older workers know nothing of goes where they find it, and runs once.
import { expect, test } from 'bun:test'
import { gather } from '../../../src/kit/jobs/gather.ts'
import { keyBase } from '../../../src/kit/jobs/scripts.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { until } from '../support/until.ts'
import { inRoom, Text } from './room.ts'

const runs: string[] = []
const run = ({ text }: { text: string }) => void runs.push(text)
const mail = defineTask({ name: 'mail', queue: 'mail', input: Text, run, keepResultMs: 60_000 })
const limited = defineTask({
  name: 'limited',
  input: Text,
  limit: { key: () => '', max: 1 },
  run,
})

test(
  'jobs of all queues and those that wait for a limit go to the default queue, delayed ones with their time',
  inRoom(async (room) => {
    const { redis, base, queue, queueAdmin, prefix } = room
    const own = keyBase(prefix, 'mail')
    const worker = await room.worker([mail, limited], { concurrency: 1 })
    expect(queueAdmin.gather()).rejects.toThrow('stop all workers')
    await worker.stop()
    const { id } = await queue.enqueue(mail, { text: 'waits' }, { by: 'me', unique: 'one' })
    await queue.enqueue(mail, { text: 'delayed' }, { delayMs: 3_600_000 })
    await redis.rpush(`${own}queue`, 'no job')
    await redis.rpush(`${own}run:gone`, '{"id":"mail.gone","task":"mail","data":{"text":"was running"}}')
    await redis.zadd(`${own}workers`, 0, 'gone')
    await redis.rpush(
      `${base}park:limited:`,
      '{"id":"p","gate":{"k":"limited:","m":1},"task":"limited","data":{"text":"parked"}}',
    )
    await redis.zadd(`${base}parks`, 9e15, 'limited:')

    // Broken off after it was added: the second time it is not added again.
    await redis.rpush(`${own}park:x`, (await redis.lindex(`${own}queue`, 0)) ?? '')
    await redis.zadd(`${own}parks`, 9e15, 'x')
    expect(await queueAdmin.gather()).toBeGreaterThan(4)
    expect((await queueAdmin.stats()).queues.mail).toMatchObject({ waiting: 0, later: 0, running: 0 })
    expect((await room.ids('waiting')).filter((one) => one === id)).toEqual([id])
    expect(await queueAdmin.status(id)).toMatchObject({ id, state: 'waiting', by: 'me' })
    expect(await gather(redis, prefix, 10)).toBe(0)

    // As older workers: they know the default queue.
    await room.worker([mail, limited], { queues: [{ name: 'default', weight: 1 }] })
    await until('all that is due', () => runs.length === 3)
    expect(runs.toSorted()).toEqual(['parked', 'waits', 'was running'])
    await until('its end', async () => (await queueAdmin.status(id))?.state === 'done')
    expect((await queueAdmin.list('later')).map(({ data, queue: name }) => [data, name])).toEqual([
      [{ text: 'delayed' }, 'default'],
    ])
    expect((await queueAdmin.list('dead')).map(({ data }) => data)).toEqual(['no job'])
  }),
)

test(
  'two jobs of one key, one of which was begun, are both there, and a delayed one keeps its key until it is due',
  inRoom(async (room) => {
    const { redis, queue, queueAdmin, prefix } = room
    const own = keyBase(prefix, 'mail')
    await redis.rpush(
      `${own}queue`,
      '{"id":"mail.begun","task":"mail","key":"mail:k","data":{"text":"begun"}}',
    )
    const day = 24 * 3_600_000
    const { id } = await queue.enqueue(mail, { text: 'delayed' }, { unique: 'k', delayMs: 3 * day })
    expect(await queueAdmin.gather()).toBe(2)
    expect([await room.ids('waiting'), await room.ids('later')]).toEqual([['mail.begun'], [id]])
    expect(await redis.get(`${room.base}key:mail:k`)).toBe(id)
    expect(await redis.pttl(`${room.base}key:mail:k`)).toBeGreaterThan(3 * day)
    expect(await redis.pttl(`${room.base}r:${id}`)).toBeGreaterThan(3 * day)
  }),
)

test(
  'a cron goes on where it was, in the default queue',
  inRoom(async (room) => {
    const { redis, base, queueAdmin, prefix } = room
    const own = keyBase(prefix, 'mail')
    await redis.hset(`${base}cron`, 'daily', 1000, 'ahead', 9000)
    await redis.hset(`${own}cron`, 'daily', 2000, 'ahead', 8000, 'new', 3000)
    await redis.sadd(`${base}queues`, 'mail')
    await queueAdmin.gather()
    expect(await redis.hgetall(`${base}cron`)).toEqual({ daily: '2000', ahead: '9000', new: '3000' })
    expect(await redis.exists(`${own}cron`)).toBe(0)
  }),
)

test(
  'workers that were all killed are not taken for alive',
  inRoom(async (room) => {
    const { redis, queueAdmin, prefix } = room
    const own = keyBase(prefix, 'mail')
    // Nobody is left who would move the clock.
    await redis.hset(`${own}clock`, 'clock', 5000, 'last', Date.now() - 60_000)
    await redis.zadd(`${own}workers`, 5000, 'killed')
    const beat = {
      host: 'h',
      pid: 1,
      queue: 'mail',
      concurrency: 1,
      startedAt: 0,
      beatAt: 0,
      stopping: false,
    }
    await redis.hset(`${own}beats`, 'killed', JSON.stringify({ ...beat, running: [] }))
    await redis.sadd(`${room.base}queues`, 'mail')
    await redis.rpush(`${own}run:killed`, '{"id":"mail.1","task":"mail","data":{"text":"was running"}}')
    expect((await queueAdmin.stats()).workers).toMatchObject([{ id: 'killed', alive: false }])
    expect(await queueAdmin.gather()).toBeGreaterThan(0)
    expect(await room.ids('waiting')).toEqual(['mail.1'])
  }),
)
