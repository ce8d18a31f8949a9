// Seeds: each row is added once, whoever seeds at the same time, and what is broken off goes on where it was.
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { check, pgTable, serial, text, timestamp } from 'drizzle-orm/pg-core'
import { BATCH_SIZE, defineSeed } from '../../../scripts/seed/define.ts'
import { startApp, type TestApp } from '../support/harness.ts'

const stamps = pgTable(
  'stamps',
  {
    id: serial().primaryKey(),
    country: text().notNull(),
    printed: timestamp({ withTimezone: true }),
    note: text(),
  },
  (t) => [check('stamps_note', sql`${t.note} <> 'forged'`)],
)

let app: TestApp
beforeAll(async () => {
  app = await startApp()
  await app.deps.db.execute(sql`create table stamps
    (id serial primary key, country text not null, printed timestamptz, note text check (note <> 'forged'))`)
})
afterAll(() => app.close())
beforeEach(async () => {
  await app.deps.db.delete(stamps)
})

const ROWS = Array.from({ length: 3 * BATCH_SIZE }, (_, n) => ({
  country: `country ${n}`,
  printed: n % 2 === 0 ? null : new Date(Date.UTC(1900 + n, 0, 1)),
}))
const seedOf = (rows: (typeof stamps.$inferInsert)[]) =>
  defineSeed({ name: 'stamps', table: stamps, key: [stamps.country, stamps.printed], rows: () => rows })

async function load(rows: (typeof stamps.$inferInsert)[]) {
  const reports: string[] = []
  const result = await seedOf(rows).load(app.deps.db, (done, of) => reports.push(`${done}/${of}`))
  return { ...result, reports }
}
const count = () => app.deps.db.$count(stamps)

test('rows are added batch by batch, which is told', async () => {
  const [a, b, c] = [1, 2, 3].map((n) => `${n * BATCH_SIZE}/75`)
  expect(await load(ROWS)).toEqual({ added: 75, total: 75, reports: [a, b, c] as string[] })
  expect(await count()).toBe(75)
})

test('a row whose key is there, nulls and moments counted, stays as it is; others are added', async () => {
  await load(ROWS)
  await app.deps.db.update(stamps).set({ note: 'mine' })
  const others = [
    { country: 'country 1', printed: null },
    { country: 'country 2', printed: new Date(0) },
  ]
  expect(await load([...ROWS, ...others])).toMatchObject({ added: 2, total: 77 })
  expect(await app.deps.db.$count(stamps, sql`note = 'mine'`)).toBe(75)
})

test('two rows of one key are one', async () => {
  expect(await load([...ROWS, ...ROWS])).toMatchObject({ added: 75, total: 75 })
})

test('two that seed at once add each row once', async () => {
  const both = await Promise.all([load(ROWS), load(ROWS)])
  expect(both.map(({ added }) => added).reduce((a, b) => a + b)).toBe(75)
  expect(await count()).toBe(75)
})

test('where a row is refused its batch is, those before it stay, and the next run goes on', async () => {
  const broken = ROWS.with(BATCH_SIZE + 3, { country: 'nowhere', printed: null, note: 'forged' } as never)
  const refused = load(broken)
  expect(await refused.catch((error: Error) => String(error.cause))).toContain('stamps_note_check')
  expect(await count()).toBe(BATCH_SIZE)
  expect(await load(ROWS)).toMatchObject({ added: 75 - BATCH_SIZE, total: 75 })
})

test('rows may depend on what is there', async () => {
  await load(ROWS.slice(0, 2))
  const seed = defineSeed({
    name: 'stamps',
    table: stamps,
    key: [stamps.country],
    rows: async (db) =>
      (await db.select().from(stamps)).map(({ country }) => ({ country: `New ${country}` })),
  })
  expect(await seed.load(app.deps.db, () => {})).toEqual({ added: 2, total: 2 })
})

test('nothing to add adds nothing', async () => {
  expect(await load([])).toEqual({ added: 0, total: 0, reports: [] })
})
