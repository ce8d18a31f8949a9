// Rows are the objects that Drizzle itself would make of them.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, getTableColumns, sql } from 'drizzle-orm'
import * as pg from 'drizzle-orm/pg-core'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { tuneSession } from '../../../src/kit/data/drizzle-session.ts'
import { rowMapper } from '../../../src/kit/data/row-mapper.ts'
import type { Db } from '../../../src/kit/types/db.ts'
import { createDatabase } from '../support/services.ts'

const kinds = pg.pgTable('kinds', {
  id: pg.integer().primaryKey(),
  at: pg.timestamp({ withTimezone: true }),
  local: pg.timestamp(),
  asText: pg.timestamp('as_text', { mode: 'string' }),
  day: pg.date({ mode: 'date' }),
  price: pg.numeric(),
  amount: pg.numeric({ mode: 'number' }),
  large: pg.bigint({ mode: 'bigint' }),
  small: pg.real(),
  is: pg.boolean(),
  any: pg.jsonb(),
  tags: pg.text().array(),
  times: pg.timestamp({ withTimezone: true }).array(),
  place: pg.point(),
  parent: pg.integer(),
})
const FULL = {
  id: 1,
  at: new Date('2026-02-03T04:05:06.789Z'),
  local: new Date('2026-02-03T04:05:06.789Z'),
  asText: '2026-02-03 04:05:06.789',
  day: new Date('2026-02-03'),
  price: '12.340',
  amount: 0.5,
  large: 2n ** 60n,
  small: 1.5,
  is: false,
  any: { of: [null, 1, 'x'] },
  tags: ['a', '', 'NULL'],
  times: [new Date(0)],
  place: [1, 2] as [number, number],
  parent: 2,
}
const EMPTY = Object.fromEntries(Object.keys(FULL).map((name) => [name, null]))

let database: Awaited<ReturnType<typeof createDatabase>>
let client: postgres.Sql
let ours: Db
let plain: Db

beforeAll(async () => {
  database = await createDatabase('kit')
  client = postgres(database.url, { max: 2 })
  plain = drizzle({ client })
  ours = tuneSession(drizzle({ client }))
  await client`create table kinds (id int primary key, at timestamptz, local timestamp, as_text timestamp, day date, price numeric,
    amount numeric, large bigint, small real, "is" boolean, "any" jsonb, tags text[], times timestamptz[], place point, parent int)`
  await plain.insert(kinds).values([FULL, { ...EMPTY, id: 2 }])
})
afterAll(async () => {
  await client?.end()
  await database?.drop()
})

const other = pg.alias(kinds, 'other')
const queries: Record<string, (db: Db) => Promise<unknown[]>> = {
  'of every kind of column': (db) => db.select().from(kinds).orderBy(kinds.id),
  'of expressions': (db) =>
    db
      .select({
        raw: sql`1 + id`,
        mapped: sql`at`.mapWith(kinds.at),
        byFunction: sql<string>`id`.mapWith((value: unknown) => `no ${String(value)}`),
        named: sql`price`.mapWith(Number).as('named'),
      })
      .from(kinds)
      .orderBy(kinds.id),
  'of a subquery': (db) => {
    const inner = db
      .select({ at: kinds.at, twice: sql`2 * id`.mapWith(BigInt).as('twice') })
      .from(kinds)
      .as('inner')
    return db.select().from(inner).orderBy(inner.twice)
  },
  'of a join without objects': (db) =>
    db
      .select({ id: kinds.id, at: other.at })
      .from(kinds)
      .leftJoin(other, eq(kinds.parent, other.id))
      .orderBy(kinds.id),
  'of a join with objects': (db) =>
    db.select().from(kinds).leftJoin(other, eq(kinds.parent, other.id)).orderBy(kinds.id),
  'of an object beside values': (db) =>
    db
      .select({ row: getTableColumns(kinds), id: kinds.id })
      .from(kinds)
      .orderBy(kinds.id),
  'that a write returns': (db) => db.update(kinds).set({ small: 1.5 }).where(eq(kinds.id, 1)).returning(),
  'of a transaction': (db) => db.transaction((tx) => tx.select().from(kinds).orderBy(kinds.id)),
  'of a transaction within one': (db) =>
    db.transaction((tx) => tx.transaction((inner) => inner.select().from(kinds).orderBy(kinds.id))),
  'of SQL by hand': (db) => db.execute(sql`select id, at from kinds order by id`),
}

test.each(Object.entries(queries))('rows %s', async (_what, query) => {
  const [expected, got] = [await query(plain), await query(ours)]
  expect([...got]).toEqual([...expected])
  expect(got.map((row) => Object.keys(row as object))).toEqual(
    expected.map((row) => Object.keys(row as object)),
  )
})

test('rows of a query that is prepared', async () => {
  const byId = (db: Db) =>
    db
      .select()
      .from(kinds)
      .where(eq(kinds.id, sql.placeholder('id')))
      .prepare('kind_by_id')
      .execute({ id: 1 })
  expect(await byId(ours)).toEqual(await byId(plain))
})

test('what may hold null for an object is left to Drizzle, and the rest is not', () => {
  const field = kinds.at
  expect(rowMapper([{ path: ['row', 'at'], field }])).toBeUndefined()
  expect(rowMapper([{ path: ['at'], field }])?.([['2026-02-03 04:05:06+00'], [null]])).toEqual([
    { at: new Date('2026-02-03T04:05:06Z') },
    { at: null },
  ])
})
