// The lanes to Postgres: slow work takes no place from quick work, what nobody waits for never starts, nothing hangs.
import { describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { loadConfig } from '../product/product.ts'
import type { Db } from '../../../src/kit/types/db.ts'
import { connectionsPerProcess, openPostgres } from '../../../src/kit/data/postgres.ts'
import { inLane } from '../../../src/kit/data/lanes.ts'
import { prepared } from '../../../src/kit/data/prepared.ts'
import { retryConflict } from '../../../src/kit/data/transient.ts'
import { requestContext } from '../../../src/kit/log/request-context.ts'
import { startApp } from '../support/harness.ts'
import { silent } from '../support/log.ts'
import { PGBOUNCER, startPgBouncer } from '../support/pgbouncer.ts'
import { PATIENT, redisUrl } from '../support/services.ts'
import { until } from '../support/until.ts'
import { codeOf, findRow, openLanes, PLACES, run } from '../support/lanes.ts'

const { countOf, database, db, lockedOutside, open, opened, running } = await openLanes()

describe('slow work takes no place from quick work', () => {
  test('writes that wait for a row leave a place for reads, and leave reads by key alone', async () => {
    const release = await lockedOutside('select * from lockable for update')
    const writes = Array.from({ length: 12 }, () => codeOf(run(db, sql`update lockable set title = title`)))
    await until('writes to wait', async () => (await running('update lockable')) === PLACES - 1)
    expect(await findRow(db, 1)).toMatchObject({ title: 'Heat' })
    expect(await run(db, sql`select title from lockable where title = 'Heat'`)).toHaveLength(1)
    await release()
    await Promise.all(writes)
  })

  test('searches run two at once, the others in line; each ends at its own timeout', async () => {
    const slow = open({ SEARCH_TIMEOUT_MS: '700' })
    try {
      const search = inLane(slow.db, 'search')
      const searches = Array.from({ length: 4 }, () =>
        codeOf(run(search, sql`select pg_sleep(30), 'searching'`)),
      )
      await until('two to run', async () => (await running("'searching'")) === 2)
      expect(await run(slow.db, sql`insert into counted values (0) returning n`)).toHaveLength(1)
      expect(await Promise.all(searches)).toEqual(Array(4).fill('57014'))
      expect(await run(search, sql`select 1 as one`)).toMatchObject([{ one: 1 }])
    } finally {
      await slow.close()
    }
  })

  test('a lock is waited for no longer than LOCK_TIMEOUT_MS, and by a read by key still less', async () => {
    const impatient = open({ LOCK_TIMEOUT_MS: '300' })
    const release = await lockedOutside('lock table lockable')
    try {
      expect(await codeOf(run(impatient.db, sql`update lockable set title = title`))).toBe('55P03')
      expect(await codeOf(findRow(impatient.db, 1))).toBe('55P03')
      expect(await run(inLane(impatient.db, 'accounts'), sql`select count(*) from members`)).toHaveLength(1)
    } finally {
      await release()
      await impatient.close()
    }
  })
})

test('a column whose type is changed fails no statement that was prepared before', async () => {
  await run(db, sql`create table changing (id int primary key, name text)`)
  await run(db, sql`insert into changing values (1, 'one')`)
  const find = prepared((handle) =>
    handle
      .select({ name: sql`name` })
      .from(sql`changing`)
      .prepare('changing_all'),
  )
  const ask = (handle: Db) => find(handle).execute()
  const lanes = ['fast', 'accounts'] as const
  const all = () => [db, db, db, db, ...lanes.flatMap((lane) => Array(30).fill(inLane(db, lane)))]
  await Promise.all(all().map(ask))
  await run(db, sql`alter table changing alter name type varchar(50)`)
  const codes = await Promise.all(all().map((handle) => codeOf(ask(handle))))
  expect(new Set(codes)).toEqual(new Set(['none']))
  await run(db, sql`alter table changing alter name type text`)
  const inside = () => db.transaction(async (tx) => ask(tx))
  expect(await codeOf(retryConflict(inside))).toBe('none')
})

describe('what nobody waits for', () => {
  test('never starts: who is gone leaves the line', async () => {
    const before = await countOf()
    const client = new AbortController()
    const request = new Request('http://localhost/', { signal: client.signal })
    const busy = Array.from({ length: PLACES - 1 }, () =>
      run(db, sql`with slept as (select pg_sleep(1.5)) insert into counted select 1 from slept`),
    )
    const abandoned = requestContext.run({ requestId: 'r', request }, () =>
      Array.from({ length: 30 }, () => codeOf(run(db, sql`insert into counted values (2)`))),
    )
    client.abort()
    expect(await Promise.all(abandoned)).toEqual(Array(30).fill('GATE_BUSY'))
    await Promise.all(busy)
    expect(await countOf()).toBe(before + PLACES - 1)
  })

  test('a line that is full refuses at once', async () => {
    const release = await lockedOutside('lock table counted in exclusive mode')
    const codes: string[] = []
    const all = Array.from({ length: 2600 }, () =>
      codeOf(run(db, sql`insert into counted values (3)`)).then((code) => codes.push(code)),
    )
    await until('some to be refused', () => codes.length > 0)
    expect(new Set(codes)).toEqual(new Set(['GATE_BUSY']))
    await release()
    await Promise.all(all)
    expect(codes.filter((code) => code === 'none').length).toBeGreaterThanOrEqual(200)
  })
})

test('a backend that is killed takes nothing along that hangs: what waited behind it settles at once', async () => {
  const accounts = inLane(db, 'accounts')
  const codes: string[] = []
  const all = Array.from({ length: 10 }, () =>
    codeOf(run(accounts, sql`select pg_sleep(${30}), 'stuck'`)).then((code) => codes.push(code)),
  )
  await until('the first to run', async () => (await running("'stuck'")) === 1)
  await opened.readiness.sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and state = 'active' and pid <> pg_backend_pid() and query like ${"%'stuck'%"}`
  await until('the first to fail', () => codes.length > 0)
  // Each on the new connection.
  for (let i = 0; i < 5; i++) await run(accounts, sql`select 1`)
  expect(codes).toHaveLength(10)
  await Promise.all(all)
})

test('a process opens no more connections than it says', async () => {
  const own = open({ DATABASE_POOL: '3' })
  try {
    const handles = [own.db, ...(['accounts', 'fast', 'search'] as const).map((lane) => inLane(own.db, lane))]
    await Promise.all(
      handles.flatMap((handle) => Array.from({ length: 15 }, () => run(handle, sql`select pg_sleep(0.02)`))),
    )
    await own.readiness.sql`select 1`
    const [row] = await opened.readiness.sql`
      select count(*)::int as n from pg_stat_activity where datname = current_database() and query like '%0.02%'`
    expect(Number(row?.n) + 1).toBeLessThanOrEqual(
      connectionsPerProcess({ databasePool: 3, databaseUrl: database.url }),
    )
  } finally {
    await own.close()
  }
})

test('a locked table is 503 with Retry-After for its own routes, and no concern of accounts and readiness', async () => {
  const app = await startApp({ DATABASE_URL: database.url, LOCK_TIMEOUT_MS: '300' })
  app.app.get('/api/lockable/:id', async (c) =>
    c.json((await findRow(c.var.db, Number(c.req.param('id')))) ?? null),
  )
  app.app.post('/api/lockable', async (c) => {
    await c.var.db.execute(sql`insert into lockable (title) values ('Ran')`)
    return c.body(null, 201)
  })
  const member = await app.member()
  const release = await lockedOutside('lock table lockable')
  try {
    const stuck = Array.from({ length: 40 }, () => app.visitor().get('/api/lockable/1'))
    expect((await member.get('/club/self')).status).toBe(200)
    expect((await app.visitor().get('/ready')).status).toBe(200)
    const replies = await Promise.all([...stuck, member.post('/api/lockable', { title: 'Ran' })])
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([503]))
    expect(replies.every(({ headers }) => headers.has('retry-after'))).toBe(true)
  } finally {
    await release()
    await app.close()
  }
})

test.skipIf(PGBOUNCER === null)(
  'behind PgBouncer every lane serves, and timeouts hold in each transaction',
  async () => {
    const pooler = await startPgBouncer()
    const warnings: string[] = []
    const url = `${pooler.urlOf(database.url)}?prepare=false`
    const settings = {
      DATABASE_URL: url,
      REDIS_URL: redisUrl(),
      ...PATIENT,
      LOCK_TIMEOUT_MS: '700',
      SEARCH_TIMEOUT_MS: '300',
    }
    const pooled = openPostgres(loadConfig(settings), { ...silent, warn: (line) => void warnings.push(line) })
    const lockTimeout = sql`select current_setting('lock_timeout') as is`
    try {
      const everywhere = (['accounts', 'fast', 'search', undefined] as const).flatMap((lane) =>
        Array.from({ length: 10 }, () => codeOf(run(inLane(pooled.db, lane), sql`select 1`))),
      )
      expect(await Promise.all(everywhere)).toEqual(Array(40).fill('none'))
      expect(await run(pooled.db, lockTimeout)).toMatchObject([{ is: '700ms' }])
      expect(await pooled.db.transaction((tx) => run(tx, lockTimeout))).toMatchObject([{ is: '700ms' }])
      expect(await codeOf(run(inLane(pooled.db, 'search'), sql`select pg_sleep(30)`))).toBe('57014')
      expect(await codeOf(run(pooled.db, sql`select 1/0`))).toBe('22012')
      expect(await codeOf(run(pooled.db, sql`select 1`))).toBe('none')
      expect(warnings).toHaveLength(1)
    } finally {
      await pooled.close()
      await pooler.close()
    }
  },
)

test('arrays are written as they are read', async () => {
  const texts = ['a', 'b"c', '\\', 'x,y', '', 'null']
  const [row] = await run(
    db,
    sql`select ${sql.param(texts)}::text[] as texts, ${sql.param([1, null, 3])}::int[] as numbers,
      ${sql.param([['t'], ['f']])}::text[] as pairs, array['::1']::inet[] as addresses`,
  )
  expect(row).toMatchObject({ texts, numbers: [1, null, 3], pairs: [['t'], ['f']], addresses: ['::1'] })
  expect(await run(db, sql`select 1 from lockable where id = any(${sql.param([1, 2])})`)).toHaveLength(1)
})
