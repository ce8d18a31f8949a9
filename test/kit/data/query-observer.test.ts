// What is told of queries: a name without data, once for each statement, whoever watches.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { heapStats } from 'bun:jsc'
import { eq, sql } from 'drizzle-orm'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { openPostgres } from '../../../src/kit/data/postgres.ts'
import { queryName } from '../../../src/kit/data/query-observer.ts'
import { requestContext } from '../../../src/kit/log/request-context.ts'
import { loadConfig } from '../product/product.ts'
import { recorder } from '../support/log.ts'
import { createDatabase, PATIENT, redisUrl } from '../support/services.ts'

const watched = pgTable('watched', { id: integer().primaryKey(), title: text() })
let database: Awaited<ReturnType<typeof createDatabase>>
let opened: ReturnType<typeof openPostgres>
const seen: { name: string; ms: number; error: unknown; requestId: string | undefined }[] = []

beforeAll(async () => {
  database = await createDatabase('kit')
  const { log } = recorder()
  opened = openPostgres(loadConfig({ DATABASE_URL: database.url, REDIS_URL: redisUrl(), ...PATIENT }), log)
  await opened.db.execute(sql`create table watched (id int primary key, title text)`)
  opened.observeQueries({
    onQuery(name, _startedAt, ms, error) {
      seen.push({ name, ms, error, requestId: requestContext.getStore()?.requestId })
      throw new Error('a fault of the observer')
    },
  })
})
afterAll(async () => {
  await opened?.close()
  await database?.drop()
})

/** No two tests insert the same. */
let id = 0

async function namesOf(work: () => Promise<unknown>) {
  seen.length = 0
  await requestContext.run({ requestId: 'r-1' }, () => work().catch(() => {}))
  return seen.map(({ name }) => name)
}

test('a prepared query goes by its name, outside of transactions and in one that is the first to prepare it', async () => {
  const byId = (db: Pick<typeof opened.db, 'select'>, name: string) =>
    db
      .select({ title: watched.title, as: sql.raw(`'${name}'`) })
      .from(watched)
      .where(sql`${watched.id} = ${sql.placeholder('id')}`)
      .prepare(name)
  expect(await namesOf(() => byId(opened.db, 'watched_by_id').execute({ id: 1 }))).toEqual(['watched_by_id'])
  const inside = () => opened.db.transaction(async (tx) => byId(tx, 'watched_inside').execute({ id: 1 }))
  expect(await namesOf(inside)).toEqual(['begin', 'watched_inside', 'commit'])
})

test('another goes by operation and table, in the context of its request, and a faulty observer harms none', async () => {
  expect(await namesOf(async () => await opened.db.insert(watched).values({ id: ++id }))).toEqual([
    'insert watched',
  ])
  const one = eq(watched.id, id)
  expect(await namesOf(async () => await opened.db.update(watched).set({ title: 'x' }).where(one))).toEqual([
    'update watched',
  ])
  expect(await opened.db.select().from(watched).where(one)).toEqual([{ id, title: 'x' }])
  expect(seen[0]).toMatchObject({ name: 'update watched', error: undefined, requestId: 'r-1' })
})

test('one that fails is told with its error, which its sender gets too', async () => {
  await opened.db.insert(watched).values({ id: ++id })
  await namesOf(async () => await opened.db.insert(watched).values({ id }))
  expect(seen).toMatchObject([{ name: 'insert watched', error: { code: '23505' } }])
})

test.each([
  [`select * from "public"."things" where title = 'from users'`, 'select things'],
  [`select 'into secrets'`, 'select'],
  [`insert into only_here values (1)`, 'insert only_here'],
  [`delete from only "things"`, 'delete things'],
  [`begin; set local lock_timeout = '1'`, 'begin'],
  [`hunter2 is no statement`, 'statement'],
  ['', 'statement'],
])('%p is named %p', (statement, name) => {
  expect(queryName(statement)).toBe(name)
})

test('a statement with thousands of rows goes by the same name, and its text is not kept', () => {
  const text = (n: number) => `insert into many values ${'($1),'.repeat(20_000)}($${n})`
  const held = () => {
    Bun.gc(true)
    return heapStats().heapSize
  }
  const before = held()
  for (let n = 0; n < 900; n++) expect(queryName(text(n))).toBe('insert many')
  expect((held() - before) / 1024 ** 2).toBeLessThan(30)
})
