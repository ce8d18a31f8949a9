// Several queues: each is by itself, a flood in one starves no other, and no slot stands idle.
import { describe, expect, test } from 'bun:test'
import { Redis } from 'ioredis'
import { Bell } from '../../../src/kit/jobs/bell.ts'
import { defineCron } from '../../../src/kit/jobs/cron.ts'
import { Lifetime } from '../../../src/kit/jobs/lifetime.ts'
import { keyBase } from '../../../src/kit/jobs/scripts.ts'
import { Slots, type Lane } from '../../../src/kit/jobs/slots.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { openLink } from '../support/faulty-link.ts'
import { redisUrl } from '../support/services.ts'
import { until } from '../support/until.ts'
import { inRoom, Text } from './room.ts'

/** A task of a queue that runs until it is let go. */
function waiting(queue: string) {
  const running: (() => void)[] = []
  let started = 0
  const task = defineTask({
    name: `in-${queue}`,
    queue,
    input: Text,
    run: () => {
      started++
      return new Promise<void>((resolve) => running.push(resolve))
    },
  })
  const end = () => running.shift()?.()
  return { task, started: () => started, running, end }
}

const texts = (count: number) => Array.from({ length: count }, (_, i) => ({ text: String(i) }))

describe('slots', () => {
  function lanes(
    concurrency: number,
    ...shares: [weight: number, reserved: number, used: number, hungry?: boolean, size?: number][]
  ) {
    const slots = new Slots({ concurrency, maxJobs: Infinity }, new Lifetime())
    for (const [weight, reserved, used, isHungry = true, size = used] of shares) {
      const share = { name: 'x', weight, reserved }
      const lane: Lane = { share, bell: new Bell(), used, isHungry, tookAt: 0, isDeaf: false, size }
      slots.lanes.push(lane)
    }
    return slots.lanes.map((lane) => slots.room(lane))
  }
  test.each([
    ['one queue has them all', lanes(10, [1, 0, 3]), [7]],
    ['what is reserved stays free for its queue', lanes(10, [1, 0, 0], [1, 2, 0, false]), [8, 6]],
    [
      'a queue that has nothing leaves its part to the others',
      lanes(10, [1, 0, 0], [3, 0, 0, false]),
      [10, 8],
    ],
    ['the hungry share by weight', lanes(10, [4, 1, 0], [1, 1, 0]), [8, 2]],
    ['who has more than its part takes none', lanes(10, [1, 0, 9], [1, 0, 0]), [0, 1]],
    ['its reserved slots are free to it when the others have all', lanes(10, [9, 0, 9], [1, 1, 0]), [0, 1]],
    [
      'what has ended gives room to its own queue alone before Redis knows of it',
      lanes(10, [1, 0, 7, false, 10], [1, 0, 0, false]),
      [3, 0],
    ],
    ['what is reserved and in use is not counted twice', lanes(10, [1, 2, 5], [1, 2, 2]), [0, 3]],
  ])('%s', (_, rooms, expected) => expect(rooms).toEqual(expected))

  test('of two that are equal the one that has waited longer goes first', () => {
    const slots = new Slots({ concurrency: 1, maxJobs: Infinity }, new Lifetime())
    const lane = (tookAt: number): Lane => {
      const share = { name: 'x', weight: 1, reserved: 0 }
      return { share, bell: new Bell(), used: 0, isHungry: true, tookAt, isDeaf: false, size: 0 }
    }
    slots.lanes.push(lane(7), lane(3))
    expect(slots.lanes.map((one) => slots.room(one))).toEqual([0, 1])
  })
})

test(
  'a job starts at once beside a flood in another queue, and the flood has the other slots',
  inRoom(async (room) => {
    const [flood, mail] = [waiting('default'), waiting('mail')]
    await room.queue.enqueueBulk(flood.task, texts(100))
    await room.worker([flood.task, mail.task], { concurrency: 5 })
    await until('the flood', () => flood.started() === 4)
    const { id } = await room.queue.enqueue(mail.task, { text: 'welcome' })
    await until('the mail', () => mail.started() === 1)
    expect(id).toStartWith('mail.j')
    expect(flood.running.length).toBe(4)
    mail.end()
    while (flood.started() < 100 || flood.running.length > 0) {
      flood.end()
      await Bun.sleep(1)
    }
  }),
)

test(
  'with one slot queues take turns, and one alone has it all',
  inRoom(async (room) => {
    const [a, b] = [waiting('a'), waiting('b')]
    await room.queue.enqueueBulk(a.task, texts(20))
    await room.queue.enqueueBulk(b.task, texts(5))
    await room.worker([a.task, b.task], { concurrency: 1 })
    for (let done = 1; done <= 25; done++) {
      await until(`job ${done}`, () => a.running.length + b.running.length === 1)
      expect(a.running.length + b.running.length).toBe(1)
      if (done === 12) expect([a.started(), b.started()].map((n) => n >= 5)).toEqual([true, true])
      a.end()
      b.end()
    }
    expect([a.started(), b.started()]).toEqual([20, 5])
  }),
)

