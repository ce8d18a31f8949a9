// Cron under a clock of the test's own: a year of ticks, the two nights of DST, absences, jumps, and races.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Redis } from 'ioredis'
import { z } from 'zod'
import { createTimer, defineCron, type CatchUp, type Cron } from '../../../src/kit/jobs/cron.ts'
import { parseElement } from '../../../src/kit/jobs/element.ts'
import { keyBase } from '../../../src/kit/jobs/scripts.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { deletePrefix, redisUrl, uniquePrefix } from '../support/services.ts'
import { until } from '../support/until.ts'
import { collector, inRoom, Text } from './room.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const task = defineTask({ name: 'tidy', input: z.object({}), run: () => {} })

let redis: Redis
beforeAll(() => {
  redis = new Redis(redisUrl())
})
afterAll(() => redis.disconnect())

/** A cluster of timers on one Redis, whose clock is the test's. */
async function cluster(
  crons: Cron[],
  use: (cluster: {
    /** All timers look at the clock at once; answers the ticks that came of it. */
    at: (time: number | string) => Promise<string[]>
    /** One of them alone. */
    one: (timer: number, time: number | string) => Promise<string[]>
    /** A deploy: none of them remembers anything. */
    restart: () => void
    /** The jobs so far have ended. */
    finish: () => Promise<void>
    logged: string[]
  }) => Promise<void>,
): Promise<void> {
  const prefix = uniquePrefix()
  const base = keyBase(prefix)
  const logged: string[] = []
  const log = {
    debug() {},
    info() {},
    warn: (message: string, fields = {}) => void logged.push(`${message} ${JSON.stringify(fields)}`),
    error() {},
  }
  const make = () => Array.from({ length: 3 }, () => createTimer(redis, base, crons, log))
  let timers = make()
  // What the timers say they enqueued is what lies in the queue.
  const taken = async (count: number) => {
    if (count === 0) return []
    const raws = await redis.lrange(`${base}queue`, 0, -1)
    await redis.del(`${base}queue`)
    expect(raws).toHaveLength(count)
    return raws.map((raw) => parseElement(raw)?.id ?? raw)
  }
  const ms = (time: number | string) => (typeof time === 'number' ? time : Date.parse(time))
  try {
    await use({
      async at(time) {
        const counts = await Promise.all(timers.map((timer) => timer(ms(time))))
        return taken(counts.reduce((sum, n) => sum + n, 0))
      },
      one: async (timer, time) => taken((await timers[timer]?.(ms(time))) ?? 0),
      restart: () => (timers = make()),
      finish: async () => {
        await redis.del(`${base}key:@cron:c`)
      },
      logged,
    })
  } finally {
    await deletePrefix(prefix)
  }
}

const cron = (schedule: string, catchUp: CatchUp = 'latest', timeZone = 'UTC') =>
  defineCron({ name: 'c', schedule, timeZone, task, input: {}, catchUp })

/** Wall time in a zone, as `2026-03-29 03:30`, without the library under test. */
function wallClock(zone: string) {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' })
  return (time: number) => format.format(time)
}

const YEAR = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2027, 0, 1) }
const ZONES = [
  'UTC',
  'Europe/Helsinki',
  'America/New_York',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'America/Santiago',
]

/** Once a day at a wall time: at the first moment that shows it, or, where no moment does, the first one after the gap. */
function dailyTicks(zone: string, time: string): number[] {
  const wall = wallClock(zone)
  const ticks = new Map<string, number>()
  for (let t = YEAR.from - 24 * HOUR; t < YEAR.to + 24 * HOUR; t += 30 * MINUTE) {
    const [day = '', clock = ''] = wall(t).split(' ')
    if (clock >= time && !ticks.has(day)) ticks.set(day, t)
  }
  return [...ticks.values()].filter((t) => t > YEAR.from && t < YEAR.to)
}

/** The moments, half hours apart, at which a clock on the wall shows a full hour. */
function hoursOf(zone: string, { from, to }: { from: number; to: number }): number[] {
  const wall = wallClock(zone)
  const hours: number[] = []
  for (let t = from + 30 * MINUTE; t < to; t += 30 * MINUTE) if (wall(t).endsWith(':00')) hours.push(t)
  return hours
}

/** The moments of the year at which the clocks are changed. */
function changesOf(zone: string): number[] {
  const wall = wallClock(zone)
  const offset = (t: number) => Date.parse(`${wall(t).replace(' ', 'T')}Z`) - t
  const changes: number[] = []
  for (let t = YEAR.from; t < YEAR.to; t += 30 * MINUTE)
    if (offset(t) !== offset(t - 30 * MINUTE)) changes.push(t)
  return changes
}

