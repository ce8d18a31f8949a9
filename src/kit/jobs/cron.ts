// Says when a schedule is due by Redis's clock, and lets exactly one worker of the cluster enqueue each tick.
import { Cron as Schedule } from 'croner'
import type { Redis } from 'ioredis'
import type { z } from 'zod'
import type { Log } from '../types/log.ts'
import { textOf, type Element } from './element.ts'
import { parseInput, type InputSchema } from './input.ts'
import { call } from './lua.ts'
import { addArgs, compose, type PreparedJob } from './new-job.ts'
import { CRON } from './scripts.ts'
import { UNIQUE_MS, type Task } from './task.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/**
 * Which missed ticks run later, because no worker was running. `latest`: the last one, if it is not older than ten
 * minutes. `all`: every one, however late. `skip`: none that is more than a minute late.
 */
export type CatchUp = 'latest' | 'all' | 'skip'
const WINDOW: Record<CatchUp, number> = { latest: 10 * MINUTE, all: Infinity, skip: MINUTE }

/** A cron as declared by `defineCron`. */
export interface Cron {
  readonly name: string
  readonly schedule: string
  /** IANA name; absent: the time zone of the server. */
  readonly timeZone?: string
  readonly task: string
  /** That of its task. */
  readonly queue: string
  readonly catchUp: CatchUp
  /** Held by the job of a tick until it has ended; absent: jobs of several ticks may run at once. */
  readonly uniqueKey?: string
  /** The first tick after a moment (both Unix ms); Infinity if there is none. */
  next(after: number): number
  /** The job of a tick, or of a run that was asked for now. */
  prepare(tick: number | 'now'): PreparedJob
}

/**
 * Declares a cron. A fixed time (no `*` in minute and hour) in the gap of spring runs once, right after the gap; one that
 * comes twice in autumn runs once. A tick is skipped while the job of the previous one has not ended, except with `all`.
 * @param schedule five fields: minute, hour, day of month, month, day of week
 * @throws naming the cron, if the schedule, the time zone or the input is wrong
 */
export function defineCron<S extends InputSchema, D, R>(cron: {
  name: string
  schedule: string
  timeZone?: string
  task: Task<S, D, R>
  input: z.input<S>
  catchUp?: CatchUp
}): Cron {
  const { name, schedule, timeZone, task, input, catchUp = 'latest' } = cron
  // A task's name holds no @: no key of a task is the same.
  const uniqueKey = catchUp === 'all' ? undefined : `@cron:${name}`
  const parsed = parse()
  function element(id: string): Element {
    // Its key is the cron's, and held until the end.
    const held = { ...task, uniqueUntil: 'end' as const }
    const made = compose(id, held, input, parseInput(task.name, task.input, input))
    return uniqueKey === undefined ? made : { ...made, key: uniqueKey }
  }
  function parse(): Schedule {
    try {
      void element('')
      const made = new Schedule(schedule, {
        mode: '5-part',
        fixedTimeRule: 'no-wildcard',
        timezone: timeZone,
      })
      if (made.nextRun()) return made
      throw new Error('it never comes')
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`cron "${name}" with the schedule "${schedule}": ${message}`, { cause })
    }
  }
  return {
    name,
    schedule,
    timeZone,
    task: task.name,
    queue: task.queue,
    catchUp,
    uniqueKey,
    next: (after) => parsed.nextRun(new Date(after))?.getTime() ?? Infinity,
    prepare(tick) {
      const at = tick === 'now' ? `now-${crypto.randomUUID()}` : new Date(tick).toISOString()
      const made = element(`${name}@${at}`)
      const add = addArgs({ to: 'back', key: uniqueKey, keyMs: UNIQUE_MS })
      return { id: made.id, element: textOf(made), queue: task.queue, add }
    },
  }
}

const FIRST_SEEN = 'seen for the first time'

/** A new last tick of a cron: with a job, or without one for a reason. */
export type Advance = { tick: number; run: true } | { tick: number; run: false; why: string }

/**
 * Decides the next step at `now`: a new last tick, or `wait` until there may be one.
 * @param last the last tick, or when the cron was first seen; undefined: never seen
 */
export function advance(cron: Cron, last: number | undefined, now: number): Advance | { wait: number } {
  if (last === undefined) return { tick: now, run: false, why: FIRST_SEEN }
  // Set back a little, a clock repeats ticks that have run; that far ahead, the last tick was made by a wrong clock.
  if (last > now + HOUR) return { tick: now, run: false, why: 'the clock went back by more than an hour' }
  const first = cron.next(last)
  if (first > now) return { wait: first }
  if (cron.catchUp === 'all') return { tick: first, run: true }
  const oldest = now - WINDOW[cron.catchUp]
  if (first < oldest)
    return { tick: oldest, run: false, why: `missed since ${new Date(first).toISOString()}` }
  let tick = first
  for (let next = first; next <= now; next = cron.next(next)) tick = next
  return { tick, run: true }
}

/**
 * Creates the cron timer of one worker; call it at each heartbeat with the time of Redis. One of all workers wins each tick.
 * @returns ticks that it enqueued
 */
export function createTimer(redis: Redis, base: string, crons: readonly Cron[], log: Log) {
  /** For each cron its last tick as stored in Redis, '' if there is none yet, and until when there is nothing to do. */
  const known = new Map(crons.map((cron) => [cron, { last: '', wait: 0 }]))

  return async (now: number): Promise<number> => {
    let enqueued = 0
    for (const [cron, mine] of known) {
      // Missed ticks of `all` are enqueued in slices, between which the heartbeat goes on.
      for (let slice = 0; slice < 100; slice++) {
        const last = mine.last === '' ? undefined : Number(mine.last)
        if (last !== undefined && now < mine.wait && last <= now + HOUR) break
        const step = advance(cron, last, now)
        if ('wait' in step) {
          mine.wait = step.wait
          break
        }
        const { id = '', element = '' } = step.run ? cron.prepare(step.tick) : {}
        const args = [cron.name, mine.last, step.tick, element, id, cron.uniqueKey ?? '', UNIQUE_MS]
        const [newLast, what] = await call(redis, CRON, base, ...args)
        Object.assign(mine, { last: newLast, wait: 0 })
        const fields = { cron: cron.name, tick: new Date(step.tick).toISOString() }
        if (what === 'enqueued') enqueued++
        if (what === 'enqueued') log.debug('cron tick enqueued', fields)
        if (what === 'overlaps')
          log.warn('cron tick passed over: the job of the last one has not ended', fields)
        if (what === 'passed' && !step.run) {
          log[step.why === FIRST_SEEN ? 'debug' : 'warn']('cron moved on', { ...fields, why: step.why })
        }
      }
    }
    return enqueued
  }
}
