// Invitations: who may invite, what an invitation makes of whoever accepts, and what must fail when somebody else tries.
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'bun:test'
import { eq, inArray, sql } from 'drizzle-orm'
import { hc } from 'hono/client'
import { changeRole } from '../src/account/change-role.ts'
import { invite } from '../src/account/invitations.ts'
import { lockUser } from '../src/account/queries.ts'
import type { Role } from '../src/account/roles.ts'
import { oneTimeTokens, users } from '../src/account/table.ts'
import type { AppType } from '../src/app.ts'
import { auditEvents } from '../src/kit/audit/table.ts'
import type { Client } from './kit/support/client.ts'
import { HTML, submit } from './kit/support/forms.ts'
import { until } from './kit/support/until.ts'
import { NEW_ACCOUNT } from './support/harness.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'

const INVITED = 'You are invited'
const INVITATION = '/api/auth/invitation'
const INVITE = '/api/auth/invite'
const ANSWER = { password: 'Violet7Kettle', fname: 'In', lname: 'Vited' }
const BY = { command: 'tests' }

let app: AppWithMail
let boss: Awaited<ReturnType<AppWithMail['member']>>
beforeAll(async () => {
  app = await startWithMail()
  boss = await app.member('superuser')
})
afterAll(() => app.close())

type Replied = { status: number; body: { code?: string } }
const isRefused = ({ status, body }: Replied, wanted: number, code: string) =>
  expect([status, body.code]).toEqual([wanted, code])
const isExpired = (reply: Replied) => isRefused(reply, 400, 'token_expired')

/** Invites somebody, and returns the token of the mail. */
async function invited(email: string, role: Role = 'editor', by: Client = boss): Promise<string> {
  const reply = await by.post('/api/users', { email, role })
  expect([reply.status, reply.body]).toEqual([202, {}])
  return app.nextToken(email, INVITED)
}
const accept = (token: string, more: object = ANSWER, client = app.visitor()) =>
  client.post('/api/invitations/accept', { token, ...more })
const roleOf = async (client: Client) => (await client.get('/api/me')).body.me?.role
const accountOf = async (email: string) =>
  (await app.deps.db.select().from(users).where(eq(users.email, email)))[0]
const actions = async (account: string) =>
  (await app.deps.db.select().from(auditEvents).where(eq(auditEvents.account, account))).map(
    ({ action }) => action,
  )

