// What Postgres refuses because of what was sent is the client's fault, and is told without a value. Never a 500.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { validate } from '../../../src/kit/http/validate.ts'
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
    create table boxes (id serial primary key, shelf int references shelves on delete restrict, isbn text not null default
      gen_random_uuid(), row_no int, place int, during int4range, must int not null default 1,
      constraint boxes_isbn_unique unique (isbn), constraint boxes_row_no_place_unique unique (row_no, place),
      constraint odd_name unique (place, isbn), exclude using gist (shelf with =, during with &&))`)
  await app.deps.db.execute(
    sql`create unique index odder_name on boxes (lower(isbn), (coalesce(place, 0) * 0))`,
  )
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
  ['insert into boxes (shelf) values (99)', 409, 'It refers to something that does not exist'],
  ['delete from shelves', 409, 'still referred to'], // 23001 on Postgres 18, 23503 before
  ['update shelves set height = 0', 400, 'A value is not among those that are allowed'],
  ["insert into boxes (shelf, during) values (1, '[3,9)')", 409, 'overlaps with something that exists'],
  ['insert into shelves values (1)', 409, 'id: exists already'],
  ["insert into shelves values (2, 'secret-label')", 409, 'label: exists already'],
  ["insert into boxes (isbn) values ('secret-isbn')", 409, 'isbn: exists already'],
])('%s is %d: %s', async (statement, status, message) => {
  const answer = await answerTo(statement)
  expect([answer.status, answer.err]).toEqual([status, expect.stringContaining(`${status}: `)])
  expect(answer.err).toContain(message)
  expect(JSON.stringify(answer)).not.toContain('secret')
})

const FIELDS = { shelf: z.int(), isbn: z.string(), rowNo: z.int(), place: z.int(), during: z.string() }

/** The issues of a statement on a route whose body may have some of these fields. */
async function issuesOf(statement: string, fields: (keyof typeof FIELDS)[] = []) {
  const own = createApp({ ...app.deps, log: silent })
  const known = Object.entries(FIELDS).filter(([name]) => fields.includes(name as 'isbn'))
  own.post('/statement', validate('json', z.object(Object.fromEntries(known)).partial()), async (c) => {
    await c.var.db.execute(sql.raw(statement))
    return c.json({})
  })
  const sent = { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } }
  const { code, issues } = (await (await own.request('/statement', sent)).json()) as Refused
  return [code, ...(issues ?? []).map(({ path, message }) => `${path} ${message}`)]
}
interface Refused {
  code: string
  issues?: { path: string; message: string }[]
}

test.each<[string, (keyof typeof FIELDS)[], string[]]>([
  [
    'insert into boxes (row_no, place) values (7, 8)',
    ['rowNo', 'place', 'isbn'],
    [
      'already_exists',
      'rowNo exists already, with the same place',
      'place exists already, with the same rowNo',
    ],
  ],
  // One of them is not the client's to set, as that of an owner.
  ['insert into boxes (row_no, place) values (7, 8)', ['place'], ['already_exists', 'place exists already']],
  [
    "insert into boxes (place, isbn) values (8, 'secret-isbn')",
    ['isbn'],
    ['already_exists', 'isbn exists already'],
  ],
  ["insert into boxes (isbn) values ('SECRET-ISBN')", ['isbn'], ['already_exists', 'isbn exists already']],
  ['insert into shelves values (1)', ['isbn'], ['already_exists']],
  [
    "insert into boxes (shelf, during) values (1, '[3,9)')",
    ['shelf', 'during'],
    [
      'exclusion_violation',
      'shelf overlaps with something that exists',
      'during overlaps with something that exists',
    ],
  ],
  [
    'insert into boxes (shelf) values (99)',
    ['shelf'],
    ['foreign_key_violation', 'shelf refers to nothing that there is'],
  ],
  ['delete from shelves', ['shelf'], ['foreign_key_violation']],
  ['update boxes set must = null', ['shelf'], ['internal_error']],
])(
  '%s names of %p what the constraint is about, whatever its name: %p',
  async (statement, fields, issues) => {
    expect(await issuesOf(statement, fields)).toEqual(issues)
  },
)

test('without a value in a column that takes no null, the body is told that it is required', async () => {
  expect(await issuesOf('update boxes set isbn = null', ['isbn'])).toEqual([
    'invalid_request',
    'isbn is required',
  ])
})

test('whatever a value looks like, it is taken for no field', async () => {
  await app.deps.db.execute(sql`insert into boxes (isbn) values ('x)=(place)=(')`)
  const again = "insert into boxes (isbn) values ('x)=(place)=(')"
  expect(await issuesOf(again, ['isbn', 'place'])).toEqual(['already_exists', 'isbn exists already'])
})

test.each([
  ...['23001', '23503', '23505', '23P01'].map((code) => [code, 409] as const),
  ...['23514', '22000', '2200G', '22P02', '2202E'].map((code) => [code, 400] as const),
])('SQLSTATE %s is a %d, from whichever server it comes', async (code, expected) => {
  const raise = `do $$ begin raise exception 'secret' using errcode = '${code}'; end $$`
  const { status, err } = await answerTo(raise)
  expect([status, err.slice(0, 5)]).toEqual([expected, `${expected}: `])
  expect(err).not.toContain('secret')
})

test.each(['23502', '42P01', '42601', 'P0001', 'XX000'])(
  "SQLSTATE %s is the server's fault",
  async (code) => {
    const raise = `do $$ begin raise exception 'secret' using errcode = '${code}'; end $$`
    expect(await answerTo(raise)).toMatchObject({ status: 500, err: '500: Internal server error' })
  },
)
