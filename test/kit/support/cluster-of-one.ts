// Starts a Cluster of one server: it has all slots, and refuses a command, a transaction or a script over two as any does.
import { expect } from 'bun:test'
import { Redis } from 'ioredis'
import { startRedis } from '../jobs/real-redis.ts'
import { until } from './until.ts'

/** Runs `use` with its URL, and removes it. */
export async function withClusterOfOne(use: (url: string) => Promise<void>): Promise<void> {
  const server = await startRedis(['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'])
  try {
    const redis = new Redis(server.url)
    await redis.cluster('ADDSLOTSRANGE', 0, 16_383)
    await until('the cluster', async () => (await redis.cluster('INFO')).includes('cluster_state:ok'))
    await expect(redis.mget('a', 'b')).rejects.toThrow('CROSSSLOT')
    redis.disconnect()
    await use(server.url.replace('redis:', 'redis+cluster:'))
  } finally {
    await server.remove()
  }
}
