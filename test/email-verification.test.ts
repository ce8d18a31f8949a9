// EMAIL_VERIFICATION: off asks nobody, required keeps a new account to what the lowest role may; and the mails have a limit.
import { expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { users } from '../src/account/table.ts'
import { newMovie } from './factories.ts'
import { startWithMail, tokenIn, type AppWithMail } from './support/mailbox.ts'
import { untilIdle } from './support/worker.ts'

async function withApp(env: Record<string, string>, act: (app: AppWithMail) => Promise<void>): Promise<void> {
  const app = await startWithMail(env)
  try {
    await act(app)
  } finally {
    await app.close()
  }
}

test('where verification is required a new account may read, and write as soon as its email is confirmed', () =>
  withApp({ EMAIL_VERIFICATION: 'required' }, async (app) => {
    const email = 'new@example.com'
    const member = await app.member('editor', { email })
    const token = await app.nextToken(email, 'Welcome')
    expect((await member.get('/api/me')).body.me).toMatchObject({ role: 'editor', verified: false })
    const refused = await member.post('/api/movies', newMovie())
    expect([refused.status, refused.body.code]).toEqual([401, 'email_not_verified'])
    const again = app.visitor()
    await again.post('/api/login', member.account)
    expect((await again.post('/api/movies', newMovie())).body.code).toBe('email_not_verified')
    // The right of another role is not what is missing.
    expect((await member.get('/api/users')).body.code).toBe('insufficient_role')

    expect((await member.post('/api/email/verify', { token })).status).toBe(200)
    for (const client of [member, again])
      expect((await client.post('/api/movies', newMovie())).status).toBe(201)
  }))

test('a verified account is let in by sessions that have not heard of it', () =>
  withApp({ EMAIL_VERIFICATION: 'required' }, async (app) => {
    const member = await app.member('editor', { email: 'unheard@example.com' })
    expect((await member.post('/api/movies', newMovie())).body.code).toBe('email_not_verified')
    // As after another setting, or while Redis was away.
    await app.deps.db.update(users).set({ email_proof: 'mail' }).where(eq(users.id, member.user.id))
    expect((await member.post('/api/movies', newMovie())).status).toBe(201)
    expect((await member.get('/api/users')).body.code).toBe('insufficient_role')
  }))

test('where verification is off the welcome has no link, and nothing waits', () =>
  withApp({ EMAIL_VERIFICATION: 'off' }, async (app) => {
    const member = await app.member('editor', { email: 'off@example.com' })
    const { text } = await app.nextMail('off@example.com', 'Welcome')
    expect(text).not.toContain('token=')
    expect((await member.post('/api/movies', newMovie())).status).toBe(201)
  }))

test('a front-end gets the token of a link in the fragment, where our pages are off', () =>
  withApp({ AUTH_PAGES: 'off', APP_URL: 'https://app.example.com/' }, async (app) => {
    await app.member('editor', { email: 'front@example.com' })
    await app.visitor().post('/api/password/forgot', { email: 'front@example.com' })
    const { text } = await app.nextMail('front@example.com', 'new password')
    expect(text).toMatch(/^https:\/\/app\.example\.com\/reset-password#token=[0-9a-f]{64}$/m)
  }))

test('a flood of requests for links fills no mailbox, and locks nobody out of asking', () =>
  withApp({ RATE_LIMIT: 'on', RATE_LIMIT_ACCOUNT: '3', TRUSTED_PROXIES: '127.0.0.1' }, async (app) => {
    const email = 'flooded@example.com'
    await app.member('editor', { email })
    const from = (ip: string) => at(app, ip).post('/api/password/forgot', { email })
    const replies = []
    for (let i = 0; i < 4; i++) {
      replies.push((await from('192.0.2.1')).status)
      await drained(app)
    }
    expect(replies).toEqual([202, 202, 202, 429])
    const links = async () =>
      (await app.mailsTo(email)).filter(({ subject }) => subject.includes('new password'))
    // From many addresses: each is answered, and the mailbox gets ten within the hour.
    for (let i = 2; i < 14; i++) {
      expect((await from(`192.0.2.${i}`)).status).toBe(202)
      await drained(app)
    }
    expect(await links()).toHaveLength(10)
    // What came after those has not voided the last.
    const token = tokenIn((await links()).at(-1) ?? { text: '' })
    const reset = await at(app, '192.0.2.99').post('/api/password/reset', { token, password: 'Another1' })
    expect(reset.status).toBe(200)
  }))

const FLOOD = { RATE_LIMIT: 'on', RATE_LIMIT_ACCOUNT: '12', TRUSTED_PROXIES: '127.0.0.1' }

test('mails that strangers cause do not keep from an owner that the email has changed, nor a link to a new password', () =>
  withApp(FLOOD, async (app) => {
    const email = 'owner@example.com'
    const owner = await app.member('editor', { email })
    const verify = await app.nextToken(email, 'Welcome')
    expect((await owner.post('/api/email/verify', { token: verify })).status).toBe(200)
    for (let i = 0; i < 12; i++) {
      const stranger = await app.member('editor', { email: `stranger${i}@example.com` })
      expect((await stranger.put('/api/me/email', { email })).status).toBe(202)
    }
    await drained(app)
    const toOwner = (await app.mailsTo(email)).filter(({ subject }) => subject.includes('have an account'))
    expect(toOwner).toHaveLength(10)
    await app.visitor().post('/api/password/forgot', { email })
    await app.nextToken(email, 'new password')

    await owner.put('/api/me/email', { email: 'thief@example.com' })
    const token = await app.nextToken('thief@example.com', 'Confirm your')
    expect((await owner.post('/api/email/verify', { token })).status).toBe(200)
    const takeBack = await app.nextToken(email, 'has changed')
    expect((await app.visitor().post('/api/email/take-back', { token: takeBack })).status).toBe(200)
    await app.nextToken(email, 'new password')
  }))

test('who signs up with the email of another cannot fill that mailbox with notices', () =>
  withApp(FLOOD, async (app) => {
    const email = 'mailbox@example.com'
    const squatter = await app.member('editor', { email })
    for (let i = 0; i < 12; i++)
      expect((await squatter.put('/api/me/password', { password: `Secret${i}` })).status).toBe(200)
    await drained(app)
    const notices = (await app.mailsTo(email)).filter(({ subject }) => subject.includes('Your account'))
    expect(notices).toHaveLength(10)
  }))

test('a stolen session locks its owner out of nothing by wrong passwords from elsewhere', () =>
  withApp({ ...FLOOD, RATE_LIMIT_ACCOUNT: '3' }, async (app) => {
    const email = 'stolen@example.com'
    const { account, cookies } = await app.member('editor', { email })
    const from = (ip: string) => at(app, ip, { Cookie: `session=${cookies.get('session')}` })
    const change = (ip: string, current_password: string) =>
      from(ip).put('/api/me/password', { current_password, password: 'Another1' })
    const guesses = []
    for (let i = 0; i < 4; i++) guesses.push((await change('192.0.2.1', 'Guess1234')).status)
    expect(guesses).toEqual([400, 400, 400, 429])
    expect((await change('192.0.2.2', account.password)).status).toBe(200)
  }))

const at = (app: AppWithMail, ip: string, headers: Record<string, string> = {}) =>
  app.visitor({ 'X-Forwarded-For': ip, ...headers })

const drained = (app: AppWithMail) => untilIdle(app, { later: true })
