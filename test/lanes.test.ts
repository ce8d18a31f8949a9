// The lanes to Postgres: slow work takes no place from quick work, what nobody waits for never starts, nothing hangs.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { pgTable, serial, text } from 'drizzle-orm/pg-core'
import { loadConfig } from '../src/config.ts'
import type { Db } from '../src/types/db.ts'
import { connectionsPerProcess, openPostgres } from '../src/infra/postgres.ts'
import { type Lane, laneOf } from '../src/lanes.ts'
import { prepared } from '../src/prepared.ts'
import { driverCode, retryConflict } from '../src/transient.ts'
import { requestContext } from '../src/web/request-context.ts'
import { withAdmin } from '../scripts/services/test-run.ts'
import { startApp } from './support/harness.ts'
import { PGBOUNCER, startPgBouncer } from './support/pgbouncer.ts'
import { createDatabase, redisUrl, type TestDatabase } from './support/services.ts'
import { until } from './support/until.ts'

/** A table that is locked from outside, and a read by key. */
const lockable = pgTable('lockable', { id: serial().primaryKey(), title: text().notNull() })
const byId = prepared(
  (db) =>
    db
      .select()
      .from(lockable)
      .where(eq(lockable.id, sql.placeholder('id')))
      .prepare('lockable_by_id'),
  'fast',
)
const findRow = async (handle: Db, id: number) => (await byId(handle).execute({ id }))[0]

const PLACES = 4
const silent = { debug() {}, info() {}, warn() {}, error() {} }

let database: TestDatabase
let opened: ReturnType<typeof openPostgres>
let db: Db

function open(env: Record<string, string> = {}) {
  return openPostgres(
    loadConfig({ DATABASE_URL: database.url, REDIS_URL: redisUrl(), DATABASE_POOL: String(PLACES), ...env }),
    silent,
  )
}

beforeAll(async () => {
  database = await createDatabase()
  opened = open()
  db = opened.db
  await db.execute(sql`create table counted (n int)`)
  await db.execute(sql`create table lockable (id serial primary key, title text not null)`)
  await db.execute(sql`insert into lockable (title) values ('Heat')`)
})
afterAll(async () => {
  await opened?.close()
  await database?.drop()
})

const codeOf = (work: PromiseLike<unknown>) =>
  Promise.resolve(work).then(
    () => 'none',
    (error: unknown) => driverCode(error) ?? String(error),
  )
const run = async (handle: Db, statement: ReturnType<typeof sql>) => await handle.execute(statement)
const countOf = async () => Number((await run(db, sql`select count(*)::int as n from counted`))[0]?.n)
const running = async (text: string) => {
  const [row] = await opened.readiness.sql`
    select count(*)::int as n from pg_stat_activity
    where datname = current_database() and state = 'active' and pid <> pg_backend_pid() and query like ${`%${text}%`}`
  return Number(row?.n)
}

/** Holds a lock from outside until `release`. */
async function lockedOutside(statement: string) {
  const released = Promise.withResolvers<void>()
  const locked = Promise.withResolvers<void>()
  const done = withAdmin(database.url, (admin) =>
    admin.begin(async (tx) => {
      await tx.unsafe(statement)
      locked.resolve()
      await released.promise
    }),
  )
  await locked.promise
  return async () => {
    released.resolve()
    await done
  }
}

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
      const search = laneOf(slow.db, 'search')
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
      expect(await run(laneOf(impatient.db, 'accounts'), sql`select count(*) from users`)).toHaveLength(1)
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
  const all = () => [db, db, db, db, ...lanes.flatMap((lane) => Array(30).fill(laneOf(db, lane)))]
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
    expect(await Promise.all(abandoned)).toEqual(Array(30).fill('BUSY'))
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
    expect(new Set(codes)).toEqual(new Set(['BUSY']))
    await release()
    await Promise.all(all)
    expect(codes.filter((code) => code === 'none').length).toBeGreaterThanOrEqual(200)
  })
})

