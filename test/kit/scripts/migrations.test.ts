// Migrations: each applied once and committed by itself, and nobody who uses the database waits for long.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as migrateByDrizzle } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { migrate } from '../../../scripts/migrate.ts'
import { hideValues } from '../../../scripts/migrate/blockers.ts'
import { MIGRATIONS_FOLDER, readMigrations } from '../../../scripts/migrate/folder.ts'
import { PATIENCE } from '../../../scripts/migrate/patience.ts'
import { watchMigrations } from '../../../scripts/migrate/watch.ts'
import { NEW_ACCOUNT, startApp } from '../../support/harness.ts'
import { makeMigrations } from '../support/migrations.ts'
import { PGBOUNCER, startPgBouncer } from '../support/pgbouncer.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/services.ts'
import { until } from '../support/until.ts'

const KNOWN = readMigrations(MIGRATIONS_FOLDER).length

let database: TestDatabase
beforeAll(async () => {
  database = await createEmptyDatabase()
  await migrate(database.url)
})
afterAll(() => database.drop())

async function query<T extends object>(url: string, statement: string): Promise<T[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await sql.unsafe<T[]>(statement)
  } finally {
    await sql.end()
  }
}

/** Other files hold locks meanwhile, in databases of theirs. */
const OF_THIS_DATABASE = 'database = (select oid from pg_database where datname = current_database())'

test('eight runs at once on an empty database apply each migration once', async () => {
  const own = await createEmptyDatabase()
  try {
    const applied = await Promise.all(Array.from({ length: 8 }, () => migrate(own.url)))
    expect(applied.toSorted((a, b) => b - a)).toEqual([KNOWN, 0, 0, 0, 0, 0, 0, 0])
    const rows = await query<{ hash: string }>(own.url, 'select hash from drizzle.__drizzle_migrations')
    expect(rows.length).toBe(KNOWN)
    expect(new Set(rows.map((row) => row.hash)).size).toBe(KNOWN)
  } finally {
    await own.drop()
  }
})

test('a second run changes nothing and says so', async () => {
  const said: string[] = []
  expect(await migrate(database.url, { log: (line) => said.push(line) })).toBe(0)
  expect(said).toEqual(['the database is up to date'])
})

test('no run keeps the lock', async () => {
  expect(
    await query(database.url, `select * from pg_locks where locktype = 'advisory' and ${OF_THIS_DATABASE}`),
  ).toEqual([])
})

test('a migration that would be passed over, as older than one that was applied, is named and refused', async () => {
  const own = await createEmptyDatabase()
  try {
    await migrate(own.url)
    await query(own.url, 'update drizzle.__drizzle_migrations set created_at = created_at + 1')
    await expect(migrate(own.url)).rejects.toThrow(/^drizzle\/0000_users.sql is older than .* passed over/)
  } finally {
    await own.drop()
  }
})

test('a database that is not UTF8 is refused with the way to make one, and left as it is', async () => {
  const ascii = await createEmptyDatabase(
    `template template0 encoding 'SQL_ASCII' locale_provider libc lc_collate 'C' lc_ctype 'C'`,
  )
  try {
    await expect(migrate(ascii.url)).rejects.toThrow(/SQL_ASCII, but UTF8 is needed.*CREATE DATABASE/)
    expect(
      await query(ascii.url, `select to_regclass('users') as users, to_regnamespace('drizzle') as drizzle`),
    ).toEqual([{ users: null, drizzle: null }])
  } finally {
    await ascii.drop()
  }
})

/** Migrations of this test's own, on a database of its own. */
async function withMigrations(
  files: Record<string, string>,
  work: (own: {
    url: string
    sql: postgres.Sql
    folder: ReturnType<typeof makeMigrations>
    run: (options?: Parameters<typeof migrate>[1]) => Promise<number>
    applied: () => Promise<number>
  }) => Promise<void>,
): Promise<void> {
  const own = await createEmptyDatabase()
  const folder = makeMigrations(files)
  const sql = postgres(own.url, { max: 4, onnotice: () => {} })
  try {
    await work({
      url: own.url,
      sql,
      folder,
      run: (options) => migrate(own.url, { folder: folder.path, ...options }),
      applied: async () => (await sql`select from drizzle.__drizzle_migrations`).length,
    })
  } finally {
    await sql.end({ timeout: 1 })
    folder.remove()
    await own.drop()
  }
}

const HASTY = { ...PATIENCE, retryMs: 500, pauseMs: { first: 20, most: 20 } }