describe('whoever is invited', () => {
  test('gets an account of that role, verified and logged in, by one call', async () => {
    const email = 'new@example.com'
    const client = app.visitor()
    const reply = await accept(await invited(email, 'admin'), ANSWER, client)
    expect(reply.body).toMatchObject({ email, role: 'admin', verified: true, fullname: 'In Vited' })
    expect([reply.status, await roleOf(client)]).toEqual([200, 'admin'])
    expect(await actions(reply.body.id)).toContain('invitation.accepted')
    const login = await app.visitor().post('/api/login', { email, password: ANSWER.password })
    expect(login.status).toBe(200)
  })

  test('gets the role of SIGNUP_ROLE where none is said, and the session as a token where asked for', async () => {
    const email = 'app@example.com'
    expect((await boss.post('/api/users', { email })).status).toBe(202)
    const token = await app.nextToken(email, INVITED)
    const reply = await accept(token, { ...ANSWER, bearer: true })
    expect([reply.body.role, reply.headers.getSetCookie()]).toEqual([app.config.signupRole, []])
    const bearer = app.visitor({ Authorization: `Bearer ${reply.body.token}` })
    expect(await roleOf(bearer)).toBe(app.config.signupRole)
  })

  test('is taken in by the typed client', async () => {
    const cookie = { headers: { Cookie: `session=${boss.cookies.get('session')}` } }
    const email = 'typed@example.com'
    const { api } = hc<AppType>(app.url, cookie)
    expect((await api.users.$post({ json: { email, role: 'readonly' } })).status).toBe(202)
    const [open] = await (await api.invitations.$get()).json()
    expectTypeOf(open?.role).toEqualTypeOf<Role | undefined>()
    expect(open).toMatchObject({ email, role: 'readonly', invited_by: boss.user.id })
    const token = await app.nextToken(email, INVITED)
    const reply = await hc<AppType>(app.url).api.invitations.accept.$post({ json: { token, ...ANSWER } })
    expect((await reply.json()).role).toBe('readonly')
  })

  test('needs a name and a password that the rule allows; a refusal spends nothing', async () => {
    const token = await invited('picky@example.com')
    isRefused(await accept(token, {}), 400, 'invalid_request')
    isRefused(await accept(token, { ...ANSWER, password: 'weak' }), 400, 'weak_password')
    isRefused(await accept(token, { ...ANSWER, fname: ' ' }), 400, 'invalid_request')
    expect((await accept(token)).status).toBe(200)
  })

  test('may be whoever has an account, which gets a higher role in its session, and never a lower one', async () => {
    const reader = await app.member('readonly')
    const other = await app.visitor()
    await other.post('/api/login', { email: reader.account.email, password: reader.account.password })
    const reply = await accept(await invited(reader.account.email, 'admin'), {}, reader)
    expect(reply.body).toMatchObject({ id: reader.user.id, role: 'admin', verified: true })
    expect([await roleOf(reader), await roleOf(other)]).toEqual(['admin', 'admin'])
    await app.nextMail(reader.account.email, 'Your account at')

    const lower = await accept(await invited('elsewhere@example.com', 'editor'), {}, reader)
    expect(lower.body).toMatchObject({ id: reader.user.id, role: 'admin' })
    expect(await accountOf('elsewhere@example.com')).toBeUndefined()
  })

  test('verifies the mailbox of the session only if it is the one that was invited', async () => {
    const member = await app.member('readonly')
    const reply = await accept(await invited('not-mine@example.com', 'editor'), {}, member)
    expect(reply.body).toMatchObject({ email: member.account.email, role: 'editor', verified: false })
  })

  test('needs a fresh login to accept with the account that is logged in', async () => {
    const member = await app.member('readonly')
    const [session = ''] = [member.cookies.get('session')]
    const ago = Date.now() - 3_600_000
    const rotated = await app.deps.sessions.rotate(session, { loginAt: ago, provenAt: ago })
    member.cookies.set('session', rotated?.token ?? '')
    const token = await invited(member.account.email, 'editor')
    isRefused(await accept(token, {}, member), 401, 'fresh_login_required')
    expect((await member.post('/api/reauthenticate', { password: member.account.password })).status).toBe(200)
    expect((await accept(token, {}, member)).body.role).toBe('editor')
    const activity = await member.get('/api/me/activity')
    expect(activity.text).toContain('invitation.accepted')
    expect(activity.text).not.toContain(boss.user.id) // who invites, the trail tells superusers alone
  })
})

