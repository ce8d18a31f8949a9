// Channels on a Cluster: what is appended arrives, and nothing touches keys of two slots.
import { expect, test } from 'bun:test'
import { append, newestId, readAfter, START } from '../../../src/kit/channels/event-log.ts'
import { openWakeUp } from '../../../src/kit/channels/wake-up.ts'
import { closeRedis, connectRedis } from '../../../src/kit/data/redis.ts'
import { hasRedisServer } from '../jobs/real-redis.ts'
import { withClusterOfOne } from '../support/cluster-of-one.ts'
import { silent } from '../support/log.ts'
import { until } from '../support/until.ts'

test.if(hasRedisServer())(
  'on a Cluster what is told on channels arrives, and can be read again',
  async () => {
    await withClusterOfOne(async (url) => {
      const redis = connectRedis(url, { log: silent, timeoutMs: 10_000 })
      try {
        await redis.connect()
        await expectChannels(redis, 'contract:')
      } finally {
        await closeRedis(redis)
      }
    })
  },
)

async function expectChannels(redis: ReturnType<typeof connectRedis>, prefix: string): Promise<void> {
  const news: string[] = []
  const wakeUp = openWakeUp(redis, prefix, { news: (key) => news.push(key), back: async () => {} })
  try {
    await until('the connection', () => wakeUp.run !== undefined)
    for (const key of ['one', 'two', 'three'])
      await append(wakeUp.redis, prefix, { key, text: `"${key}"`, once: 'a' })
    await until('all news', () => news.length >= 3)
    expect(news.toSorted()).toEqual(['one', 'three', 'two'])
    expect(await newestId(wakeUp.redis, prefix, 'one')).not.toBe(START)
    const from = { run: wakeUp.run ?? '', at: Date.now(), id: START }
    const { events, isWhole } = await readAfter(wakeUp.redis, prefix, 'two', from, () => wakeUp.run ?? '')
    expect([events.map(({ text }) => text), isWhole]).toEqual([['"two"'], true])
  } finally {
    wakeUp.close()
  }
}
