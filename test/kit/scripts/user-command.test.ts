// The user command: how the first superuser comes to be, and what a change of role does to people who are logged in.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { and, eq, sql } from 'drizzle-orm'
import { systemUser } from '../../../scripts/command.ts'
import { changeRole } from '../../../src/account/change-role.ts'
import { ROLES } from '../../../src/account/roles.ts'
import { oneTimeTokens, users } from '../../../src/account/table.ts'
import { auditEvents } from '../../../src/kit/audit/table.ts'
import { outbox } from '../../../src/kit/jobs/outbox/table.ts'
import { runCommand } from '../support/command.ts'
import { OPERATOR, startApp, type TestApp } from '../../support/harness.ts'

let app: TestApp

beforeAll(async () => {
  app = await startApp()
})

afterAll(() => app.close())

/** Runs `npm run user -- ...` as a process of its own, beside the API. */
const user = (args: string[], input = '', env: Record<string, string> = {}) =>
  runCommand('user', args, app.config, env, input)

const json = (text: string) => JSON.parse(text)

/** What waits to be mailed to an address. */
async function noticesTo(to: string) {
  const rows = await app.deps.db.select().from(outbox)
  const mails = rows.map(({ job }) => JSON.stringify(job)).filter((job) => job.includes(to))
  return mails.flatMap((job) => /\\?"notice\\?":\\?"(\w+)/.exec(job)?.[1] ?? [])
}

async function logIn(email: string, password: string) {
  const client = app.visitor()
  return { client, reply: await client.post('/api/login', { email, password }) }
}

describe('create', () => {
  test('makes the first superuser, with a strong password that is shown once and changed at the first login', async () => {
    const made = await user(['create', 'root@example.com', '--role', 'superuser'])
    expect(made).toMatchObject({ code: 0, err: '' })
    expect(made.out).toContain('root@example.com is superuser now')
    const password = /^Password: (\S{20,})$/m.exec(made.out)?.[1] ?? ''
    const login = { email: 'root@example.com', password, new_password: 'Violet7Kettle' }
    const client = app.visitor()
    const reply = await client.post('/api/login', login)
    expect(reply.status).toBe(200)
    expect(reply.body.role).toBe('superuser')
    expect((await client.get('/api/users')).status).toBe(200)
    const { body: trail } = await client.get(`/api/audit?account=${reply.body.id}&action=account.created`)
    expect(trail).toMatchObject([{ actor: null, by: expect.stringMatching(/^command /) }])
  })

  test('takes the password from standard input, and never shows it', async () => {
    const args = ['create', 'zoe@example.com', '--first', 'Zoë', '--last', 'Ünal', '--password-stdin']
    const made = await user(args, 'Pässw0rd with blanks \n')
    expect(made.code).toBe(0)
    expect(made.out + made.err).not.toContain('ssw0rd')
    const { reply } = await logIn('zoe@example.com', 'Pässw0rd with blanks ')
    expect(reply.body).toMatchObject({ fullname: 'Zoë Ünal', role: 'editor' })
  })

  test('refuses a password that the API would refuse', async () => {
    const made = await user(['create', 'weak@example.com', '--password-stdin'], 'weak')
    expect(made).toMatchObject({
      code: 1,
      err: expect.stringContaining('Password must have 6 characters or more'),
    })
    expect((await user(['list', '--search', 'weak@'])).err).toContain('0 account(s)')
  })

  test('refuses an email that is taken, however its letters are cased', async () => {
    const { account } = await app.member()
    const made = await user(['create', account.email.toUpperCase()])
    expect(made).toMatchObject({ code: 1, out: '' })
    expect(made.err).toContain(`There is an account ${account.email.toUpperCase()} already`)
  })

  test('refuses an email that its owner of before may take back', async () => {
    const { user: owner } = await app.member()
    const row = { user_id: owner.id, purpose: 'take_back', email: 'before@example.com', ip: '::1' }
    await app.deps.db.insert(oneTimeTokens).values(row)
    const made = await user(['create', 'Before@example.com'])
    expect(made).toMatchObject({ code: 1, out: '', err: expect.stringContaining('may take it back') })
  })
})

describe('token', () => {
  test('makes a token for programs, shown once, which may do what was said', async () => {
    const { account } = await app.member()
    const made = await user(['token', account.email, '--abilities', 'read,write', '--days', '7'])
    expect(made).toMatchObject({ code: 0, err: '' })
    expect(made.out).toContain('It may read, write, until 2')
    const [token = ''] = made.out.split('\n')
    const program = app.visitor({ Authorization: `Bearer ${token}` })
    expect((await program.get('/api/me')).body.me.email).toBe(account.email)
    expect((await program.post('/api/probe', { title: 'By a program' })).status).toBe(201)
  })

  test.each([
    ['an ability that does not exist', ['--abilities', 'read,admin']],
    ['no days', ['--days', 'soon']],
  ])('refuses %s', async (_, options) => {
    const { account } = await app.member()
    expect(await user(['token', account.email, ...options])).toMatchObject({ code: 1, out: '' })
  })
})

describe('password', () => {
  test('sets another one, ends sessions, tokens and links, and tells the owner', async () => {
    const { account, user: owner, ...member } = await app.member()
    const client = Object.assign(app.visitor(), { cookies: member.cookies })
    const made = await client.post('/api/me/tokens', { name: 'x' })
    const row = { user_id: owner.id, purpose: 'reset', email: account.email, ip: '::1' }
    await app.deps.db.insert(oneTimeTokens).values(row)
    const set = await user(['password', account.email, '--password-stdin'], 'Another123')
    expect(set).toMatchObject({ code: 0, err: '' })
    expect(set.out).toContain('has another password, and is logged out everywhere')
    expect((await client.get('/api/me')).status).toBe(401)
    const program = app.visitor({ Authorization: `Bearer ${made.body.token}` })
    expect((await program.get('/api/me')).body.code).toBe('invalid_token')
    expect(await app.deps.db.$count(oneTimeTokens, eq(oneTimeTokens.purpose, 'reset'))).toBe(0)
    expect((await logIn(account.email, account.password)).reply.status).toBe(400)
    expect((await logIn(account.email, 'Another123')).reply.status).toBe(200)
    expect(await noticesTo(account.email)).toContain('password_changed')
  })

  test('that was made up opens nothing but the choice of another', async () => {
    const { account } = await app.member()
    const { password } = json((await user(['password', account.email, '--json'])).out)
    expect((await logIn(account.email, password)).reply.body.code).toBe('password_change_required')
    const own = { email: account.email, password, new_password: 'MyOwn12345' }
    expect((await app.visitor().post('/api/login', own)).status).toBe(200)
  })

  test('is refused where the API would refuse it', async () => {
    const { account } = await app.member()
    expect(await user(['password', account.email, '--password-stdin'], 'weak')).toMatchObject({
      code: 1,
      out: '',
    })
    expect((await logIn(account.email, account.password)).reply.status).toBe(200)
  })
})

test('delete has an account deleted as its owner would, and tells them; the last superuser stays', async () => {
  const member = await app.member()
  const { email } = member.account
  const { code, out } = await user(['delete', email])
  expect([code, out]).toEqual([0, expect.stringContaining(`${email} is logged out, and deleted at 2`)])
  expect((await member.get('/api/me')).status).toBe(401)
  expect((await logIn(email, member.account.password)).reply.body.deletes).toEqual(expect.any(String))
  expect(await noticesTo(email)).toEqual(['deletion_asked'])
  const rows = await app.deps.db.execute(sql`
    select by from audit_events where account = ${member.user.id} and action = 'account.deletion_asked'`)
  expect(rows.map(({ by }) => by)).toEqual([expect.stringMatching(/^command /)])

  const bosses = await app.deps.db.select().from(users).where(eq(users.role, 'superuser'))
  for (const { id } of bosses.slice(1)) await changeRole(app.deps, id, 'editor', OPERATOR)
  const last = bosses[0]?.email ?? (await app.member('superuser')).account.email
  expect(await user(['delete', last])).toMatchObject({
    code: 1,
    err: expect.stringContaining('last superuser'),
  })
})

test('end-sessions logs an account out everywhere, and tells its owner', async () => {
  const member = await app.member()
  await logIn(member.account.email, member.account.password)
  const { code, out } = await user(['end-sessions', member.account.email.toUpperCase()])
  expect([code, out.includes(`${member.account.email} is logged out of 2 session(s)`)]).toEqual([0, true])
  expect((await member.get('/api/me')).status).toBe(401)
  expect(await noticesTo(member.account.email)).toEqual(['sessions_ended'])
})

test('the last superuser stays', async () => {
  await app.deps.db.update(users).set({ role: 'editor' })
  const boss = await app.member('superuser')
  for (const args of [
    ['disable', boss.account.email],
    ['role', boss.account.email, 'admin'],
  ]) {
    const { code, out, err } = await user(args)
    expect([code, out, err]).toEqual([1, '', 'This is the last superuser: make another account one first\n'])
  }
  expect((await boss.get('/api/users')).status).toBe(200)
})

describe('--json', () => {
  const id = expect.stringMatching(/^[0-9a-f-]{36}$/)

  test('prints one object of what was done, and all else to stderr', async () => {
    const email = 'json@example.com'
    const done = async (...args: string[]) => {
      const { code, out, err } = await user([...args, '--json'])
      expect([args[0], code, out.trimEnd().includes('\n')]).toEqual([args[0], 0, false])
      return { said: json(out), err }
    }
    const made = await done('create', email)
    expect(made.said).toMatchObject({
      id,
      email,
      role: 'editor',
      password: expect.stringMatching(/^\S{20,}$/),
    })
    expect(made.err).toContain('ACCOUNT CREATED by command')
    expect((await done('role', email, 'admin')).said).toMatchObject({ id, role: 'admin', was: 'editor' })
    await user(['password', email, '--password-stdin'], 'Another123')
    const token = (await done('token', email, '--days', '7')).said
    expect(token).toMatchObject({ user: made.said.id, abilities: ['read'], token: expect.any(String) })
    await logIn(email, 'Another123')
    expect((await done('reset-factors', email)).said).toMatchObject({ reset: false })
    const shown = (await done('show', email)).said
    expect(shown).toMatchObject({
      email,
      role: 'admin',
      tags: [],
      sessions: 1,
      last_seen: expect.stringMatching(/Z$/),
    })
    expect((await done('end-sessions', email)).said).toEqual({ id: made.said.id, email, ended: 1 })
    expect((await done('password', email)).said).toEqual({
      id: made.said.id,
      email,
      password: expect.any(String),
    })
    expect((await done('disable', email)).said).toMatchObject({ role: 'disabled', was: 'admin' })
    expect((await done('invite', 'guest@example.com')).said).toMatchObject({ email: 'guest@example.com' })
    expect(JSON.stringify(shown)).not.toContain('argon2')
  })

  test('lists an object on each line, the same values as the API, whatever people call themselves', async () => {
    const { user: eve } = await app.member('editor', { lname: 'Jsonson' })
    const name = 'Mal\x9b2J\u202e\nforged'
    await app.deps.db.update(users).set({ first_name: name }).where(eq(users.id, eve.id))
    await app.member('editor', { lname: 'Jsonson' })
    const { out, err } = await user(['list', '--search', 'Jsonson', '--json'])
    expect(out.trimEnd()).not.toMatch(/[\x80-\x9f\u202e]/)
    const listed = out.trimEnd().split('\n').map(json)
    const boss = await app.member('superuser')
    expect(listed).toEqual((await boss.get('/api/users?search=Jsonson')).body)
    expect(listed[1].first_name).toBe(name)
    expect(err).toBe('2 account(s)\n')
  })

  test('prints nothing where it fails', async () => {
    expect(await user(['show', 'nobody@example.com', '--json'])).toEqual({
      code: 1,
      out: '',
      err: 'There is no account nobody@example.com\n',
    })
  })
})

describe('a change of role', () => {
  test('takes effect on the next request of every live session, up and down', async () => {
    await app.member('superuser') // the last one is not demoted
    const member = await app.member('editor')
    const { client: elsewhere } = await logIn(member.account.email, member.account.password)
    expect((await member.get('/api/users')).status).toBe(401)

    const promoted = await user(['role', member.account.email.toUpperCase(), 'superuser'])
    expect(promoted.out).toContain('was editor, and is superuser from the next request on')
    expect((await member.get('/api/users')).status).toBe(200)
    expect((await elsewhere.get('/api/users')).status).toBe(200)

    expect((await user(['role', member.account.email, 'readonly'])).code).toBe(0)
    expect((await member.get('/api/users')).status).toBe(401)
    expect((await elsewhere.get('/api/users')).status).toBe(401)
    expect((await member.get('/api/me')).body.me.role).toBe('readonly')
  })

  test('leaves a line in the log: whose, from what to what, and by whom; so does a new account', async () => {
    const { account, user: changed } = await app.member('editor')
    const { out } = await user(['role', account.email, 'admin'], '', { LOG_FORMAT: 'json' })
    const lineOf = (text: string) => JSON.parse(text.split('\n').find((line) => line.startsWith('{')) ?? '{}')
    const by = systemUser()
    expect(lineOf(out)).toMatchObject({
      msg: 'ROLE CHANGED by command',
      user: changed.id,
      was: 'editor',
      role: 'admin',
      by,
    })
    const made = await user(['create', 'made@example.com', '--role', 'admin'], '', { LOG_FORMAT: 'json' })
    expect(lineOf(made.out)).toMatchObject({ msg: 'ACCOUNT CREATED by command', role: 'admin', by })
  })

  test('is in the audit trail, as is a new account', async () => {
    expect((await user(['create', 'told@example.com', '--role', 'admin'])).code).toBe(0)
    expect((await user(['role', 'told@example.com', 'editor'])).code).toBe(0)
    const events = await app.deps.db
      .select({ action: auditEvents.action, details: auditEvents.details })
      .from(auditEvents)
      .innerJoin(users, eq(users.id, auditEvents.account))
      .where(and(eq(users.email, 'told@example.com'), eq(auditEvents.by, `command ${systemUser()}`)))
      .orderBy(auditEvents.id)
    expect(events).toEqual([
      { action: 'account.created', details: { role: 'admin' } },
      { action: 'role.changed', details: { fields: 'role', was: 'admin', now: 'editor' } },
    ])
  })

  test('to disabled stops the account at the door, and at login', async () => {
    const member = await app.member('admin')
    expect((await user(['disable', member.account.email])).code).toBe(0)
    const door = await member.get('/robots.txt')
    expect(door).toMatchObject({ status: 400, body: { err: '400: account disabled' } })
    const { reply } = await logIn(member.account.email, member.account.password)
    expect(reply).toMatchObject({ status: 400, body: { err: '400: account disabled' } })
  })

  test('says so if the account has the role already', async () => {
    const { account } = await app.member('admin')
    expect(await user(['role', account.email, 'admin'])).toMatchObject({
      code: 0,
      out: `${account.email} is admin already\n`,
    })
  })

  test('changes nothing while Redis is away, rather than leave live sessions with the old role', async () => {
    const member = await app.member('editor')
    const failed = await user(['role', member.account.email, 'admin'], '', {
      REDIS_URL: 'redis://127.0.0.1:1',
    })
    expect(failed).toMatchObject({ code: 1, err: 'Not ready: Redis does not answer\n' })
    expect((await member.get('/api/me')).body.me.role).toBe('editor')
  })
})

test('what people call themselves moves no cursor of the terminal that lists them', async () => {
  const { user: eve } = await app.member()
  // Signup refuses such a name; it may be from before, or from elsewhere.
  const name = 'Eve\x1b]0;evil\x07\x9b2J\u202e\nforged'
  await app.deps.db.update(users).set({ first_name: name }).where(eq(users.id, eve.id))
  const { out, code } = await user(['list', '--search', 'Eve'])
  expect(code).toBe(0)
  expect(out.trimEnd()).toContain('Eve\\u001b]0;evil\\u0007\\u009b2J\\u202e\\nforged')
  expect(out.trimEnd()).not.toMatch(/[\p{Cc}\u202e]/u)
})

test('list finds accounts by name or email', async () => {
  const { account } = await app.member('readonly', { fname: 'Grażyna', lname: 'Łąk' })
  const found = await user(['list', '--search', 'grażyna'])
  expect(found.code).toBe(0)
  expect(found.out.trim().split('\n')).toHaveLength(1)
  for (const part of [account.email, 'readonly', 'Grażyna Łąk']) expect(found.out).toContain(part)
  await app.member()
  const everyone = await user(['list'])
  expect(everyone.out.trim().split('\n').length).toBeGreaterThan(1)
  expect(everyone.out).not.toContain('argon2')
})

describe('called wrongly', () => {
  const wrong: string[][] = [
    ['nonsense'],
    ['create'],
    ['create', 'a@example.com', 'b@example.com'],
    ['create', 'a@example.com', '--password', 'Secret123'],
    ['role', 'a@example.com'],
    ['disable'],
    ['list', '--role', 'admin'],
  ]
  test('it says how to see its usage, and exits with 2', async () => {
    for (const args of wrong) {
      const { code, out, err } = await user(args)
      expect({ args, code, out }).toEqual({ args, code: 2, out: '' })
      expect(err).toContain('\nHow it is called: npm run user -- --help')
    }
  })

  const impossible: [string[], string][] = [
    [['role', 'nobody@example.com', 'admin'], 'There is no account nobody@example.com'],
    [['disable', 'nobody@example.com'], 'There is no account nobody@example.com'],
    [['role', 'nobody@example.com', 'king'], `There is no role "king": there are ${ROLES.join(', ')}`],
    [['create', 'a@example.com', '--role', 'king'], 'There is no role "king"'],
    [['create', 'not-an-email'], 'The email: must be an email address'],
    [['create', 'a@example.com', '--first', ' '], '--first: must not be empty'],
  ]
  test('with something that cannot be, it says what, and exits with 1', async () => {
    for (const [args, message] of impossible) {
      const { code, out, err } = await user(args)
      expect({ args, code, out }).toEqual({ args, code: 1, out: '' })
      expect(err).toStartWith(message)
    }
  })
})
