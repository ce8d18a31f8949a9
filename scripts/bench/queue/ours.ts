// This project's queue.
import { Redis } from 'ioredis'
import { z } from 'zod'
import { createQueue } from '../../../src/kit/jobs/queue.ts'
import { defineTask, type Task } from '../../../src/kit/jobs/task.ts'
import { startWorker } from '../../../src/kit/jobs/worker.ts'
import { KEYS, PAYLOAD, type Contestant } from './contestant.ts'

const PREFIX = 'bench:'
const log = { debug() {}, info() {}, warn: console.warn, error: console.error }
const input = z.object({ userId: z.number(), template: z.string() })
const limit = { key: ({ userId }: { userId: number }) => String(userId % KEYS), max: 1 }
type Run = (payload: { userId: number }) => void

const contestant = (name: string, declare: (run: Run) => Task<typeof input>): Contestant => ({
  name,
  async producer(url) {
    const redis = new Redis(url)
    const queue = createQueue({ redis, prefix: PREFIX, maxBytes: 65_536 })
    const task = declare(() => {})
    return {
      enqueue: (i) => queue.enqueue(task, PAYLOAD(i)),
      bulk: (from, count) =>
        queue.enqueueBulk(
          task,
          Array.from({ length: count }, (_, i) => PAYLOAD(from + i)),
        ),
      close: async () => redis.disconnect(),
    }
  },
  async work(url, concurrency, onJob) {
    const redis = new Redis(url, { lazyConnect: true })
    const id = `w${process.pid}`
    const worker = startWorker({
      redis,
      prefix: PREFIX,
      id,
      tasks: [declare(onJob)],
      deps: undefined,
      log,
      concurrency,
    })
    await worker.ready
    return worker
  },
})

export const ours = contestant('ours', (run) => defineTask({ name: 'welcome', input, run }))
/** One job of a key at a time. */
export const keyed = contestant('ours, keyed', (run) => defineTask({ name: 'welcome', input, limit, run }))