describe('a year of ticks, each exactly once, with three workers', () => {
  const fixed = ZONES.flatMap((zone) =>
    ['00:30', '02:00', '02:30', '03:30'].map((time) => [zone, time] as const),
  )
  test.each(fixed)('every night in %s at %s', async (zone, time) => {
    const [hour, minute] = time.split(':').map(Number)
    await cluster([cron(`${minute} ${hour} * * *`, 'latest', zone)], async ({ at, finish }) => {
      const ticks: string[] = []
      await at(YEAR.from)
      // Steps of no regular length: a tick is seen on time, or a few minutes late.
      for (let t = YEAR.from; t < YEAR.to; t += (4 + ((t / MINUTE) % 7)) * MINUTE) {
        const now = await at(t)
        if (now.length > 0) await finish()
        ticks.push(...now)
      }
      const expected = dailyTicks(zone, time).map((t) => `c@${new Date(t).toISOString()}`)
      expect(ticks).toEqual(expected)
      expect(ticks.length).toBeGreaterThanOrEqual(364)
    })
  })

  const hourly = (zone: string) => cron('0 * * * *', 'latest', zone)
  const withDst = ['Europe/Helsinki', 'America/New_York', 'Australia/Lord_Howe']

  test.each(withDst)('every hour in %s has its tick, and no other moment', (zone) => {
    const ticks: number[] = []
    const { next } = hourly(zone)
    for (let t = next(YEAR.from); t < YEAR.to; t = next(t)) ticks.push(t)
    expect(ticks).toEqual(hoursOf(zone, YEAR))
    expect(ticks.length).toBeGreaterThan(8700)
  })

  test.each(withDst)(
    'around the changes of the clocks in %s no hour is left out and none comes twice',
    async (zone) => {
      const changes = changesOf(zone)
      expect(changes).toHaveLength(2)
      await cluster([hourly(zone)], async ({ at, finish }) => {
        for (const change of changes) {
          const days = { from: change - 36 * HOUR, to: change + 36 * HOUR }
          const ticks: string[] = []
          await at(days.from) // the months before make one tick
          await finish()
          for (let t = days.from + 30 * MINUTE; t < days.to; t += 30 * MINUTE) {
            const now = await at(t)
            if (now.length > 0) await finish()
            ticks.push(...now)
          }
          expect(ticks).toEqual(hoursOf(zone, days).map((t) => `c@${new Date(t).toISOString()}`))
          expect(ticks.length).toBeGreaterThan(69)
        }
      })
    },
  )
})

describe('the nights of DST, in Helsinki', () => {
  const nightly = cron('30 3 * * *', 'latest', 'Europe/Helsinki')
  test('03:30 does not exist in spring: it runs once, at 04:00', () => {
    const tick = nightly.next(Date.parse('2026-03-29T00:00:00Z'))
    expect(new Date(tick).toISOString()).toBe('2026-03-29T01:00:00.000Z')
    expect(wallClock('Europe/Helsinki')(tick)).toBe('2026-03-29 04:00')
    expect(new Date(nightly.next(tick)).toISOString()).toBe('2026-03-30T00:30:00.000Z')
  })
  test('03:30 comes twice in autumn: it runs once, the first time', () => {
    const tick = nightly.next(Date.parse('2026-10-24T22:00:00Z'))
    expect(new Date(tick).toISOString()).toBe('2026-10-25T00:30:00.000Z')
    expect(new Date(nightly.next(tick)).toISOString()).toBe('2026-10-26T01:30:00.000Z')
  })
})

