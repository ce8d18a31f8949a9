// The limit: LMOVE to an own list and LREM from it, in pipelines, with nothing around them.
import { Redis } from 'ioredis'
import { PAYLOAD, type Contestant } from './contestant.ts'

const QUEUE = 'raw:queue'
const element = (i: number) => JSON.stringify({ id: String(i), task: 'welcome', data: PAYLOAD(i) })

export const raw: Contestant = {
  name: 'raw',
  async producer(url) {
    const redis = new Redis(url)
    return {
      enqueue: (i) => redis.rpush(QUEUE, element(i)),
      bulk: (from, count) =>
        redis.rpush(QUEUE, ...Array.from({ length: count }, (_, i) => element(from + i))),
      close: async () => redis.disconnect(),
    }
  },
  async work(url, concurrency, onJob) {
    const redis = new Redis(url)
    const mine = `raw:run:${process.pid}`
    let over = false
    const loop = async () => {
      let held: string[] = []
      while (!over) {
        const pipeline = redis.pipeline()
        for (const job of held) pipeline.lrem(mine, 1, job)
        for (let i = 0; i < concurrency; i++) pipeline.lmove(QUEUE, mine, 'LEFT', 'RIGHT')
        const replies = (await pipeline.exec()) ?? []
        held = replies.flatMap(([, reply]) => (typeof reply === 'string' ? reply : []))
        for (const job of held) onJob(JSON.parse(job).data)
        if (held.length === 0) await Bun.sleep(5)
      }
    }
    const looping = loop()
    return {
      async stop() {
        over = true
        await looping
        redis.disconnect()
      },
    }
  },
}