test("a new enum value and its first use are pending together, and Drizzle's own migrate finds nothing left", () =>
  withMigrations(
    {
      '0000_mood': `create type mood as enum ('calm'); create table people (mood mood default 'calm')`,
      '0001_wild': `alter type mood add value 'wild'`,
      '0002_use': `insert into people values ('wild');--> statement-breakpoint
        alter table people alter mood set default 'wild'`,
    },
    async ({ url, sql, folder, run, applied }) => {
      expect(await run()).toBe(3)
      const client = postgres(url, { max: 1, onnotice: () => {} })
      await migrateByDrizzle(drizzle(client), { migrationsFolder: folder.path })
      await client.end()
      expect([await applied(), (await sql`select from people`).length]).toEqual([3, 1])
    },
  ))

test('a new enum value and its use in one file are refused with what to do', () =>
  withMigrations(
    {
      '0000_mood': `create type mood as enum ('calm')`,
      '0001_wild': `alter type mood add value 'wild';--> statement-breakpoint
        create table people (mood mood default 'wild')`,
    },
    async ({ run, applied }) => {
      await expect(run()).rejects.toThrow(/^drizzle\/0001_wild.sql failed: unsafe use .*later migration/)
      expect(await applied()).toBe(1)
    },
  ))

test('of one that fails nothing is left, those before it stay, and the next run goes on from there', () =>
  withMigrations(
    {
      '0000_a': 'create table a (id int)',
      '0001_b': 'create table b (id int);--> statement-breakpoint\ninsert into c values (1)',
    },
    async ({ sql, run, applied }) => {
      await expect(run()).rejects.toThrow('drizzle/0001_b.sql failed: relation "c" does not exist')
      const [tables] = await sql`select to_regclass('a') as a, to_regclass('b') as b`
      expect([await applied(), tables?.a, tables?.b]).toEqual([1, 'a', null])
      await sql`create table c (id int)`
      expect([await run(), await applied()]).toEqual([1, 2])
    },
  ))

test('while a migration waits for a lock the table is read, and it is applied when the lock is free', () =>
  withMigrations({ '0000_a': 'create table a (id int)' }, async ({ url, sql, folder, run }) => {
    await run()
    folder.add('0001_b', 'alter table a add b int')
    const holder = await sql.reserve()
    await holder`begin; lock table a in access share mode`.simple()
    const said: string[] = []
    const migrating = run({ log: (line) => said.push(line) })
    await until('the migration to wait', () => said.some((line) => line.includes('waits for a lock')))
    // Behind a migration that waits without an end this would, too.
    const reader = postgres(url, { max: 1, connection: { statement_timeout: 60_000 } })
    for (let i = 0; i < 20; i++) await reader`select from a`
    await reader.end()
    await holder`commit`
    holder.release()
    expect(await migrating).toBe(1)
    expect((await sql`select b from a`).columns[0]?.name).toBe('b')
  }))

test('a lock that stays is told at last: who holds it, since when, and by which statement, without its values', () =>
  withMigrations(
    { '0000_a': 'create table a (id int, name text)' },
    async ({ url, folder, run, applied }) => {
      await run()
      folder.add('0001_b', 'alter table a add b int')
      const holder = postgres(url, {
        max: 1,
        connection: { application_name: 'a report' },
        onnotice: () => {},
      })
      await holder.unsafe(`begin; insert into a values (41, 'a secret')`)
      const [{ pid } = { pid: 0 }] = await holder<{ pid: number }[]>`select pg_backend_pid() as pid`
      await holder.unsafe(`select id from a where name = 'a secret' and id = 41`)
      const failure = await run({ patience: HASTY }).catch((error: Error) => error.message)
      expect(failure).toMatch(/^drizzle\/0001_b.sql did not get a lock in 0.5 s \(\d+ attempts\). Held by:/)
      expect(failure).toMatch(
        new RegExp(`pid ${pid}, a report, role \\w+, from \\S+, idle in transaction for \\d+ s: `),
      )
      expect(failure).toContain('select id from a where name = ? and id = ?')
      expect(failure).not.toContain('secret')
      await holder`rollback`
      await holder.end()
      expect([await applied(), await run(), await applied()]).toEqual([1, 1, 2])
    },
  ))

