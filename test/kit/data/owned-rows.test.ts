// The rows of an owner, found in whatever tables refer to it: all of them, those of nobody else, and what is declared.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { boolean, customType, integer, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { collectUpTo, findOwnedTables, ownedRows, type Schema } from '../../../src/kit/data/owned-rows.ts'
import { publicFields } from '../../../src/kit/data/public-fields.ts'
import { startApp, type TestApp } from '../support/harness.ts'

const people = pgTable('people', { id: uuid().primaryKey(), email: text().unique() })
const person = () => uuid().references(() => people.id)

const memos = pgTable('memos', { id: integer().primaryKey(), author: person(), text: text(), secret: text() })
const Note = z.object({ id: z.string(), text: z.string().nullable() })
const noteId = { id: sql<string>`${memos.id}::text`.as('id') }
const publicNote = publicFields(memos, Note, noteId)

const letters = pgTable('letters', { id: uuid().primaryKey(), sender: person(), receiver: person() })
const Letter = z.object({ id: z.uuid() })

const visits = pgTable('visits', { at: timestamp({ withTimezone: true }).primaryKey(), who: person() })
const publicVisit = publicFields(visits, z.object({ at: z.iso.datetime() }), {})

const votes = pgTable('votes', { who: person(), about: text(), n: integer() }, (t) => [
  primaryKey({ columns: [t.who, t.about, t.n] }),
])
const publicVote = publicFields(votes, z.object({ about: z.string(), n: z.number() }), {})

const bytea = customType<{ data: Uint8Array }>({ dataType: () => 'bytea' })
const marks = pgTable('marks', { who: person(), good: boolean(), code: bytea(), n: integer() }, (t) => [
  primaryKey({ columns: [t.who, t.good, t.code, t.n] }),
])
const publicMark = publicFields(marks, z.object({ n: z.number() }), {})

const ANN = crypto.randomUUID()
const BOB = crypto.randomUUID()

let app: TestApp
beforeAll(async () => {
  app = await startApp()
  await app.deps.db.execute(sql`
    create table memos (id int primary key, author uuid, text text, secret text);
    create table visits (at timestamptz primary key, who uuid);
    create table marks (who uuid, good boolean, code bytea, n int, primary key (who, good, code, n));
    create table votes (who uuid, about text, n int, primary key (who, about, n))`)
  await app.deps.db.execute(sql`
    insert into memos select n, case when n % 3 = 0 then ${BOB}::uuid else ${ANN}::uuid end, n || '!', 'never'
    from generate_series(1, 1500) n`)
})
afterAll(() => app.close())

async function read(schema: Schema, name: string, signal = new AbortController().signal): Promise<object[]> {
  const table = findOwnedTables(schema, people).owned[name]
  if (table === undefined) throw new Error(`${name} is not among the tables`)
  return Array.fromAsync(ownedRows(app.deps.db, table, ANN, signal))
}

test('rows are read past any page, in order, each once, with the declared fields and no others', async () => {
  const numbers = Array.from({ length: 1500 }, (_, i) => i + 1).filter((n) => n % 3 !== 0)
  expect(await read({ people, memos, publicNote }, 'memos')).toEqual(
    numbers.map((n) => ({ id: String(n), text: `${n}!` })),
  )
})

test('moments that differ by microseconds are a key, too', async () => {
  await app.deps.db.execute(sql`
    insert into visits select '2026-01-31T12:00:00Z'::timestamptz + n * interval '1 microsecond', ${ANN}::uuid
    from generate_series(1, 1000) n`)
  expect(await read({ people, visits, publicVisit }, 'visits')).toHaveLength(1000)
})

test('so are several columns', async () => {
  await app.deps.db.execute(sql`
    insert into votes select ${ANN}::uuid, '"' || n % 7, n from generate_series(1, 1000) n`)
  const rows = await read({ people, votes, publicVote }, 'votes')
  expect(new Set(rows.map((row) => JSON.stringify(row))).size).toBe(1000)
})

test('truth and bytes are a key, too', async () => {
  await app.deps.db.execute(sql`
    insert into marks select ${ANN}::uuid, n % 2 = 0, decode(lpad(to_hex(n % 5), 2, '0'), 'hex'), n
    from generate_series(1, 1000) n`)
  const rows = await read({ people, marks, publicMark }, 'marks')
  expect([rows.length, new Set(rows.map((row) => JSON.stringify(row))).size]).toEqual([1000, 1000])
})