describe('ticks that nobody was there for', () => {
  test('a cron that is seen for the first time waits for its next tick', async () => {
    await cluster([cron('0 2 * * *')], async ({ at }) => {
      expect(await at('2026-01-05T02:00:30Z')).toEqual([])
      expect(await at('2026-01-06T01:59:59Z')).toEqual([])
      expect(await at('2026-01-06T02:00:00Z')).toEqual(['c@2026-01-06T02:00:00.000Z'])
    })
  })

  test('latest: the last one runs if it is not older than ten minutes; otherwise the log says so, once', async () => {
    await cluster([cron('0 2 * * *')], async ({ at, restart, logged, finish }) => {
      await at('2026-01-05T12:00:00Z')
      restart()
      expect(await at('2026-01-06T02:09:59Z')).toEqual(['c@2026-01-06T02:00:00.000Z'])
      await finish()
      restart()
      logged.length = 0
      expect(await at('2026-01-09T02:30:00Z')).toEqual([])
      expect(logged.filter((line) => line.includes('missed since 2026-01-07T02:00:00.000Z'))).toHaveLength(1)
      expect(await at('2026-01-10T02:00:00Z')).toEqual(['c@2026-01-10T02:00:00.000Z'])
    })
  })

  test('latest: of many only one', async () => {
    await cluster([cron('* * * * *')], async ({ at, restart }) => {
      await at('2026-01-05T12:00:00Z')
      restart()
      expect(await at('2026-01-05T12:07:30Z')).toEqual(['c@2026-01-05T12:07:00.000Z'])
    })
  })

  test('all: each of them in its order, however many and however late', async () => {
    await cluster([cron('* * * * *', 'all')], async ({ at, one, restart }) => {
      const start = Date.parse('2026-01-05T12:00:00Z')
      await at(start)
      restart()
      const ticks: string[] = []
      for (let i = 0; i < 5; i++) ticks.push(...(await one(i % 3, start + 250 * MINUTE)))
      const expected = Array.from(
        { length: 250 },
        (_, i) => `c@${new Date(start + (i + 1) * MINUTE).toISOString()}`,
      )
      expect(ticks).toEqual(expected)
    })
  })

  test('skip: none that is more than a minute late', async () => {
    await cluster([cron('0 * * * *', 'skip')], async ({ at, restart, finish }) => {
      await at('2026-01-05T11:30:00Z')
      restart()
      expect(await at('2026-01-05T12:00:50Z')).toEqual(['c@2026-01-05T12:00:00.000Z'])
      await finish()
      expect(await at('2026-01-05T13:01:30Z')).toEqual([])
      expect(await at('2026-01-05T14:00:00Z')).toEqual(['c@2026-01-05T14:00:00.000Z'])
    })
  })
})

describe('the clock', () => {
  test('leaps ahead, or the machine wakes from a long sleep: the catch-up policy decides, and time goes on', async () => {
    await cluster([cron('*/5 * * * *')], async ({ at, finish }) => {
      await at('2026-01-05T12:00:00Z')
      expect(await at('2026-01-05T12:05:00Z')).toHaveLength(1)
      await finish()
      expect(await at('2026-01-05T19:07:00Z')).toEqual(['c@2026-01-05T19:05:00.000Z'])
      await finish()
      expect(await at('2026-01-05T19:10:01Z')).toEqual(['c@2026-01-05T19:10:00.000Z'])
    })
  })

  test('is set back a little: what has run does not run again', async () => {
    await cluster([cron('* * * * *')], async ({ at, finish }) => {
      await at('2026-01-05T12:00:00Z')
      const ticks: string[] = []
      // Twenty minutes, then ten of them once more, then on.
      const minutes = [...Array(20).keys(), ...Array.from({ length: 20 }, (_, i) => i + 10)]
      for (const minute of minutes) {
        ticks.push(...(await at(Date.parse('2026-01-05T12:01:00Z') + minute * MINUTE)))
        await finish()
      }
      expect(ticks).toHaveLength(30)
      expect(new Set(ticks).size).toBe(30)
    })
  })

  test('was far ahead and is set right: crons go on from the right time, and the log says so', async () => {
    await cluster([cron('0 * * * *')], async ({ at, finish, logged }) => {
      await at('2031-01-05T12:30:00Z')
      expect(await at('2031-01-05T13:00:00Z')).toHaveLength(1)
      await finish()
      logged.length = 0
      expect(await at('2026-01-05T12:30:00Z')).toEqual([])
      expect(logged.filter((line) => line.includes('went back by more than an hour'))).toHaveLength(1)
      expect(await at('2026-01-05T13:00:00Z')).toEqual(['c@2026-01-05T13:00:00.000Z'])
    })
  })
})

test('a tick is passed over while the job of the last one has not ended', async () => {
  await cluster([cron('* * * * *')], async ({ at, finish, logged }) => {
    await at('2026-01-05T12:00:30Z')
    expect(await at('2026-01-05T12:01:00Z')).toHaveLength(1)
    expect(await at('2026-01-05T12:02:00Z')).toEqual([])
    expect(logged.filter((line) => line.includes('has not ended'))).toHaveLength(1)
    await finish()
    expect(await at('2026-01-05T12:03:00Z')).toEqual(['c@2026-01-05T12:03:00.000Z'])
  })
})

