// Idempotency-Key: what is sent twice is done once, whatever dies in between.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { join } from 'node:path'
import postgres from 'postgres'
import { z } from 'zod'
import { noStore } from '../../../src/kit/http/caching.ts'
import { describeRoutes, doc } from '../../../src/kit/http/doc.ts'
import { startSession } from '../../../src/kit/http/session.ts'
import { outbox } from '../../../src/kit/jobs/outbox/table.ts'
import { ApiError } from '../../../src/kit/types/api-error.ts'
import { createApp } from '../product/app.ts'
import { deleteExpired, factory, idempotent, requireRole } from '../product/product.ts'
import { addNote } from '../product/queries.ts'
import { idempotencyKeys, notes } from '../product/table.ts'
import { greet } from '../product/tasks.ts'
import { startApp, type TestApp } from '../support/harness.ts'
import { redisUrl } from '../support/services.ts'
import { until } from '../support/until.ts'

type Member = Awaited<ReturnType<TestApp['member']>>

let app: TestApp
let writer: Member
beforeAll(async () => {
  app = await startApp({}, { foresees500: true })
  writer = await app.member()
})
afterAll(() => app.close())

const post = (text: string, key: string, by: Member = writer) =>
  by.post('/club/notes', { text }, { 'Idempotency-Key': key })

const count = (text: string) => app.deps.db.$count(notes, eq(notes.text, text))
const kept = (key: string) => app.deps.db.$count(idempotencyKeys, eq(idempotencyKeys.key, key))

