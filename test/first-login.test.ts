// A password that was made up for somebody opens nothing but the choice of another: by every way in.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { hc } from 'hono/client'
import { makeAccessToken } from '../src/account/access-tokens.ts'
import { createUser, lockUser } from '../src/account/queries.ts'
import { users } from '../src/account/table.ts'
import type { AppType } from '../src/app.ts'
import type { Client } from './kit/support/client.ts'
import { HTML, submit } from './kit/support/forms.ts'
import { until } from './kit/support/until.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'

const GIVEN = 'Given-0ne-by-a-command'
const OWN = 'Violet7Kettle'
const SIGN_IN = '/api/auth/sign-in'

let app: AppWithMail
beforeAll(async () => {
  app = await startWithMail()
})
afterAll(() => app.close())

let people = 0
/** As `npm run user -- create` makes one. */
async function created() {
  const email = `first${++people}@example.com`
  const user = await createUser(app.deps.db, {
    email,
    temporary_password: await app.deps.passwords.hash(GIVEN),
    first_name: 'Root',
    last_name: '',
    role: 'superuser',
    email_proof: 'operator',
  })
  if (user === undefined) throw new Error('it is there already')
  return { email, id: user.id }
}

const logIn = (email: string, more: object = {}, client = app.visitor()) =>
  client.post('/api/login', { email, password: GIVEN, ...more })

const isRefused = (
  { status, body }: { status: number; body: { code?: string } },
  code = 'password_change_required',
) => expect([status, body.code]).toEqual([code === 'password_change_required' ? 401 : 400, code])

/** What a session opens: the kit's route of one's own, one for superusers, and one of a fork. */
const opens = async (client: Client) => [
  (await client.get('/api/me')).status,
  (await client.get('/api/users')).status,
  (await client.post('/api/probe', { title: 'x' })).status,
]

test('the login says so and starts no session, with a cookie or as a token', async () => {
  const { email } = await created()
  for (const kept of [{}, { token: true }]) {
    const client = app.visitor()
    const reply = await logIn(email, kept, client)
    isRefused(reply)
    expect([client.cookies.size, reply.body.token]).toEqual([0, undefined])
    expect(await opens(client)).toEqual([401, 401, 401])
  }
  // Whoever has not got the password learns nothing of it.
  isRefused(await app.visitor().post('/api/login', { email, password: 'Wrong1234' }), 'invalid_credentials')
  isRefused(await logIn(email, { password: 'Wrong1234', new_password: OWN }), 'invalid_credentials')
})

test('with a password of their own along it goes on, once', async () => {
  const { email, id } = await created()
  isRefused(await logIn(email, { new_password: 'weak' }), 'weak_password')
  isRefused(await logIn(email, { new_password: GIVEN }), 'weak_password')
  isRefused(await logIn(email))
  const client = app.visitor()
  expect((await logIn(email, { new_password: OWN }, client)).status).toBe(200)
  expect(await opens(client)).toEqual([200, 200, 201])
  isRefused(await logIn(email, { new_password: 'Another7Kettle' }), 'invalid_credentials')
  expect((await app.visitor().post('/api/login', { email, password: OWN })).status).toBe(200)
  expect((await app.nextMail(email, 'Your account at')).text).toContain(
    'password of your account was changed',
  )
  const [row] = await app.deps.db.select().from(users).where(eq(users.id, id))
  expect(row?.temporary_password).toBeNull()
})

test('a bearer session begins in the same way, for the typed client too', async () => {
  const { email } = await created()
  const { api } = hc<AppType>(app.url)
  const json = { email, password: GIVEN, token: true }
  expect<boolean>((await api.login.$post({ json })).ok).toBe(false)
  const { token = '' } = await (await api.login.$post({ json: { ...json, new_password: OWN } })).json()
  expect(await opens(app.visitor({ Authorization: `Bearer ${token}` }))).toEqual([200, 200, 201])
})