test('a statement is shown without what may be in it', () => {
  expect(hideValues(`select *\n from t1 where a = 'it''s' and b = 4.5 and "c2" = $1`)).toBe(
    `select * from t1 where a = ? and b = ? and "c2" = $1`,
  )
  expect(hideValues(`values (E'a\\'secret', 'more')`)).not.toMatch(/secret|more/)
  expect(hideValues(`values ($a$ secret $a$, 'cut of`)).toBe('values (?, ?')
})

test('another migrator is waited for, and named if it does not end', () =>
  withMigrations({ '0000_a': 'create table a (id int)' }, async ({ sql, run }) => {
    const other = await sql.reserve()
    await other`select pg_advisory_lock(7263501)` // as every version does, in one way or the other
    await expect(run({ patience: { ...PATIENCE, turnMs: 300, pollMs: 20 } })).rejects.toThrow(
      /^Another migration of this database does not end: pid \d+.*Nothing was applied/,
    )
    const said: string[] = []
    const migrating = run({ log: (line) => said.push(line), patience: { ...PATIENCE, pollMs: 20 } })
    await until('it to say that it waits', () => said.some((line) => line.includes('waiting for another')))
    await other`select pg_advisory_unlock_all()`
    other.release()
    expect(await migrating).toBe(1)
  }))

const INDEXED = {
  '0000_a': 'create table a (id int, name text); insert into a values (1), (1)',
  '0001_ids': `-- concurrently
    create index concurrently a_name on a (name);--> statement-breakpoint
    CREATE UNIQUE INDEX CONCURRENTLY "a_id" ON "public"."a" USING btree ("id");`,
}

test('an index that is built concurrently and broke half way is built by the next run', () =>
  withMigrations(INDEXED, async ({ sql, run, applied }) => {
    const indexes = () => sql`
      select c.relname as name, indisvalid as valid from pg_index join pg_class c on c.oid = indexrelid
      where indrelid = 'a'::regclass order by 1`
    await expect(run()).rejects.toThrow('drizzle/0001_ids.sql failed: could not create unique index "a_id"')
    expect([await applied(), ...(await indexes())]).toEqual([
      1,
      { name: 'a_id', valid: false },
      { name: 'a_name', valid: true },
    ])
    await sql`delete from a where ctid = (select min(ctid) from a)`
    expect([await run(), await applied(), ...(await indexes())]).toEqual([
      1,
      2,
      { name: 'a_id', valid: true },
      { name: 'a_name', valid: true },
    ])
  }))

test('a migrator that is ended while it builds an index leaves what the next one finishes', () =>
  withMigrations(INDEXED, async ({ sql, run, applied }) => {
    await sql`create table b (id int)`
    const old = await sql.reserve()
    await old`begin isolation level repeatable read`
    await old`select from b`
    const failing = run().catch((error: Error) => error.message)
    const builder = await until('the index to be waited for', async () => {
      const [row] = await sql<{ pid: number }[]>`
        select pid from pg_stat_activity where datname = current_database()
          and query ~* 'create index concurrently a_name' and wait_event_type = 'Lock'`
      return row?.pid
    })
    await sql`select pg_terminate_backend(${builder})`
    expect(await failing).toMatch(/^drizzle\/0001_ids.sql failed: .*CONNECTION_CLOSED/)
    await old`rollback`
    old.release()
    await sql`delete from a where ctid = (select min(ctid) from a)`
    const valid = () => sql`select indisvalid as valid from pg_index where indexrelid = to_regclass('a_name')`
    expect([...(await valid())]).toEqual([{ valid: false }])
    expect([await run(), await applied(), ...(await valid())]).toEqual([1, 2, { valid: true }])
  }))

test('migrators that wait for each other keep no index from being built', () =>
  withMigrations({ ...INDEXED, '0000_a': 'create table a (id int, name text)' }, async ({ run, applied }) => {
    const runs = await Promise.all(Array.from({ length: 4 }, () => run()))
    expect([runs.toSorted(), await applied()]).toEqual([[0, 0, 0, 2], 2])
  }))

test('what must be built concurrently and does not say so is told what to say', () =>
  withMigrations(
    { '0000_a': 'create table a (id int)', '0001_b': 'create index concurrently a_id on a (id)' },
    async ({ run }) => {
      await expect(run()).rejects.toThrow(/cannot run inside a transaction block.*`-- concurrently`/)
    },
  ))

