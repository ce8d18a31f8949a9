// What must not get past a second factor, or use it against its owner.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { exportAccount } from '../src/account/export.ts'
import { resetFactors } from '../src/account/manage.ts'
import { tokens } from '../src/account/one-time-tokens.ts'
import { oneTimeTokens, users } from '../src/account/table.ts'
import { auditEvents } from '../src/kit/audit/table.ts'
import { totp } from '../src/totp/table.ts'
import type { Client, Reply } from './kit/support/client.ts'
import { silent } from './kit/support/log.ts'
import { OPERATOR } from './support/harness.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'
import { addTotp, challengeFor, codeOf, memberWithTotp, verifyEmail, wrongCode } from './support/totp.ts'
import { schema } from './support/worker.ts'

let app: AppWithMail
beforeAll(async () => {
  app = await startWithMail({ RATE_LIMIT: 'on', RATE_LIMIT_ACCOUNT: '100', RATE_LIMIT_ADDRESS: '10000' })
})
afterAll(() => app.close())

const SECOND = '/api/login/second'
const said = ({ status, body }: Reply) => (status < 400 ? status : `${status} ${body?.code}`)
const tokenOf = (client: Client) => client.cookies.get('session') ?? ''
const rowOf = async (id: string) => (await app.deps.db.select().from(totp).where(eq(totp.user_id, id)))[0]
const eventsOf = (id: string) =>
  app.deps.db.select().from(auditEvents).where(eq(auditEvents.account, id)).orderBy(auditEvents.id)

/** The session of a client, as after 16 minutes in which it has proven nothing. */
async function age(client: Client): Promise<void> {
  const ago = Date.now() - 16 * 60_000
  const aged = await app.deps.sessions.rotate(tokenOf(client), { loginAt: ago, provenAt: ago })
  client.cookies.set('session', aged?.token ?? '')
}

/** The app was added so many days ago. */
const backdate = (id: string, days: number) =>
  app.deps.db
    .update(totp)
    .set({ created: new Date(Date.now() - days * 24 * 3_600_000) })
    .where(eq(totp.user_id, id))

