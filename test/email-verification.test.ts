// EMAIL_VERIFICATION: off asks nobody, required keeps a new account to what the lowest role may; and the mails have a limit.
import { expect, test } from 'bun:test'
import { until } from './kit/support/until.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'

async function withApp(env: Record<string, string>, act: (app: AppWithMail) => Promise<void>): Promise<void> {
  const app = await startWithMail(env)
  try {
    await act(app)
  } finally {
    await app.close()
  }
}

const movie = { title: 'Metropolis' }

test('where verification is required a new account may read, and write as soon as its email is confirmed', () =>
  withApp({ EMAIL_VERIFICATION: 'required' }, async (app) => {
    const email = 'new@example.com'
    const member = await app.member('editor', { email })
    const token = await app.nextToken(email, 'Welcome')
    expect((await member.get('/api/me')).body.me).toMatchObject({ role: 'editor', verified: false })
    const refused = await member.post('/api/movies', movie)
    expect([refused.status, refused.body.code]).toEqual([401, 'email_not_verified'])
    const again = app.visitor()
    await again.post('/api/login', member.account)
    expect((await again.post('/api/movies', movie)).body.code).toBe('email_not_verified')
    // The right of another role is not what is missing.
    expect((await member.get('/api/users')).body.code).toBe('insufficient_role')

    expect((await member.post('/api/email/verify', { token })).status).toBe(200)
    for (const client of [member, again]) expect((await client.post('/api/movies', movie)).status).toBe(201)
  }))

test('where verification is off the welcome has no link, and nothing waits', () =>
  withApp({ EMAIL_VERIFICATION: 'off' }, async (app) => {
    const member = await app.member('editor', { email: 'off@example.com' })
    const { text } = await app.nextMail('off@example.com', 'Welcome')
    expect(text).not.toContain('token=')
    expect((await member.post('/api/movies', movie)).status).toBe(201)
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
    const from = (ip: string) =>
      app.visitor({ 'X-Forwarded-For': ip }).post('/api/password/forgot', { email })
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
  }))

const drained = ({ deps }: AppWithMail) =>
  until('an empty queue', async () => {
    const { waiting, running, later } = await deps.queueAdmin.stats()
    return waiting + running + later === 0
  })
