// Counts, task by task, how attempts ended, how long jobs waited and how long they ran, and reads it back for all workers.
import type { Redis } from 'ioredis'
import { bucketOf, BUCKETS, type Durations } from './durations.ts'
import { library } from './library.ts'
import { call, script } from './lua.ts'
import { keyBase } from './scripts.ts'

const SHOWN_MINUTES = 60
/** A minute's counts go when no page shows them any more. */
const KEEP_S = 70 * 60

const range = (of: string) => Array.from({ length: BUCKETS }, (_, i) => `${of}${i}`)
/** What is counted of a task: attempts by their end, ms altogether, and how many waits and runs fell in each bucket. */
const COUNTS = ['done', 'failed', 'wait', 'run', ...range('wait'), ...range('run')]
const [WAIT, RUN] = [4, 4 + BUCKETS]
const PLACE = new Map(COUNTS.map((name, i) => [name, i]))

/** What ended of one task in one queue. */
export interface TaskStats {
  task: string
  queue: string
  done: number
  /** Attempts that failed; each has a run, too. */
  failed: number
  /** From when a job could start (it was enqueued, or due) to its start. Unknown of jobs of older releases and other programs. */
  wait: Durations
  /** From the start of an attempt to its end. */
  run: Durations
}

/**
 * (field, n, ...) Adds counts to those of this minute and to those since ever: both are hashes under the base of the queue,
 * `tasks:<minute>` and `tasks`, and their fields are `<what> <task>`.
 */
const FOLD = script<null>(`
${library('count')}
for i = 1, #ARGV, 2 do
  count('tasks', ARGV[i], ARGV[i + 1])
  count('tasks:'..minute, ARGV[i], ARGV[i + 1])
end
redis.pcall('EXPIRE', base..'tasks:'..minute, ${KEEP_S})`)

/** What a worker has counted of one queue and not told Redis yet: a few numbers for each task, however many jobs ran. */
export class TaskCounts {
  #counts = new Map<string, Float64Array>()

  /** @param waitMs undefined where nobody knows since when it waited */
  add(task: string, end: 'done' | 'failed', waitMs: number | undefined, runMs: number): void {
    let counts = this.#counts.get(task)
    if (!counts) this.#counts.set(task, (counts = new Float64Array(COUNTS.length)))
    const add = (i: number, n: number) => void (counts[i] = (counts[i] ?? 0) + n)
    add(end === 'done' ? 0 : 1, 1)
    if (waitMs !== undefined) {
      add(2, waitMs)
      add(WAIT + bucketOf(waitMs), 1)
    }
    add(3, runMs)
    add(RUN + bucketOf(runMs), 1)
  }

  /** Adds them to those of all workers. What a failure takes with it is a few seconds of counts. */
  async fold(redis: Redis, base: string): Promise<void> {
    const args: (string | number)[] = []
    for (const [task, counts] of this.#counts) {
      counts.forEach((n, i) => n > 0 && args.push(`${COUNTS[i]} ${task}`, Math.round(n)))
    }
    this.#counts = new Map()
    if (args.length > 0) await call(redis, FOLD, base, ...args)
  }
}

/**
 * The tasks of some queues, in the order of their names, by all workers, on all machines.
 * @param over `hour`: the last sixty minutes; `ever`: counts that only grow, but for a Redis that was emptied
 */
export async function readTaskStats(
  redis: Redis,
  prefix: string,
  queues: readonly string[],
  over: 'hour' | 'ever',
): Promise<TaskStats[]> {
  const minute = over === 'ever' ? 0 : Math.floor(Number((await redis.time())[0]) / 60)
  const keys =
    over === 'ever' ? ['tasks'] : Array.from({ length: SHOWN_MINUTES }, (_, i) => `tasks:${minute - i}`)
  const all = await Promise.all(queues.map((queue) => readQueue(redis, keyBase(prefix, queue), queue, keys)))
  return all.flat().toSorted((a, b) => (a.task < b.task ? -1 : 1))
}

async function readQueue(redis: Redis, base: string, queue: string, keys: string[]): Promise<TaskStats[]> {
  const sums = new Map<string, number[]>()
  const pipeline = redis.pipeline()
  for (const key of keys) pipeline.hgetall(base + key)
  for (const [error, fields] of (await pipeline.exec()) ?? []) {
    if (error) continue // something else lies there
    for (const [field, text] of Object.entries(fields as Record<string, string>)) {
      const [what = '', task = ''] = field.split(' ')
      const [place, n] = [PLACE.get(what), Number(text)]
      if (place === undefined || !(n > 0)) continue
      const counts = sums.get(task) ?? Array.from(COUNTS, () => 0)
      counts[place] = (counts[place] ?? 0) + n
      sums.set(task, counts)
    }
  }
  return [...sums].map(([task, counts]) => {
    const [done = 0, failed = 0, waitMs = 0, runMs = 0] = counts
    const durations = (sumMs: number, from: number): Durations => {
      const buckets = counts.slice(from, from + BUCKETS)
      return { count: buckets.reduce((sum, n) => sum + n, 0), sumMs, buckets }
    }
    return { task, queue, done, failed, wait: durations(waitMs, WAIT), run: durations(runMs, RUN) }
  })
}
