// What refers to a row that goes: it goes too or stays without, by the rule of each foreign key, in batches.
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { type AnyPgColumn, foreignKey, integer, pgTable, uuid } from 'drizzle-orm/pg-core'
import { clearReferences } from '../../../src/kit/data/clear-references.ts'
import type { Schema } from '../../../src/kit/data/owned-rows.ts'
import { startApp, type TestApp } from '../support/harness.ts'

const owners = pgTable('owners', {
  id: uuid().primaryKey(),
  boss: uuid().references((): AnyPgColumn => owners.id, { onDelete: 'set null' }),
})
const folders = pgTable('folders', {
  id: integer().primaryKey(),
  owner: uuid().references(() => owners.id, { onDelete: 'cascade' }),
  inside: integer().references((): AnyPgColumn => folders.id, { onDelete: 'cascade' }),
})
const papers = pgTable('papers', {
  id: integer().primaryKey(),
  folder: integer().references(() => folders.id, { onDelete: 'cascade' }),
  signer: uuid().references(() => owners.id, { onDelete: 'set null' }),
})
const tables = { owners, folders, papers }

const [ANN, BOB] = [crypto.randomUUID(), crypto.randomUUID()]
const ann = { table: owners, where: eq(owners.id, ANN) }
const running = new AbortController().signal

let app: TestApp
beforeAll(async () => {
  app = await startApp()
  await app.deps.db.execute(sql`
    create table owners (id uuid primary key, boss uuid references owners on delete set null);
    create table folders (id int primary key, owner uuid references owners on delete cascade,
      inside int references folders on delete cascade);
    create table papers (id int primary key, folder int references folders on delete cascade,
      signer uuid references owners on delete set null);
    create index on folders (owner); create index on folders (inside); create index on papers (folder)`)
})
afterAll(() => app.close())

/** Ann's folders are the even ones; there are two papers in each, and she signs every third. */
beforeEach(async () => {
  const [ann, bob] = [ANN, BOB].map((id) => sql.raw(`'${id}'::uuid`))
  await app.deps.db.execute(sql`
    truncate owners, folders, papers;
    insert into owners values (${ann}, null), (${bob}, ${ann});
    insert into folders select n, case when n % 2 = 0 then ${ann} else ${bob} end from generate_series(1, 5000) n;
    insert into papers select n, (n + 1) / 2, case when n % 3 = 0 then ${ann} end from generate_series(1, 10000) n`)
})

const count = async (from: typeof folders | typeof papers, where = sql`true`) =>
  app.deps.db.$count(from, where)
const left = async () => ({
  folders: await count(folders),
  papers: await count(papers),
  signed: await count(papers, eq(papers.signer, ANN)),
})
const DONE = { folders: 2500, papers: 5000, signed: 0 }

/** Runs it, and returns how many rows each of its statements has changed. `before` is called with the number of each. */
async function statements(
  act: (db: TestApp['deps']['db']) => Promise<unknown>,
  before: (number: number) => void = () => {},
): Promise<number[]> {
  const changed: number[] = []
  const { db } = app.deps
  async function execute(query: ReturnType<typeof sql>) {
    before(changed.length + 1)
    const rows = await db.execute(query)
    changed.push(rows.length)
    return rows
  }
  await act(Object.create(db, { execute: { value: execute } }) as typeof db)
  return changed
}

test('rows that are to go with it go, what is in them before them, and others stay without it', async () => {
  const changed = await statements((db) => clearReferences(db, tables, ann, running))
  expect(await left()).toEqual(DONE)
  // No statement has held more than its batch.
  expect(Math.max(...changed)).toBe(1000)
  await app.deps.db.delete(owners).where(eq(owners.id, ANN))
  expect(await app.deps.db.select().from(owners)).toEqual([{ id: BOB, boss: null }])
  expect(await left()).toEqual(DONE)
})

test('broken off between two batches it is done again, with what was added meanwhile', async () => {
  const stop = new AbortController()
  const first = statements(
    (db) => clearReferences(db, tables, ann, stop.signal),
    (batch) => batch === 3 && stop.abort(new Error('the worker stops')),
  )
  await expect(first).rejects.toThrow('the worker stops')
  const half = await left()
  expect(half.folders + half.papers + half.signed).toBeGreaterThan(10_000)
  await app.deps.db.insert(folders).values({ id: 6000, owner: ANN, inside: 1 })
  await app.deps.db.insert(papers).values({ id: 20_000, folder: 6000, signer: BOB })
  await clearReferences(app.deps.db, tables, ann, running)
  expect(await left()).toEqual(DONE)
})

test('a row that came in behind it goes with the row itself', async () => {
  await clearReferences(app.deps.db, tables, ann, running)
  await app.deps.db.insert(folders).values({ id: 6000, owner: ANN })
  await app.deps.db.delete(owners).where(eq(owners.id, ANN))
  expect(await left()).toEqual(DONE)
})

test('rows of the owner that lie in one of somebody else, and the other way round, go as their keys say', async () => {
  await app.deps.db.update(folders).set({ inside: 2 }).where(eq(folders.id, 1))
  await clearReferences(app.deps.db, tables, ann, running)
  expect(await left()).toEqual({ ...DONE, folders: 2499, papers: 4998 })
})

test('a reference without a rule is refused, however deep, before a row of its table is changed', async () => {
  const refused = (schema: Schema) => clearReferences(app.deps.db, schema, ann, running)
  const who = uuid().references(() => owners.id)
  const bare = pgTable('bare', { id: integer().primaryKey(), who })
  await expect(refused({ owners, bare })).rejects.toThrow(
    "bare.who refers to owners, and does not say what becomes of its rows when those are deleted: declare { onDelete: 'cascade' }",
  )
  const deep = pgTable('deep', { id: integer().primaryKey(), a: integer() }, (t) => [
    foreignKey({ columns: [t.a], foreignColumns: [folders.id] }).onDelete('restrict'),
  ])
  await expect(refused({ owners, folders, deep })).rejects.toThrow('deep.a refers to folders')
  expect(await count(folders)).toBe(5000)
})
