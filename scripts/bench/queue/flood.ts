// The flood: how long a mail waits beside 100,000 other jobs, here and in another checkout.
import { Redis } from 'ioredis'
import { z } from 'zod'
import type { defineTask } from '../../../src/kit/jobs/task.ts'
import type { createQueue } from '../../../src/kit/jobs/queue.ts'
import type { startWorker } from '../../../src/kit/jobs/worker.ts'

const JOBS = 100_000
const JOB_MS = 50
const MAILS = 40
/** Nobody waits for longer. */
const PATIENCE_MS = 10_000
const PREFIX = 'flood:'
const log = { debug() {}, info() {}, warn: console.warn, error: console.error }

/** The modules of a checkout's queue. */
export interface Kit {
  createQueue: typeof createQueue
  startWorker: typeof startWorker
  defineTask: typeof defineTask
}

/** From enqueue to start, ms: the median and the longest; PATIENCE_MS at the most. */
export async function flood({ createQueue, startWorker, defineTask }: Kit, url: string) {
  const started = new Map<number, PromiseWithResolvers<number>>()
  const input = z.object({ userId: z.number() })
  const job = defineTask({ name: 'crawl', input, run: () => Bun.sleep(JOB_MS) })
  const run = ({ userId }: { userId: number }) => started.get(userId)?.resolve(performance.now())
  const mail = defineTask({ name: 'mail', queue: 'mail', input, run })
  const redis = new Redis(url)
  const queue = createQueue({ redis, prefix: PREFIX, maxBytes: 1000 })
  const all = Array.from({ length: JOBS }, (_, userId) => ({ userId }))
  await queue.enqueueBulk(job, all)
  const options = { redis, prefix: PREFIX, id: 'flood', tasks: [job, mail], deps: undefined, log, drainMs: 0 }
  const worker = startWorker({ ...options, concurrency: 10 })
  await worker.ready
  await Bun.sleep(1000)
  const waits = Array.from({ length: MAILS }, async (_, userId) => {
    await Bun.sleep(userId * 25)
    const start = Promise.withResolvers<number>()
    started.set(userId, start)
    const since = performance.now()
    await queue.enqueue(mail, { userId })
    return Promise.race([
      start.promise.then((at) => at - since),
      Bun.sleep(PATIENCE_MS).then(() => PATIENCE_MS),
    ])
  })
  const sorted = (await Promise.all(waits)).toSorted((a, b) => a - b)
  await worker.stop()
  redis.disconnect()
  return { median: sorted[MAILS >> 1] ?? NaN, longest: sorted.at(-1) ?? NaN }
}
