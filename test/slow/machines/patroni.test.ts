// Patroni moves the primary under load: by a command, when its machine dies, and when it is cut off. It prints what that costs.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { migrate } from '../../../scripts/migrate.ts'
import { startLoadedService } from './load.ts'
import { createNetwork, type Network } from './network.ts'
import { PATRONI, startPatroni } from './patroni.ts'

if (!PATRONI)
  process.stderr.write('SKIPPED: Patroni, which takes root and Debian patroni, etcd-server, python3-etcd\n')

const KIT_MIGRATIONS = join(import.meta.dir, '../../kit/product/drizzle')
const NOTHING = { jobs: [], rows: [] }

describe.skipIf(!PATRONI)('Patroni', () => {
  let network: Network | undefined
  let cluster: Awaited<ReturnType<typeof startPatroni>>
  let url = ''
  beforeAll(async () => {
    network = createNetwork()
    if (!network) throw new Error('no network can be made here')
    cluster = await startPatroni(network)
    await cluster.whole()
    url = `postgres://postgres:secret@${cluster.hosts}/postgres`
    await migrate(url, { folder: KIT_MIGRATIONS })
  })
  afterAll(() => {
    network?.remove()
    cluster?.remove()
  }, 60_000)

  let ends: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const end of ends.toReversed()) await end()
    ends = []
  }, 60_000)

  /** A service under load, with the leader of now. */
  async function stage(env: Record<string, string> = {}) {
    await cluster.whole()
    const leader = await cluster.leader()
    const service = await startLoadedService({ DATABASE_URL: url, DATABASE_REPLICA_URL: url, ...env })
    ends.push(() => service.close())
    await service.load.served(1000)
    return { load: service.load, leader }
  }

  /** The machine dies, another takes over, and it comes back as a standby. */
  async function killLeader({ load, leader }: Awaited<ReturnType<typeof stage>>) {
    leader.machine.kill()
    const next = await cluster.leader(leader)
    await load.served()
    leader.start()
    await cluster.whole()
    await load.served()
    return next
  }

  test('patronictl switchover: nothing that was committed is lost', async () => {
    const { load, leader } = await stage()
    const to = await cluster.syncStandby()
    if (!to) throw new Error('there is no synchronous standby')
    cluster.switchOver(leader, to)
    expect(await cluster.leader()).toBe(to)
    await load.served()
    await cluster.whole()
    await load.served(1000)
    expect(await load.end('Patroni, switchover')).toEqual(NOTHING)
  })

  test("kill -9 of all on the leader's machine, synchronous: nothing that was committed is lost", async () => {
    const { load, leader } = await stage()
    expect(await killLeader({ load, leader })).not.toBe(leader)
    expect(await load.end('Patroni, kill -9 of the leader, synchronous')).toEqual(NOTHING)
  })

  test('the leader is cut off: another leads, the former one is left alone and comes back as a standby', async () => {
    const { load, leader } = await stage()
    leader.machine.cut()
    expect(await cluster.leader(leader)).not.toBe(leader)
    await load.served()
    leader.machine.mend()
    await cluster.whole()
    await load.served(1000)
    expect(await load.end('Patroni, the leader cut off, synchronous')).toEqual(NOTHING)
  })

  test('asynchronous, with a lag allowed that is longer than a failover: no stale read fails', async () => {
    await cluster.setSynchronous(false)
    const { load, leader } = await stage({ STALE_MAX_LAG_MS: '60000' })
    expect(await killLeader({ load, leader })).not.toBe(leader)
    await load.end('Patroni, kill -9 of the leader, asynchronous, STALE_MAX_LAG_MS=60000')
    expect(Object.keys(load.statuses).filter((key) => key.startsWith('stale'))).toEqual(['stale GET 200'])
  })
})
