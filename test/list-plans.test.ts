// What lists and searches make Postgres read: as much as their page needs, however many rows there are, and in whatever
// order they are asked for.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { listUsers } from '../src/account/queries.ts'
import { users } from '../src/account/table.ts'
import type { Db } from '../src/deps.ts'
import { listMovies } from '../src/movies/queries.ts'
import { movies } from '../src/movies/table.ts'
import { createDatabase, type TestDatabase } from './support/services.ts'

const ROWS = 40_000
/** Every list has so many pages that a scan of all rows stands out. */
const FEW = ROWS / 10
const page = { limit: 21, offset: 0 }
const AUTHOR = crypto.randomUUID()

let database: TestDatabase
let client: postgres.Sql
let db: Db
beforeAll(async () => {
  database = await createDatabase()
  // One connection: what it has prepared is what the next query gets.
  client = postgres(database.url, { max: 1, onnotice: () => {} })
  db = drizzle({ client })
  await db.execute(sql`
    insert into ${users} (id, email, password, first_name, last_name, created)
    select case n when 5 then ${AUTHOR}::uuid else gen_random_uuid() end, 'user' || n || '@example.com', '', 'Ann',
      'No' || n || case when n % 10 = 0 then ' Common' else '' end || case when n < ${ROWS / 20} then ' Old' else '' end
        || case n when 7 then ' Zebraquux' else '' end,
      timestamptz '2026-01-01' + n * interval '1 second'
    from generate_series(1, ${sql.raw(String(ROWS))}) n`)
  await db.execute(sql`
    insert into ${movies} (title, director, creator)
    select md5(n::text) || case when n % 10 = 0 then ' common' else '' end
        || case when n > ${ROWS * 0.95} then ' late' else '' end || case n when ${ROWS - 9} then ' zebraquux' else '' end,
      'Director ' || n % 100, case when n % 1000 = 1 then ${AUTHOR}::uuid end
    from generate_series(1, ${sql.raw(String(ROWS))}) n`)
  await client.unsafe('vacuum analyze')
}, 60_000)
afterAll(async () => {
  await client.end()
  await database.drop()
})

/** Rows that Postgres reads in tables, by indexes or not, while `work` runs in a transaction. */
async function rowsRead(work: (db: Db) => Promise<unknown[]>) {
  return db.transaction(async (tx) => {
    // A process beside it would count apart.
    await tx.execute(sql`set local max_parallel_workers_per_gather = 0`)
    const count = async () => {
      const [row] = await tx.execute<{ rows: string }>(sql`
        select sum(seq_tup_read + idx_tup_fetch) as rows from pg_stat_xact_user_tables
        where relname in ('movies', 'users')`)
      return Number(row?.rows)
    }
    const before = await count()
    const found = await work(tx)
    return { found: found.length, read: (await count()) - before }
  })
}

/** That a page reads its own rows; planning may look at an end of an index, too. */
async function expectPage(work: (db: Db) => Promise<unknown[]>): Promise<void> {
  const { found, read } = await rowsRead(work)
  expect(found).toBe(page.limit)
  expect(read).toBeLessThan(2 * page.limit)
}

/** The plan that a prepared statement of this connection has for these parameters, as Postgres words it. */
async function planOf(like: string, parameters: (string | number)[]): Promise<string> {
  const [statement] = await client<{ name: string }[]>`
    select name from pg_prepared_statements where statement like ${like} and statement not like '%pg_prepared%'`
  const literals = parameters.map((p) => (typeof p === 'number' ? p : `'${p}'`)).join(', ')
  const rows = await client.unsafe<{ 'QUERY PLAN': string }[]>(
    `explain (costs off) execute "${statement?.name}" (${literals})`,
  )
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}

test('after many searches on a connection, each list has the plan that it needs', async () => {
  for (let n = 0; n < 24; n++) {
    await listMovies(db, { ...page, search: 'zzqqx' })
    await listMovies(db, { ...page, search: 'zzqqx', creator: AUTHOR })
  }
  // As many as make Postgres decide on a plan for good.
  for (let n = 0; n < 12; n++) {
    await listMovies(db, page)
    await listMovies(db, { ...page, creator: AUTHOR })
    await listUsers(db, page)
  }
  const first = await planOf('%from "movies" where "movies"."id" > $1 order%', [0, 21, 0])
  expect(first).toMatch(/^Limit\n.*Index Scan using movies_pkey/)
  const own = await planOf('%"movies"."creator" = $1%', [AUTHOR, 0, 21, 0])
  expect(own).toMatch(/^Limit\n.*Index Scan using movies_creator_id.*\n.*Index Cond: .*creator.* AND .*id/)
  const people = await planOf('%from "users" where ("users"."created", "users"."id") < %', [
    'infinity',
    AUTHOR,
    21,
    0,
  ])
  expect(people).toMatch(/^Limit\n.*Index Scan Backward using users_created_id.*\n.*Index Cond: \(ROW/)
  await expectPage((tx) => listMovies(tx, page))
  await expectPage((tx) => listMovies(tx, { ...page, creator: AUTHOR }))
})

test.each([
  ['movies', 'of a rare word', 1, (tx: Db) => listMovies(tx, { ...page, search: 'ZEBRAQUUX' })],
  ['movies', 'of a word that is nowhere', 0, (tx: Db) => listMovies(tx, { ...page, search: 'zebraquuy' })],
  ['movies', 'of a common word', 21, (tx: Db) => listMovies(tx, { ...page, search: 'common' })],
  [
    'movies',
    'of a common word, a thousand',
    1001,
    (tx: Db) => listMovies(tx, { limit: 1001, offset: 0, search: 'common' }),
  ],
  ['movies', 'of what only the last rows have', 21, (tx: Db) => listMovies(tx, { ...page, search: 'late' })],
  ['movies', 'of one letter', 21, (tx: Db) => listMovies(tx, { ...page, search: 'e' })],
  ['movies', 'of two letters', 21, (tx: Db) => listMovies(tx, { ...page, search: '1f' })],
  [
    'movies',
    'within a creator',
    21,
    (tx: Db) => listMovies(tx, { ...page, search: 'director 1', creator: AUTHOR }),
  ],
  ['users', 'of a rare word', 1, (tx: Db) => listUsers(tx, { ...page, search: 'zebraquux' })],
  ['users', 'of both names', 1, (tx: Db) => listUsers(tx, { ...page, search: 'ann no12345' })],
  ['users', 'of an email', 1, (tx: Db) => listUsers(tx, { ...page, search: 'user31234@EXAMPLE' })],
  ['users', 'of a common word', 21, (tx: Db) => listUsers(tx, { ...page, search: 'common' })],
  ['users', 'of what only the oldest have', 21, (tx: Db) => listUsers(tx, { ...page, search: ' old' })],
])('a search among %s %s reads few rows', async (_table, _what, expected, search) => {
  const { found, read } = await rowsRead(search)
  expect(found).toBe(expected)
  expect(read).toBeLessThan(expected > 21 ? ROWS / 2 : FEW)
})

test('a cursor page reads its rows alone, wherever it is', async () => {
  const after = ROWS * 0.8
  await expectPage((tx) => listMovies(tx, { ...page, after }))
  const [row] = await client<{ at: string; id: string }[]>`
    select to_char(created at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, id from users
    order by created limit 1 offset ${ROWS * 0.2}`
  const key: [string, string] = [row?.at ?? '', row?.id ?? '']
  await expectPage((tx) => listUsers(tx, { ...page, after: key }))
})
