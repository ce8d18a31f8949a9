// Codes by an app: who adds one, what a login takes from then on, and what gets past it: nothing.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { hc } from 'hono/client'
import type { AppType } from '../src/app.ts'
import { users } from '../src/account/table.ts'
import { totp } from '../src/totp/table.ts'
import type { Reply } from './kit/support/client.ts'
import { HTML, submit } from './kit/support/forms.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'
import { addTotp, challengeFor, codeOf, memberWithTotp, verifyEmail, wrongCode } from './support/totp.ts'

let app: AppWithMail
beforeAll(async () => {
  app = await startWithMail()
})
afterAll(() => app.close())

const SECOND = '/api/login/second'
const said = ({ status, body }: Reply) => (status < 400 ? status : `${status} ${body?.code}`)

/** As after 16 minutes without a request that proves anything. */
async function age(token: string): Promise<string> {
  const ago = Date.now() - 16 * 60_000
  const aged = await app.deps.sessions.rotate(token, { loginAt: ago, provenAt: ago })
  return aged?.token ?? ''
}

describe('to add an app', () => {
  test('takes a fresh login, a mailbox that was verified, and a code of the seed', async () => {
    const member = await app.member()
    const { id, email } = member.user
    expect(said(await member.post('/api/me/factors/totp'))).toBe('409 mailbox_proof_required')
    await verifyEmail(app, id)
    const begun = await member.post('/api/me/factors/totp')
    expect(begun.body).toEqual({
      secret: expect.stringMatching(/^[A-Z2-7]{32}$/),
      uri: expect.stringContaining(
        `otpauth://totp/restbun:${encodeURIComponent(email)}?issuer=restbun&secret=`,
      ),
      qr: expect.stringMatching(/^<svg /),
    })
    expect(begun.headers.get('cache-control')).toBe('no-store')
    const { secret } = begun.body
    // A reload shows the same one.
    expect((await member.post('/api/me/factors/totp')).body.secret).toBe(secret)
    expect(said(await member.post('/api/me/factors/totp/confirm', { totp: wrongCode(secret) }))).toBe(
      '400 wrong_factor',
    )
    const old = member.cookies.get('session') ?? ''
    const added = await member.post('/api/me/factors/totp/confirm', { totp: codeOf(secret) })
    expect(added.body).toEqual({ recovery_codes: expect.any(Array) })
    expect(new Set(added.body.recovery_codes).size).toBe(10)
    expect(await app.deps.sessions.open(old)).toBeNull()
    expect((await member.get('/api/me/factors')).body).toEqual([
      { name: 'totp', since: expect.any(String) },
      { name: 'recovery', since: expect.any(String) },
    ])
    expect(said(await member.post('/api/me/factors/totp'))).toBe('409 factor_exists')
  })

  test('is not for a login of a while ago, nor for whoever acts as the account, nor for a program', async () => {
    const member = await app.member()
    await verifyEmail(app, member.user.id)
    member.cookies.set('session', await age(member.cookies.get('session') ?? ''))
    expect(said(await member.post('/api/me/factors/totp'))).toBe('401 fresh_login_required')
    expect((await member.get('/api/auth/account/factors/totp/new', HTML)).headers.get('location')).toContain(
      '/api/auth/confirm?next=',
    )
    const boss = await app.member('superuser')
    await boss.post(`/api/users/${member.user.id}/impersonate`, {})
    expect(said(await boss.post('/api/me/factors/totp'))).toBe('403 impersonation_not_allowed')
  })

  test('proves the mailbox by the link that was mailed, opened in this session', async () => {
    const member = await app.member()
    await app.nextMail(member.account.email, 'Welcome')
    expect(said(await member.post('/api/me/factors/mail'))).toBe(202)
    const token = await app.nextToken(member.account.email, 'Confirm your email')
    expect(said(await member.post('/api/email/verify', { token }))).toBe(200)
    await addTotp(member)
    expect((await member.get('/api/me')).body.me.verified).toBe(true)
  })

  test('ends the other sessions, which came without', async () => {
    const member = await app.member()
    await verifyEmail(app, member.user.id)
    const { email, password } = member.account
    const thief = app.visitor()
    await thief.post('/api/login', { email, password })
    await addTotp(member)
    expect(said(await thief.get('/api/me'))).toBe('401 login_required')
    expect(said(await member.get('/api/me'))).toBe(200)
  })

  test('is told to the owner, whose link undoes it for seven days and ends every session', async () => {
    const { member, email, password } = await memberWithTotp(app)
    const mail = await app.nextMail(email, 'The second factor')
    expect(mail.text).toContain('A second factor was added')
    const [, token = ''] = /token=([0-9a-f]{64})/.exec(mail.text) ?? []
    // A scanner's look spends nothing.
    const visitor = app.visitor()
    const opened = await visitor.get(`/api/auth/factor-undo?token=${token}`, HTML)
    const page = opened.headers.get('location') ?? ''
    expect((await visitor.get(page, HTML)).text).toContain('Undo it')
    expect((await submit(visitor, page)).headers.get('location')).toBe('/api/auth/sign-in')
    expect(said(await member.get('/api/me'))).toBe('401 login_required')
    expect(said(await app.visitor().post('/api/login', { email, password }))).toBe(200)
    expect(said(await app.visitor().post('/api/factors/undo', { token }))).toBe('400 token_expired')
    expect((await app.nextMail(email, 'Your account')).text).toContain('is undone')
  })
})