describe('a link counts', () => {
  test('once, not after a newer one, not when expired, withdrawn, made up or for another purpose', async () => {
    const email = 'once@example.com'
    const older = await invited(email, 'superuser')
    const colleague = await app.member('superuser')
    const token = await invited('ONCE@example.com', 'readonly', colleague)
    isExpired(await accept(older))
    isExpired(await app.visitor().post('/api/password/reset', { token, password: ANSWER.password }))
    isExpired(await app.visitor().post('/api/email/take-back', { token }))
    for (const other of ['x', '0'.repeat(64), `${token}0`]) isExpired(await accept(other))
    expect((await accept(token)).body.role).toBe('readonly')
    isExpired(await accept(token))
    isExpired(await accept(token, {}, boss))

    const late = await invited('late@example.com')
    await app.deps.db.update(oneTimeTokens).set({ expires: new Date(Date.now() - 1000) })
    isExpired(await accept(late))
    await app.visitor().post('/api/password/forgot', { email })
    isExpired(await accept(await app.nextToken('ONCE@example.com', 'new password')))
  })

  test('for one of two requests at once', async () => {
    const token = await invited('twice@example.com')
    const passwords = ['First7Kettle', 'Second7Kettle']
    const replies = await Promise.all(passwords.map((password) => accept(token, { ...ANSWER, password })))
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
    const password = replies[0]?.status === 200 ? passwords[0] : passwords[1]
    const login = await app.visitor().post('/api/login', { email: 'twice@example.com', password })
    expect(login.status).toBe(200)
  })

  test('even if another takes its place at that moment: neither fails because it met the other', async () => {
    const email = 'meets@example.com'
    await invited(email)
    const [locked, waits] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    // As whoever accepts: first the invitation, then who has invited.
    const accepting = app.deps.db.transaction(async (tx) => {
      await tx.select().from(oneTimeTokens).where(eq(oneTimeTokens.email, email)).for('update')
      locked.resolve()
      await waits.promise
      await lockUser(tx, boss.user.id)
    })
    await locked.promise
    const inviting = boss.post('/api/users', { email })
    await until('its wait for the invitation', async () => {
      const waiting = sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      return (await app.deps.db.execute(waiting)).length > 0
    })
    waits.resolve()
    await accepting.catch(() => {}) // Postgres ends one of them
    expect((await inviting).status).toBe(202)
  })

  test('until it is withdrawn, which only superusers do, after a fresh login', async () => {
    const token = await invited('gone@example.com')
    const list = await boss.get('/api/invitations')
    const { id } = list.body.find(({ email }: { email: string }) => email === 'gone@example.com')
    expect(list.text).not.toContain(token)
    const member = await app.member('admin')
    for (const path of [`/api/invitations/${id}`, `/api/invitations/${crypto.randomUUID()}`])
      expect((await member.delete(path)).status).toBe(401)
    const colleague = await app.member('superuser')
    const stale = await app.deps.sessions.rotate(colleague.cookies.get('session') ?? '', { provenAt: 0 })
    colleague.cookies.set('session', stale?.token ?? '')
    isRefused(await colleague.delete(`/api/invitations/${id}`), 401, 'fresh_login_required')
    expect((await boss.delete(`/api/invitations/${id}`)).status).toBe(200)
    isRefused(await boss.delete(`/api/invitations/${id}`), 404, 'not_found')
    isExpired(await accept(token))
  })

  test('even after a mail scanner has opened it', async () => {
    const email = 'scanned@example.com'
    const token = await invited(email)
    const scanner = app.visitor()
    const opened = await scanner.get(`${INVITATION}?token=${token}`, HTML)
    await scanner.get(opened.headers.get('location') ?? '', HTML)
    expect(await accountOf(email)).toBeUndefined()
    expect((await accept(token)).status).toBe(200)
  })
})