test('workers whose clocks disagree by seconds still enqueue each tick once', async () => {
  await cluster([cron('* * * * *')], async ({ one, at, finish }) => {
    const start = Date.parse('2026-01-05T12:00:00Z')
    await at(start)
    const ticks: string[] = []
    for (let t = start; t < start + 60 * MINUTE; t += 20 * SECOND) {
      for (const [timer, skew] of [0, 7, -9].entries()) ticks.push(...(await one(timer, t + skew * SECOND)))
      await finish()
    }
    expect(ticks.length).toBeGreaterThanOrEqual(59)
    expect(new Set(ticks).size).toBe(ticks.length)
  })
})

describe('a declaration', () => {
  const declare = (more: object) => () =>
    defineCron({ name: 'nightly', schedule: '0 2 * * *', task, input: {}, ...more })
  test('with a wrong schedule, zone or input fails at once, with its name', () => {
    expect(declare({ schedule: '61 2 * * *' })).toThrow('cron "nightly" with the schedule "61 2 * * *": ')
    expect(declare({ schedule: '0 0 2 * * *' })).toThrow('nightly')
    expect(declare({ schedule: '0 0 31 2 *' })).toThrow('never')
    expect(declare({ timeZone: 'Mars/Olympus' })).toThrow(/nightly.*Mars\/Olympus/)
    expect(() =>
      defineCron({ name: 'n', schedule: '* * * * *', task: collector().task, input: { text: 'x' } }),
    ).not.toThrow()
    // @ts-expect-error the input must fit the task
    expect(() => defineCron({ name: 'n', schedule: '* * * * *', task: collector().task, input: {} })).toThrow(
      /"n".*text/,
    )
  })
  test('without a zone goes by the local time of the server', () => {
    const tick = new Date(defineCron({ name: 'n', schedule: '30 4 * * *', task, input: {} }).next(YEAR.from))
    expect([tick.getHours(), tick.getMinutes()]).toEqual([4, 30])
  })
})

test(
  'a cron that was only seen, or whose ticks nobody was there for, has no last tick until it ran',
  inRoom(async ({ redis, base, queueAdmin }) => {
    const hourly = cron('0 * * * *')
    const log = { debug() {}, info() {}, warn() {}, error() {} }
    const beat = createTimer(redis, base, [hourly], log)
    const start = Date.UTC(2026, 0, 2, 3, 4, 5)
    await beat(start)
    expect(await queueAdmin.lastTicks()).toEqual({})
    expect(await beat(start + 10 * HOUR + 20 * MINUTE)).toBe(0)
    expect(await queueAdmin.lastTicks()).toEqual({})
    const tick = Date.UTC(2026, 0, 2, 14)
    expect(await beat(tick)).toBe(1)
    expect(await queueAdmin.lastTicks()).toEqual({ c: tick })
    await beat(tick + 20 * MINUTE + 10 * HOUR)
    expect(Object.keys(await queueAdmin.lastTicks())).toEqual(['c'])
  }),
)

test(
  'with real workers a tick runs once, and a run that was asked for runs beside it only when it has ended',
  inRoom(async (room) => {
    const { ran, task: collect } = collector()
    const now = Date.now()
    // Its last tick was at the beginning of this minute, the next one comes in an hour.
    const schedule = `${new Date(now).getUTCMinutes()} * * * *`
    const hourly = defineCron({
      name: 'm',
      schedule,
      timeZone: 'UTC',
      task: collect,
      input: { text: 'tick' },
    })
    await room.redis.hset(`${room.base}cron`, 'm', String(now - 61 * SECOND))
    const options = { crons: [hourly] }
    await Promise.all([
      room.worker([collect], options),
      room.worker([collect], options),
      room.worker([collect], options),
    ])
    await until('the tick', () => ran.length > 0)
    await room.idle()
    const ticks = await room.queueAdmin.lastTicks()
    expect(ticks.m).toBe(Math.floor((ticks.m ?? 0) / MINUTE) * MINUTE)
    expect(ran.length).toBe(room.said('job done').length)
    expect(new Set(room.said('job done').map((line) => line.fields.job)).size).toBe(ran.length)
    const before = ran.length
    await room.queueAdmin.pause()
    expect((await room.queue.send(hourly.prepare('now'))).added).toBe(true)
    expect((await room.queue.send(hourly.prepare('now'))).added).toBe(false)
    await room.queueAdmin.resume()
    await until('the run', () => ran.length > before)
    expect(Text.parse({ text: ran.at(-1) }).text).toBe('tick')
  }),
)
