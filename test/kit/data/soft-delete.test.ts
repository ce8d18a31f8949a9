// What is deleted and can be restored: lists do not look at it, and after its days it goes for good, with what belongs to it.
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { and, eq, isNull, sql } from 'drizzle-orm'
import { type AnyPgColumn, index, integer, pgTable, timestamp, uuid } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { defineList } from '../../../src/kit/data/list.ts'
import { isAlongIndex } from '../../../src/kit/data/list-index.ts'
import { readList } from '../../../src/kit/data/list-page.ts'
import { publicFields } from '../../../src/kit/data/public-fields.ts'
import type { Scope } from '../../../src/kit/data/scope.ts'
import { deleteOver, SoftDelete } from '../../../src/kit/data/soft-delete.ts'
import { openObserved, type Observed } from '../support/plans.ts'

const plots = pgTable(
  'plots',
  {
    id: integer().primaryKey(),
    owner: uuid().notNull(),
    beside: integer().references((): AnyPgColumn => plots.id),
    deleted: timestamp({ withTimezone: true }),
  },
  (t) => [
    index().on(t.owner, t.id).where(isNull(t.deleted)),
    index().on(t.beside, t.id),
    index().on(t.id).where(eq(t.beside, 1)),
  ],
)
const deletedPlots = new SoftDelete(plots, { days: 30 })
const trees = pgTable('trees', {
  id: integer().primaryKey(),
  plot: integer().references(() => plots.id, { onDelete: 'cascade' }),
})
const maps = pgTable('maps', {
  id: integer().primaryKey(),
  plot: integer().references(() => plots.id, { onDelete: 'set null' }),
})
const deeds = pgTable('deeds', {
  id: integer().primaryKey(),
  plot: integer().references(() => plots.id, { onDelete: 'restrict' }),
})
const schema = { plots, deletedPlots, trees, maps, deeds }

const ME = crypto.randomUUID()
const running = new AbortController().signal

let observed: Observed
beforeAll(async () => {
  observed = await openObserved()
  await observed.db.execute(sql`
    create table plots (id int primary key, owner uuid not null, beside int references plots, deleted timestamptz);
    create index on plots (owner, id) where deleted is null;
    create index on plots (deleted) where deleted is not null;
    create table trees (id int primary key, plot int references plots on delete cascade);
    create table maps (id int primary key, plot int references plots on delete set null);
    create table deeds (id int primary key, plot int references plots on delete restrict);
    create index on trees (plot); create index on maps (plot); create index on deeds (plot); create index on plots (beside)`)
})
afterAll(() => observed.close())

/** Of 20,000 plots the first 18,000 are deleted, 3,000 of them so long ago that their days are over. */
beforeEach(async () => {
  await observed.db.execute(sql`
    truncate plots, trees, maps, deeds;
    insert into plots select n, '${sql.raw(ME)}', null, case when n <= 3000 then now() - interval '30 days'
      when n <= 18000 then now() - interval '29 days 23 hours' end from generate_series(1, 20000) n;
    insert into trees select n, n / 2 + 1 from generate_series(1, 10000) n;
    insert into maps select n, n from generate_series(1, 5000) n`)
})

const count = (table: typeof plots | typeof trees | typeof maps | typeof deeds, where = sql`true`) =>
  observed.db.$count(table, where)

test('what is over goes in batches with what belongs to it, and what only refers to it stays without', async () => {
  const sizes: number[] = []
  const { db } = observed
  const execute = async (query: Parameters<typeof db.execute>[0]) => {
    const rows = await db.execute(query)
    sizes.push(rows.length)
    return rows
  }
  const watched = Object.create(db, { execute: { value: execute } }) as typeof db
  expect(await deleteOver(watched, schema, running)).toBe(3000)
  expect(Math.max(...sizes)).toBe(1000)
  expect(await count(plots)).toBe(17_000)
  expect(await count(plots, sql`deleted <= now() - interval '30 days'`)).toBe(0)
  expect(await count(trees, sql`plot <= 3000`)).toBe(0)
  expect(await count(trees)).toBe(10_000 - 5999)
  expect([await count(maps), await count(maps, sql`plot is null`)]).toEqual([5000, 3000])
  expect(await deleteOver(db, schema, running)).toBe(0)
})

