// BullMQ as its documentation sets it up, but that finished jobs are removed, as ours are.
import { Queue, Worker } from 'bullmq'
import { PAYLOAD, type Contestant } from './contestant.ts'

const connection = (url: string) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) })
const NAME = 'bench'
const OPTIONS = { removeOnComplete: true, removeOnFail: true }

export const bullmq: Contestant = {
  name: 'BullMQ',
  async producer(url) {
    const queue = new Queue(NAME, { connection: connection(url), defaultJobOptions: OPTIONS })
    await queue.waitUntilReady()
    return {
      enqueue: (i) => queue.add('welcome', PAYLOAD(i)),
      bulk: (from, count) =>
        queue.addBulk(
          Array.from({ length: count }, (_, i) => ({ name: 'welcome', data: PAYLOAD(from + i) })),
        ),
      close: () => queue.close(),
    }
  },
  async work(url, concurrency, onJob) {
    const options = { connection: connection(url), concurrency, ...OPTIONS, removeOnComplete: { count: 0 } }
    const worker = new Worker(NAME, async (job) => onJob(job.data), {
      ...options,
      removeOnFail: { count: 0 },
    })
    worker.on('error', (error) => console.error(error))
    await worker.waitUntilReady()
    return { stop: () => worker.close() }
  },
}