describe('an address that somebody else has taken before', () => {
  test("is its owner's by the invitation, and nothing of what was set up survives", async () => {
    const email = 'victim@example.com'
    const squatter = await app.member('editor', { email, company: 'Evil' })
    const { body } = await squatter.post('/api/me/tokens', { name: 'x', abilities: ['read', 'write'] })
    const program = app.visitor({ Authorization: `Bearer ${body.token}` })
    expect(await roleOf(program)).toBe('editor')
    const elsewhere = app.visitor()
    await elsewhere.post('/api/login', { email, password: squatter.account.password })
    await squatter.put('/api/me/email', { email: 'squatter@example.com' })
    const change = await app.nextToken('squatter@example.com', 'Confirm your')
    const reset = await app.visitor().post('/api/password/forgot', { email })
    expect(reset.status).toBe(202)
    const resetToken = await app.nextToken(email, 'new password')

    const owner = app.visitor()
    const reply = await accept(await invited(email, 'admin'), ANSWER, owner)
    expect(reply.body).toMatchObject({ role: 'admin', verified: true, fullname: 'In Vited', company: null })
    for (const client of [squatter, elsewhere, program])
      expect((await client.get('/api/me')).status).toBe(401)
    const old = await app.visitor().post('/api/login', { email, password: squatter.account.password })
    isRefused(old, 400, 'invalid_credentials')
    isExpired(await app.visitor().post('/api/password/reset', { token: resetToken, password: 'Evil7Kettle' }))
    const confirmed = { token: change, password: ANSWER.password }
    isExpired(await app.visitor().post('/api/email/verify', confirmed))
    expect(await roleOf(owner)).toBe('admin')
    const open = await app.deps.db
      .select()
      .from(oneTimeTokens)
      .where(eq(oneTimeTokens.user_id, reply.body.id))
    expect(open).toEqual([])
  })

  test.each(['an invitation', 'a reset'])(
    'is not deleted after %s, as somebody else has asked',
    async (proof) => {
      const email = `${proof.replace(/^\w+ /, '')}-kept@example.com`
      const squatter = await app.member('editor', { email })
      expect((await squatter.delete('/api/me')).status).toBeLessThan(300)
      expect((await accountOf(email))?.deletes).toBeInstanceOf(Date)
      if (proof === 'an invitation') await accept(await invited(email))
      else {
        await app.visitor().post('/api/password/forgot', { email })
        const token = await app.nextToken(email, 'new password')
        await app.visitor().post('/api/password/reset', { token, password: ANSWER.password })
      }
      expect(await accountOf(email)).toMatchObject({ email_proof: 'mail', deletes: null })
    },
  )

  test('opens no account that was verified: whoever the link was passed on to has to log in', async () => {
    const email = 'verified@example.com'
    const member = await app.member('readonly', { email })
    await member.post('/api/email/verify', { token: await app.nextToken(email, 'Welcome') })
    const token = await invited(email, 'editor')
    isRefused(await accept(token), 409, 'account_exists')
    const login = await app.visitor().post('/api/login', { email, password: member.account.password })
    expect(login.status).toBe(200)
    expect((await accept(token, {}, member)).body.role).toBe('editor')
  })

  test('revives no account that is disabled', async () => {
    const disabled = await app.member('disabled', { email: 'barred@example.com' })
    const token = await invited('barred@example.com', 'superuser')
    isExpired(await accept(token))
    expect((await accountOf('barred@example.com'))?.role).toBe('disabled')
    isRefused(await accept(token, {}, disabled), 400, 'account_disabled')
  })

  test('of an account that may still be taken back makes none', async () => {
    const email = 'before@example.com'
    const { user } = await app.member()
    await app.deps.db
      .insert(oneTimeTokens)
      .values({ user_id: user.id, purpose: 'take_back', email, ip: '::1' })
    isRefused(await accept(await invited(email)), 400, 'email_taken')
  })
})

