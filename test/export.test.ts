// The export of an account: all that is kept of it, for its owner alone.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eq } from 'drizzle-orm'
import { exportAccount } from '../src/account/export.ts'
import { users } from '../src/account/table.ts'
import type { Client } from './support/client.ts'
import { startApp, type TestApp } from './support/harness.ts'
import { until } from './support/until.ts'
import { startTestWorker } from './support/worker.ts'

let app: TestApp
let worker: { stop(): Promise<void> }
beforeAll(async () => {
  app = await startApp()
  worker = await startTestWorker(app)
})
afterAll(async () => {
  await worker.stop()
  await app.close()
}, 30_000)

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
  const { account, sessions, incomplete, exported, ...parts } = result
  expect(account).toEqual(me)
  expect(sessions).toEqual([
    { loggedIn: expect.any(String), ip: '127.0.0.1', agent: 'phone' },
    { loggedIn: expect.any(String), ip: '127.0.0.1', agent: expect.any(String) },
  ])
  expect(Math.abs(Date.parse(exported) - Date.now())).toBeLessThan(60_000)
  // It has made nothing, and of what others have made there is nothing.
  for (const rows of [incomplete, ...Object.values(parts)]) expect(rows).toEqual([])
  const text = JSON.stringify(result)
  for (const token of [ann, phone].map((client) => client.cookies.get('session'))) {
    expect(text).not.toContain(token ?? '')
    expect(text).not.toContain(digestOf(token))
  }
  expect(text).not.toContain('argon2')
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
    const text = await readFile(join(dir, 'log'), 'utf8')
    return text.includes('job done') && text.includes(`/api/jobs/${id}`) ? text : undefined
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
})

test('its size is counted in bytes, whatever its letters', async () => {
  const { user } = await app.member()
  const job = { progress: () => {}, signal: new AbortController().signal }
  const heavy = async (_db: unknown, _id: string, { limit, offset }: Page) =>
    offset > 1000 ? [] : Array.from({ length: limit }, () => ({ text: '\u6f22'.repeat(1000) }))
  const data = await exportAccount(app.deps, user.id, { heavy }, job)
  expect(data).toMatchObject({ incomplete: ['heavy'] })
  const bytes = Buffer.byteLength(JSON.stringify(data))
  expect(bytes).toBeGreaterThan(500 * 1024)
  expect(bytes).toBeLessThan(520 * 1024)
})

test('a visitor gets none', async () => {
  expect((await app.visitor().post('/api/me/export')).status).toBe(401)
})

test('past its size an export leaves rows out, and names the parts', async () => {
  const { user } = await app.member()
  const progress: number[] = []
  const job = { progress: (part: number) => void progress.push(part), signal: new AbortController().signal }
  const numbers = (count: number, size: number) => async (_db: unknown, _id: string, page: Page) =>
    Array.from({ length: count }, (_, n) => ({ n, text: 'x'.repeat(size) })).slice(
      page.offset,
      page.offset + page.limit,
    )
  const parts = { few: numbers(401, 1), many: numbers(10_000, 1000), one: numbers(1, 1) }
  const data = await exportAccount(app.deps, user.id, parts, job)
  expect(data).toMatchObject({ incomplete: ['many'] })
  const { few, many } = data as unknown as Record<string, { n: number }[]>
  expect(few?.map(({ n }) => n)).toEqual(Array.from({ length: 401 }, (_, n) => n))
  expect(many?.length).toBeGreaterThan(400)
  expect(JSON.stringify(data).length).toBeLessThan(600 * 1024)
  expect(progress).toEqual([0.25, 0.5, 0.75, 1])
})

test('an export that is stopped stops between two pages', async () => {
  const { user } = await app.member()
  const stop = new AbortController()
  const endless = async (_db: unknown, _id: string, { limit }: Page) => {
    stop.abort(new Error('the worker stops'))
    return Array.from({ length: limit }, () => ({}))
  }
  const job = { progress: () => {}, signal: stop.signal }
  await expect(exportAccount(app.deps, user.id, { endless }, job)).rejects.toThrow('the worker stops')
})

interface Page {
  limit: number
  offset: number
}
