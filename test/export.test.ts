// The export of an account: all that is kept of it, for its owner alone.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { eq, getTableName, is, sql } from 'drizzle-orm'
import { PgTable, pgTable, serial, text, uuid } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { exportAccount, exportMyData } from '../src/account/export.ts'
import { users } from '../src/account/table.ts'
import { findOwnedTables } from '../src/kit/data/owned-rows.ts'
import { publicFields } from '../src/kit/data/public-fields.ts'
import { deleteDueAccounts } from '../src/tasks.ts'
import type { Client } from './kit/support/client.ts'
import { startApp, type TestApp } from './support/harness.ts'
import { redisUrl } from './kit/support/services.ts'
import { until } from './kit/support/until.ts'
import { allInRedis } from './support/stores.ts'
import { schema, startTestWorker } from './support/worker.ts'

let app: TestApp
let worker: { stop(): Promise<void> }
beforeAll(async () => {
  app = await startApp()
  worker = await startTestWorker(app)
})
afterAll(async () => {
  await worker.stop()
  await app.close()
})

async function download(client: Client) {
  const reply = await client.post('/api/me/export')
  expect(reply.status).toBe(202)
  const path = reply.headers.get('location') ?? ''
  expect(path).toBe(`/api/jobs/${reply.body.id}`)
  return until('the export', async () => {
    const { body } = await client.get(path)
    expect(body.state).not.toBe('failed')
    return body.state === 'done' ? body : undefined
  })
}

/** A table of the test's own. */
const notes = pgTable('margin_notes', {
  id: serial().primaryKey(),
  author: uuid().references(() => users.id),
  text: text(),
  secret: text(),
})
const publicNote = publicFields(notes, z.object({ id: z.number(), text: z.string() }), {})
const running = { progress: () => {}, signal: new AbortController().signal }

const digestOf = (token = '') => createHash('sha256').update(token).digest('hex')

test('an account gets its own row and its live sessions, and no secret', async () => {
  const ann = await app.member('readonly')
  await app.member()
  const phone = app.visitor({ 'User-Agent': 'phone' })
  await phone.post('/api/login', ann.account)
  const gone = app.visitor({ 'User-Agent': 'gone' })
  await gone.post('/api/login', ann.account)
  await gone.post('/api/logout', {})

  const { result } = await download(ann)
  const { me } = (await ann.get('/api/me')).body
  const { account, sessions, incomplete, exported, oneTimeTokens, activity, ...parts } = result
  expect(account).toEqual(me)
  expect(sessions).toEqual([
    { loggedIn: expect.any(String), ip: '127.0.0.1', agent: 'phone', way: 'password' },
    { loggedIn: expect.any(String), ip: '127.0.0.1', agent: expect.any(String), way: 'password' },
  ])
  expect(oneTimeTokens).toMatchObject([{ purpose: 'verify', email: me.email }])
  expect(Math.abs(Date.parse(exported) - Date.now())).toBeLessThan(60_000)
  expect(activity[0]).toMatchObject({ action: 'account.created', by: 'nobody', ip: '127.0.0.1' })
  expect(activity.at(-1)).toMatchObject({ action: 'export.asked', by: 'you' })
  // It has made nothing, and of what others have made there is nothing.
  for (const rows of [incomplete, ...Object.values(parts)]) expect(rows).toEqual([])
  const said = JSON.stringify(result)
  for (const token of [ann, phone].map((client) => client.cookies.get('session'))) {
    expect(said).not.toContain(token ?? '')
    expect(said).not.toContain(digestOf(token))
  }
  expect(said).not.toContain('argon2')
})

test('it is in no log line', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'restbun-export-'))
  const loud = await startApp({ LOG_FILE: join(dir, 'log'), LOG_LEVEL: 'debug', LOG_SQL: 'on' })
  const helper = await startTestWorker(loud)
  const ann = await loud.member()
  // Set where no request says it.
  await loud.deps.db.update(users).set({ company: 'never-to-be-logged' }).where(eq(users.id, ann.user.id))
  const { id, result } = await download(ann)
  expect(result.account.company).toBe('never-to-be-logged')
  const log = await until('the log', async () => {
    const lines = await readFile(join(dir, 'log'), 'utf8')
    return lines.includes('job done') && lines.includes(`/api/jobs/${id}`) ? lines : undefined
  })
  expect(log.split('never-to-be-logged')).toHaveLength(2) // the UPDATE of this test
  await helper.stop()
  await loud.close()
  await rm(dir, { recursive: true })
})

test('while one is under way, and for a while after, the same is answered', async () => {
  const ann = await app.member()
  const replies = await Promise.all([1, 2, 3].map(() => ann.post('/api/me/export')))
  const ids = replies.map((reply) => reply.body.id)
  expect(new Set(ids).size).toBe(1)
  expect((await download(ann)).id).toBe(ids[0])
  const bob = await app.member()
  expect((await bob.post('/api/me/export')).body.id).not.toBe(ids[0])
})

test('of the exports of an account the newest is kept, and of others theirs', async () => {
  const [ann, bob] = [await app.member(), await app.member()]
  const [ofBob, first] = [await download(bob), await download(ann)]
  await app.deps.store.delete(`export:${ann.user.id}`) // its ten minutes are over
  const second = await download(ann)
  expect(second.id).not.toBe(first.id)
  expect((await ann.get(`/api/jobs/${first.id}`)).status).toBe(404)
  expect((await ann.get(`/api/jobs/${second.id}`)).body.state).toBe('done')
  expect((await bob.get(`/api/jobs/${ofBob.id}`)).body.state).toBe('done')
  // Of an account that asks again and again there is one result in Redis, and no key of more than a line beside it.
  const redis = new Redis(redisUrl())
  const kept = await redis.keys(`${app.config.redisPrefix}kv:export:*${ann.user.id}`)
  expect(kept.map((key) => key.slice(app.config.redisPrefix.length))).toEqual([
    expect.stringContaining('kv:export:'),
    expect.stringContaining('kv:export:'),
  ])
  expect(await redis.keys(`${app.config.redisPrefix}*:r:*${first.id}`)).toEqual([])
  redis.disconnect()
})