describe('a factor is not skipped', () => {
  test('by a new password from a mailed link, which logs nobody in', async () => {
    const owner = await memberWithTotp(app)
    await app.visitor().post('/api/password/forgot', { email: owner.email })
    const token = await app.nextToken(owner.email, 'Choose a new password')
    const visitor = app.visitor()
    expect(said(await visitor.post('/api/password/reset', { token, password: 'Other1234' }))).toBe(200)
    expect(said(await visitor.get('/api/me'))).toBe('401 login_required')
    const login = await visitor.post('/api/login', { email: owner.email, password: 'Other1234' })
    expect(said(login)).toBe('401 second_factor_required')
  })

  test('by the password in a session of a while ago: what needs a fresh login takes the factor', async () => {
    const owner = await memberWithTotp(app)
    const { member, password } = owner
    await age(member)
    expect(said(await member.put('/api/me/password', { password: 'Other1234' }))).toBe(
      '401 fresh_login_required',
    )
    const current = { current_password: password, password: 'Other1234' }
    expect(said(await member.put('/api/me/password', current))).toBe('401 fresh_login_required')
    const asked = await member.post('/api/reauthenticate', { password })
    expect(said(asked)).toBe('401 second_factor_required')
    expect(said(await member.delete('/api/me/factors/totp'))).toBe('401 fresh_login_required')
    const { challenge } = asked.body
    // It is for that session alone.
    expect(said(await app.visitor().post(SECOND, { challenge, totp: await owner.code() }))).toBe(
      '400 challenge_expired',
    )
    const old = tokenOf(member)
    expect(said(await member.post(SECOND, { challenge, totp: await owner.code() }))).toBe(200)
    expect(tokenOf(member)).not.toBe(old)
    expect(said(await member.delete('/api/me/factors/totp'))).toBe(200)
  })

  test('by changing the password over and over: that makes nothing fresh', async () => {
    const { member } = await memberWithTotp(app)
    const ago = Date.now() - 14 * 60_000
    const aged = await app.deps.sessions.rotate(tokenOf(member), { loginAt: ago, provenAt: ago })
    member.cookies.set('session', aged?.token ?? '')
    expect(said(await member.put('/api/me/password', { password: 'Other1234' }))).toBe(200)
    const identity = await app.deps.sessions.open(tokenOf(member))
    expect([identity?.provenAt, identity?.way]).toEqual([ago, 'password+totp'])
  })

  test('by a password that was made up for the first login', async () => {
    const owner = await memberWithTotp(app)
    const temporary_password = await app.deps.passwords.hash('Made1234up')
    await app.deps.db.update(users).set({ password: null, temporary_password }).where(eq(users.id, owner.id))
    const given = { email: owner.email, password: 'Made1234up' }
    expect(said(await app.visitor().post('/api/login', given))).toBe('401 password_change_required')
    const chosen = { ...given, new_password: 'Other1234' }
    expect(said(await app.visitor().post('/api/login', chosen))).toBe('401 second_factor_required')
    expect(await app.deps.sessions.allOf(owner.id)).toHaveLength(1) // the owner's own
  })

  test('by the password alone, by a login at the very moment at which it is added', async () => {
    const member = await app.member()
    await verifyEmail(app, member.user.id)
    const { secret } = (await member.post('/api/me/factors/totp')).body
    const thief = app.visitor()
    const { sessions } = app.deps
    const { destroyAllOf } = sessions
    try {
      // Between the end of the other sessions and the commit.
      sessions.destroyAllOf = async (...given) => {
        await destroyAllOf(...given)
        sessions.destroyAllOf = destroyAllOf
        await thief.post('/api/login', member.account)
      }
      const added = await member.post('/api/me/factors/totp/confirm', { totp: codeOf(secret) })
      expect(said(added)).toBe(200)
    } finally {
      sessions.destroyAllOf = destroyAllOf
    }
    expect(said(await thief.get('/api/me'))).toBe('401 login_required')
    expect(said(await member.get('/api/me'))).toBe(200)
  })

  test('by having removed it: no session counts as proven by what is no factor any more', async () => {
    const owner = await memberWithTotp(app)
    const { member, id } = owner
    const other = app.visitor()
    const challenge = await challengeFor(other, owner)
    expect(said(await other.post(SECOND, { challenge, totp: await owner.code() }))).toBe(200)
    const { provenAt } = (await app.deps.sessions.open(tokenOf(member))) ?? {}
    expect(said(await member.delete('/api/me/factors/totp'))).toBe(200)
    const ways = (await app.deps.sessions.allOf(id)).map(({ way }) => way)
    expect(ways).toEqual(['password'])
    // As fresh as before, and no fresher.
    expect(await app.deps.sessions.open(tokenOf(member))).toMatchObject({ provenAt })
    expect(said(await member.get('/api/me'))).toBe(200)
  })

  test('by an app that is undone at the very moment at which its code is taken', async () => {
    const thief = await memberWithTotp(app)
    const token = await app.nextToken(thief.email, 'The second factor')
    const client = app.visitor()
    const challenge = await challengeFor(client, thief)
    const { store } = app.deps
    const { delete: spend } = store
    try {
      store.delete = async (...given) => {
        store.delete = spend
        expect(said(await app.visitor().post('/api/factors/undo', { token }))).toBe(200)
        return spend(...given)
      }
      const reply = await client.post(SECOND, { challenge, totp: await thief.code() })
      expect(said(reply)).toBe('400 invalid_credentials')
    } finally {
      store.delete = spend
    }
    expect(await app.deps.sessions.allOf(thief.id)).toEqual([])
  })

  test('at the operators’ pages, and by whoever acts as another account', async () => {
    const boss = await memberWithTotp(app, 'superuser')
    const visitor = app.visitor()
    await challengeFor(visitor, boss)
    expect((await visitor.get('/api/operators', { Accept: 'text/html' })).status).toBe(303)
    const target = await app.member()
    await age(boss.member)
    expect(said(await boss.member.post(`/api/users/${target.user.id}/impersonate`, {}))).toBe(
      '401 fresh_login_required',
    )
    const { challenge } = (await boss.member.post('/api/reauthenticate', { password: boss.password })).body
    await boss.member.post(SECOND, { challenge, totp: await boss.code() })
    expect(said(await boss.member.post(`/api/users/${target.user.id}/impersonate`, {}))).toBe(200)
  })
})