describe('transactions', () => {
  test('hold their place, commit, roll back, and keep savepoints: two hundred at once', async () => {
    await run(db, sql`truncate counted`)
    const outcomes = await Promise.allSettled(
      Array.from({ length: 200 }, (_, n) =>
        db.transaction(async (tx) => {
          await tx.execute(sql`insert into counted values (${n})`)
          await tx.transaction(async (inner) => inner.execute(sql`insert into counted values (${-n})`))
          await tx
            .transaction(async (inner) => {
              await inner.execute(sql`insert into counted values (99999)`)
              await inner.execute(sql`select 1/0`)
            })
            .catch(() => {})
          if (n % 4 === 0) throw new Error('no')
        }),
      ),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(150)
    const rows = await run(db, sql`select n from counted`)
    expect(rows).toHaveLength(300)
    expect(rows.some(({ n }) => n === 99999 || Number(n) % 4 === 0)).toBe(false)
  })

  test('keep what their settings say', async () => {
    const level = await db.transaction(
      async (tx) => (await tx.execute(sql`show transaction_isolation`))[0]?.transaction_isolation,
      { isolationLevel: 'serializable', accessMode: 'read only' },
    )
    expect(level).toBe('serializable')
  })

  test('do not commit when one of their statements failed, even if the error was caught or not waited for', async () => {
    await run(db, sql`truncate counted`)
    const caught = db.transaction(async (tx) => {
      await tx.execute(sql`insert into counted values (1)`)
      await run(tx, sql`select 1/0`).catch(() => {})
    })
    expect(await codeOf(caught)).toBe('22012')
    const unwatched = db.transaction(async (tx) => {
      await tx.execute(sql`insert into counted values (1)`)
      run(tx, sql`select 1/0`).catch(() => {})
    })
    expect(await codeOf(unwatched)).not.toBe('none')
    expect(await countOf()).toBe(0)
  })

  const lanes: (Lane | undefined)[] = [undefined, 'accounts', 'fast', 'search']
  test.each(lanes)('the database itself is refused inside a transaction: lane %p', async (lane) => {
    const inside = db.transaction(async () => run(laneOf(db, lane), sql`select 1`))
    expect(String(await inside.catch((error: unknown) => (error as Error).cause ?? error))).toContain('tx')
  })

  test('what was begun inside one may use the database when it is over', async () => {
    let later: Promise<unknown> | undefined
    const over = Promise.withResolvers<void>()
    await db.transaction(async (tx) => {
      await tx.execute(sql`select 1`)
      later = over.promise.then(() => run(db, sql`select 2 as two`))
    })
    over.resolve()
    expect(await later).toMatchObject([{ two: 2 }])
  })

  test('whose backend is killed are rejected, at once even if they wait for something else', async () => {
    const idle = db.transaction(async (tx) => {
      const [row] = await tx.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`)
      await opened.readiness.sql`select pg_terminate_backend(${row?.pid ?? 0})`
      await new Promise(() => {})
    })
    expect(await codeOf(idle)).toBe('CONNECTION_CLOSED')
    const busy = db.transaction(async (tx) => {
      const [row] = await tx.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`)
      await opened.readiness.sql`select pg_terminate_backend(${row?.pid ?? 0})`
      await tx.execute(sql`insert into counted values (7)`)
    })
    expect(await codeOf(busy)).toMatch(/^(CONNECTION_CLOSED|57P01|ECONNRESET)$/)
  })

  test('whose backend is killed leave nothing behind of statements that were given at once', async () => {
    await run(db, sql`truncate counted`)
    const release = await lockedOutside('lock table lockable')
    const codes = await db
      .transaction(async (tx) => {
        const [row] = await tx.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`)
        const statements = [
          codeOf(run(tx, sql`update lockable set title = ${'lost'}`)),
          codeOf(run(tx, sql`insert into counted values (${1})`)),
          codeOf(run(tx, sql`insert into counted values (${2})`)),
        ]
        await until('the lock to be waited for', async () => (await running('update lockable')) === 1)
        await opened.readiness.sql`select pg_terminate_backend(${row?.pid ?? 0})`
        return { statements }
      })
      .catch((error: unknown) => driverCode(error))
    await release()
    expect(codes).toBe('CONNECTION_CLOSED')
    // What the driver would carry over to a new connection, it sends at once.
    await Promise.all(Array.from({ length: PLACES }, () => run(db, sql`select pg_sleep(0.2)`)))
    expect(await countOf()).toBe(0)
  })

  test('take no statement when they are over, nor past a savepoint that is open', async () => {
    await run(db, sql`truncate counted`)
    const insert = (tx: Db) => codeOf(run(tx, sql`insert into counted values (1)`))
    let ended: Db | undefined
    await db
      .transaction(async (tx) => {
        ended = tx
        throw new Error('no')
      })
      .catch(() => {})
    if (ended) expect(await insert(ended)).not.toBe('none')
    await db.transaction(async (tx) => {
      let over: Db | undefined
      await tx.transaction(async (inner) => {
        over = inner
        expect(await insert(tx)).not.toBe('none')
        expect(await codeOf(tx.transaction(async () => {}))).not.toBe('none')
        expect(await insert(inner)).toBe('none')
      })
      if (over) expect(await insert(over)).not.toBe('none')
      expect(await insert(tx)).toBe('none')
    })
    expect(await countOf()).toBe(2)
  })

  test('under kills all settle, none is half done, and the places serve on', async () => {
    await run(db, sql`truncate counted`)
    let over = false
    let kills = 0
    const killer = withAdmin(database.url, async (admin) => {
      while (!over) {
        const rows = await admin`
          select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name = ${loadConfig({ DATABASE_URL: database.url, REDIS_URL: redisUrl() }).name}
            and pid <> pg_backend_pid() and state <> 'idle' limit 1`
        kills += rows.length
        await Bun.sleep(5)
      }
    })
    const codes = await Promise.all(
      Array.from({ length: 8 }, async (_, lane) => {
        const seen: string[] = []
        for (let i = 0; i < 40; i++) {
          const n = lane * 1_000_000 + i
          const work = db.transaction(async (tx) => {
            await tx.execute(sql`insert into counted values (${n})`)
            await Bun.sleep(i % 3)
            await tx.execute(sql`insert into counted values (${n})`)
          })
          seen.push(await codeOf(work))
        }
        return seen
      }),
    )
    over = true
    await killer
    expect(new Set(codes.flat()).has('none')).toBe(true)
    const halves = await run(db, sql`select n from counted group by n having count(*) <> 2`)
    expect(halves).toHaveLength(0)
    expect(await Promise.all(Array.from({ length: 20 }, () => codeOf(run(db, sql`select 1`))))).toEqual(
      Array(20).fill('none'),
    )
  })
})

test('a backend that is killed takes nothing along that hangs: what waited behind it settles at once', async () => {
  const accounts = laneOf(db, 'accounts')
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
    const handles = [own.db, ...(['accounts', 'fast', 'search'] as const).map((lane) => laneOf(own.db, lane))]
    await Promise.all(
      handles.flatMap((handle) => Array.from({ length: 15 }, () => run(handle, sql`select pg_sleep(0.02)`))),
    )
    await own.readiness.sql`select 1`
    const [row] = await opened.readiness.sql`
      select count(*)::int as n from pg_stat_activity where datname = current_database() and query like '%0.02%'`
    expect(Number(row?.n) + 1).toBeLessThanOrEqual(connectionsPerProcess({ databasePool: 3 }))
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
    expect((await member.get('/api/me')).status).toBe(200)
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
      LOCK_TIMEOUT_MS: '700',
      SEARCH_TIMEOUT_MS: '300',
    }
    const pooled = openPostgres(loadConfig(settings), { ...silent, warn: (line) => void warnings.push(line) })
    const lockTimeout = sql`select current_setting('lock_timeout') as is`
    try {
      const everywhere = (['accounts', 'fast', 'search', undefined] as const).flatMap((lane) =>
        Array.from({ length: 10 }, () => codeOf(run(laneOf(pooled.db, lane), sql`select 1`))),
      )
      expect(await Promise.all(everywhere)).toEqual(Array(40).fill('none'))
      expect(await run(pooled.db, lockTimeout)).toMatchObject([{ is: '700ms' }])
      expect(await pooled.db.transaction((tx) => run(tx, lockTimeout))).toMatchObject([{ is: '700ms' }])
      expect(await codeOf(run(laneOf(pooled.db, 'search'), sql`select pg_sleep(30)`))).toBe('57014')
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