test('a program reads none, though it stands for the account: it reads none of the parts, either', async () => {
  const ann = await app.member()
  const { token } = (await ann.post('/api/me/tokens', { name: 'program', abilities: ['read', 'write'] })).body
  const program = app.visitor({ Authorization: `Bearer ${token}` })
  const { id } = await download(ann)
  for (const path of [`/api/jobs/${id}`, `/api/jobs/${id}/events`])
    expect([path, (await program.get(path)).status]).toEqual([path, 404])
  expect((await ann.get(`/api/jobs/${id}`)).body.state).toBe('done')
})

test('a visitor gets none', async () => {
  expect((await app.visitor().post('/api/me/export')).status).toBe(401)
})

test('it holds what the account has in a table that refers to accounts: the declared fields, and no row of others', async () => {
  const [ann, bob] = [await app.member(), await app.member()]
  await app.deps.db.execute(
    sql`create table margin_notes (id serial primary key, author uuid, text text, secret text)`,
  )
  for (const { user } of [ann, bob, ann])
    await app.deps.db
      .insert(notes)
      .values({ author: user.id, text: `of ${user.id}`, secret: 'not for export' })
  const log: unknown[] = []
  const warn = (...line: unknown[]) => log.push(line)
  const job = { ...running, log: { ...app.deps.log, warn } }
  const deps = { ...app.deps, schema: { users, notes, publicNote } }
  const text = `of ${ann.user.id}`
  expect(await exportAccount(deps, ann.user.id, job)).toMatchObject({
    notes: [
      { id: 1, text },
      { id: 3, text },
    ],
    incomplete: [],
  })
  expect(log).toEqual([])
  // Without a declaration it is in no export, and said to be missing.
  const data = await exportAccount({ ...deps, schema: { users, notes } }, ann.user.id, job)
  expect(JSON.stringify([data, log])).not.toContain(text)
  expect(log).toEqual([[expect.any(String), { leftOut: ['notes declares no publicFields'] }]])
})

test('every table that refers to accounts says what an export holds of it, or that none does', async () => {
  expect(findOwnedTables(schema, users).leftOut).toEqual([])
  // No file that holds a table is overlooked.
  const rows = await app.deps.db.execute<{ name: string }>(sql`
    select distinct relname as name from pg_constraint join pg_class on pg_class.oid = conrelid
    where contype = 'f' and confrelid = ${getTableName(users)}::regclass and conrelid <> confrelid`)
  const known = Object.values(schema).flatMap((value) => (is(value, PgTable) ? getTableName(value) : []))
  expect(known).toContain('users')
  for (const { name } of rows) expect(known).toContain(name)
})

test('is told in the trail, and asked for by no program', async () => {
  const ann = await app.member()
  const { token } = (await ann.post('/api/me/tokens', { name: 'all', abilities: ['read', 'write'] })).body
  const program = app.visitor({ Authorization: `Bearer ${token}` })
  expect((await program.post('/api/me/export')).body.code).toBe('token_not_allowed')
  await download(ann)
  const [latest] = (await ann.get('/api/me/activity')).body
  expect(latest).toMatchObject({ action: 'export.asked', by: 'you', ip: '127.0.0.1' })
})

test('goes with a deleted account', async () => {
  const ann = await app.member('editor', { email: 'exported@example.com' })
  await download(ann)
  expect(await allInRedis(app)).toContain('exported@example.com')
  await ann.delete('/api/me')
  const { db } = app.deps
  await db
    .update(users)
    .set({ deletes: new Date(0) })
    .where(eq(users.id, ann.user.id))
  await app.deps.enqueue(deleteDueAccounts, {})
  await until('the account is gone', async () => (await db.$count(users, eq(users.id, ann.user.id))) === 0)
  const keys = await allInRedis(app)
  for (const text of ['exported@example.com', `export:${ann.user.id}`]) expect(keys).not.toContain(text)
})

test('one that is under way when the account goes ends without what it has collected', async () => {
  const ann = await app.member()
  const { id } = ann.user
  const { db, sessions, store } = app.deps
  const going = {
    ...app.deps,
    schema,
    sessions: {
      ...sessions,
      async allOf(userId: string) {
        await db
          .update(users)
          .set({ deletes: new Date(0) })
          .where(eq(users.id, userId))
        return sessions.allOf(userId)
      },
    },
  }
  const job = { ...running, id: 'under-way', log: app.deps.log } as unknown as Parameters<
    typeof exportMyData.execute
  >[1]
  expect(await exportMyData.execute({ userId: id }, job, going)).toBeUndefined()
  expect(await store.get(`export:kept:${id}`)).toBeUndefined()
})

test('has a page, which the page of the account leads to', async () => {
  const ann = await app.member()
  const { text } = await ann.get('/api/auth/account', { Accept: 'text/html' })
  const [header = '', body = ''] = text.split('</header>')
  expect([header, body].map((part) => part.includes('href="/api/auth/account/data"'))).toEqual([false, true])
  expect((await ann.get('/api/auth/account/data', { Accept: 'text/html' })).text).toContain('Get my data')
})