test('of a table that was almost empty when Postgres looked at it each row is read a few times, not each for each', async () => {
  await observed.db.execute(sql`truncate plots, trees, maps, deeds`)
  await observed.fillUnnoticed(['plots', 'trees', 'maps'], () =>
    observed.db.execute(sql`
      insert into plots select n, '${sql.raw(ME)}', null, now() - interval '31 days' from generate_series(1, 3000) n
        on conflict do nothing;
      insert into trees select n, n from generate_series(1, 3000) n on conflict do nothing;
      insert into maps select n, n from generate_series(1, 3000) n on conflict do nothing`),
  )
  const { read } = await observed.rowsRead(async (tx) => {
    expect(await deleteOver(tx, schema, running)).toBe(3000)
    return []
  })
  expect(read).toBeLessThan(300_000)
})

test('what others hold fast stays until they go, and keeps nothing else from going', async () => {
  await observed.db.execute(
    sql`insert into deeds values (1, 7); update plots set beside = 8 where id in (8, 19999)`,
  )
  expect(await deleteOver(observed.db, schema, running)).toBe(2998)
  expect(await count(trees, sql`plot = 7`)).toBe(2)
  await observed.db.execute(sql`delete from deeds; update plots set beside = null`)
  expect(await deleteOver(observed.db, schema, running)).toBe(2)
})

test('broken off it goes on the next time', async () => {
  const stop = new AbortController()
  stop.abort(new Error('the worker stops'))
  await expect(deleteOver(observed.db, schema, stop.signal)).rejects.toThrow('the worker stops')
  expect(await deleteOver(observed.db, schema, running)).toBe(3000)
})

const live = isNull(plots.deleted)
const mine = ({ me }: Pick<Scope, 'me'>) => eq(plots.owner, me)
const plotList = defineList(
  publicFields(plots, z.object({ id: z.int(), owner: z.uuid(), deleted: z.iso.datetime().nullable() }), {}),
  {
    visible: (scope: Scope) => and(mine(scope), live),
    deleted: (scope: Scope) => and(mine(scope), deletedPlots.isRestorable()),
  },
)

test('a page of what is not deleted reads its rows alone, however many are', async () => {
  await observed.client.unsafe('vacuum analyze')
  const scope = { me: ME, role: 'reader' }
  for (let n = 0; n < 8; n++) await readList(plotList, { db: observed.db, ...scope }, { limit: 20 })
  await observed.expectPage(
    20,
    async (db) => (await readList(plotList, { db, ...scope }, { limit: 20 })).rows,
  )
  const { rows } = await readList(
    plotList.ofDeleted ?? plotList,
    { db: observed.db, ...scope },
    { limit: 20 },
  )
  expect(rows[0]).toMatchObject({ id: 3001 })
})

test('an index of some rows counts for a list of just those', () => {
  const [byId = []] = [plotList.orders.get('id')]
  const owned = mine({ me: ME })
  expect(isAlongIndex(plots, and(owned, live), byId)).toBe(true)
  expect(isAlongIndex(plots, and(live, owned), byId)).toBe(true)
  expect(isAlongIndex(plots, owned, byId)).toBe(false)
  expect(isAlongIndex(plots, undefined, byId)).toBe(true) // the key
  expect(isAlongIndex(plots, live, byId)).toBe(false)
  expect(isAlongIndex(plots, eq(plots.beside, 1), byId)).toBe(true) // by the whole one
  expect(isAlongIndex(plots, and(eq(plots.beside, 1), live), byId)).toBe(false)
  expect(isAlongIndex(plots, and(owned, isNull(plots.beside)), byId)).toBe(false)
})

test('no field can be a filter under the word by which a list shows what is deleted', () => {
  const fields = publicFields(plots, z.object({ id: z.int(), deleted: z.iso.datetime() }), {})
  expect(() => defineList(fields, { deleted: () => undefined, filters: ['deleted'] })).toThrow(
    'deleted is a word of the query itself',
  )
})
