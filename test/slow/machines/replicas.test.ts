// Real streaming standbys lag, die, freeze and come back under load: no stale read fails, none is older than allowed, and writers see what they wrote.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { migrate } from '../../../scripts/migrate.ts'
import { startApp, type TestApp } from '../../kit/support/harness.ts'
import { until } from '../../kit/support/until.ts'
import { ask, BIN, type Server, startCluster } from './postgres.ts'

if (!BIN) process.stderr.write('SKIPPED: replicas of Postgres, which take root and Debian postgresql\n')

const KIT_MIGRATIONS = join(import.meta.dir, '../../kit/product/drizzle')
const MAX_LAG_MS = 2000
const READERS = 8

/** What clients of the service do meanwhile. It ends with `end`, which prints what was seen. */
function startLoad(app: TestApp) {
  const { db, stale } = app.deps
  const committed: { n: number; at: number }[] = []
  const served: Record<string, number> = {}
  const failures: string[] = []
  let [stopping, slowestMs, tooOld, unseen, n] = [false, 0, 0, 0, 0]
  const newest = async (handle: typeof db) => {
    const [row] = await handle.execute<{ n: number; server: string }>(
      sql`select coalesce(max(n), 0)::int as n, current_setting('cluster_name') as server from counted`,
    )
    return row ?? { n: 0, server: '' }
  }
  const writer = async () => {
    while (!stopping) {
      const mine = ++n
      await db.execute(sql`insert into counted values (${mine})`)
      committed.push({ n: mine, at: performance.now() })
      const account = `account${mine % 7}`
      await stale.wrote(account)
      if ((await newest(await stale.for(account))).n < mine) unseen++
      await Bun.sleep(5)
    }
  }
  const reads = Array.from({ length: READERS }, () => 0)
  const reader = async (_: unknown, me: number) => {
    while (!stopping) {
      const began = performance.now()
      try {
        const { n: seen, server } = await newest(await stale.for(null))
        served[server] = (served[server] ?? 0) + 1
        reads[me] = (reads[me] ?? 0) + 1
        const lacking = committed[committed.findIndex((each) => each.n > seen)]
        if (lacking && lacking.at < began - MAX_LAG_MS) tooOld++
      } catch (error) {
        failures.push(String(error instanceof Error ? (error.cause ?? error) : error))
      }
      slowestMs = Math.max(slowestMs, performance.now() - began)
      await Bun.sleep(1)
    }
  }
  const all = [writer(), ...Array.from({ length: READERS }, reader)]
  return {
    /** Resolves when so many more reads were answered by servers of which this is true. */
    async servedBy(is: (server: string) => boolean, more = 100) {
      const count = () =>
        Object.keys(served).reduce((sum, name) => sum + (is(name) ? (served[name] ?? 0) : 0), 0)
      const before = count()
      await until('reads to be answered there', () => count() > before + more)
    },
    /** Resolves when no read was answered by this one for a while of reads. */
    async withoutServer(name: string) {
      await until(`${name} to be left out`, async () => {
        const [before, others] = [served[name] ?? 0, this.total()]
        await until('more reads', () => this.total() > others + 200)
        return (served[name] ?? 0) === before
      })
    },
    /** Resolves when each reader has read since: nobody waits any more. */
    async servedEverybody(more = 20) {
      const before = [...reads]
      await until('everybody to be answered', () => reads.every((n, i) => n > (before[i] ?? 0) + more))
    },
    total: () => Object.values(served).reduce((sum, each) => sum + each, 0),
    async end(title: string) {
      stopping = true
      await Promise.all(all)
      process.stdout.write(
        `${title}: reads ${JSON.stringify(served)}, ${failures.length} failed, slowest ${(slowestMs / 1000).toFixed(1)} s, ` +
          `${committed.length} writes, ${unseen} not seen by their writer, ${tooOld} reads older than allowed\n`,
      )
      expect({ failures, unseen, tooOld }).toEqual({ failures: [], unseen: 0, tooOld: 0 })
    },
  }
}

