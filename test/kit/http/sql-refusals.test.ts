// What Postgres refuses because of what was sent is the client's fault, and is told without a value. Never a 500.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { createApp } from '../product/app.ts'
import { silent } from '../support/log.ts'
import { startApp, type TestApp } from '../support/harness.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
  await app.deps.db.execute(sql`create extension if not exists btree_gist`)
  await app.deps.db.execute(sql`
    create table shelves (id int primary key, label text unique, height int check (height > 0), code varchar(3))`)
  await app.deps.db.execute(sql`
    create table boxes (id serial primary key, shelf int references shelves on delete restrict, isbn text,
      row_no int, place int, during int4range, constraint boxes_isbn_unique unique (isbn),
      constraint boxes_row_no_place_unique unique (row_no, place), constraint odd_name unique (place, isbn),
      exclude using gist (shelf with =, during with &&))`)
  await app.deps.db.execute(sql`insert into shelves values (1, 'secret-label', 10, 'abc')`)
  await app.deps.db.execute(sql`
    insert into boxes (shelf, isbn, row_no, place, during) values (1, 'secret-isbn', 7, 8, '[1,5)')`)
})
afterAll(() => app.close())

/** What a route answers whose handler runs a statement. */
async function answerTo(statement: string) {
  const own = createApp({ ...app.deps, log: silent })
  own.get('/statement', async (c) => {
    await c.var.db.execute(sql.raw(statement))
    return c.json({})
  })
  const reply = await own.request('/statement')
  return { status: reply.status, ...((await reply.json()) as { err: string; issues?: unknown }) }
}

test.each([
  ["update shelves set code = 'abcd'", 400, 'A text is too long'],
  ["insert into boxes (place) values (('9' || repeat('9', 20))::bigint)", 400, 'A number is out of range'],
  ["select '2026-02-30'::date", 400, 'A date is out of range'],
  ["select 'x'::date", 400, 'A date is out of range'],
  ["select 'no-uuid'::uuid", 400, 'A value cannot be stored'],
  ['select 1 / 0', 400, 'A value cannot be stored'],
  ['select sqrt(-1)', 400, 'A value cannot be stored'],
  ['insert into boxes (shelf) values (99)', 400, 'It refers to something that does not exist'],
  ['delete from shelves', 400, 'still referred to'], // 23001 on Postgres 18, 23503 before
  ['update shelves set height = 0', 400, 'A value is not among those that are allowed'],
  ["insert into boxes (shelf, during) values (1, '[3,9)')", 400, 'It overlaps with something that exists'],
  ['insert into shelves values (1)', 409, 'It exists already'],
  ["insert into shelves values (2, 'secret-label')", 409, 'label: exists already'],
  ["insert into boxes (isbn) values ('secret-isbn')", 409, 'isbn: exists already'],
])('%s is %d: %s', async (statement, status, message) => {
  const answer = await answerTo(statement)
  expect([answer.status, answer.err]).toEqual([status, expect.stringContaining(`${status}: `)])
  expect(answer.err).toContain(message)
  expect(JSON.stringify(answer)).not.toContain('secret')
})

test('a unique constraint names its field; one of several columns all of them, one of another name itself', async () => {
  const issuesOf = async (statement: string) => (await answerTo(statement)).issues
  expect(await issuesOf("insert into boxes (isbn) values ('secret-isbn')")).toEqual([
    { path: 'isbn', message: 'exists already' },
  ])
  expect(await issuesOf('insert into boxes (row_no, place) values (7, 8)')).toEqual([
    { path: 'row_no_place', message: 'exists already' },
  ])
  expect(await issuesOf("insert into boxes (place, isbn) values (8, 'secret-isbn')")).toMatchObject([{}])
  expect(await issuesOf('insert into shelves values (1)')).toBeUndefined()
})

test.each(['23001', '23503', '23514', '23P01', '22000', '2200G', '22P02', '2202E'])(
  'SQLSTATE %s is a 400, from whichever server it comes',
  async (code) => {
    const raise = `do $$ begin raise exception 'secret' using errcode = '${code}'; end $$`
    const { status, err } = await answerTo(raise)
    expect([status, err.slice(0, 5)]).toEqual([400, '400: '])
    expect(err).not.toContain('secret')
  },
)

test.each(['23502', '42P01', '42601', 'P0001', 'XX000'])(
  "SQLSTATE %s is the server's fault",
  async (code) => {
    const raise = `do $$ begin raise exception 'secret' using errcode = '${code}'; end $$`
    expect(await answerTo(raise)).toMatchObject({ status: 500, err: '500: Internal server error' })
  },
)
