// What lists and searches of movies make Postgres read: as much as their page needs, however many movies there are.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { users } from '../src/account/table.ts'
import { readList, type PageRequest } from '../src/kit/data/list-page.ts'
import type { Db } from '../src/kit/types/db.ts'
import { movieList } from '../src/movies/queries.ts'
import { movies } from '../src/movies/table.ts'
import { openObserved, type Observed } from './kit/support/plans.ts'

const ROWS = 30_000
/** So few that a scan of the table stands out. */
const FEW = ROWS / 7
const page = { limit: 20 }
const AUTHOR = crypto.randomUUID()

const listMovies = async (db: Db, { creator, ...request }: PageRequest & { creator?: string }) =>
  (await readList(movieList, { db }, { ...request, given: { creator } })).rows
/** The cursor behind the movie with this id. */
const behind = (id: number) => btoa(JSON.stringify(String(id))).replaceAll('=', '')

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
})
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
  const all = await planOf('%from "movies" order by "movies"."id" limit%', [21, 0])
  expect(all).toMatch(/^Limit\n.*Index Scan using movies_pkey/)
  const own = await planOf('%from "movies" where "movies"."creator" = (select $1::uuid)%', [AUTHOR, 21, 0])
  expect(own).toMatch(/^Limit\n.*[^]*Index Scan using movies_creator_id.*\n.*Index Cond: .*creator/)
  await expectPage(20, (tx) => listMovies(tx, page))
  await expectPage(20, (tx) => listMovies(tx, { ...page, creator: AUTHOR }))
})

test.each([
  ['a rare word', 1, { search: 'ZEBRAQUUX' }],
  ['a word that is nowhere', 0, { search: 'zebraquuy' }],
  ['a common word', 20, { search: 'common' }],
  ['what only the last rows have', 20, { search: 'late' }],
  ['one letter', 20, { search: 'e' }],
  ['two letters', 20, { search: '1f' }],
  ['a creator', 20, { search: 'director 1', creator: AUTHOR }],
  ['what comes after most of the rows', 20, { search: 'common', cursor: behind(ROWS * 0.8) }],
])('a search of %s reads few rows', async (_what, expected, filter) => {
  const { found, read } = await observed.rowsRead((tx) => listMovies(tx, { ...page, ...filter }))
  expect(found).toBe(expected)
  expect(read).toBeLessThan(FEW)
})

test('a long page of a common word reads as many rows as hold it', async () => {
  const { found, read } = await observed.rowsRead((tx) => listMovies(tx, { limit: 1000, search: 'common' }))
  expect(found).toBe(1000)
  expect(read).toBeLessThan(ROWS / 2)
})

test('a page by cursor reads its rows alone, wherever it is', async () => {
  await observed.expectPage(20, (tx) => listMovies(tx, { ...page, cursor: behind(ROWS * 0.8) }))
})