describe.skipIf(!BIN)('replicas', () => {
  let cluster: Awaited<ReturnType<typeof startCluster>>
  let app: TestApp
  let [one, two, three] = [] as unknown as [Server, Server, Server]
  beforeAll(async () => {
    cluster = await startCluster(2)
    ;[one, two, three] = cluster.servers as [Server, Server, Server]
    const at = (...servers: Server[]) =>
      `postgres://postgres:secret@${servers.map(({ port }) => `127.0.0.1:${port}`).join()}/postgres`
    await migrate(at(one), { folder: KIT_MIGRATIONS })
    await ask(one.port, 'create table counted (n integer primary key)')
    app = await startApp({
      DATABASE_URL: at(one),
      // As all hosts are named where roles change: the primary is left out.
      DATABASE_REPLICA_URL: at(one, two, three),
      STALE_MAX_LAG_MS: String(MAX_LAG_MS),
      REQUEST_TIMEOUT_MS: '10000',
    })
  }, 120_000)
  afterAll(async () => {
    await app.close()
    await cluster.close()
  }, 60_000)

  const isReplica = (name: string) => name !== 'one'
  const begin = async () => {
    await ask(one.port, 'truncate counted')
    const load = startLoad(app)
    await load.servedBy((name) => name === 'two')
    await load.servedBy((name) => name === 'three')
    return load
  }

  test('one that does not replay is left out, and is back when it has caught up', async () => {
    const load = await begin()
    await ask(two.port, 'select pg_wal_replay_pause()')
    await load.withoutServer('two')
    await load.servedBy((name) => name === 'three')
    await ask(three.port, 'select pg_wal_replay_pause()')
    await load.servedBy((name) => name === 'one')
    await load.withoutServer('three')
    await ask(two.port, 'select pg_wal_replay_resume()')
    await ask(three.port, 'select pg_wal_replay_resume()')
    await load.servedBy((name) => name === 'two')
    await load.servedBy((name) => name === 'three')
    await load.end('replay paused')
  })

  test('one that dies, and then the other: the primary answers, and both come back', async () => {
    const load = await begin()
    await two.kill()
    await load.servedBy((name) => name === 'three')
    await three.kill()
    await load.servedBy((name) => name === 'one')
    expect((await app.visitor().get('/ready')).status).toBe(200)
    await two.start()
    await three.start()
    await load.servedBy((name) => name === 'two')
    await load.servedBy((name) => name === 'three')
    await load.end('kill -9')
  })

  test('one that freezes: what waits for it is answered by another, and it comes back', async () => {
    const load = await begin()
    two.signalAll('SIGSTOP')
    await load.servedEverybody()
    await load.withoutServer('two')
    await load.servedBy((name) => name === 'three')
    two.signalAll('SIGCONT')
    await load.servedBy((name) => name === 'two')
    await load.end('frozen')
  })

  test('a read that is in the way of what the replica replays is answered by the primary', async () => {
    for (const { port } of [two, three]) {
      await ask(port, `alter system set max_standby_streaming_delay = '50ms'`)
      await ask(port, 'select pg_reload_conf()')
    }
    await ask(one.port, 'create table in_the_way (n integer)')
    for (const { port } of [two, three])
      await until(
        'the replica to have it',
        async () => (await ask(port, `select 1 from pg_class where relname = 'in_the_way'`)).length > 0,
      )
    const runsAt = async ({ port }: Server) =>
      (await ask(port, `select 1 from pg_stat_activity where wait_event = 'PgSleep'`)).length > 0
    // The primary answers at once: a replica that lags just now is asked again later.
    const { reading } = await until('one to run on a replica', async () => {
      const stale = await app.deps.stale.for(null)
      const state = { isDone: false }
      const reading = stale
        .execute<{ server: string }>(
          sql`select current_setting('cluster_name') as server,
            pg_sleep(case current_setting('cluster_name') when 'one' then 0 else 8 end), count(*) from in_the_way`,
        )
        .then((rows) => rows)
        .finally(() => {
          state.isDone = true
        })
      while (!state.isDone) if ((await runsAt(two)) || (await runsAt(three))) return { reading }
      await reading
      return undefined
    })
    await ask(one.port, 'alter table in_the_way add column more integer')
    expect((await reading)[0]?.server).toBe('one')
  })

  test('whoever has written in a session is answered by the primary', async () => {
    const member = await app.member()
    expect((await member.get('/api/probe/stale')).body[1]).toBe('one')
    await until('the mark to go', async () => isReplica((await member.get('/api/probe/stale')).body[1]))
    await member.post('/api/probe', { title: 'Heat' })
    expect((await member.get('/api/probe/stale')).body[1]).toBe('one')
  })
})
