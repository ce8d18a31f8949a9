// Slow queries in the log: by name, with the wait apart, without data, and never as a flood. Plans: in development alone.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { openPostgres } from '../../../src/kit/data/postgres.ts'
import { requestContext } from '../../../src/kit/log/request-context.ts'
import { slowQueryLog } from '../../../src/kit/log/slow-query-log.ts'
import { loadConfig } from '../product/product.ts'
import { recorder } from '../support/log.ts'
import { createDatabase, redisUrl } from '../support/services.ts'
import { until } from '../support/until.ts'

let database: Awaited<ReturnType<typeof createDatabase>>
beforeAll(async () => {
  database = await createDatabase('kit')
})
afterAll(() => database?.drop())

async function withDatabase(
  settings: Record<string, string>,
  use: (
    opened: ReturnType<typeof openPostgres>,
    lines: ReturnType<typeof recorder>['lines'],
  ) => Promise<void>,
) {
  const { log, lines } = recorder()
  const config = loadConfig({ DATABASE_URL: database.url, REDIS_URL: redisUrl(), ...settings })
  const opened = openPostgres(config, log)
  try {
    await use(opened, lines)
  } finally {
    await opened.close()
  }
}

const slow = (lines: ReturnType<typeof recorder>['lines']) =>
  lines.filter(({ message }) => message === 'SLOW query')

test('a slow query is logged in one line by its name and request, and none of its parameters', async () => {
  await withDatabase({ LOG_SLOW_QUERY_MS: '50' }, async ({ db }, lines) => {
    let before = 0
    await requestContext.run({ requestId: 'r-1' }, async () => {
      await db.execute(sql`select 1 as quick`)
      before = slow(lines).length // on a busy machine that one may be slow, too
      await db.execute(sql`select pg_sleep(0.1), ${'hunter2'}::text`)
    })
    const [line, ...others] = slow(lines).slice(before)
    expect(others).toEqual([])
    expect(line).toMatchObject({ level: 'warn', requestId: 'r-1', fields: { query: 'select', waitedMs: 0 } })
    expect(JSON.stringify(lines)).not.toContain('hunter2')
  })
})

test('what a query has waited for its place is told apart from its run', async () => {
  await withDatabase({ LOG_SLOW_QUERY_MS: '50', DATABASE_POOL: '1' }, async ({ db, gates }, lines) => {
    const release = Promise.withResolvers<void>()
    const holding = db.transaction(async (tx) => {
      await tx.execute(sql`select pg_sleep(0.06)`)
      await release.promise
    })
    await until('the place to be taken', () => gates.get('pool')?.stats().inUse === 1)
    const since = performance.now()
    const waiting = db.transaction(async (tx) => await tx.execute(sql`select 1 as one`))
    await until('it to have waited', () => performance.now() - since > 60)
    release.resolve()
    await Promise.all([holding, waiting])
    // The one before may have been slow, too.
    const begin = slow(lines).findLast(({ fields }) => fields.query === 'begin')
    expect(Number(begin?.fields.waitedMs)).toBeGreaterThan(50)
    expect(slow(lines).map(({ fields }) => fields.query)).toEqual(expect.arrayContaining(['select', 'begin']))
  })
})

test('0 logs none', async () => {
  await withDatabase({ LOG_SLOW_QUERY_MS: '0' }, async ({ db }, lines) => {
    await db.execute(sql`select pg_sleep(0.6)`)
    expect(lines).toEqual([])
  })
})

test('a bad minute does not flood the log, and how many were left out is said', () => {
  const { log, lines } = recorder()
  const { onQuery } = slowQueryLog(log, 500)
  for (let i = 0; i < 1000; i++) onQuery('books_list', i, 900, undefined, { text: '' })
  expect(lines.length).toBe(20)
  onQuery('books_list', 70_000, 900, undefined, { text: '' })
  expect(lines.slice(20).map(({ message, fields }) => [message, fields.queries ?? fields.query])).toEqual([
    ['slow queries that were not logged', 980],
    ['SLOW query', 'books_list'],
  ])
})

test('LOG_SQL=explain shows the plan of each statement once, runs none of them again, and shows no secret', async () => {
  await withDatabase({ LOG_SQL: 'explain' }, async ({ db }, lines) => {
    await db.execute(sql`create table explained (id int primary key, password text)`)
    const insert = () =>
      db.execute(
        sql`insert into explained (id, password) select max(id) + 1, ${'hunter2'} from (select id from explained union select 0 as id) e`,
      )
    await insert()
    await insert()
    await db.execute(sql`select * from explained where password = ${'hunter2'} and id > ${7}`)
    const plans = await until('both plans', () => {
      const found = lines.filter(({ message }) => message === 'plan')
      return found.length === 2 ? found : undefined
    })
    expect(plans.map(({ fields }) => fields.query)).toEqual(['insert explained', 'select explained'])
    expect(String(plans[1]?.fields.plan)).toContain('explained')
    expect(JSON.stringify(lines)).not.toContain('hunter2')
    const [count] = await db.execute<{ n: number }>(sql`select count(*)::int as n from explained`)
    expect(count?.n).toBe(2)
  })
})

test('LOG_SQL=explain runs nothing of a text with several statements again', async () => {
  await withDatabase({ LOG_SQL: 'explain' }, async ({ db }, lines) => {
    await db.execute(sql`create table several (id int)`)
    await db.execute(sql.raw('select 1 as one; insert into several values (1)'))
    await db.execute(sql`select id from several`)
    await until('its plan', () => lines.find(({ fields }) => String(fields.plan).includes('Scan on several')))
    const [count] = await db.execute<{ n: number }>(sql`select count(*)::int as n from several`)
    expect(count?.n).toBe(1)
  })
})

test('LOG_SQL=explain is refused by name in production', () => {
  const production = { NODE_ENV: 'production', APP_URL: 'https://api.example.com', LOG_SQL: 'explain' }
  expect(() => loadConfig({ DATABASE_URL: database.url, REDIS_URL: redisUrl(), ...production })).toThrow(
    'LOG_SQL=explain is for development',
  )
})
