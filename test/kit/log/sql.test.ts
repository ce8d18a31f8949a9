// Statements in the log: with time and request, and never with a secret.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { sql as raw } from 'drizzle-orm'
import { loadConfig } from '../product/product.ts'
import type { Db } from '../../../src/kit/types/db.ts'
import { describeError } from '../../../src/kit/log/describe-error.ts'
import { createPrettyFormat } from '../../../src/kit/log/pretty.ts'
import { openPostgres } from '../../../src/kit/data/postgres.ts'
import { requestContext } from '../../../src/kit/log/request-context.ts'
import { createDatabase, PATIENT, redisUrl } from '../support/services.ts'
import { type Line, recorder } from '../support/log.ts'

const HASH = '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo'

const thrownBy = (work: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(work).then(
    () => undefined,
    (error: unknown) => error,
  )

describe('statements', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>
  let lines: Line[]
  let db: Db
  let close: () => Promise<void>

  beforeAll(async () => {
    database = await createDatabase('kit')
    const { log, lines: recorded } = recorder()
    lines = recorded
    const services = { DATABASE_URL: database.url, REDIS_URL: redisUrl(), ...PATIENT }
    const settings = { ...services, LOG_SQL: 'on', LOG_REDACT: 'iban' }
    const opened = openPostgres(loadConfig(settings), log)
    db = opened.db
    close = opened.close
    await db.execute(
      raw`create table logged (id serial primary key, title text unique, password text, n int)`,
    )
  })
  afterAll(async () => {
    await close?.()
    await database?.drop()
  })

  async function logged(work: () => Promise<unknown>) {
    lines.length = 0
    await requestContext.run({ requestId: 'r-1' }, async () => work().catch(() => {}))
    return lines
  }
  const texts = () => lines.map((line) => line.fields.sql)

  test('are logged with text, parameters, time and request id', async () => {
    const [line] = await logged(() => db.execute(raw`select ${'abc'}::text as it,\n  ${7}::int`))
    expect(line).toMatchObject({
      level: 'info',
      message: 'sql',
      requestId: 'r-1',
      fields: { sql: 'select $1::text as it, $2::int', params: '["abc",7]', ms: expect.any(Number) },
    })
    expect(lines).toHaveLength(1)
  })

  test('are readable in the pretty format', () => {
    const fields = {
      ms: 1.5,
      sql: 'select "id" from "users" where "id" = $1',
      params: '["a"]',
      requestId: 'r-1',
    }
    const text = createPrettyFormat()({
      level: 'info',
      time: '2026-11-23T00:00:00.000Z',
      msg: 'sql',
      ...fields,
    })
    expect(text).toEndWith(' sql 1.5 ms select "id" from "users" where "id" = $1 ["a"] requestId=r-1\n')
  })

  test('carry the id of the request that sent them, when requests cross', async () => {
    lines.length = 0
    const ids = Array.from({ length: 20 }, (_, i) => `r-${i}`)
    await Promise.all(
      ids.map((id) =>
        requestContext.run({ requestId: id }, async () => await db.execute(raw`select ${id}::text`)),
      ),
    )
    expect(lines).toHaveLength(20)
    for (const line of lines) expect(line.fields.params).toBe(JSON.stringify([line.requestId]))
  })

  test('in transactions and savepoints are seen, and how these ended', async () => {
    await logged(() =>
      db.transaction(async (tx) => {
        await tx.execute(raw`select 1`)
        await tx.transaction(async (inner) => inner.execute(raw`select 2`))
        await tx.transaction((inner) => inner.execute(raw`select 1/0`)).catch(() => {})
      }),
    )
    expect(texts()).toEqual([
      'begin',
      'select 1',
      'savepoint s1',
      'select 2',
      'savepoint s2',
      'select 1/0',
      'rollback to savepoint s2',
      'commit',
    ])
    await logged(() => db.transaction(() => Promise.reject(new Error('no'))))
    expect(texts()).toEqual(['begin', 'rollback'])
    expect(lines.map((line) => line.requestId)).toEqual(['r-1', 'r-1'])
  })

  test('that fail are logged with their code, and still fail for the caller', async () => {
    lines.length = 0
    const failure = await thrownBy(db.execute(raw`select 1/0`))
    expect(failure).toMatchObject({ cause: { code: '22012' } })
    expect(lines.map((line) => line.fields.failed)).toEqual(['22012'])
  })

  test('show no parameter where a secret column is written or compared, and never a hash', async () => {
    await logged(async () => {
      await db.execute(raw`insert into logged (title, password) values (${'t-1'}, ${'hunter2'})`)
      await db.execute(raw`select id from logged where password = ${'hunter2'}`)
      await db.execute(raw`select ${'hunter2'}::text as iban`)
      await db.execute(raw`update logged set password = 'hunter2' where title = 'it''s'`)
      await db.execute(raw`insert into logged (title) values (${HASH})`)
      await db.execute(raw`select ${JSON.stringify({ password: 'hunter2' })}::json`)
      await db.execute(raw`select array[${'x'}, ${HASH}]::text[]`)
    })
    expect(lines).toHaveLength(7)
    expect(JSON.stringify(lines)).not.toContain('hunter2')
    expect(JSON.stringify(lines)).not.toContain('argon2')
    expect(lines[0]?.fields.params).toBe('***')
  })

  test('show long and many parameters cut', async () => {
    const values = Array.from({ length: 200 }, () => 'y'.repeat(5000))
    const columns = values.map((value) => raw`${value}::text`)
    await logged(() => db.execute(raw`select ${raw.join(columns, raw`, `)}`))
    expect(String(lines[0]?.fields.params).length).toBeLessThanOrEqual(1000)
    await logged(() => db.execute(raw`select ${'z'.repeat(5000)}::text, ${'end'}::text`))
    expect(lines[0]?.fields.params).toBe(`["${'z'.repeat(100)}…","end"]`)
  })

  test('that break a constraint are told by class, code, constraint and text, without a parameter', async () => {
    const insert = async () =>
      await db.execute(raw`insert into logged (title, password) values (${'ann@example.com'}, ${HASH})`)
    await insert()
    const error = await thrownBy(insert())
    expect(String(error)).toContain(HASH) // what must not get through
    const record = JSON.parse(JSON.stringify(describeError(error)))
    expect(record.cause.routine).toBeString()
    const line = createPrettyFormat()({
      level: 'error',
      time: '2026-11-23T00:00:00.000Z',
      msg: 'x',
      error: record,
    })
    for (const text of [JSON.stringify(record), line]) {
      expect(text).not.toContain('argon2')
      expect(text).not.toContain('ann@example.com')
    }
    expect(record).toMatchObject({
      type: 'DrizzleQueryError',
      message: 'Failed query',
      sql: 'insert into logged (title, password) values ($1, $2)',
      stack: expect.stringMatching(/^ {4}at /),
      cause: { type: 'PostgresError', code: '23505', constraint: 'logged_title_key', table: 'logged' },
    })
  })

  test('a parameter that looks like a stack frame is not shown either', async () => {
    const error = await thrownBy(db.execute(raw`select ${'\n    at hunter2 (x:1:1)'}::int`))
    expect(JSON.stringify(describeError(error))).not.toContain('hunter2')
  })

  test.each([
    ['a number', raw`select ${'hunter2"quoted'}::int`],
    ['a uuid', raw`select ${'hunter2'}::uuid`],
    ['a date', raw`select ${'2020-99-99 hunter2'}::date`],
    ['JSON', raw`select ${'{"a": hunter2}'}::json`],
    ['an array', raw`select ${'{hunter2'}::text[]`],
  ])('a value that is not %s is not quoted', async (_, statement) => {
    const error = await thrownBy(db.execute(statement))
    const record = describeError(error)
    expect(record.cause?.code).toMatch(/^22/)
    expect(JSON.stringify(record)).not.toContain('hunter2')
  })
})
