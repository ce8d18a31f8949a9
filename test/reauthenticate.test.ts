// Giving the password again: what it makes of the session, and that it cannot be guessed.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { changeRole } from '../src/account/change-role.ts'
import { users } from '../src/account/table.ts'
import type { Client } from './kit/support/client.ts'
import { hashesVerified, OPERATOR, startApp, type TestApp } from './support/harness.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp({
    RATE_LIMIT: 'on',
    RATE_LIMIT_ACCOUNT: '3',
    RATE_LIMIT_ADDRESS: '8',
    TRUSTED_PROXIES: '127.0.0.1',
  })
})
afterAll(() => app.close())

let people = 0
/** A client at an address of its own. */
async function member() {
  const address = { 'X-Forwarded-For': `198.51.100.${++people}` }
  const client = app.visitor(address)
  const account = { email: `p${people}@example.com`, password: 'Secret123', fname: 'P', lname: 'Q' }
  const { status, body } = await client.post('/api/signup', account)
  if (status !== 201) throw new Error(`signup failed: ${JSON.stringify(body)}`)
  return Object.assign(client, { address, account, user: body })
}
const again = (client: Client, password: string, headers?: Record<string, string>) =>
  client.post('/api/reauthenticate', { password }, headers)

test('the right password gives the session a new id and makes it fresh', async () => {
  const client = await member()
  const old = client.cookies.get('session') ?? ''
  const reply = await again(client, client.account.password)
  expect([reply.status, reply.body]).toEqual([200, {}])
  const token = client.cookies.get('session') ?? ''
  expect(token).not.toBe(old)
  expect(await app.deps.sessions.open(old)).toBeNull()
  const identity = await app.deps.sessions.open(token)
  expect(identity?.provenAt).toBeGreaterThanOrEqual(identity?.loginAt ?? Infinity)
  expect((await client.get('/api/me')).body.me).toEqual(client.user)
})

test('a wrong one is refused like that of a login, and changes nothing', async () => {
  const client = await member()
  const before = client.cookies.get('session')
  const { email } = client.account
  const reply = await again(client, 'Wrong1234')
  const login = await app.visitor(client.address).post('/api/login', { email, password: 'Wrong1234' })
  expect([reply.status, reply.body.err]).toEqual([400, login.body.err])
  expect(reply.body.code).toBe('invalid_credentials')
  expect(client.cookies.get('session')).toBe(before)
  expect((await app.deps.sessions.open(before ?? ''))?.provenAt).toBeUndefined()
})

test('it takes a session, and a password', async () => {
  expect((await again(app.visitor({ 'X-Forwarded-For': '198.51.100.250' }), 'Secret123')).status).toBe(401)
  const client = await member()
  expect((await client.post('/api/reauthenticate', {})).status).toBe(400)
  expect((await again(client, '')).status).toBe(400)
})

test('the password of another account does not do', async () => {
  const [one, two] = [await member(), await member()]
  const password = await app.deps.passwords.hash('Other1234')
  await app.deps.db.update(users).set({ password }).where(eq(users.id, two.user.id))
  expect((await again(one, 'Other1234')).status).toBe(400)
  expect((await again(two, 'Other1234')).status).toBe(200)
})

test('a disabled account is stopped before its password is looked at', async () => {
  const client = await member()
  await changeRole(app.deps, client.user.id, 'disabled', OPERATOR)
  const verified = await hashesVerified(app, async () => {
    const reply = await again(client, client.account.password)
    expect([reply.status, reply.body.err]).toEqual([400, '400: account disabled'])
  })
  expect(verified).toEqual([])
})

test('failures in a row are limited per account, and a success begins anew', async () => {
  const client = await member()
  const { password } = client.account
  for (const typed of ['Wrong1234', 'Wrong1234', password, 'Wrong1234', 'Wrong1234', 'Wrong1234'])
    expect((await again(client, typed)).status).toBe(typed === password ? 200 : 400)
  const refused = await again(client, password)
  expect([refused.status, refused.headers.has('retry-after')]).toEqual([429, true])
  // From elsewhere its owner is not locked out.
  expect((await again(client, password, { 'X-Forwarded-For': '198.51.100.251' })).status).toBe(200)
})

test('failures are limited per address, over all accounts', async () => {
  const address = { 'X-Forwarded-For': '198.51.100.252' }
  const statuses: number[] = []
  for (const client of [await member(), await member(), await member()])
    for (const _ of [1, 2, 3]) statuses.push((await again(client, 'Wrong1234', address)).status)
  expect(statuses).toEqual([400, 400, 400, 400, 400, 400, 400, 400, 429])
})
