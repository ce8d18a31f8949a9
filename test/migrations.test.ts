// Migrations: applied once however many run at the same time, and only to a database that can hold any text.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import postgres from 'postgres'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { countKnown, migrate } from '../scripts/migrate.ts'
import { createEmptyDatabase, type TestDatabase } from './support/services.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createEmptyDatabase()
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

test('eight runs at once on an empty database apply each migration once', async () => {
  const applied = await Promise.all(Array.from({ length: 8 }, () => migrate(database.url)))
  expect(applied.toSorted((a, b) => b - a)).toEqual([countKnown(), 0, 0, 0, 0, 0, 0, 0])
  const rows = await query<{ hash: string }>(database.url, 'select hash from drizzle.__drizzle_migrations')
  expect(rows.length).toBe(countKnown())
  expect(new Set(rows.map((row) => row.hash)).size).toBe(countKnown())
})

test('a second run changes nothing and says so', async () => {
  const said: string[] = []
  expect(await migrate(database.url, (line) => said.push(line))).toBe(0)
  expect(said).toEqual(['the database is up to date'])
})

test('no run keeps the lock', async () => {
  expect(await query(database.url, `select * from pg_locks where locktype = 'advisory'`)).toEqual([])
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
