// MFA_REQUIRED: who has a role that takes a second factor may set one up, and until then nothing else.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { changeRole } from '../src/account/change-role.ts'
import { users } from '../src/account/table.ts'
import type { Client, Reply } from './kit/support/client.ts'
import { alertOf, HTML, noticeOf, submit } from './kit/support/forms.ts'
import { OPERATOR } from './support/harness.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'
import { addTotp, challengeFor, codeOf, verifyEmail, wrongCode } from './support/totp.ts'

let app: AppWithMail
beforeAll(async () => {
  app = await startWithMail({ MFA_REQUIRED: 'admin' })
})
afterAll(() => app.close())

const FACTORS = '/api/auth/account/factors'
const said = ({ status, body }: Reply) => (status < 400 ? status : `${status} ${body?.code}`)

/** An admin, logged in by the password alone. */
async function admin() {
  const member = await app.member('admin')
  await verifyEmail(app, member.user.id)
  const { email, password } = member.account
  const client = app.visitor()
  expect(said(await client.post('/api/login', { email, password }))).toBe(200)
  return { client, email, password, id: member.user.id }
}

/** Shows in this session that the mailbox is theirs. */
async function proveMailbox(client: Client, email: string): Promise<void> {
  expect(said(await client.post('/api/me/factors/mail'))).toBe(202)
  const token = await app.nextToken(email, 'Confirm your email for')
  expect(said(await client.post('/api/email/verify', { token }))).toBe(200)
}

test('such an account may set one up and log out, and nothing else', async () => {
  const { client } = await admin()
  for (const [method, path] of [
    ['GET', '/api/me'],
    ['PATCH', '/api/me'],
    ['GET', '/api/me/sessions'],
    ['POST', '/api/me/tokens'],
    ['DELETE', '/api/me'],
    ['PUT', '/api/me/email'],
    ['GET', '/api/operators'],
    ['POST', '/api/probe'],
  ] as const)
    expect([path, said(await client.send(method, path, method === 'GET' ? undefined : {}))]).toEqual([
      path,
      '401 factor_missing',
    ])
  // What is for everybody is for them as well.
  expect((await client.get('/api/list')).status).toBe(200)
  expect((await client.get('/api/me/factors')).body).toEqual([])
  expect(said(await client.post('/api/logout', {}))).toBe(200)
})

test('it takes the mailbox as well, verified or not: who has the password alone gets no further', async () => {
  const { client, email, password } = await admin()
  expect(said(await client.post('/api/me/factors/totp'))).toBe('409 mailbox_proof_required')
  expect(said(await client.post('/api/me/factors/totp/confirm', { totp: '123456' }))).toBe(
    '409 mailbox_proof_required',
  )
  // The link counts in the session in which it is opened.
  await client.post('/api/me/factors/mail')
  const token = await app.nextToken(email, 'Confirm your email for')
  const owner = app.visitor()
  expect(said(await owner.post('/api/email/verify', { token, password }))).toBe(200)
  expect(said(await client.post('/api/me/factors/totp'))).toBe('409 mailbox_proof_required')
})

test('with the mailbox it adds one, and the session is whole', async () => {
  const { client, email, password } = await admin()
  await proveMailbox(client, email)
  const { secret } = await addTotp(client)
  expect(said(await client.get('/api/me'))).toBe(200)
  expect(said(await client.delete('/api/me/factors/totp'))).toBe('409 last_factor')
  const again = app.visitor()
  const challenge = await challengeFor(again, { email, password })
  expect(said(await again.post('/api/login/second', { challenge, totp: codeOf(secret, 1) }))).toBe(200)
  expect(said(await again.get('/api/me'))).toBe(200)
})