test('it stops between two pages', async () => {
  const stop = new AbortController()
  const { memos: table } = findOwnedTables({ people, memos, publicNote }, people).owned
  if (table === undefined) throw new Error('no table')
  const rows = ownedRows(app.deps.db, table, ANN, stop.signal)
  await rows.next()
  stop.abort(new Error('the worker stops'))
  await expect(Array.fromAsync(rows)).rejects.toThrow('the worker stops')
})

test('a table shapes its part, or opts out of it', async () => {
  const shaped = publicFields(memos, Note, noteId, {
    exported: { columns: { length: sql`length(${memos.text})`.as('length') } },
  })
  expect((await read({ people, memos, shaped }, 'memos'))[0]).toEqual({ length: 2 })
  const off = publicFields(memos, Note, noteId, { exported: false })
  expect(findOwnedTables({ people, memos, off }, people)).toEqual({ owned: {}, leftOut: [] })
  const received = publicFields(letters, Letter, {}, { exported: { owner: letters.receiver } })
  expect(findOwnedTables({ people, letters, received }, people).owned.letters?.owner).toBe(letters.receiver)
})

test('a table of which it is not clear what an export holds is in none, and named', () => {
  const unclear = (schema: Schema) => {
    const { owned, leftOut } = findOwnedTables({ people, ...schema }, people)
    expect(owned).toEqual({})
    return leftOut
  }
  expect(unclear({ memos })).toEqual(['memos declares no publicFields'])
  expect(unclear({ letters, publicLetter: publicFields(letters, Letter, {}) })).toEqual([
    'letters does not declare which column is the owner',
  ])
  const byEmail = pgTable('by_email', {
    id: uuid().primaryKey(),
    email: text().references(() => people.email),
  })
  expect(unclear({ byEmail, publicRow: publicFields(byEmail, Letter, {}) })).toEqual([
    'byEmail does not declare which column is the owner',
  ])
  const keyless = pgTable('keyless', { id: uuid(), who: person() })
  expect(unclear({ keyless, publicRow: publicFields(keyless, Letter, {}) })).toEqual([
    'keyless has no primary key',
  ])
  expect(unclear({ memos, publicNote, twice: publicFields(memos, Note, noteId) })).toEqual([
    'memos declares publicFields for an export more than once',
  ])
  // What does not refer to owners is nobody's.
  expect(unclear({ plants: pgTable('plants', { id: uuid().primaryKey() }) })).toEqual([])
})

test('the compiler refuses a field that is no column and has no other source', () => {
  const Long = Note.extend({ size: z.number() })
  publicFields(memos, Long, { ...noteId, size: sql<number>`length(${memos.text})`.as('size') })
  // @ts-expect-error nothing says what the size is read from
  publicFields(memos, Long, noteId)
})

test('a number beyond those of JSON is exported as a text, and a moment as its ISO text', async () => {
  const rows = [{ big: 2n ** 60n, at: new Date(0), n: 1 }]
  const { collected } = await collectUpTo(1024, { rows }, { progress() {} })
  expect(collected.rows).toEqual([{ big: '1152921504606846976', at: '1970-01-01T00:00:00.000Z', n: 1 }])
})

const numbers = (count: number, size: number) =>
  Array.from({ length: count }, (_, n) => ({ n, text: 'x'.repeat(size) }))

test('past their size rows are left out, and the sources named', async () => {
  const progress: number[] = []
  const { collected, incomplete } = await collectUpTo(
    512 * 1024,
    { few: numbers(401, 1), many: numbers(10_000, 1000), one: numbers(1, 1) },
    { progress: (fraction) => void progress.push(fraction) },
  )
  expect(incomplete).toEqual(['many'])
  expect(collected.few).toEqual(numbers(401, 1))
  expect(collected.one).toEqual(numbers(1, 1))
  expect(collected.many?.length).toBeGreaterThan(400)
  expect(JSON.stringify(collected).length).toBeLessThan(513 * 1024)
  expect(progress).toEqual([1 / 3, 2 / 3, 1])
})

test('the size is counted in bytes, whatever the letters', async () => {
  const heavy = Array.from({ length: 1000 }, () => ({ text: '\u6f22'.repeat(1000) }))
  const { collected, incomplete } = await collectUpTo(512 * 1024, { heavy }, { progress() {} })
  expect(incomplete).toEqual(['heavy'])
  const bytes = Buffer.byteLength(JSON.stringify(collected))
  expect(bytes).toBeGreaterThan(500 * 1024)
  expect(bytes).toBeLessThan(513 * 1024)
})
