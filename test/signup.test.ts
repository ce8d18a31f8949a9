// Signing up while a service is away: no account without its welcome mail, no mail without an account.
import { expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { oneTimeTokens } from '../src/account/table.ts'
import { manifest } from '../src/manifest.ts'
import { startOnLinks } from './kit/support/app-on-links.ts'
import { until } from './kit/support/until.ts'
import { NEW_ACCOUNT, startApp } from './support/harness.ts'
import { startTestWorker } from './support/worker.ts'

const { app, direct, emptied, postgres, queueAdmin, redis, rows } = await startOnLinks(
  'project',
  startApp,
  manifest,
)

test('a signup while Redis is away is a success that says to log in, and its welcome follows', async () => {
  await redis.cut()
  const email = 'early@example.com'
  const visitor = app.visitor()
  await until('the loss to be noticed', async () => (await visitor.get('/ready')).status === 503)
  // Called a failure it would be tried again, and then the email is taken.
  const reply = await visitor.post('/api/signup', { ...NEW_ACCOUNT, email })
  expect([reply.status, reply.body.email, reply.body.loggedIn]).toEqual([201, email, false])
  expect(visitor.cookies.size).toBe(0)
  await redis.restore()
  const login = { email, password: NEW_ACCOUNT.password }
  await until('a login', async () => (await visitor.post('/api/login', login)).status === 200)
  const worker = await startTestWorker(app, []) // its relay is what counts
  await emptied()
  await worker.stop()
  const [due] = (await direct.deps.db.select().from(oneTimeTokens)).filter((row) => row.email === email)
  expect(await queueAdmin.list('waiting')).toMatchObject([
    { task: 'mailLink', data: { tokenId: due?.id, welcome: true } },
  ])
})

test('an account and its welcome are written by one transaction', async () => {
  const { body: user } = await app.visitor().post('/api/signup', { ...NEW_ACCOUNT, email: 'one@example.com' })
  const [row] = await direct.deps.db.execute(
    sql`select u.xmin = o.xmin as same from users u, outbox o where u.id = ${user.id}`,
  )
  expect(row?.same).toBe(true)
})

test('a signup with a taken email enqueues nothing', async () => {
  const account = { ...NEW_ACCOUNT, email: 'taken@example.com' }
  expect((await app.visitor().post('/api/signup', account)).status).toBe(201)
  expect((await app.visitor().post('/api/signup', account)).status).toBe(400)
  expect(await rows()).toHaveLength(1)
})

test('a signup while Postgres is away is 503', async () => {
  await postgres.cut()
  const reply = await app.visitor().post('/api/signup', { ...NEW_ACCOUNT, email: 'late@example.com' })
  expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '2'])
  await postgres.restore()
  await until('Postgres', async () => (await app.visitor().get('/ready')).status === 200)
})