describe('codes are not guessed', () => {
  test('over many challenges, by codes and by recovery codes: five wrong ones in an hour, and the owner is told', async () => {
    const owner = await memberWithTotp(app)
    const wrong = [
      { totp: wrongCode(owner.secret) },
      { recovery: 'aaaaaa-aaaaaa-aaaaaa-aaaaaa' },
      { totp: 'x' },
      { recovery: 'b' },
      { totp: wrongCode(owner.secret) },
      { recovery: 'c' },
    ]
    const replies: (string | number)[] = []
    for (const answer of wrong) {
      const client = app.visitor()
      replies.push(
        said(await client.post(SECOND, { challenge: await challengeFor(client, owner), ...answer })),
      )
    }
    // What is no code at all does not count.
    expect(replies).toEqual(
      wrong.map(({ totp: code }) => (code === 'x' ? '400 invalid_request' : '400 wrong_factor')),
    )
    const challenge = await challengeFor(app.visitor(), owner)
    const full = await app.visitor().post(SECOND, { challenge, totp: await owner.code() })
    expect(said(full)).toBe('429 rate_limit_exceeded')
    expect(Number(full.headers.get('retry-after'))).toBeWithin(3000, 3601)
    expect((await app.nextMail(owner.email, 'Your account')).text).toContain('several wrong codes')
    // Devices that are logged in stay so, and a login that was wrong counts for nobody else.
    expect(said(await owner.member.get('/api/me'))).toBe(200)
    const actions = (await eventsOf(owner.id)).map(({ action }) => action)
    expect(actions.filter((action) => action === 'factor.attempts_used_up')).toHaveLength(1)
  })

  test('by many at once', async () => {
    const owner = await memberWithTotp(app)
    const challenge = await challengeFor(app.visitor(), owner)
    const answer = { challenge, totp: wrongCode(owner.secret) }
    const replies = await Promise.all(Array.from({ length: 12 }, () => app.visitor().post(SECOND, answer)))
    expect(replies.filter(({ body }) => body.code === 'wrong_factor')).toHaveLength(5)
    expect(replies.filter(({ status }) => status === 429)).toHaveLength(7)
  })

  test('and whoever does not know the password uses up nothing of the owner’s', async () => {
    const owner = await memberWithTotp(app)
    const stale = await challengeFor(app.visitor(), owner)
    await owner.member.put('/api/me/password', { password: 'Other1234' })
    const guesses = Array.from({ length: 8 }, () => ({ challenge: stale, totp: wrongCode(owner.secret) }))
    for (const guess of guesses)
      expect(said(await app.visitor().post(SECOND, guess))).toBe('400 challenge_expired')
    for (let i = 0; i < 8; i++)
      await app.visitor().post('/api/login', { email: owner.email, password: 'Wrong1234' })
    const challenge = await challengeFor(app.visitor(), { ...owner, password: 'Other1234' })
    expect(said(await app.visitor().post(SECOND, { challenge, totp: await owner.code() }))).toBe(200)
  })

  test('a right one begins the count anew, and a password that leads on is no failure', async () => {
    const owner = await memberWithTotp(app)
    for (let round = 0; round < 3; round++) {
      const challenge = await challengeFor(app.visitor(), owner)
      for (let i = 0; i < 4; i++)
        await app.visitor().post(SECOND, { challenge, totp: wrongCode(owner.secret) })
      expect(said(await app.visitor().post(SECOND, { challenge, totp: await owner.code() }))).toBe(200)
    }
  })
})

