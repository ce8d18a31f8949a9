// What lists and searches of movies make Postgres read: as much as their page needs, however many movies there are.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { users } from '../src/account/table.ts'
import { listMovies } from '../src/movies/queries.ts'
import { movies } from '../src/movies/table.ts'
import { openObserved, type Observed } from './kit/support/plans.ts'

const ROWS = 30_000
/** So few that a scan of the table stands out. */
const FEW = ROWS / 7
const page = { limit: 21, offset: 0 }
const AUTHOR = crypto.randomUUID()

let observed: Observed
beforeAll(async () => {
  observed = await openObserved()
  const { client, db } = observed
  await db
    .insert(users)
    .values({ id: AUTHOR, email: 'a@example.com', password: '', first_name: 'A', last_name: 'B' })
  await db.execute(sql`
    insert into ${movies} (title, director, creator)
    select md5(n::text) || case when n % 10 = 0 then ' common' else '' end
        || case when n > ${sql.raw(String(ROWS - 1500))} then ' late' else '' end
        || case n when ${sql.raw(String(ROWS - 9))} then ' zebraquux' else '' end,
      'Director ' || n % 100, case when n % 1000 = 1 then ${AUTHOR}::uuid end
    from generate_series(1, ${sql.raw(String(ROWS))}) n`)
  await client.unsafe('vacuum analyze')
}, 60_000)
afterAll(() => observed.close())

test('after many searches on a connection, each list has the plan that it needs', async () => {
  const { db, planOf, expectPage } = observed
  for (let n = 0; n < 24; n++) {
    await listMovies(db, { ...page, search: 'zzqqx' })
    await listMovies(db, { ...page, search: 'zzqqx', creator: AUTHOR })
  }
  // As many as make Postgres decide on a plan for good.
  for (let n = 0; n < 12; n++) {
    await listMovies(db, page)
    await listMovies(db, { ...page, creator: AUTHOR })
  }
  const all = await planOf('%from "movies" where "movies"."id" > $1 order%', [0, 21, 0])
  expect(all).toMatch(/^Limit\n.*Index Scan using movies_pkey/)
  const own = await planOf('%from "movies" where ("movies"."creator" = $1%', [AUTHOR, 0, 21, 0])
  expect(own).toMatch(/^Limit\n.*Index Scan using movies_creator_id.*\n.*Index Cond: .*creator.* AND .*id/)
  await expectPage(21, (tx) => listMovies(tx, page))
  await expectPage(21, (tx) => listMovies(tx, { ...page, creator: AUTHOR }))
})

test.each([
  ['a rare word', 1, { search: 'ZEBRAQUUX' }],
  ['a word that is nowhere', 0, { search: 'zebraquuy' }],
  ['a common word', 21, { search: 'common' }],
  ['what only the last rows have', 21, { search: 'late' }],
  ['one letter', 21, { search: 'e' }],
  ['two letters', 21, { search: '1f' }],
  ['a creator', 21, { search: 'director 1', creator: AUTHOR }],
  ['what comes after most of the rows', 21, { search: 'common', after: ROWS * 0.8 }],
])('a search of %s reads few rows', async (_what, expected, filter) => {
  const { found, read } = await observed.rowsRead((tx) => listMovies(tx, { ...page, ...filter }))
  expect(found).toBe(expected)
  expect(read).toBeLessThan(FEW)
})

test('a long page of a common word reads as many rows as hold it', async () => {
  const { found, read } = await observed.rowsRead((tx) =>
    listMovies(tx, { limit: 1001, offset: 0, search: 'common' }),
  )
  expect(found).toBe(1001)
  expect(read).toBeLessThan(ROWS / 2)
})

test('a page by cursor reads its rows alone, wherever it is', async () => {
  await observed.expectPage(21, (tx) => listMovies(tx, { ...page, after: ROWS * 0.8 }))
})
