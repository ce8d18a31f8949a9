// The mailbox and the password: forgotten, verified, changed, taken back; and what must fail when somebody else tries.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { hc } from 'hono/client'
import { oneTimeTokens, publicOneTimeToken, users } from '../src/account/table.ts'
import type { AppType } from '../src/app.ts'
import { deleteExpiredTokens } from '../src/tasks.ts'
import { until } from './kit/support/until.ts'
import { NEW_ACCOUNT } from './support/harness.ts'
import { startWithMail, tokenIn, type AppWithMail } from './support/mailbox.ts'

const RESET = 'new password'
const VERIFY = 'Welcome'
const CONFIRM = 'Confirm your'
const CHANGED = 'has changed'
const NEW_PASSWORD = 'Another1'

let app: AppWithMail
beforeAll(async () => {
  app = await startWithMail()
})
afterAll(() => app.close())

const { password } = NEW_ACCOUNT
const logIn = async (email: string, given = password) =>
  (await app.visitor().post('/api/login', { email, password: given })).status

const ask = async (email: string) => {
  const reply = await app.visitor().post('/api/password/forgot', { email })
  expect([reply.status, reply.body]).toEqual([202, {}])
  return app.nextToken(email, RESET)
}
const reset = (token: string, given = NEW_PASSWORD) =>
  app.visitor().post('/api/password/reset', { token, password: given })

/** An account whose email is verified. */
async function verified(email: string) {
  const member = await app.member('editor', { email })
  const token = await app.nextToken(email, VERIFY)
  expect((await member.post('/api/email/verify', { token })).status).toBe(200)
  return member
}

/** Changes the email up to the link that the new mailbox gets. */
async function requestChange(member: Awaited<ReturnType<typeof verified>>, email: string) {
  expect((await member.put('/api/me/email', { email })).status).toBe(202)
  return app.nextToken(email, CONFIRM)
}

const isExpired = ({ status, body }: { status: number; body: { code?: string } }) => {
  expect([status, body.code]).toEqual([400, 'token_expired'])
}

test('a forgotten password is replaced by a mailed link, which ends every session and logs nobody in', async () => {
  const member = await app.member('editor', { email: 'forgot@example.com' })
  const browser = app.visitor()
  const token = await ask('FORGOT@example.com'.toLowerCase())
  const reply = await browser.post('/api/password/reset', { token, password: NEW_PASSWORD })
  expect([reply.status, reply.body]).toEqual([200, {}])
  expect(browser.cookies.size).toBe(0)
  expect((await member.get('/api/me')).status).toBe(401)
  expect([await logIn('forgot@example.com'), await logIn('forgot@example.com', NEW_PASSWORD)]).toEqual([
    400, 200,
  ])
  const notice = await app.nextMail('forgot@example.com', 'Your account at')
  expect(notice.text).toContain('A new password was chosen')
})

test('a link counts once, not after a newer one, not for another purpose, not when expired or made up', async () => {
  const email = 'once@example.com'
  const member = await app.member('editor', { email })
  const verify = await app.nextToken(email, VERIFY)
  const older = await ask(email)
  const newer = await ask(email)
  isExpired(await reset(older))
  isExpired(await reset(verify))
  isExpired(await member.post('/api/email/verify', { token: newer }))
  isExpired(await app.visitor().post('/api/email/take-back', { token: newer }))
  for (const token of ['x', '0'.repeat(64), `${newer}0`, newer.toUpperCase()]) isExpired(await reset(token))
  expect((await reset(newer)).status).toBe(200)
  isExpired(await reset(newer))

  const late = await ask(email)
  await app.deps.db.update(oneTimeTokens).set({ expires: new Date(Date.now() - 1000) })
  isExpired(await reset(late))
})

test('of two requests at once with one link one counts', async () => {
  const email = 'twice@example.com'
  await app.member('editor', { email })
  const token = await ask(email)
  const replies = await Promise.all([reset(token, 'First1234'), reset(token, 'Second1234')])
  expect(replies.map(({ status }) => status).toSorted()).toEqual([200, 400])
  const won = replies[0]?.status === 200 ? 'First1234' : 'Second1234'
  expect(await logIn(email, won)).toBe(200)
})