test('of two who choose at once one does', async () => {
  const { email } = await created()
  const choices = ['First7Kettle', 'Second7Kettle']
  const replies = await Promise.all(choices.map((new_password) => logIn(email, { new_password })))
  expect(replies.map(({ status }) => status).toSorted()).toEqual([200, 400])
  const password = replies[0]?.status === 200 ? choices[0] : choices[1]
  expect((await app.visitor().post('/api/login', { email, password })).status).toBe(200)
})

test('one that was replaced while somebody chose by it opens nothing', async () => {
  const { email, id } = await created()
  const { db, passwords } = app.deps
  const another = await passwords.hash('Given-0ne-instead')
  const [locked, chosen] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const replacing = db.transaction(async (tx) => {
    await lockUser(tx, id)
    locked.resolve()
    await chosen.promise
    await tx.update(users).set({ temporary_password: another }).where(eq(users.id, id))
  })
  await locked.promise
  const choosing = logIn(email, { new_password: OWN })
  await until('its wait for the account', async () => {
    const waiting = sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    return (await db.execute(waiting)).length > 0
  })
  chosen.resolve()
  await replacing
  isRefused(await choosing, 'invalid_credentials')
  isRefused(await logIn(email, { password: 'Given-0ne-instead' }))
})

test('the page to sign in asks for a password of their own, and then leads on', async () => {
  const { email } = await created()
  const visitor = app.visitor()
  const send = (fields: Record<string, string>) => submit(visitor, `${SIGN_IN}?next=%2Fapi%2Fme`, fields)
  expect((await visitor.get(SIGN_IN, HTML)).text).not.toContain('new_password')
  const asked = await send({ email, password: GIVEN })
  expect([asked.status, asked.text.includes('name="new_password"'), asked.text.includes(email)]).toEqual([
    401,
    true,
    true,
  ])
  const weak = await send({ email, password: GIVEN, new_password: 'weak' })
  expect([weak.status, weak.text.includes('name="new_password"')]).toEqual([400, true])
  expect(weak.text).not.toContain(GIVEN)
  const done = await send({ email, password: GIVEN, new_password: OWN })
  expect([done.status, done.headers.get('location')]).toEqual([303, '/api/me'])
  expect(await opens(visitor)).toEqual([200, 200, 201])
})

test('no personal access token is made for it, and a reset ends it', async () => {
  const { email, id: userId } = await created()
  const input = { userId, name: 'x', abilities: ['read'], days: 1 }
  const make = () => app.deps.db.transaction((tx) => makeAccessToken({ command: 'tests' }, tx, input))
  await expect(make()).rejects.toMatchObject({ code: 'password_change_required' })
  await app.visitor().post('/api/password/forgot', { email })
  const token = await app.nextToken(email, 'new password')
  expect((await app.visitor().post('/api/password/reset', { token, password: OWN })).status).toBe(200)
  isRefused(await logIn(email), 'invalid_credentials')
  const client = app.visitor()
  expect((await client.post('/api/login', { email, password: OWN })).status).toBe(200)
  const made = await make()
  expect((await app.visitor({ Authorization: `Bearer ${made.token}` }).get('/api/me')).status).toBe(200)
})

test('a change of the password while logged in leaves none behind', async () => {
  const member = await app.member()
  await app.deps.db.update(users).set({ temporary_password: 'x' }).where(eq(users.id, member.user.id))
  const change = { current_password: member.account.password, password: OWN }
  expect((await member.put('/api/me/password', change)).status).toBe(200)
  const [row] = await app.deps.db.select().from(users).where(eq(users.id, member.user.id))
  expect(row?.temporary_password).toBeNull()
})

test('a release from before, which reads the password alone, lets nobody in by it', async () => {
  const { id } = await created()
  const [row] = await app.deps.db.select({ password: users.password }).from(users).where(eq(users.id, id))
  expect(row?.password).toBeNull()
})
