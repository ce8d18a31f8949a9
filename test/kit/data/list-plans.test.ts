// What the pages of a declared list make Postgres read of 100,000 rows: their own, in every order, both ways, however deep.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { type PageRequest, readList } from '../../../src/kit/data/list-page.ts'
import type { Scope } from '../../../src/kit/data/scope.ts'
import type { Db } from '../../../src/kit/types/db.ts'
import { openObserved, type Observed } from '../support/plans.ts'
import { bookList, createBooks } from '../support/shelf.ts'

const ROWS = 100_000
const SIZE = 20
/** It has every second book. */
const OWNER = crypto.randomUUID()
/** As many as make Postgres decide on a plan for good. */
const UNTIL_PLANNED = 8

let observed: Observed
beforeAll(async () => {
  observed = await openObserved()
  await createBooks(observed.db)
  await observed.db.execute(sql`
    insert into shelved_books (title, subtitle, stars, shelf, added, owner)
    select md5(n::text), case when n % 3 > 0 then md5((n % 1000)::text) end, case when n % 4 > 0 then n % 100 end,
      n % 10, timestamptz '2026-01-01Z' + n / 4 * interval '1 ms',
      case when n % 2 = 0 then ${OWNER}::uuid else md5((n % 500)::text)::uuid end
    from generate_series(1, ${sql.raw(String(ROWS))}) n`)
  await observed.client.unsafe('vacuum analyze')
})
afterAll(() => observed.close())

const EVERYONE = 'librarian'
const read = (db: Db, role: string, request: Omit<PageRequest, 'limit'>) => {
  const scope: Scope = { db, me: OWNER, role }
  return readList(bookList, scope, { ...request, limit: SIZE })
}

async function expectOwnRows(role: string, request: Omit<PageRequest, 'limit'>): Promise<void> {
  for (let n = 0; n < UNTIL_PLANNED; n++) await read(observed.db, role, request)
  await observed.expectPage(SIZE, async (db) => (await read(db, role, request)).rows)
}

test.each([...bookList.orders.keys()].flatMap((sort) => [EVERYONE, 'reader'].map((role) => [sort, role])))(
  'by %s for a %s a page reads its rows alone: the first, those around the middle, and the last',
  async (sort, role) => {
    await expectOwnRows(role, { sort })
    // Where there are nulls, some in the middle are null in one direction or the other.
    for (const offset of [ROWS / 8, (ROWS / 8) * 3 - SIZE]) {
      const { next, prev } = await read(observed.db, role, { sort, offset })
      await expectOwnRows(role, { sort, cursor: next })
      await expectOwnRows(role, { sort, before: prev })
    }
  },
)

const MOMENT = '2026-01-01T00:00:12.000Z'

test.each([
  [{ shelf: '4' }, 'shelf,added'],
  [{ 'added[gte]': MOMENT }, 'added'],
  [{ 'added[lt]': MOMENT }, '-added'],
  [{ 'added[gte]': MOMENT, 'added[lt]': '2026-01-01T00:00:20Z' }, '-added,title'],
] as const)('filtered by %p in the order %s too', async (given, sort) => {
  for (const role of [EVERYONE, 'reader']) {
    await expectOwnRows(role, { sort, given })
    const { next } = await read(observed.db, role, { sort, given, offset: 1000 })
    await expectOwnRows(role, { sort, given, cursor: next })
  }
})

test.each([
  ['-added', 'added[lt]', 'cursor'],
  ['added', 'added[lt]', 'before'],
  ['added', 'added[gte]', 'cursor'],
  ['-added', 'added[gte]', 'before'],
] as const)(
  'by %s with %s a page at a %s skips the entries of the index between that and the end of the range',
  async (sort, bound, end) => {
    const given = { [bound]: bound === 'added[lt]' ? '2026-02-01T00:00:00Z' : '2025-01-01T00:00:00Z' }
    for (const role of [EVERYONE, 'reader']) {
      const { next, prev } = await read(observed.db, role, { sort, given, offset: ROWS / 4 })
      const request = { sort, given, [end]: end === 'cursor' ? next : prev }
      expect(await observed.blocksRead((db) => read(db, role, request))).toBeLessThan(3 * SIZE)
    }
  },
)