test('an app with a token is held to it as well, and sets one up in the same way', async () => {
  const { email, password } = await admin()
  const { body } = await app.visitor().post('/api/login', { email, password, token: true })
  const client = app.visitor({ Authorization: `Bearer ${body.token}` })
  expect(said(await client.get('/api/me'))).toBe('401 factor_missing')
  await proveMailbox(client, email)
  const { secret } = (await client.post('/api/me/factors/totp')).body
  const added = await client.post('/api/me/factors/totp/confirm', { totp: codeOf(secret) })
  expect(said(await app.visitor({ Authorization: `Bearer ${added.body.token}` }).get('/api/me'))).toBe(200)
})

test('lower roles are not held to it, until they are raised: from the next request on', async () => {
  const member = await app.member('editor')
  expect(said(await member.get('/api/me'))).toBe(200)
  await changeRole(app.deps, member.user.id, 'superuser', OPERATOR)
  expect(said(await member.get('/api/me'))).toBe('401 factor_missing')
  expect(said(await member.get(`/api/users/${member.user.id}`))).toBe('401 factor_missing')
})

test('nor are they let in by the first request after one was raised by hand, of which no session knows yet', async () => {
  for (const method of ['GET', 'PATCH'] as const) {
    const member = await app.member('editor')
    const { id } = member.user
    await app.deps.db.update(users).set({ role: 'superuser' }).where(eq(users.id, id))
    const reply = await member.send(
      method,
      `/api/users/${id}`,
      method === 'PATCH' ? { fname: 'Ann' } : undefined,
    )
    expect(said(reply)).toBe('401 factor_missing')
  }
})

test('a session from before counts as a login without a factor', async () => {
  const { id } = await admin()
  const now = Date.now()
  const older = {
    userId: id,
    role: 'admin',
    ip: '',
    agent: '',
    loginAt: now,
    sentAt: now,
    remember: true,
    way: 'password',
  } as const
  const client = app.visitor({ Cookie: `session=${await app.deps.sessions.create(older)}` })
  expect(said(await client.get('/api/me'))).toBe('401 factor_missing')
})

test('pages lead to where one sets it up, by the link of a mail', async () => {
  const { email, password } = await admin()
  const browser = app.visitor()
  const signedIn = await submit(browser, '/api/auth/sign-in', { email, password })
  expect(signedIn.headers.get('location')).toBe('/api/auth/account')
  const led = await browser.get('/api/auth/account', HTML)
  expect([led.status, led.headers.get('location'), led.text]).toEqual([303, FACTORS, ''])
  expect((await browser.get('/api/operators', HTML)).headers.get('location')).toContain(FACTORS)
  expect((await browser.get('/api/auth/sign-in', HTML)).status).toBe(200)
  expect((await browser.get(`${FACTORS}/totp/new`, HTML)).headers.get('location')).toBe(FACTORS)
  expect((await browser.get(FACTORS, HTML)).text).toContain('Mail me a link')
  await submit(browser, `${FACTORS}/mail`)
  expect(noticeOf((await browser.get(FACTORS, HTML)).text)).toContain('A mail with a link')
  const token = await app.nextToken(email, 'Confirm your email for')
  const opened = (await browser.get(`/api/auth/verify?token=${token}`, HTML)).headers.get('location') ?? ''
  expect((await submit(browser, opened)).status).toBe(303)
  const page = await browser.get(`${FACTORS}/totp/new`, HTML)
  const [, secret = ''] = /By hand: <code>([A-Z2-7]+)<\/code>/.exec(page.text) ?? []
  const wrong = await submit(browser, `${FACTORS}/totp/new`, { one_time_password: wrongCode(secret) })
  expect([wrong.status, alertOf(wrong.text)]).toEqual([400, expect.stringContaining('That is not right')])
  expect(wrong.text).toContain(secret)
  const added = await submit(browser, `${FACTORS}/totp/new`, { one_time_password: codeOf(secret) })
  expect([added.status, added.headers.get('cache-control')]).toEqual([200, 'no-store'])
  expect(added.text.match(/([a-z2-9]{6}-){3}[a-z2-9]{6}/g)).toHaveLength(10)
  expect((await browser.get('/api/auth/account', HTML)).status).toBe(200)
})
