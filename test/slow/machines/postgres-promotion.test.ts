// A primary dies, freezes, or is replaced under load, and a standby is promoted by hand: the service finds it by itself. It prints what that costs.
import { afterEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { checkHosts } from '../../../scripts/doctor/hosts.ts'
import { migrate } from '../../../scripts/migrate.ts'
import { openPrimaryConnection } from '../../../src/kit/data/postgres/primary-connection.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { startApp, type TestApp } from '../../kit/support/harness.ts'
import { until } from '../../kit/support/until.ts'
import { startTestWorker } from '../../kit/support/worker.ts'
import { ask, BIN, type Server, startCluster } from './postgres.ts'

if (!BIN) process.stderr.write('SKIPPED: promotions of Postgres, which take root and Debian postgresql\n')

const KIT_MIGRATIONS = join(import.meta.dir, '../../kit/product/drizzle')
const READERS = 8
const WRITERS = 4
/** Requests are ended by it where nothing else ends them. */
const REQUEST_MS = 10_000

/** What the jobs say that ran. */
const ran = new Set<number>()
const note = defineTask({ name: 'note', input: z.object({ n: z.number() }), run: ({ n }) => void ran.add(n) })

let ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.toReversed()) await end()
  ends = []
  ran.clear()
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
  const app = await startApp({ DATABASE_URL: cluster.url, REQUEST_TIMEOUT_MS: String(REQUEST_MS) })
  ends.push(() => app.close())
  const worker = await startTestWorker(app, [note])
  ends.push(() => worker.stop())
  return { app, one, two, load: startLoad(app) }
}

function startLoad(app: TestApp) {
  const statuses: Record<string, number> = {}
  const committed: number[] = []
  const unknown: string[] = []
  let [n, stopping, answeredAt, longestGapMs, slowestMs] = [0, false, performance.now(), 0, 0, 0]
  const count = (key: string, began: number) => {
    statuses[key] = (statuses[key] ?? 0) + 1
    const now = performance.now()
    slowestMs = Math.max(slowestMs, now - began)
    if (key.endsWith('200') || key === 'committed') {
      longestGapMs = Math.max(longestGapMs, now - answeredAt)
      answeredAt = now
    }
  }
  const readers = Array.from({ length: READERS }, async () => {
    while (!stopping) {
      const began = performance.now()
      const reply = await fetch(`${app.url}/api/probe`).catch(() => undefined)
      if (reply === undefined) break // the test is over
      await reply.text()
      if (reply.status === 503 && reply.headers.get('retry-after') === null)
        unknown.push('503 without Retry-After')
      count(`GET ${reply.status}`, began)
      if (reply.status !== 200) await Bun.sleep(20)
    }
  })
  const writers = Array.from({ length: WRITERS }, async () => {
    while (!stopping) {
      const began = performance.now()
      const mine = n++
      try {
        await app.deps.db.transaction((tx) => app.deps.enqueue(tx, note, { n: mine }))
        committed.push(mine)
        count('committed', began)
      } catch {
        count('not committed', began)
        await Bun.sleep(20)
      }
      await Bun.sleep(2)
    }
  })
  ends.push(async () => void (stopping = true))
  return {
    answers: () => statuses['GET 200'] ?? 0,
    /** Ends it, waits for the jobs, and prints. @returns the committed jobs that did not run */
    async end(title: string) {
      stopping = true
      await Promise.all([...readers, ...writers])
      await until(
        'an empty outbox',
        async () => (await app.deps.db.execute(sql`select 1 from outbox limit 1`)).length === 0,
      )
      let lost = committed.filter((each) => !ran.has(each))
      for (let i = 0; lost.length > 0 && i < 100; i++) {
        await Bun.sleep(50)
        lost = committed.filter((each) => !ran.has(each))
      }
      process.stdout.write(
        `${title}: ${JSON.stringify(statuses)}, longest gap ${(longestGapMs / 1000).toFixed(1)} s, slowest answer ${(slowestMs / 1000).toFixed(1)} s, ` +
          `${committed.length} jobs committed, ${lost.length} of them lost\n`,
      )
      expect(unknown).toEqual([])
      expect(
        Object.keys(statuses).filter((key) => key.startsWith('GET ') && !/^GET (200|503)$/.test(key)),
      ).toEqual([])
      return lost
    },
  }
}

const served = (load: { answers(): number }, more = 200) => {
  const before = load.answers()
  return until('requests to be served', () => load.answers() > before + more)
}
const readiness = async (app: TestApp) => {
  const { status, body } = await app.visitor().get('/ready')
  return `${status} ${body?.err ?? ''}`
}

describe.skipIf(!BIN)('promoted by hand', () => {
  test('after kill -9, with synchronous replication: nothing committed is lost, and the old one returns as a standby', async () => {
    const { app, one, two, load } = await stage({ synchronous: true })
    await served(load)
    await one.kill()
    await until('/ready to say so', async () =>
      (await readiness(app)).includes('no host of Postgres takes writes'),
    )
    await two.promote()
    await served(load)
    await one.rewindTo(two)
    await served(load)
    expect(await ask(one.port, 'select pg_is_in_recovery() as standby')).toEqual([{ standby: true }])
    // The URL names the standby first now: what asks now and then, beside the lanes, asks the primary all the same.
    const asking = openPrimaryConnection(app.config)
    ends.push(() => asking.close())
    const rows = await (await asking.get())`select pg_is_in_recovery() as standby`
    expect([...rows]).toEqual([{ standby: false }])
    expect(await checkHosts(app.config.databaseUrl)).toMatchObject([
      { level: 'ok', found: expect.stringMatching(/:\d+ is a standby.*; .*:\d+ is the primary/) },
    ])
    expect(await load.end('kill -9, promoted by hand, synchronous')).toEqual([])
    expect(await readiness(app)).toStartWith('200')
  })

  test('after kill -9, with asynchronous replication', async () => {
    const { one, two, load } = await stage({ synchronous: false })
    await served(load)
    await one.kill()
    await two.promote()
    await served(load)
    await load.end('kill -9, promoted by hand, asynchronous')
  })

  test('while the primary is frozen: 503 within seconds; when it thaws it is left alone, though it takes writes', async () => {
    const { app, one, two, load } = await stage({ synchronous: false })
    await served(load)
    one.signalAll('SIGSTOP')
    await until('/ready to say so', async () => (await readiness(app)).includes('takes writes'))
    await two.promote()
    await served(load)
    one.signalAll('SIGCONT')
    await until('the old primary to answer', () => ask(one.port, 'select 1'))
    const [before] = await ask(one.port, 'select pg_current_wal_lsn() as at')
    await served(load, 1000)
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
    await served(load)
    await one.kill('SIGINT') // a fast shutdown: the standby gets all of it
    await two.promote()
    await served(load)
    expect(await load.end('a switch by the book')).toEqual([])
  })
})
