// A Cluster of one server has all slots, and refuses a command, a transaction or a script over two as any Cluster does.
import { expect, test } from 'bun:test'
import { Redis } from 'ioredis'
import { hasRedisServer, startRedis } from '../jobs/real-redis.ts'
import { expectContract } from '../support/redis-contract.ts'
import { until } from '../support/until.ts'

test.if(hasRedisServer())('nothing that the service asks of Redis touches keys of two slots', async () => {
  const server = await startRedis(['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'])
  try {
    const redis = new Redis(server.url)
    await redis.cluster('ADDSLOTSRANGE', 0, 16_383)
    await until('the cluster', async () => (await redis.cluster('INFO')).includes('cluster_state:ok'))
    await expect(redis.mget('a', 'b')).rejects.toThrow('CROSSSLOT')
    redis.disconnect()
    await expectContract(server.url.replace('redis:', 'redis+cluster:'), 'contract:')
  } finally {
    await server.remove()
  }
})
