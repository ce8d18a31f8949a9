// A rule about rows that belong to accounts: natural in a query, prepared once for each role, asked for whoever asks.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { and, eq, gt, sql } from 'drizzle-orm'
import { integer, pgTable, uuid } from 'drizzle-orm/pg-core'
import { NOBODY, type Scope, scoped } from '../../../src/kit/data/scope.ts'
import { startApp, type TestApp } from '../support/harness.ts'

const notes = pgTable('scoped_notes', { n: integer().primaryKey(), creator: uuid() })

const ANN = crypto.randomUUID()
const BOB = crypto.randomUUID()

let app: TestApp
beforeAll(async () => {
  app = await startApp()
  await app.deps.db.execute(sql`create table scoped_notes (n int primary key, creator uuid)`)
  await app.deps.db.insert(notes).values([
    { n: 1, creator: ANN },
    { n: 2, creator: BOB },
    { n: 3, creator: ANN },
  ])
})
afterAll(() => app.close())

const visible = ({ me, role }: Scope) => (role === 'boss' ? undefined : eq(notes.creator, me))
const built: (string | null)[] = []
const list = scoped((scope) => {
  built.push(scope.role)
  return scope.db
    .select({ n: notes.n })
    .from(notes)
    .where(and(visible(scope), gt(notes.n, sql.placeholder('after'))))
    .orderBy(notes.n)
    .prepare('notes_list')
}, 'fast')

const as = (me: string, role: string | null): Scope => ({ db: app.deps.db, me, role })
const numbers = async (scope: Scope, after = 0) => (await list(scope, { after })).map(({ n }) => n)

test('each account gets its own rows, a role that the rule lets through all of them, a visitor none', async () => {
  expect(await numbers(as(ANN, 'member'))).toEqual([1, 3])
  expect(await numbers(as(BOB, 'member'))).toEqual([2])
  expect(await numbers(as(ANN, 'boss'))).toEqual([1, 2, 3])
  expect(await numbers(as(NOBODY, null))).toEqual([])
  expect(await numbers(as(ANN, 'member'), 1)).toEqual([3])
})

test('a query is prepared once for each role and database, whoever asks', async () => {
  built.length = 0
  for (const me of [ANN, BOB]) for (const role of ['reader', 'writer']) await numbers(as(me, role))
  expect(built).toEqual(['reader', 'writer'])
  await app.deps.db.transaction(async (tx) => {
    expect(await list({ ...as(BOB, 'writer'), db: tx }, { after: 0 })).toEqual([{ n: 2 }])
  })
  expect(built).toEqual(['reader', 'writer', 'writer'])
})

test('no value of a query takes the place of the account that asks', async () => {
  expect(await list(as(BOB, 'member'), { after: 0, me: ANN })).toEqual([{ n: 2 }])
})

test('the same rule stands in a query that is not prepared', async () => {
  const { db, ...rest } = as(ANN, 'member')
  expect(await db.$count(notes, visible({ db, ...rest }))).toBe(2)
})
