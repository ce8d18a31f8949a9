// A queue of its own for one test, on the shared Redis; all that was started in it is gone at the end.
import { Redis } from 'ioredis'
import { z } from 'zod'
import type { Log, LogFields } from '../../../src/kit/types/log.ts'
import type { Place } from '../../../src/kit/jobs/places.ts'
import { createQueueAdmin } from '../../../src/kit/jobs/queue-admin.ts'
import { createQueue } from '../../../src/kit/jobs/queue.ts'
import { keyBase } from '../../../src/kit/jobs/scripts.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import type { WorkerOptions } from '../../../src/kit/jobs/options.ts'
import { startWorker, type Worker } from '../../../src/kit/jobs/worker.ts'
import { openLink } from '../support/faulty-link.ts'
import { deletePrefix, redisUrl, uniquePrefix } from '../support/services.ts'
import { until } from '../support/until.ts'

type Options = WorkerOptions<undefined>

export class Room {
  readonly prefix = uniquePrefix()
  readonly base = keyBase(this.prefix)
  readonly redis = new Redis(redisUrl())
  readonly queue = createQueue({ redis: this.redis, prefix: this.prefix, maxBytes: 1000 })
  readonly queueAdmin = createQueueAdmin({
    redis: this.redis,
    prefix: this.prefix,
    leaseMs: 1000,
    keepDead: 5,
  })
  readonly logged: { level: string; message: string; fields: LogFields }[] = []
  readonly log: Log
  readonly #ends: (() => unknown)[] = []
  #workers = 0

  constructor() {
    const at =
      (level: string) =>
      (message: string, fields: LogFields = {}) => {
        this.logged.push({ level, message, fields })
      }
    this.log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  }

  /** A worker that beats fast. */
  async worker(tasks: Options['tasks'], options: Partial<Options> = {}): Promise<Worker> {
    const fast = {
      tickMs: 50,
      leaseMs: 1000,
      blockMs: null,
      drainMs: 2000,
      keepDead: 5,
      id: `w${this.#workers++}`,
    }
    const { redis, prefix, log } = this
    const worker = startWorker({ redis, prefix, tasks, deps: undefined, log, ...fast, ...options })
    this.#ends.push(() => worker.stop())
    await worker.ready
    return worker
  }

  /** Redis by way of a link that can be cut. */
  async linked() {
    const link = await openLink(redisUrl())
    const viaLink = new Redis(link.url, { lazyConnect: true })
    this.atEnd(() => link.close())
    this.atEnd(() => viaLink.disconnect())
    return { link, viaLink }
  }

  atEnd(act: () => unknown): void {
    this.#ends.push(act)
  }

  /** Until nothing waits, runs or is delayed. */
  idle(): Promise<boolean> {
    return until('an idle queue', async () => {
      const { waiting, running, later } = await this.queueAdmin.stats()
      return waiting + running + later === 0
    })
  }

  async ids(place: Place): Promise<string[]> {
    return (await this.queueAdmin.list(place)).map((job) => job.id)
  }

  said(part: string) {
    return this.logged.filter((line) => line.message.includes(part))
  }

  async close(): Promise<void> {
    // Workers before what they stand on. One that ended in an error has said so to its test.
    for (const end of this.#ends.toReversed()) await Promise.allSettled([end()])
    await deletePrefix(this.prefix)
    this.redis.disconnect()
  }
}

/** Runs a test in a room of its own. */
export const inRoom = (act: (room: Room) => Promise<void>) => async () => {
  const room = new Room()
  try {
    await act(room)
  } finally {
    await room.close()
  }
}

export const Text = z.object({ text: z.string() })
export const backoff = { minMs: 10, maxMs: 50 }

/** A task that keeps what it was given. */
export function collector(name = 'collect') {
  const ran: string[] = []
  const run = ({ text }: z.output<typeof Text>) => void ran.push(text)
  return { ran, task: defineTask({ name, input: Text, backoff, run }) }
}

/** A task whose jobs run until they are let go, or their signal fires. */
export function gate(name = 'gate') {
  const started: string[] = []
  const aborted: string[] = []
  const open = Promise.withResolvers<void>()
  const task = defineTask({
    name,
    input: Text,
    backoff,
    run: async ({ text }, job) => {
      started.push(text)
      const stop = Promise.withResolvers<never>()
      job.signal.addEventListener('abort', () => {
        aborted.push(text)
        stop.reject(job.signal.reason)
      })
      await Promise.race([open.promise, stop.promise])
    },
  })
  return { started, aborted, task, open: () => open.resolve() }
}

/** A task that throws, and whose outcome is kept for a minute. */
export const failing = (error: () => Error, attempts = 3) =>
  defineTask({
    name: 'fail',
    input: Text,
    attempts,
    backoff,
    keepResultMs: 60_000,
    run: () => {
      throw error()
    },
  })