test(
  'where slots are fewer than weights each queue has its part all the same',
  inRoom(async (room) => {
    const [a, b] = [waiting('a'), waiting('b')]
    await room.queue.enqueueBulk(a.task, texts(40))
    await room.queue.enqueueBulk(b.task, texts(10))
    const queues = [
      { name: 'a', weight: 4 },
      { name: 'b', weight: 1 },
    ]
    await room.worker([a.task, b.task], { concurrency: 1, queues })
    for (let done = 1; done <= 50; done++) {
      await until(`job ${done}`, () => a.running.length + b.running.length === 1)
      if (done === 30) expect([b.started() >= 4, a.started() >= 20]).toEqual([true, true])
      a.end()
      b.end()
    }
  }),
)

test(
  'a worker takes no more jobs than it has slots when a script of one of its queues is sent twice',
  inRoom(async (room) => {
    const [a, b] = [waiting('a'), waiting('b')]
    let loses = false
    let hasLost = false
    // The reply with two jobs, and all that follows: that would pass for it.
    const isLost = (said: string) => (hasLost ||= loses && said.split('in-a').length > 2)
    const link = await openLink(redisUrl(), (said) => (isLost(said) ? '' : said))
    const viaLink = new Redis(link.url)
    room.atEnd(() => link.close())
    room.atEnd(() => viaLink.disconnect())
    const queues = ['a', 'b'].map((name) => ({ name, weight: 1, reserved: 0 }))
    await room.worker([a.task, b.task], { redis: viaLink, concurrency: 4, queues })
    await room.queue.enqueueBulk(b.task, texts(2))
    await until('two jobs', () => b.started() === 2)
    loses = true
    await room.queue.enqueueBulk(a.task, texts(6))
    await until('two more, whose reply is lost', async () => hasLost && (await length()) === 2)
    await link.cut()
    loses = hasLost = false
    await link.restore()
    await until('them to run', () => a.started() >= 2)
    expect(await length()).toBe(2)
    while (a.started() + b.started() < 8 || a.running.length + b.running.length > 0) {
      a.end()
      b.end()
      await Bun.sleep(1)
    }
    function length() {
      return room.redis.llen(`${keyBase(room.prefix, 'a')}run:w0`)
    }
  }),
)

test(
  'a worker serves the queues that it is told to, and the others leave theirs alone',
  inRoom(async (room) => {
    const [a, b] = [waiting('a'), waiting('b')]
    await room.worker([a.task, b.task], { queues: [{ name: 'b', weight: 1 }] })
    await room.queue.enqueueBulk(a.task, texts(2))
    await room.queue.enqueueBulk(b.task, texts(2))
    await until('b', () => b.started() === 2)
    expect(a.started()).toBe(0)
    await room.worker([a.task, b.task], { queues: [{ name: 'a', weight: 1 }] })
    await until('a', () => a.started() === 2)
    for (const one of [a, b, a, b]) one.end()
    expect((await room.redis.smembers(`${room.base}queues`)).toSorted()).toEqual(['a', 'b'])
  }),
)

test(
  'a cron ticks in the queue of its task, and a worker that stops gives back what it holds in each',
  inRoom(async (room) => {
    const [a, b] = [waiting('a'), waiting('b')]
    const cron = defineCron({
      name: 'minutely.b',
      schedule: '* * * * *',
      task: b.task,
      input: { text: 'tick' },
      catchUp: 'all',
    })
    const base = keyBase(room.prefix, 'b')
    await room.redis.hset(`${base}cron`, cron.name, Date.now() - 60_000)
    const worker = await room.worker([a.task, b.task], { crons: [cron], drainMs: 0 })
    await room.queue.enqueue(a.task, { text: 'x' })
    await until('both', () => a.started() === 1 && b.started() >= 1)
    await worker.stop()
    const ids = await Promise.all(
      ['a', 'b'].map((name) => room.redis.lrange(`${keyBase(room.prefix, name)}queue`, 0, -1)),
    )
    expect(ids.map((raws) => raws.length > 0)).toEqual([true, true])
    expect(JSON.parse(ids[1]?.[0] ?? '').id).toStartWith('b.minutely.b@')
  }),
)

test('queues that make no sense are refused', () => {
  expect(() => defineTask({ name: 't', queue: 'Mail', input: Text, run() {} })).toThrow("queue's name")
})
