// GroupMQ, the free queue on Redis that has an order by keys, as its documentation sets it up: one job of a group at a time.
import { Queue, Worker } from 'groupmq'
import { Redis } from 'ioredis'
import { KEYS, PAYLOAD, type Contestant } from './contestant.ts'

const open = (url: string) => {
  const redis = new Redis(url, { maxRetriesPerRequest: null })
  return { redis, queue: new Queue<{ userId: number }>({ redis, namespace: 'bench' }) }
}
const job = (i: number) => ({ groupId: `key${i % KEYS}`, data: PAYLOAD(i) })

export const groupmq: Contestant = {
  name: 'GroupMQ',
  async producer(url) {
    const { redis, queue } = open(url)
    return {
      enqueue: (i) => queue.add(job(i)),
      bulk: (from, count) => Promise.all(Array.from({ length: count }, (_, i) => queue.add(job(from + i)))),
      close: async () => {
        await queue.close()
        redis.disconnect()
      },
    }
  },
  async work(url, concurrency, onJob) {
    const { redis, queue } = open(url)
    const worker = new Worker({ queue, concurrency, handler: async ({ data }) => onJob(data) })
    void worker.run()
    return {
      stop: async () => {
        await worker.close()
        redis.disconnect()
      },
    }
  },
}