test('a refused new password spends no link', async () => {
  await app.member('editor', { email: 'weak@example.com' })
  const token = await ask('weak@example.com')
  expect((await reset(token, 'weak')).status).toBe(400)
  expect((await reset(token)).status).toBe(200)
})

test('an unknown email gets the same answer and no mail, and a disabled account no mail either', async () => {
  const disabled = await app.member('disabled', { email: 'disabled@example.com' })
  await app.member('editor', { email: 'known@example.com' })
  const emails = ['nobody@example.com', 'disabled@example.com', 'known@example.com']
  const replies = []
  for (const email of emails) replies.push(await app.visitor().post('/api/password/forgot', { email }))
  expect(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
  await app.nextToken('known@example.com', RESET) // jobs are taken in their order
  expect(await app.mailsTo('nobody@example.com')).toEqual([])
  expect(
    (await app.mailsTo('disabled@example.com')).filter(({ subject }) => subject.includes(RESET)),
  ).toEqual([])
  expect(disabled.user.role).toBe('disabled')
})

test('an account that was disabled since does not get in by its link', async () => {
  const member = await app.member('editor', { email: 'since@example.com' })
  const token = await ask('since@example.com')
  await app.deps.db.update(users).set({ role: 'disabled' }).where(eq(users.id, member.user.id))
  isExpired(await reset(token))
  expect(await logIn('since@example.com', NEW_PASSWORD)).toBe(400)
})

test('a mail links to APP_URL, whatever host a request names', async () => {
  await app.member('editor', { email: 'host@example.com' })
  const evil = app.visitor({
    Host: 'evil.example',
    'X-Forwarded-Host': 'evil.example',
    Forwarded: 'host=evil.example',
  })
  await evil.post('/api/password/forgot', { email: 'host@example.com' })
  const { text, html } = await app.nextMail('host@example.com', RESET)
  expect(text + html).not.toContain('evil')
  expect(text).toContain(`${app.config.appUrl}/api/auth/reset?token=`)
})

test('somebody else who clicks the link of a signup confirms nothing', async () => {
  const email = 'victim@example.com'
  const attacker = await app.member('editor', { email })
  const token = await app.nextToken(email, VERIFY)
  const victim = await app.member('editor', { email: 'victims-own@example.com' })
  for (const client of [app.visitor(), victim]) {
    const reply = await client.post('/api/email/verify', { token })
    expect([reply.status, reply.body.code]).toEqual([401, 'password_required'])
  }
  const wrong = await app.visitor().post('/api/email/verify', { token, password: 'Guess1234' })
  expect([wrong.status, wrong.body.code]).toEqual([400, 'invalid_credentials'])
  expect((await attacker.get('/api/me')).body.me.verified).toBe(false)
  const right = await app.visitor().post('/api/email/verify', { token, password })
  expect(right.status).toBe(200)
  expect((await attacker.get('/api/me')).body.me.verified).toBe(true)
})

test('who registers the email of a victim loses everything when the victim proves the mailbox', async () => {
  const email = 'squatted@example.com'
  const squatter = await app.member('editor', { email })
  const verify = await app.nextToken(email, VERIFY)
  const change = await requestChange(squatter, 'squatter@example.com')
  expect((await reset(await ask(email))).status).toBe(200)
  expect((await squatter.get('/api/me')).status).toBe(401)
  expect(await logIn(email)).toBe(400)
  isExpired(await app.visitor().post('/api/email/verify', { token: change, password }))
  isExpired(await app.visitor().post('/api/email/verify', { token: verify, password: NEW_PASSWORD }))
  const owner = app.visitor()
  const { body } = await owner.post('/api/login', { email, password: NEW_PASSWORD })
  expect(body).toMatchObject({ email, verified: true })
})

test('an email changes when the new mailbox confirms, and its links of before are void', async () => {
  const member = await verified('before@example.com')
  const older = await ask('before@example.com')
  const token = await requestChange(member, 'after@example.com')
  expect((await member.get('/api/me')).body.me.email).toBe('before@example.com')
  expect((await member.post('/api/email/verify', { token })).status).toBe(200)
  expect((await member.get('/api/me')).body.me).toMatchObject({ email: 'after@example.com', verified: true })
  isExpired(await reset(older))
  expect([await logIn('before@example.com'), await logIn('after@example.com')]).toEqual([400, 200])
  await app.nextToken('before@example.com', CHANGED)
})

test('a change to an email that is taken has the same answer, and its owner is told', async () => {
  await app.member('editor', { email: 'taken@example.com' })
  const member = await app.member('editor', { email: 'wants@example.com' })
  const reply = await member.put('/api/me/email', { email: 'taken@example.com' })
  const free = await member.put('/api/me/email', { email: 'free@example.com' })
  expect([reply.status, reply.text]).toEqual([free.status, free.text])
  const again = await member.put('/api/me/email', { email: 'Taken@example.com' })
  expect(again.status).toBe(202)
  const { text } = await app.nextMail('Taken@example.com', 'You have an account')
  expect(text).not.toContain('token=')
})

test('an email that was taken meanwhile does not become a second account of it', async () => {
  const member = await app.member('editor', { email: 'slow@example.com' })
  const token = await requestChange(member, 'quick@example.com')
  await app.member('editor', { email: 'quick@example.com' })
  const reply = await member.post('/api/email/verify', { token })
  expect([reply.status, reply.body.code]).toEqual([400, 'email_taken'])
})

test('of two accounts that confirm one email at once one gets it, and the other is told that it is taken', async () => {
  const rivals = [
    await app.member('editor', { email: 'rival1@example.com' }),
    await verified('rival2@example.com'),
  ]
  const requests = []
  for (const rival of rivals) requests.push({ rival, token: await requestChange(rival, 'prize@example.com') })
  const replies = await Promise.all(
    requests.map(({ rival, token }) => rival.post('/api/email/verify', { token })),
  )
  expect(replies.map(({ status, body }) => [status, body.code]).toSorted()).toEqual([
    [200, undefined],
    [400, 'email_taken'],
  ])
})

test('what waits of a change tells its account nothing about whether the email is taken', async () => {
  await app.member('editor', { email: 'occupied@example.com' })
  const codes = []
  for (const [email, subject] of [
    ['occupied@example.com', 'You have an account'],
    ['unoccupied@example.com', CONFIRM],
  ] as const) {
    const member = await verified(`curious-${email}`)
    expect((await member.put('/api/me/email', { email })).status).toBe(202)
    await app.nextMail(email, subject)
    const ofMember = eq(oneTimeTokens.user_id, member.user.id)
    // What the account's export shows, and what a resend finds a day later.
    const [shown] = await app.deps.db.select(publicOneTimeToken.columns).from(oneTimeTokens).where(ofMember)
    expect(shown?.expires).toBeInstanceOf(Date)
    await app.deps.db
      .update(oneTimeTokens)
      .set({ expires: new Date(Date.now() - 1000) })
      .where(ofMember)
    codes.push((await member.post('/api/me/email/resend')).body.code)
  }
  expect(codes).toEqual(['nothing_to_verify', 'nothing_to_verify'])
})

test('the owner takes the account back, and nobody else has a session, a password or a link', async () => {
  const owner = await verified('owner@example.com')
  const stolen = await requestChange(owner, 'thief@example.com')
  expect((await owner.post('/api/email/verify', { token: stolen })).status).toBe(200)
  const takeBack = await app.nextToken('owner@example.com', CHANGED)
  // The thief goes on: another password by the new mailbox, and a second change to void the link of the owner.
  expect((await reset(await ask('thief@example.com'), 'Thiefs123')).status).toBe(200)
  const thief = await app.member('editor', { email: 'other@example.com' })
  await thief.post('/api/login', { email: 'thief@example.com', password: 'Thiefs123' })
  const second = await requestChange(thief, 'thief2@example.com')
  expect((await thief.post('/api/email/verify', { token: second })).status).toBe(200)
  const thiefs = await app.nextToken('thief@example.com', CHANGED)
  const pending = await requestChange(thief, 'thief3@example.com')

  const visitor = app.visitor()
  expect((await visitor.post('/api/email/take-back', { token: takeBack })).status).toBe(200)
  expect(visitor.cookies.size).toBe(0)
  expect((await thief.get('/api/me')).status).toBe(401)
  for (const email of ['owner@example.com', 'thief@example.com', 'thief2@example.com'])
    expect(await logIn(email, 'Thiefs123')).toBe(400)
  isExpired(await app.visitor().post('/api/email/take-back', { token: thiefs }))
  isExpired(await app.visitor().post('/api/email/verify', { token: pending, password: 'Thiefs123' }))
  isExpired(await app.visitor().post('/api/email/take-back', { token: takeBack }))
  // A link to choose a password follows by itself, and does not say that the one of before still counts.
  const link = await app.nextMail('owner@example.com', RESET)
  expect(link.text).not.toContain('your password stays')
  expect((await reset(tokenIn(link))).status).toBe(200)
  expect(await logIn('owner@example.com', NEW_PASSWORD)).toBe(200)
})

test('an owner who changes the email back leaves a thief nothing to take it with', async () => {
  const owner = await verified('back@example.com')
  for (const [email, before] of [
    ['between1@example.com', 'back@example.com'],
    ['between2@example.com', 'between1@example.com'],
  ] as const) {
    const token = await requestChange(owner, email)
    expect((await owner.post('/api/email/verify', { token })).status).toBe(200)
    await app.nextMail(before, CHANGED)
  }
  const [first] = (await app.mailsTo('between1@example.com')).filter(({ subject }) =>
    subject.includes(CHANGED),
  )
  const back = await requestChange(owner, 'back@example.com')
  expect((await owner.post('/api/email/verify', { token: back })).status).toBe(200)
  const { text } = await app.nextMail('between2@example.com', 'Your account at')
  expect(text).not.toContain('token=')
  expect(text).not.toContain('ask for a new password')
  isExpired(await app.visitor().post('/api/email/take-back', { token: tokenIn(first ?? { text: '' }) }))
})

test('an email that can be taken back is free for nobody else', async () => {
  const owner = await verified('reserved@example.com')
  const token = await requestChange(owner, 'moved@example.com')
  expect((await owner.post('/api/email/verify', { token })).status).toBe(200)
  const signup = await app.visitor().post('/api/signup', { ...NEW_ACCOUNT, email: 'Reserved@example.com' })
  expect([signup.status, signup.body.code]).toEqual([400, 'email_taken'])
  const back = await requestChange(owner, 'reserved@example.com')
  expect((await owner.post('/api/email/verify', { token: back })).status).toBe(200)
})

test('a mailbox that was never verified may take nothing back', async () => {
  const member = await app.member('editor', { email: 'typo@example.com' })
  const token = await requestChange(member, 'right@example.com')
  expect((await member.post('/api/email/verify', { token })).status).toBe(200)
  const { text } = await app.nextMail('typo@example.com', 'Your account at')
  expect(text).not.toContain('token=')
  expect(text).not.toContain('ask for a new password')
})

test('a new password needs the current one or a recent login, and ends the other sessions', async () => {
  const email = 'change@example.com'
  const member = await app.member('editor', { email })
  const phone = app.visitor()
  await phone.post('/api/login', { email, password })
  const link = await ask(email)
  const change = await requestChange(member, 'thiefs@example.com')
  const before = member.cookies.get('session')
  const wrong = await member.put('/api/me/password', {
    current_password: 'Guess1234',
    password: NEW_PASSWORD,
  })
  expect([wrong.status, wrong.body.code]).toEqual([400, 'wrong_password'])
  const right = await member.put('/api/me/password', { current_password: password, password: NEW_PASSWORD })
  expect(right.status).toBe(200)
  expect(member.cookies.get('session')).not.toBe(before)
  expect((await member.get('/api/me')).status).toBe(200)
  expect((await phone.get('/api/me')).status).toBe(401)
  expect((await app.visitor({ Cookie: `session=${before}` }).get('/api/me')).status).toBe(401)
  isExpired(await reset(link))
  isExpired(await member.post('/api/email/verify', { token: change }))
  const { text } = await app.nextMail(email, 'Your account at')
  expect(text).toContain('The password of your account was changed')
  expect((await member.put('/api/me/password', { password: 'Fresh1234' })).status).toBe(200)
})

test('a link is mailed again for what waits: the new email, or the first', async () => {
  const member = await app.member('editor', { email: 'resend@example.com' })
  const first = await app.nextToken('resend@example.com', VERIFY)
  expect((await member.post('/api/me/email/resend')).status).toBe(202)
  const second = await app.nextToken('resend@example.com', CONFIRM)
  isExpired(await member.post('/api/email/verify', { token: first }))
  expect((await member.post('/api/email/verify', { token: second })).status).toBe(200)
  const done = await member.post('/api/me/email/resend')
  expect([done.status, done.body.code]).toEqual([409, 'nothing_to_verify'])
  const waiting = await requestChange(member, 'resent@example.com')
  expect((await member.post('/api/me/email/resend')).status).toBe(202)
  const resent = await app.nextToken('resent@example.com', CONFIRM)
  isExpired(await member.post('/api/email/verify', { token: waiting }))
  expect((await member.post('/api/email/verify', { token: resent })).status).toBe(200)
})

test('a profile changes what is declared and nothing else', async () => {
  const member = await app.member('editor', { email: 'profile@example.com' })
  const { me } = (await member.get('/api/me')).body
  const sent = { ...me, id: 'x', first_name: 'Anna', role: 'superuser', email: 'other@x.com', tags: ['a'] }
  const reply = await member.patch('/api/me', sent)
  expect(reply.status).toBe(200)
  expect(reply.body).toEqual({
    ...me,
    first_name: 'Anna',
    fullname: 'Anna Lee',
    modified: expect.any(String),
  })
  expect((await member.patch('/api/me', { company: 'Acme' })).body.company).toBe('Acme')
  expect((await member.patch('/api/me', { company: null })).body.company).toBe(null)
  expect((await member.patch('/api/me', { first_name: ' ' })).status).toBe(400)
})

test('links that have expired or were never mailed are deleted', async () => {
  const { user } = await app.member('editor', { email: 'expired@example.com' })
  await app.nextToken('expired@example.com', VERIFY)
  const old = new Date(Date.now() - 8 * 24 * 60 * 60 * 1000)
  const row = { user_id: user.id, email: 'e', ip: '::1', created: old }
  const { db } = app.deps
  await db.insert(oneTimeTokens).values([
    { ...row, purpose: 'reset' },
    { ...row, purpose: 'take_back', expires: old, digest: 'd' },
  ])
  await app.deps.enqueue(deleteExpiredTokens, {})
  await until('one row', async () => {
    const left = await db.select().from(oneTimeTokens).where(eq(oneTimeTokens.user_id, user.id))
    return left.length === 1 && left[0]?.purpose === 'verify'
  })
})

test('the flows by the typed client', async () => {
  const email = 'typed@example.com'
  const visitor = hc<AppType>(app.url).api
  const signup = await visitor.signup.$post({ json: { email, password, fname: 'Ty', lname: 'Ped' } })
  const cookie = signup.headers.get('set-cookie')?.split(';')[0] ?? ''
  const own = hc<AppType>(app.url, { headers: { Cookie: cookie } }).api
  const verify = await own.email.verify.$post({ json: { token: await app.nextToken(email, VERIFY) } })
  expect(verify.status).toBe(200)
  const { me } = await (await own.me.$get()).json()
  expect(me.verified).toBe(true)
  const renamed = await own.me.$patch({ json: { first_name: 'Typed' } })
  expect((await renamed.json()).fullname).toBe('Typed Ped')

  expect((await own.me.email.$put({ json: { email: 'typed2@example.com' } })).status).toBe(202)
  const change = await app.nextToken('typed2@example.com', CONFIRM)
  expect((await own.email.verify.$post({ json: { token: change } })).status).toBe(200)
  const back = await visitor.email['take-back'].$post({
    json: { token: await app.nextToken(email, CHANGED) },
  })
  expect(back.status).toBe(200)
  await app.nextToken(email, RESET)

  expect((await visitor.password.forgot.$post({ json: { email } })).status).toBe(202)
  const token = await app.nextToken(email, RESET)
  expect((await visitor.password.reset.$post({ json: { token, password: NEW_PASSWORD } })).status).toBe(200)
  const login = await visitor.login.$post({ json: { email, password: NEW_PASSWORD } })
  const again = hc<AppType>(app.url, {
    headers: { Cookie: login.headers.get('set-cookie')?.split(';')[0] ?? '' },
  }).api
  expect((await again.reauthenticate.$post({ json: { password: NEW_PASSWORD } })).status).toBe(200)
  // @ts-expect-error the new password is missing
  const without = await again.me.password.$put({ json: { current_password: NEW_PASSWORD } })
  expect([400, 401]).toContain(without.status as number)
})
