// Reads that may be stale: a replica answers them while it is good, the primary otherwise, and an account sees its own writes.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import type { Lane } from '../../../src/kit/data/lanes.ts'
import { prepared } from '../../../src/kit/data/prepared.ts'
import { openPostgres } from '../../../src/kit/data/postgres.ts'
import { driverCode } from '../../../src/kit/data/transient.ts'
import type { Db } from '../../../src/kit/types/db.ts'
import { startApp, type TestApp } from '../support/harness.ts'
import { silent } from '../support/log.ts'
import { startReplica } from '../support/replica.ts'
import { until } from '../support/until.ts'

let pair: Awaited<ReturnType<typeof startReplica>>
let app: TestApp
let db: Db
beforeAll(async () => {
  pair = await startReplica()
  app = await startApp({ ...pair.env, STALE_MAX_LAG_MS: '5000', LOCK_TIMEOUT_MS: '500' })
})
afterAll(async () => {
  await app.close()
  await pair.close()
})
beforeEach(async () => {
  await pair.link.restore()
  await pair.catchUp()
  db = await app.deps.stale.for(null)
  await until('the replica to be in', async () => (await answeredBy(db)) === pair.names.replica)
})

const answeredBy = async (from: Db, statement = sql`select current_database() as name`) =>
  (await from.execute<{ name: string }>(statement))[0]?.name

/** Prepared. */
const who = (lane?: Lane) =>
  prepared(
    (from) =>
      from
        .select({ name: sql<string>`current_database()` })
        .from(sql`(select 1) as one`)
        .prepare(`who_${lane}`),
    lane,
  )
const byLane = { other: who(), fast: who('fast'), accounts: who('accounts'), search: who('search') }

const causeOf = (reading: PromiseLike<unknown>) =>
  reading.then(
    () => undefined,
    (error: unknown) => (error instanceof Error && error.cause instanceof Error ? error.cause : error),
  )

test('a replica answers in each lane, prepared statements too, and everything else stays with the primary', async () => {
  const { primary, replica } = pair.names
  for (const query of Object.values(byLane)) {
    expect(await query(db).execute()).toEqual([{ name: replica }])
    expect(await query(app.deps.db).execute()).toEqual([{ name: primary }])
  }
  expect((await app.visitor().get('/api/probe/stale')).body[0]).toBe(replica)
})

describe('left out, and back', () => {
  test('one that lags', async () => {
    await pair.stall()
    await until('the primary to answer', async () => (await answeredBy(db)) === pair.names.primary)
    await pair.catchUp()
    await until('the replica to answer', async () => (await answeredBy(db)) === pair.names.replica)
  })

  test('one that takes writes by now', async () => {
    await pair.promote()
    await until('the primary to answer', async () => (await answeredBy(db)) === pair.names.primary)
  })

  test('one that is gone: no read fails', async () => {
    await pair.link.cut()
    expect(await answeredBy(db)).toBe(pair.names.primary)
    const reads = Array.from({ length: 50 }, () => byLane.fast(db).execute())
    for (const read of reads) expect(await read).toEqual([{ name: pair.names.primary }])
    await pair.link.restore()
    await until('the replica to answer', async () => (await answeredBy(db)) === pair.names.replica)
  })

  test('one that hangs: what waits for it is answered by the primary', async () => {
    pair.link.stall()
    const reads = Array.from({ length: 50 }, () => [byLane.fast(db).execute(), answeredBy(db)] as const)
    for (const [fast, other] of reads) {
      expect(await fast).toEqual([{ name: pair.names.primary }])
      expect(await other).toBe(pair.names.primary)
    }
    await pair.link.restore()
    await until('the replica to answer', async () => (await answeredBy(db)) === pair.names.replica)
  })
})

describe('repeated on the primary', () => {
  test('what is in conflict with what the replica replays, and what needs a migration that it has not got', async () => {
    expect(await answeredBy(db, sql`select conflict() as name`)).toBe(pair.names.primary)
    expect(await answeredBy(db, sql`select only_here() as name`)).toBe(pair.names.primary)
  })

  test('not what took too long', async () => {
    expect(driverCode(await causeOf(db.execute(sql`select timed_out()`)))).toBe('57014')
  })
})

