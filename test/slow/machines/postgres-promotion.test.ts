// A primary dies, freezes, or is replaced under load, and a standby is promoted by hand: the service finds it by itself. It prints what that costs.
import { afterEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { checkHosts } from '../../../scripts/doctor/hosts.ts'
import { migrate } from '../../../scripts/migrate.ts'
import { openPrimaryConnection } from '../../../src/kit/data/postgres/primary-connection.ts'
import type { TestApp } from '../../kit/support/harness.ts'
import { until } from '../../kit/support/until.ts'
import { startLoadedService } from './load.ts'
import { ask, BIN, type Server, startCluster } from './postgres.ts'

if (!BIN) process.stderr.write('SKIPPED: promotions of Postgres, which take root and Debian postgresql\n')

const KIT_MIGRATIONS = join(import.meta.dir, '../../kit/product/drizzle')

let ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.toReversed()) await end()
  ends = []
}, 60_000)

/** A service on a primary and its standby. `load` counts what clients are told, and which jobs were committed and ran. */
async function stage({ synchronous }: { synchronous: boolean }) {
  const cluster = await startCluster()
  ends.push(() => cluster.close())
  const [one, two] = cluster.servers as [Server, Server]
  await migrate(cluster.url, { folder: KIT_MIGRATIONS })
  if (synchronous) {
    await ask(one.port, `alter system set synchronous_standby_names = '*'`)
    await ask(one.port, 'select pg_reload_conf()')
  }
  const service = await startLoadedService({ DATABASE_URL: cluster.url })
  ends.push(() => service.close())
  return { ...service, one, two }
}

const readiness = async (app: TestApp) => {
  const { status, body } = await app.visitor().get('/ready')
  return `${status} ${body?.err ?? ''}`
}

describe.skipIf(!BIN)('promoted by hand', () => {
  test('after kill -9, with synchronous replication: nothing committed is lost, and the old one returns as a standby', async () => {
    const { app, one, two, load } = await stage({ synchronous: true })
    await load.served()
    await one.kill()
    await until('/ready to say so', async () =>
      (await readiness(app)).includes('no host of Postgres takes writes'),
    )
    await two.promote()
    await load.served()
    await one.rewindTo(two)
    await load.served()
    expect(await ask(one.port, 'select pg_is_in_recovery() as standby')).toEqual([{ standby: true }])
    // The URL names the standby first now: what asks now and then, beside the lanes, asks the primary all the same.
    const asking = openPrimaryConnection(app.config)
    ends.push(() => asking.close())
    const rows = await (await asking.get())`select pg_is_in_recovery() as standby`
    expect([...rows]).toEqual([{ standby: false }])
    expect(await checkHosts(app.config.databaseUrl)).toMatchObject([
      { level: 'ok', found: expect.stringMatching(/:\d+ is a standby.*; .*:\d+ is the primary/) },
    ])
    expect(await load.end('kill -9, promoted by hand, synchronous')).toEqual({ jobs: [], rows: [] })
    expect(await readiness(app)).toStartWith('200')
  })

  test('after kill -9, with asynchronous replication', async () => {
    const { one, two, load } = await stage({ synchronous: false })
    await load.served()
    await one.kill()
    await two.promote()
    await load.served()
    await load.end('kill -9, promoted by hand, asynchronous')
  })

  test('while the primary is frozen: 503 within seconds; when it thaws it is left alone, though it takes writes', async () => {
    const { app, one, two, load } = await stage({ synchronous: false })
    await load.served()
    one.signalAll('SIGSTOP')
    await until('/ready to say so', async () => (await readiness(app)).includes('takes writes'))
    await two.promote()
    await load.served()
    one.signalAll('SIGCONT')
    await until('the old primary to answer', () => ask(one.port, 'select 1'))
    const [before] = await ask(one.port, 'select pg_current_wal_lsn() as at')
    await load.served(1000)
    const rows = await ask(
      one.port,
      "select 1 from pg_stat_activity where query ilike '%outbox%' and state <> 'idle' and pid <> pg_backend_pid()",
    )
    expect(rows).toEqual([])
    expect(before).toBeDefined()
    await load.end('frozen, promoted by hand, asynchronous')
  })

  test('a switch by the book: the primary stops, the standby is promoted', async () => {
    const { one, two, load } = await stage({ synchronous: true })
    await load.served()
    await one.kill('SIGINT') // a fast shutdown: the standby gets all of it
    await two.promote()
    await load.served()
    expect(await load.end('a switch by the book')).toEqual({ jobs: [], rows: [] })
  })
})