test('the second request gets the answer of the first, marked, and makes no second row', async () => {
  const first = await post('once', 'key-1')
  expect([first.status, first.headers.get('idempotent-replayed')]).toEqual([201, null])
  const second = await post('once', 'key-1')
  expect([second.status, second.text]).toEqual([201, first.text])
  expect(second.headers.get('idempotent-replayed')).toBe('true')
  expect(second.headers.get('content-type')).toBe(first.headers.get('content-type'))
  expect(second.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'))
  expect(await count('once')).toBe(1)
})

test('of 50 at once one is done; the others are told so, or to try again', async () => {
  const replies = await Promise.all(Array.from({ length: 50 }, () => post('fifty', 'key-50')))
  const made = replies.filter(({ headers, status }) => status === 201 && !headers.has('idempotent-replayed'))
  expect(made).toHaveLength(1)
  for (const { status, body, headers } of replies) {
    if (status === 201) expect(body.id).toBe(made[0]?.body.id)
    else expect([status, body.code, headers.get('retry-after')]).toEqual([409, 'request_in_progress', '1'])
  }
  expect(await count('fifty')).toBe(1)
  expect((await post('fifty', 'key-50')).body.id).toBe(made[0]?.body.id)
})

test('the key of another request is refused; of another account and of another route it is another key', async () => {
  await post('mine', 'shared')
  const reused = await post('something else', 'shared')
  expect([reused.status, reused.body.code]).toEqual([422, 'idempotency_key_reused'])
  const other = await app.member()
  const theirs = await post('mine', 'shared', other)
  expect([theirs.status, theirs.body.writer]).toEqual([201, other.user.id])
  expect(theirs.headers.has('idempotent-replayed')).toBe(false)
  expect([await count('something else'), await count('mine')]).toEqual([0, 2])
})

test.each(['', ' ', 'x'.repeat(256), 'two words', 'ümlaut'])('%j is no key', async (key) => {
  const { status, body } = await post('no key', key)
  expect([status, body.code]).toEqual([400, 'invalid_request'])
  expect(await count('no key')).toBe(0)
})

test('an input that is refused uses no key up, nor does a role that is too low', async () => {
  expect((await post('', 'refused')).status).toBe(400)
  expect(
    (await app.visitor().post('/club/notes', { text: 'x' }, { 'Idempotency-Key': 'refused' })).status,
  ).toBe(401)
  expect((await post('accepted', 'refused')).status).toBe(201)
})

test('after a day the key is new, and the cron forgets it', async () => {
  await post('daily', 'of-yesterday')
  const age = () =>
    app.deps.db
      .update(idempotencyKeys)
      .set({ created: sql`now() - interval '25 hours'` })
      .where(eq(idempotencyKeys.key, 'of-yesterday'))
  await age()
  expect((await post('daily', 'of-yesterday')).headers.has('idempotent-replayed')).toBe(false)
  expect((await post('daily', 'of-yesterday')).headers.has('idempotent-replayed')).toBe(true)
  expect(await count('daily')).toBe(2)
  await post('of today', 'of-today')
  await age()
  await deleteExpired(app.deps)
  expect([await kept('of-yesterday'), await kept('of-today')]).toEqual([0, 1])
})

test('of an account the last thousand are kept, or a few more', async () => {
  const busy = await app.member()
  const row = { account: busy.user.id, route: 'POST /x', fingerprint: '', status: 201, headers: {}, body: '' }
  const rows = Array.from({ length: 1005 }, (_, i) => ({
    ...row,
    key: String(i),
    created: new Date(i * 1000),
  }))
  await app.deps.db.insert(idempotencyKeys).values(rows)
  const keys = async () => {
    const isTheirs = eq(idempotencyKeys.account, busy.user.id)
    const left = await app.deps.db.select({ key: idempotencyKeys.key }).from(idempotencyKeys).where(isTheirs)
    return left.map(({ key }) => key)
  }
  let posts = 0
  await until('the older ones to be deleted', async () => {
    expect((await post('one more', `more-${++posts}`, busy)).status).toBe(201)
    return (await keys()).length === 1000
  })
  const left = await keys()
  expect(left).toEqual(expect.arrayContaining([`more-${posts}`, String(5 + posts)]))
  expect(left).not.toContain(String(4 + posts))
})

/** An app with a route of the test's own. */
function withRoute(handle: (c: never, text: string) => Promise<unknown>, by = writer) {
  const own = createApp(app.deps)
  const slice = factory
    .createApp()
    .use('/secret/*', noStore)
    .post(
      '/:case',
      doc('Does.', z.object({ long: z.string() }), { status: 201 }),
      requireRole('writer'),
      idempotent(),
      async (c) => {
        const text = c.req.param('case')
        await addNote(c.var.db, { text, writer: c.var.session.userId })
        await handle(c as never, text)
        return c.var.respond({ long: 'x'.repeat(text === 'large' ? 70_000 : 1) })
      },
    )
  own.route('/own', slice)
  own.route('/own/secret', slice)
  const headers = (key: string) => ({
    Cookie: `session=${by.cookies.get('session')}`,
    'Idempotency-Key': key,
  })
  return async (path: string, key = path) =>
    own.request(`/own/${path}`, { method: 'POST', headers: headers(key) })
}
type Context = Parameters<typeof startSession>[0]

test('an error rolls back what was done and is not kept: the same key may try again', async () => {
  let isBroken = true
  const errors: Record<string, Error> = {
    'four-hundred': new ApiError(409, 'sold out'),
    'five-hundred': new Error('broken'),
  }
  const send = withRoute(async (_c, text) => {
    if (isBroken) throw errors[text] ?? new Error('no such case')
  })
  expect((await send('four-hundred')).status).toBe(409)
  expect((await send('five-hundred')).status).toBe(500)
  expect([await count('four-hundred'), await count('five-hundred')]).toEqual([0, 0])
  isBroken = false
  for (const path of Object.keys(errors)) {
    const reply = await send(path)
    expect([reply.status, reply.headers.has('idempotent-replayed'), await count(path)]).toEqual([
      201,
      false,
      1,
    ])
  }
})

test('where the answer cannot be kept the row is not either, and the error has nothing of the answer', async () => {
  const send = withRoute(async (c: Context) => {
    c.header('Location', '/own/1')
    await c.var.db.execute(sql`set transaction read only`)
  })
  const { status, headers } = await send('read-only')
  expect([status, headers.get('retry-after'), headers.get('location')]).toEqual([503, '2', null])
  expect([await count('read-only'), await kept('read-only')]).toEqual([0, 0])
})

test('jobs commit with the rows, and are enqueued once, or with an error not at all', async () => {
  let isBroken = true
  const send = withRoute(async (c: Context) => {
    await c.var.enqueue(greet, { memberId: crypto.randomUUID() })
    await c.var.enqueue(c.var.db, greet, { memberId: crypto.randomUUID() })
    if (isBroken) throw new ApiError(400, 'no')
  })
  const before = await app.deps.db.$count(outbox)
  await send('jobs')
  expect(await app.deps.db.$count(outbox)).toBe(before)
  isBroken = false
  await send('jobs')
  await send('jobs')
  expect(await app.deps.db.$count(outbox)).toBe(before + 2)
})

test.each([
  ['is not done again', () => {}],
  ['is not told as an error, where it refuses this one', () => Promise.reject(new ApiError(409, 'taken'))],
])('what another one has committed meanwhile %s: the next try gets its answer', async (path, refuse) => {
  const [early, late] = [`early-${path.length}`, `late-${path.length}`]
  const sql = postgres(app.config.databaseUrl, { max: 1 })
  const send = withRoute(async () => {
    await sql`insert into idempotency_keys (account, route, key, fingerprint, status, headers, body)
      select account, route, ${late}, fingerprint, status, headers, body from idempotency_keys where key = ${early}`
    await refuse()
  })
  await withRoute(async () => {})(late, early)
  const { status, headers } = await send(late)
  expect([status, headers.get('retry-after'), await count(late)]).toEqual([409, '1', 1])
  expect((await send(late)).headers.get('idempotent-replayed')).toBe('true')
  await sql.end()
})

test('a transaction inside works, and afterwards the request has its database again', async () => {
  const seen: unknown[] = []
  const send = withRoute(async (c: Context) => {
    seen.push(c)
    await c.var.db.transaction((tx: typeof app.deps.db) =>
      addNote(tx, { text: 'inside', writer: writer.user.id }),
    )
  })
  expect((await send('around')).status).toBe(201)
  expect(await count('inside')).toBe(1)
  expect((seen[0] as Context).var.db).toBe(app.deps.db)
})

test('what sets a cookie, answers a secret or too much is done for no key, and kept nowhere', async () => {
  const other = await app.member()
  const login = withRoute((c: Context) => startSession(c, other.user, true, { way: 'password' }), other)
  expect((await login('login')).status).toBe(500)
  const plain = withRoute(async () => {})
  expect((await plain('secret/token')).status).toBe(500)
  expect((await plain('large')).status).toBe(413)
  for (const text of ['login', 'token', 'large']) expect([text, await count(text)]).toEqual([text, 0])
  for (const key of ['login', 'secret/token', 'large']) expect(await kept(key)).toBe(0)
})

test('without requireRole a route cannot have it: that is refused at the start', () => {
  const bad = factory
    .createApp()
    .post('/bad', doc('Bad.', z.object({})), idempotent(), (c) => c.var.respond({}))
  expect(() => describeRoutes(bad)).toThrow('POST /bad: ')
})

test('OpenAPI tells the header, its errors and the mark of a replay; scripts of other origins read it', async () => {
  const { body, headers } = await app.visitor().get('/api/openapi.json', { Origin: 'http://localhost:3000' })
  const { parameters, responses } = body.paths['/club/notes'].post
  expect(parameters).toContainEqual(expect.objectContaining({ name: 'Idempotency-Key', in: 'header' }))
  expect(responses['201'].headers).toHaveProperty(['Idempotent-Replayed'])
  expect(Object.keys(responses)).toContainValues(['409', '422'])
  expect(headers.get('access-control-expose-headers')).toContain('Idempotent-Replayed')
})

// In a process of its own, which dies by SIGKILL.
test.each([
  ['before the row', 0],
  ['after the row', 0],
  ['before the commit', 0],
  ['after the commit', 1],
])(
  'a server that is killed %s leaves the row and the answer, or neither; the next try makes it one',
  async (step, left) => {
    const text = `killed ${step}`
    const killed = Bun.spawn([process.execPath, join(import.meta.dir, 'idempotency-killed.ts')], {
      env: {
        PATH: process.env.PATH ?? '',
        DATABASE_URL: app.config.databaseUrl,
        REDIS_URL: redisUrl(),
        REDIS_PREFIX: app.config.redisPrefix,
        COOKIE_SECURE: 'off',
        LOG_LEVEL: 'silent',
        KILLED_AT: step,
        SENT_COOKIE: `session=${writer.cookies.get('session')}`,
        SENT_KEY: text.replaceAll(' ', '-'),
        SENT_BODY: JSON.stringify({ text }),
      },
    })
    await killed.exited
    expect([killed.signalCode, await new Response(killed.stdout).text()]).toEqual(['SIGKILL', ''])
    const key = text.replaceAll(' ', '-')
    // Until Postgres has noticed, the key is in use.
    const reply = await until('an answer', async () => {
      const tried = await post(text, key)
      return tried.status === 409 ? undefined : tried
    })
    expect([reply.status, reply.headers.has('idempotent-replayed')]).toEqual([201, left === 1])
    expect([await count(text), await kept(key)]).toEqual([1, 1])
  },
)