describe('who invites', () => {
  test.each(['readonly', 'editor', 'admin'] as const)(
    'is no %s, nor a visitor or a program',
    async (role) => {
      const member = await app.member(role)
      const email = `by-${role}@example.com`
      expect((await member.post('/api/users', { email })).status).toBe(401)
      expect((await app.visitor().post('/api/users', { email })).status).toBe(401)
      expect((await member.get('/api/invitations')).status).toBe(401)
      const { body } = await boss.post('/api/me/tokens', { name: 'x', abilities: ['read', 'write'] })
      const program = app.visitor({ Authorization: `Bearer ${body.token}` })
      isRefused(await program.post('/api/users', { email }), 403, 'token_not_allowed')
    },
  )

  test('invites to no barred role', async () => {
    isRefused(
      await boss.post('/api/users', { email: 'x@example.com', role: 'disabled' }),
      400,
      'invalid_request',
    )
  })

  test.each(['editor', 'admin', 'disabled', 'gone'] as const)(
    'and is %s by then, has invited nobody',
    async (role) => {
      const inviter = await app.member('superuser')
      const emails = [`now-${role}@example.com`, `reader-${role}@example.com`]
      const tokens = [
        await invited(emails[0] as string, 'superuser', inviter),
        await invited(emails[1] as string, 'readonly', inviter),
      ]
      if (role === 'gone') await app.deps.db.delete(users).where(eq(users.id, inviter.user.id))
      else await changeRole(app.deps, inviter.user.id, role, BY)
      for (const token of tokens) isExpired(await accept(token))
      expect(await app.deps.db.$count(users, inArray(users.email, emails))).toBe(0)
      if (role === 'gone') return
      // Given back, they may leave it to others again.
      await changeRole(app.deps, inviter.user.id, 'superuser', BY)
      expect((await accept(tokens[0] as string)).status).toBe(200)
    },
  )

  test('loses the invitations that are open by a reset, and not by a change of the password', async () => {
    const inviter = await app.member('superuser', { email: 'inviter@example.com' })
    const [first, second] = [
      await invited('kept@example.com', 'editor', inviter),
      await invited('lost@example.com', 'editor', inviter),
    ]
    await inviter.put('/api/me/password', { password: 'Another7Kettle' })
    expect((await accept(first)).status).toBe(200)
    await app.visitor().post('/api/password/forgot', { email: 'inviter@example.com' })
    const token = await app.nextToken('inviter@example.com', 'new password')
    await app.visitor().post('/api/password/reset', { token, password: 'Third7Kettle' })
    isExpired(await accept(second))
  })

  test('may be a command, to any role, and leaves an event', async () => {
    const email = 'by-command@example.com'
    await invite(app.deps, { email, role: 'superuser' }, { command: 'root' })
    const reply = await accept(await app.nextToken(email, INVITED))
    expect(reply.body.role).toBe('superuser')
    const events = await app.deps.db.select().from(auditEvents).where(eq(auditEvents.by, 'command root'))
    expect(events.map(({ action, details }) => [action, details?.role])).toEqual([
      ['invitation.made', 'superuser'],
    ])
  })

  test('gets the same answer whether the email has an account or not, and the mail is the same', async () => {
    const { account } = await app.member()
    const replies = []
    const mails = []
    for (const email of [account.email, 'nobody-yet@example.com']) {
      const { status, text } = await boss.post('/api/users', { email, role: 'editor' })
      replies.push([status, text])
      mails.push((await app.nextMail(email, INVITED)).text.replace(/token=\w+/, ''))
    }
    expect(replies).toEqual([
      [202, '{}'],
      [202, '{}'],
    ])
    expect(new Set(mails).size).toBe(1)
  })
})

test.each(['off', 'invited', 'open'])('SIGNUP=%s says whether invitations count', async (SIGNUP) => {
  const closed = await startWithMail({ SIGNUP })
  try {
    await invite({ ...closed.deps, config: app.config }, { email: 'ann@example.com', role: 'superuser' }, BY)
    const token = await closed.nextToken('ann@example.com', INVITED)
    const client = closed.visitor()
    const reply = await client.post('/api/invitations/accept', { token, ...ANSWER })
    const page = await client.get(INVITATION, HTML)
    if (SIGNUP === 'off') {
      isRefused(reply, 403, 'signup_closed')
      expect(page.text).toContain('Accounts come from whoever runs the service')
      await expect(invite(closed.deps, { email: 'bob@example.com' }, BY)).rejects.toMatchObject({
        code: 'signup_closed',
      })
    } else {
      expect([reply.status, reply.body.role, page.status]).toEqual([200, 'superuser', 200])
      expect((await client.post('/api/users', { email: 'bob@example.com' })).status).toBe(202)
      expect((await client.get(INVITE, HTML)).status).toBe(200)
    }
  } finally {
    await closed.close()
  }
})

test('with EMAIL_VERIFICATION=required the invited wait for nothing, and an inviter who has to wait invites nobody', async () => {
  const strict = await startWithMail({ EMAIL_VERIFICATION: 'required', SIGNUP: 'invited' })
  try {
    await invite(strict.deps, { email: 'ann@example.com', role: 'superuser' }, BY)
    const client = strict.visitor()
    const token = await strict.nextToken('ann@example.com', INVITED)
    const reply = await client.post('/api/invitations/accept', { token, ...ANSWER })
    expect(reply.body).toMatchObject({ role: 'superuser', verified: true })
    expect((await client.post('/api/probe', { title: 'x' })).status).toBe(201)
    expect((await client.post('/api/users', { email: 'bob@example.com' })).status).toBe(202)
    const bob = await strict.nextToken('bob@example.com', INVITED)
    await strict.deps.db.update(users).set({ email_proof: null })
    isExpired(await strict.visitor().post('/api/invitations/accept', { token: bob, ...ANSWER }))
  } finally {
    await strict.close()
  }
})