test('when none is good slow reads take no place from the rest of the service', async () => {
  const served = openPostgres(app.config, silent)
  try {
    await until(
      'the replica to be in',
      async () => (await answeredBy(served.stale.reading)) === pair.names.replica,
    )
    await pair.link.cut()
    const slow = Array.from({ length: 12 }, () =>
      served.stale.reading.execute(sql`select pg_sleep(1)`).then(() => 1),
    )
    const running = async () => {
      const sleeping = sql`select 1 from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`
      return (await served.db.execute(sleeping)).length
    }
    await until('some to run', async () => (await running()) > 0)
    for (let i = 0; i < 50; i++) expect(await running()).toBeLessThanOrEqual(app.config.databasePool / 2)
    expect(served.gates.get('pool')?.stats()).toMatchObject({ waiting: 0, refused: 0 })
    await Promise.all(slow)
  } finally {
    await served.close()
  }
})

test('who watches statements is told of those, by their name and by the replica that they went to', async () => {
  const served = openPostgres(app.config, silent)
  const seen: [string, string | undefined][] = []
  served.observeQueries({ onQuery: (name, _at, _ms, _error, { replica }) => void seen.push([name, replica]) })
  try {
    const { host } = new URL(app.config.databaseReplicaUrl ?? '')
    await until('the replica to be in', async () => {
      seen.length = 0
      await byLane.fast(served.stale.reading).execute()
      return seen[0]?.[1] !== undefined
    })
    expect(seen).toEqual([['who_fast', host]])
    expect(served.staleStats?.()).toMatchObject([
      { target: 'primary' },
      { target: host, statements: 1, replica: { isIn: 1 } },
    ])
  } finally {
    await served.close()
  }
})

describe('nothing is written by it, and the error says what to do', () => {
  const statements = [
    sql`insert into members default values`,
    sql`with gone as (delete from members returning *) select * from gone`,
    sql`select * from members for update`,
    sql`select refused()`,
  ]
  test('on a replica, nor on the primary', async () => {
    const fresh = await app.deps.stale.for('anybody').then(async () => {
      await app.deps.stale.wrote('anybody')
      return app.deps.stale.for('anybody')
    })
    expect(await answeredBy(fresh)).toBe(pair.names.primary)
    for (const handle of [db, fresh]) {
      for (const statement of statements)
        expect(String(await causeOf(handle.execute(statement)))).toContain('write, lock rows and begin')
      expect(String(await causeOf(handle.transaction(async () => {})))).toContain('write, lock rows')
    }
    expect(await app.deps.db.execute(sql`select * from written`)).toHaveLength(0)
  })

  test('nor where there are no replicas', async () => {
    const alone = await startApp()
    try {
      const handle = await alone.deps.stale.for('anybody')
      expect(handle).toBe(await alone.deps.stale.for(null))
      for (const statement of statements.slice(0, 3))
        expect(String(await causeOf(handle.execute(statement)))).toContain('write, lock rows and begin')
      expect(await handle.execute(sql`select count(*)::int as n from members`)).toMatchObject([{ n: 0 }])
    } finally {
      await alone.close()
    }
  })
})

describe('whoever has written', () => {
  test('is answered by the primary, in every session of the account, until replicas have it for sure', async () => {
    const { primary, replica } = pair.names
    const [writer, other] = [await app.member(), await app.member()]
    const by = async (client: ReturnType<typeof app.visitor>) =>
      (await client.get('/api/probe/stale')).body[0]
    await until('the mark of joining to go', async () => (await by(writer)) === replica)
    await until('the mark of joining to go', async () => (await by(other)) === replica)
    await writer.post('/api/probe', { title: 'Heat' })
    expect(await by(writer)).toBe(primary)
    expect(await by(other)).toBe(replica)
    const again = app.visitor()
    await again.post('/club/enter', writer.account)
    expect(await by(again)).toBe(primary)
    await until('the mark to go', async () => (await by(writer)) === replica)
  })

  test('a task says so for the account that it wrote for', async () => {
    await app.deps.stale.wrote('somebody')
    expect(await answeredBy(await app.deps.stale.for('somebody'))).toBe(pair.names.primary)
  })
})
