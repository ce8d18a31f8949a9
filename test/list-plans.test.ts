// What the list of accounts makes Postgres read: as much as a page needs, however many accounts there are.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { countUsersSince, lockWithRole } from '../src/account/queries.ts'
import { userList } from '../src/account/user-list.ts'
import { users } from '../src/account/table.ts'
import { readList, type PageRequest } from '../src/kit/data/list-page.ts'
import type { Db } from '../src/kit/types/db.ts'
import { openObserved, type Observed } from './kit/support/plans.ts'

const ROWS = 30_000
/** So few that a scan of the table stands out. */
const FEW = ROWS / 7
const page = { limit: 20 }

const listUsers = async (db: Db, request: PageRequest) => (await readList(userList, { db }, request)).rows

let observed: Observed
beforeAll(async () => {
  observed = await openObserved()
  await observed.db.execute(sql`
    insert into ${users} (email, password, first_name, last_name, created)
    select 'user' || n || '@example.com', '', 'Ann', 'No' || n
        || case when n % 10 = 0 then ' Common' else '' end || case when n < 1500 then ' Old' else '' end
        || case n when 7 then ' Zebraquux' else '' end,
      timestamptz '2026-01-01 00:00:00Z' + n * interval '1 second'
    from generate_series(1, ${sql.raw(String(ROWS))}) n`)
  await observed.client.unsafe('vacuum analyze')
})
afterAll(() => observed.close())

test('after searches and pages of every kind on a connection, the list goes along its index', async () => {
  const { db, planOf, expectPage } = observed
  // As many as make Postgres decide on a plan for good.
  for (let n = 0; n < 12; n++) {
    await listUsers(db, { ...page, search: 'zzqqx' })
    await listUsers(db, page)
  }
  const plan = await planOf('%from "users" order by "users"."created" desc%', [21, 0])
  expect(plan).toMatch(/^Limit\n.*Index Scan Backward using users_created_id/)
  await expectPage(20, (tx) => listUsers(tx, page))
})

test.each([
  ['a rare word', 1, 'zebraquux'],
  ['a word that is nowhere', 0, 'zebraquuy'],
  ['both names', 1, 'ann no12345'],
  ['an email', 1, 'user21234@EXAMPLE'],
  ['a common word', 20, 'common'],
  ['what only the oldest have', 20, ' old'],
  ['a letter', 20, 'e'],
])('a search of %s reads few rows', async (_what, expected, search) => {
  const { found, read } = await observed.rowsRead((tx) => listUsers(tx, { ...page, search }))
  expect(found).toBe(expected)
  expect(read).toBeLessThan(FEW)
})

test('a page by cursor reads its rows alone, wherever it is', async () => {
  const [row] = await observed.client<{ at: string; id: string }[]>`
    select to_char(created at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, id from users
    order by created limit 1 offset ${ROWS / 5}`
  const cursor = btoa(JSON.stringify([row?.at, row?.id])).replaceAll('=', '')
  await observed.expectPage(20, (tx: Db) => listUsers(tx, { ...page, cursor }))
})

test('who changes or deletes an account looks at it, and at the superusers if it is one, at no others', async () => {
  const [ann] = await observed.client<{ id: string }[]>`
    update users set role = 'superuser' where email in ('user7@example.com', 'user8@example.com') returning id`
  const [other] = await observed.client<{ id: string }[]>`select id from users where role = 'editor' limit 1`
  const ids = [other?.id ?? '', ann?.id ?? '']
  // As many as make Postgres decide on a plan for good.
  for (let n = 0; n < 12; n++) {
    const { found, read } = await observed.rowsRead((tx) => lockWithRole(tx, 'superuser', ...ids))
    expect(found).toBe(3)
    expect(read).toBeLessThan(20)
    const alone = await observed.rowsRead((tx) => lockWithRole(tx, 'superuser', other?.id ?? ''))
    expect(alone.found).toBe(1)
    expect(alone.read).toBeLessThan(20)
  }
})

test('new accounts are counted without a look at the others', async () => {
  const moment = new Date(Date.parse('2026-01-01T00:00:00Z') + (ROWS - 100) * 1000)
  const { read } = await observed.rowsRead(async (tx) => {
    const count = await countUsersSince(tx, moment)
    expect(count).toBe(101)
    return []
  })
  expect(read).toBeLessThan(FEW)
})