test('an index that waits for an old transaction names it at last', () =>
  withMigrations(INDEXED, async ({ sql, run }) => {
    const old = await sql.reserve()
    await sql`create table b (id int)`
    await old`begin isolation level repeatable read`
    await old`select from b`
    await expect(run({ patience: HASTY })).rejects.toThrow(
      /^drizzle\/0001_ids.sql did not get a lock.*\n {2}pid \d+, .*idle in transaction for \d+ s: select from b/,
    )
    await old`rollback`
    old.release()
  }))

test('limits and names that a database has for its requests do not bind migrations', () =>
  withMigrations(
    {
      '0000_a': 'create table a (at timestamptz)',
      '0001_b': `insert into a select '2026-01-02' from pg_sleep(0.3)`,
    },
    async ({ url, sql, run }) => {
      const name = new URL(url).pathname.slice(1)
      await sql`create schema elsewhere`
      for (const setting of [
        `statement_timeout = '100ms'`,
        `default_transaction_isolation = 'serializable'`,
        `search_path = 'elsewhere'`,
        `timezone = 'Asia/Tokyo'`,
      ]) {
        await sql.unsafe(`alter database ${name} set ${setting}`)
      }
      expect(await run()).toBe(2)
      const [row] = await sql`select at at time zone 'UTC' = '2026-01-02' as right from public.a`
      expect(row).toEqual({ right: true })
    },
  ))

test.skipIf(PGBOUNCER === null)(
  'through a pooler migrations are applied once; one that needs a session says so',
  () =>
    withMigrations(
      { '0000_a': 'create table a (id int)', '0001_b': 'create table b (id int)' },
      async ({ url, folder, sql, applied }) => {
        const pooler = await startPgBouncer()
        try {
          const run = () => migrate(pooler.urlOf(url), { folder: folder.path })
          const runs = await Promise.all([run(), run(), run()])
          expect([runs.toSorted(), await applied()]).toEqual([[0, 0, 2], 2])
          folder.add('0002_c', '-- concurrently\ncreate index concurrently a_id on a (id)')
          await expect(run()).rejects.toThrow(/0002_c.sql failed: .*pooler.*MIGRATE_DATABASE_URL/)
          expect(
            await sql.unsafe(`select from pg_locks where locktype = 'advisory' and ${OF_THIS_DATABASE}`),
          ).toHaveLength(0)
          expect(await migrate(url, { folder: folder.path })).toBe(1)
        } finally {
          await pooler.close()
        }
      },
    ),
)

test('in development a migration that comes to drizzle/ is told, and what to run', () =>
  withMigrations({ '0000_a': 'create table a (id int)' }, async ({ url, folder, run }) => {
    await run()
    const said: string[] = []
    const watch = watchMigrations(url, (line) => said.push(line), { folder: folder.path, pollMs: 50 })
    try {
      folder.add('0001_books', 'create table books (id int)')
      await until('it to be told', () => said.length > 0)
      expect(said[0]).toBe('The database lacks drizzle/0001_books.sql: run npm run migrate')
    } finally {
      watch.close()
    }
  }))

test('a request that meets a table which is not there is a 500, and the log says what to run', async () => {
  const own = await createEmptyDatabase()
  const folder = mkdtempSync(join(tmpdir(), 'restbun-log-'))
  const log = join(folder, 'log')
  const app = await startApp(
    { DATABASE_URL: own.url, LOG_LEVEL: 'error', LOG_FORMAT: 'json', LOG_FILE: log },
    { foresees500: true },
  )
  try {
    const reply = await app.visitor().post('/api/login', NEW_ACCOUNT)
    expect([reply.status, reply.body.err]).toEqual([500, '500: Internal server error'])
    await until('the log to say it', () =>
      readFileSync(log, 'utf8').includes('the database lacks this table: run npm run migrate'),
    )
  } finally {
    await app.close()
    await own.drop()
    rmSync(folder, { recursive: true })
  }
})

test('who may not create the extension for search is told who can, and whoever finds it there needs no right', async () => {
  const [create = ''] = readMigrationFiles({ migrationsFolder: 'drizzle' })
    .flatMap(({ sql }) => sql)
    .filter((statement) => statement.includes('CREATE EXTENSION'))
  const own = await createEmptyDatabase()
  try {
    const asReader = `set role pg_monitor; ${create}`
    await expect(query(own.url, asReader)).rejects.toThrow(
      /permission denied to create extension "pg_trgm".* owner of the database .* run CREATE EXTENSION pg_trgm .* migrate again/,
    )
    await query(own.url, create)
    await query(own.url, asReader)
  } finally {
    await own.drop()
  }
})