describe('the pages', () => {
  /** Opens the link as a mail client does, and returns where the page is. */
  async function open(client: Client, token: string): Promise<string> {
    const { status, headers } = await client.get(`${INVITATION}?token=${token}`, HTML)
    expect(status).toBe(303)
    return headers.get('location') ?? ''
  }

  test('invite, show who has not answered, and withdraw', async () => {
    expect((await app.visitor().get(INVITE, HTML)).headers.get('location')).toContain('/api/auth/sign-in')
    expect((await (await app.member('admin')).get(INVITE, HTML)).status).toBe(403)
    const sent = await submit(boss, INVITE, { email: 'paged@example.com', role: 'admin' })
    expect([sent.status, sent.headers.get('location')]).toEqual([303, INVITE])
    const { text } = await boss.get(INVITE, HTML)
    expect([text.includes('is on its way to paged@example.com'), text.includes('value="paged@')]).toEqual([
      true,
      false,
    ])
    const token = await app.nextToken('paged@example.com', INVITED)
    const [row] = await app.deps.db
      .select()
      .from(oneTimeTokens)
      .where(eq(oneTimeTokens.email, 'paged@example.com'))
    expect((await submit(boss, `${INVITE}/withdraw`, { id: row?.id ?? '' })).status).toBe(303)
    const withdrawn = (await boss.get(INVITE, HTML)).text
    expect(withdrawn).toContain('The invitation is withdrawn')
    expect(withdrawn).not.toContain('paged@example.com')
    await submit(boss, `${INVITE}/withdraw`, { id: row?.id ?? '' })
    expect((await boss.get(INVITE, HTML)).text).toContain('was answered, replaced or withdrawn before')
    isExpired(await accept(token))
  })

  test('take in whoever has no account', async () => {
    const visitor = app.visitor()
    const path = await open(visitor, await invited('form@example.com', 'admin'))
    expect((await visitor.get(path, HTML)).text).toContain('name="password"')
    const weak = await submit(visitor, path, { ...ANSWER, password: 'weak' })
    expect([weak.status, weak.text.includes('value="Vited"')]).toEqual([400, true])
    const done = await submit(visitor, path, ANSWER)
    expect([done.status, done.headers.get('location')]).toEqual([303, '/api/auth/account'])
    expect((await visitor.get('/api/auth/account', HTML)).text).toContain('You have accepted the invitation')
    expect(await roleOf(visitor)).toBe('admin')
    // Once.
    expect((await submit(app.visitor(), path, ANSWER)).text).toContain('This link has expired')
  })

  test('lead whoever has an account to sign in, and back', async () => {
    const member = await app.member('readonly')
    const { email, password } = member.account
    const visitor = app.visitor()
    const path = await open(visitor, await invited('other@example.com', 'admin'))
    const [, signIn = ''] =
      /href="(\/api\/auth\/sign-in\?next=[^"]*)">Sign in</.exec((await visitor.get(path, HTML)).text) ?? []
    expect((await submit(visitor, signIn, { email, password })).headers.get('location')).toBe(path)
    const page = (await visitor.get(path, HTML)).text
    expect([page.includes(email), page.includes('name="password"')]).toEqual([true, false])
    expect((await submit(visitor, path, {})).status).toBe(303)
    expect(await roleOf(visitor)).toBe('admin')
  })

  test('ask for the password again where the login is not fresh, and lead back', async () => {
    const member = await app.member('readonly')
    const path = await open(member, await invited('stale@example.com', 'editor'))
    const ago = Date.now() - 3_600_000
    const rotated = await app.deps.sessions.rotate(member.cookies.get('session') ?? '', { loginAt: ago })
    member.cookies.set('session', rotated?.token ?? '')
    const confirm = (await member.get(path, HTML)).headers.get('location') ?? ''
    expect(confirm).toStartWith('/api/auth/confirm?next=')
    const back = await submit(member, confirm, { password: NEW_ACCOUNT.password })
    expect(back.headers.get('location')).toBe(path)
    expect((await submit(member, path, {})).status).toBe(303)
    expect(await roleOf(member)).toBe('editor')
  })
})