describe('a thief with the session of an owner', () => {
  test('adds no app without a fresh login, and one that was added is undone by the first mail, with all since', async () => {
    const member = await app.member()
    const { email, password } = member.account
    await verifyEmail(app, member.user.id)
    await addTotp(member) // the thief, with a login that was fresh
    const token = await app.nextToken(email, 'The second factor')
    await member.post('/api/me/factors/totp/recovery-codes')
    expect(said(await member.delete('/api/me/factors/totp'))).toBe(200)
    await addTotp(member)
    await app.visitor().post('/api/password/forgot', { email })
    const reset = await app.nextToken(email, 'Choose a new password')
    await app.visitor().post('/api/password/reset', { token: reset, password: 'Owner1234' })
    // A new password voids no such link: or the thief's app would lock the owner out.
    expect(said(await app.visitor().post('/api/factors/undo', { token }))).toBe(200)
    expect(await rowOf(member.user.id)).toBeUndefined()
    expect(said(await app.visitor().post('/api/login', { email, password: 'Owner1234' }))).toBe(200)
    expect(said(await app.visitor().post('/api/login', { email, password }))).toBe('400 invalid_credentials')
  })

  test('gets no app added whose seed it has seen: the next proof of the owner makes another', async () => {
    const member = await app.member()
    await verifyEmail(app, member.user.id)
    const { secret } = (await member.post('/api/me/factors/totp')).body // by the thief
    expect((await member.post('/api/me/factors/totp')).body.secret).toBe(secret)
    await member.post('/api/reauthenticate', { password: member.account.password })
    const confirm = { totp: codeOf(secret) }
    expect(said(await member.post('/api/me/factors/totp/confirm', confirm))).toBe('400 wrong_factor')
    expect((await member.post('/api/me/factors/totp')).body.secret).not.toBe(secret)
  })

  test('takes the owner’s app away for as long as the owner does not open the mail: the same seed counts again', async () => {
    const owner = await memberWithTotp(app)
    const [code = ''] = owner.recovery
    await app.nextMail(owner.email, 'The second factor')
    expect(said(await owner.member.delete('/api/me/factors/totp'))).toBe(200)
    const token = await app.nextToken(owner.email, 'The second factor')
    await addTotp(owner.member) // the thief's
    expect(said(await app.visitor().post('/api/factors/undo', { token }))).toBe(200)
    expect(said(await owner.member.get('/api/me'))).toBe('401 login_required')
    for (const answer of [{ totp: await owner.code() }, { recovery: code }]) {
      const challenge = await challengeFor(app.visitor(), owner)
      expect(said(await app.visitor().post(SECOND, { challenge, ...answer }))).toBe(200)
    }
  })

  test('sends two changes at once: they are undone in the order in which they were made', async () => {
    const owner = await memberWithTotp(app)
    const { db } = app.deps
    const due = { userId: owner.id, purpose: 'factor_undo', email: owner.email, ip: '' } as const
    const [begun, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const waits = db.transaction(async (tx) => {
      await tx.execute(sql`select now()`)
      begun.resolve()
      await done.promise
      return tokens.request(tx, due)
    })
    await begun.promise
    const made = await db.transaction((tx) => tokens.request(tx, due))
    done.resolve()
    expect((await waits).created.getTime()).toBeGreaterThanOrEqual(made.created.getTime())
  })

  test('of two requests at once with one link one counts', async () => {
    const { email } = await memberWithTotp(app)
    const token = await app.nextToken(email, 'The second factor')
    const replies = await Promise.all([1, 2].map(() => app.visitor().post('/api/factors/undo', { token })))
    expect(replies.map(said).toSorted()).toEqual([200, '400 token_expired'])
  })

  test('voids no link with an app of less than seven days; the owner does with an older one', async () => {
    const owner = await memberWithTotp(app)
    const token = await app.nextToken(owner.email, 'The second factor')
    expect(said(await owner.member.post('/api/me/factors/keep'))).toBe('409 older_factor_required')
    await backdate(owner.id, 8)
    const { member, password } = owner
    await member.post('/api/me/factors/totp/recovery-codes')
    // Whoever has stolen a login that was fresh: what was given before the change confirms nothing of it.
    expect(said(await member.post('/api/me/factors/keep'))).toBe('409 older_factor_required')
    const { challenge } = (await member.post('/api/reauthenticate', { password })).body
    expect(said(await member.post(SECOND, { challenge, totp: await owner.code() }))).toBe(200)
    expect(said(await member.post('/api/me/factors/keep'))).toBe(200)
    expect(said(await app.visitor().post('/api/factors/undo', { token }))).toBe('400 token_expired')
    await age(member)
    expect(said(await member.post('/api/me/factors/keep'))).toBe('401 fresh_login_required')
  })

  test('who changes the email and adds an app has it taken away with the email', async () => {
    const member = await app.member()
    const { id, email } = member.user
    await verifyEmail(app, id)
    await member.put('/api/me/email', { email: 'thief1@example.com' })
    const confirm = await app.nextToken('thief1@example.com', 'Confirm your new email')
    await member.post('/api/email/verify', { token: confirm })
    await addTotp(member)
    const token = await app.nextToken(email, 'Your email')
    expect(said(await app.visitor().post('/api/email/take-back', { token }))).toBe(200)
    expect(await rowOf(id)).toBeUndefined()
  })

  test('keeps no app by a take-back: one that was there before stays', async () => {
    const owner = await memberWithTotp(app)
    await owner.member.put('/api/me/email', { email: 'moved1@example.com' })
    const confirm = await app.nextToken('moved1@example.com', 'Confirm your new email')
    await owner.member.post('/api/email/verify', { token: confirm })
    const token = await app.nextToken(owner.email, 'Your email')
    await app.visitor().post('/api/email/take-back', { token })
    expect((await rowOf(owner.id))?.seed).toBeString()
  })
})

test('the first proof of a mailbox that was never verified ends what was added before', async () => {
  const owner = await memberWithTotp(app)
  await app.deps.db.update(users).set({ email_proof: null }).where(eq(users.id, owner.id))
  await app.visitor().post('/api/password/forgot', { email: owner.email })
  const token = await app.nextToken(owner.email, 'Choose a new password')
  await app.visitor().post('/api/password/reset', { token, password: 'Owner1234' })
  expect(await rowOf(owner.id)).toBeUndefined()
  expect(await app.deps.db.select().from(oneTimeTokens).where(eq(oneTimeTokens.user_id, owner.id))).toEqual(
    [],
  )
  const login = await app.visitor().post('/api/login', { email: owner.email, password: 'Owner1234' })
  expect(said(login)).toBe(200)
})

test('whoever runs the service ends the factors of an owner who has lost them, and tells them', async () => {
  const owner = await memberWithTotp(app)
  await owner.member.delete('/api/me/factors/totp')
  await addTotp(owner.member)
  for (const _ of [1, 2]) await app.nextMail(owner.email, 'The second factor')
  const mails = await app.mailsTo(owner.email)
  expect(await resetFactors(app.deps, owner.id, OPERATOR)).toBe(true)
  expect(await resetFactors(app.deps, owner.id, OPERATOR)).toBe(false)
  expect(said(await owner.member.get('/api/me'))).toBe('401 login_required')
  // No link of before brings one back.
  const links = mails.flatMap(({ text }) => /factor-undo\?token=(\w+)/.exec(text)?.[1] ?? [])
  expect(links.length).toBeGreaterThan(1)
  for (const token of links)
    expect(said(await app.visitor().post('/api/factors/undo', { token }))).toBe('400 token_expired')
  expect(said(await app.visitor().post('/api/login', owner))).toBe(200)
  expect((await app.nextMail(owner.email, 'Your account')).text).toContain('has no second factor any more')
  expect(await eventsOf(owner.id)).toContainEqual(
    expect.objectContaining({ action: 'factor.reset', by: 'command test' }),
  )
})

test('a superuser sees which factors an account has, and nobody else does', async () => {
  const owner = await memberWithTotp(app)
  const boss = await app.member('superuser')
  const path = `/api/users/${owner.id}/factors`
  expect((await boss.get(path)).body.map(({ name }: { name: string }) => name)).toEqual(['totp', 'recovery'])
  expect((await boss.get(`/api/auth/users/${owner.id}`, { Accept: 'text/html' })).text).toContain(
    'totp, recovery',
  )
  expect(said(await owner.member.get(path))).toBe('401 insufficient_role')
})

test('sessions, activity and export say by which way a login came; an older one does not', async () => {
  const owner = await memberWithTotp(app)
  const challenge = await challengeFor(app.visitor(), owner)
  await app.visitor().post(SECOND, { challenge, recovery: owner.recovery[0] })
  const listed = (await owner.member.get('/api/me/sessions')).body.map(({ way }: { way: string }) => way)
  expect(listed.toSorted()).toEqual(['password+recovery', 'password+totp'])
  const ways = (await eventsOf(owner.id)).flatMap(({ action, details }) =>
    details?.way ? [`${action} ${details.way}`] : [],
  )
  expect(ways).toEqual([
    'session.started password',
    'session.confirmed password+totp',
    'session.started password+recovery',
  ])
  const { signal } = new AbortController()
  const job = { log: silent, progress: () => {}, signal }
  const data: Record<string, unknown> | undefined = await exportAccount(
    { ...app.deps, schema },
    owner.id,
    job,
  )
  expect(data?.sessions).toContainEqual(expect.objectContaining({ way: 'password+recovery' }))
  expect(data?.totp).toEqual([{ created: expect.anything() }])
})

test('no seed, code or challenge stands in Redis in clear, in the trail, an export or the database', async () => {
  const owner = await memberWithTotp(app)
  const challenge = await challengeFor(app.visitor(), owner)
  const [code = ''] = owner.recovery
  const pending = await app.member()
  await verifyEmail(app, pending.user.id)
  const { secret } = (await pending.post('/api/me/factors/totp')).body
  const { signal } = new AbortController()
  const told = JSON.stringify(
    [
      await exportAccount({ ...app.deps, schema }, owner.id, { log: silent, progress: () => {}, signal }),
      await eventsOf(owner.id),
      await app.deps.db.select().from(totp),
      await app.deps.db.select().from(oneTimeTokens),
      await app.deps.sessions.readData(tokenOf(pending)),
      await app.deps.store.get(`second-step:${app.deps.digest(challenge)}`, null),
    ],
    (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value),
  )
  expect(told).toContain('"was":')
  for (const text of [owner.secret, secret, challenge, code, code.replaceAll('-', '')])
    expect(told).not.toContain(text)
})
