// In a Cluster a command, a transaction or a script has keys of one slot.
import { test } from 'bun:test'
import { hasRedisServer } from '../jobs/real-redis.ts'
import { withClusterOfOne } from '../support/cluster-of-one.ts'
import { expectContract } from '../support/redis-contract.ts'

test.if(hasRedisServer())('nothing that the service asks of Redis touches keys of two slots', async () => {
  await withClusterOfOne((url) => expectContract(url, 'contract:'))
})