describe('a login', () => {
  test('with the right password gets a challenge and no session, then takes a code', async () => {
    const owner = await memberWithTotp(app)
    const visitor = app.visitor()
    const asked = await visitor.post('/api/login', { email: owner.email, password: owner.password })
    expect([asked.status, asked.body]).toEqual([
      401,
      {
        err: expect.stringContaining('401: Unauthorized! This account has a second factor'),
        code: 'second_factor_required',
        requestId: expect.any(String),
        challenge: expect.stringMatching(/^[0-9a-f]{64}$/),
        factors: ['totp', 'recovery'],
      },
    ])
    expect(asked.headers.get('cache-control')).toBe('no-store')
    expect(visitor.cookies.size).toBe(0)
    expect(said(await visitor.get('/api/me'))).toBe('401 login_required')
    const { challenge } = asked.body
    expect(said(await visitor.post(SECOND, { challenge }))).toBe('400 invalid_request')
    const done = await visitor.post(SECOND, { challenge, totp: await owner.code() })
    expect([done.status, done.body]).toEqual([200, expect.objectContaining({ id: owner.id })])
    expect(done.headers.get('cache-control')).toBe('no-store')
    expect((await visitor.get('/api/me')).body.me.id).toBe(owner.id)
    // It is spent.
    expect(said(await visitor.post(SECOND, { challenge, totp: await owner.code() }))).toBe(
      '400 challenge_expired',
    )
  })

  test('is typed for a front-end', async () => {
    const owner = await memberWithTotp(app)
    const { api } = hc<AppType>(app.url)
    const { email, password } = owner
    const asked = await api.login.$post({ json: { email, password, token: true } })
    const { challenge } = (await asked.json()) as unknown as { challenge: string }
    const done = await api.login.second.$post({ json: { challenge, totp: await owner.code() } })
    expect(typeof (await done.json()).token).toBe('string')
    // @ts-expect-error a challenge is needed
    expect((await api.login.second.$post({ json: { totp: '123456' } })).status as number).toBe(400)
  })

  test('goes on after a wrong code, and is remembered as it was asked for', async () => {
    const owner = await memberWithTotp(app)
    const visitor = app.visitor()
    const challenge = await challengeFor(visitor, owner, { remember: false })
    const wrong = await visitor.post(SECOND, { challenge, totp: wrongCode(owner.secret) })
    expect(said(wrong)).toBe('400 wrong_factor')
    const done = await visitor.post(SECOND, { challenge, totp: await owner.code() })
    expect(done.headers.get('set-cookie')).not.toContain('Max-Age')
  })

  test('of an app gets its token after the code, and not before', async () => {
    const owner = await memberWithTotp(app)
    const visitor = app.visitor()
    const challenge = await challengeFor(visitor, owner, { token: true })
    const { body } = await visitor.post(SECOND, { challenge, totp: await owner.code() })
    expect(visitor.cookies.size).toBe(0)
    const me = await app.visitor({ Authorization: `Bearer ${body.token}` }).get('/api/me')
    expect(me.body.me.id).toBe(owner.id)
    // A challenge opens nothing by itself.
    const bare = await app.visitor({ Authorization: `Bearer ${challenge}` }).get('/api/me')
    expect(said(bare)).toBe('401 invalid_token')
  })

  test('a code counts once, neither by two requests at once nor in another login, and none before it', async () => {
    const owner = await memberWithTotp(app)
    const challenges = await Promise.all([1, 2, 3].map(() => challengeFor(app.visitor(), owner)))
    const code = await owner.code()
    const replies = await Promise.all(
      challenges.map((challenge) => app.visitor().post(SECOND, { challenge, totp: code })),
    )
    expect(replies.map(said).toSorted()).toEqual([200, '400 wrong_factor', '400 wrong_factor'])
    const challenge = await challengeFor(app.visitor(), owner)
    const before = { challenge, totp: codeOf(owner.secret, -1) }
    expect(said(await app.visitor().post(SECOND, before))).toBe('400 wrong_factor')
    const next = { challenge, totp: codeOf(owner.secret, 1) }
    expect(said(await app.visitor().post(SECOND, next))).toBe(200)
  })

  test('of two right answers to one challenge one counts', async () => {
    const owner = await memberWithTotp(app)
    const challenge = await challengeFor(app.visitor(), owner)
    const [first, second] = owner.recovery
    const replies = await Promise.all(
      [first, second].map((recovery) => app.visitor().post(SECOND, { challenge, recovery })),
    )
    expect(replies.map(said).toSorted()).toEqual([200, '400 challenge_expired'])
  })

  test('a recovery code counts once, however it is typed', async () => {
    const owner = await memberWithTotp(app)
    const [code = ''] = owner.recovery
    for (const [typed, answer] of [
      [code.replaceAll('-', ' ').toUpperCase(), 200],
      [code, '400 wrong_factor'],
      ['', '400 wrong_factor'],
    ] as const) {
      const challenge = await challengeFor(app.visitor(), owner)
      expect(said(await app.visitor().post(SECOND, { challenge, recovery: typed }))).toBe(answer)
    }
    expect(
      (await app.deps.db.select().from(totp).where(eq(totp.user_id, owner.id)))[0]?.recovery_codes,
    ).toHaveLength(9)
  })

  test('a challenge is of its account: the code of another one does not do', async () => {
    const [one, two] = [await memberWithTotp(app), await memberWithTotp(app)]
    const challenge = await challengeFor(app.visitor(), one)
    expect(said(await app.visitor().post(SECOND, { challenge, totp: await two.code() }))).toBe(
      '400 wrong_factor',
    )
    expect(said(await app.visitor().post(SECOND, { challenge, recovery: two.recovery[0] }))).toBe(
      '400 wrong_factor',
    )
    for (const made of ['', 'x', '0'.repeat(64), challenge.slice(1)])
      expect(said(await app.visitor().post(SECOND, { challenge: made, totp: '123456' }))).toBe(
        '400 challenge_expired',
      )
  })

  test('a challenge of a password that was changed, or of an account that was disabled, opens nothing', async () => {
    const owner = await memberWithTotp(app)
    const challenge = await challengeFor(app.visitor(), owner)
    await owner.member.put('/api/me/password', { password: 'Other1234' })
    expect(said(await app.visitor().post(SECOND, { challenge, totp: await owner.code() }))).toBe(
      '400 challenge_expired',
    )
    const another = await challengeFor(app.visitor(), { ...owner, password: 'Other1234' })
    await app.deps.db.update(users).set({ role: 'disabled' }).where(eq(users.id, owner.id))
    expect(said(await app.visitor().post(SECOND, { challenge: another, totp: await owner.code() }))).toBe(
      '400 account_disabled',
    )
  })

  test('says nothing of a factor to whoever does not know the password', async () => {
    const owner = await memberWithTotp(app)
    const replies = await Promise.all(
      [owner.email, 'nobody@example.com'].map((email) =>
        app.visitor().post('/api/login', { email, password: 'Wrong1234' }),
      ),
    )
    const [one, two] = replies.map(({ status, body: { err, code } }) => [status, err, code])
    expect(one).toEqual(two)
  })

  test('a login by the password alone that began before the app was there opens nothing', async () => {
    const member = await app.member()
    const { id } = member.user
    await verifyEmail(app, id)
    // The app is added while the login still looks at the password.
    let added: Promise<unknown> | undefined
    const { demand } = app.deps.secondStep ?? {}
    Object.assign(app.deps.secondStep ?? {}, {
      async demand(...args: Parameters<NonNullable<typeof demand>>) {
        await demand?.(...args)
        await (added ??= addTotp(member))
      },
    })
    try {
      const { email, password } = member.account
      const login = await app.visitor().post('/api/login', { email, password })
      expect(said(login)).toBe('400 invalid_credentials')
      expect(await app.deps.sessions.allOf(id)).toHaveLength(1)
    } finally {
      Object.assign(app.deps.secondStep ?? {}, { demand })
    }
  })
})
