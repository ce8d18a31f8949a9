// Accounts: who gets one, who gets in, and who is stopped.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { hash } from '@node-rs/argon2'
import { eq } from 'drizzle-orm'
import { Redis } from 'ioredis'
import { changeRole, syncSessionRole } from '../src/account/change-role.ts'
import { updateUser } from '../src/account/queries.ts'
import { users } from '../src/account/table.ts'
import { createPasswords } from '../src/kit/auth/passwords.ts'
import { isTransient } from '../src/kit/data/transient.ts'
import { BusyError, Gate } from '../src/kit/data/gate.ts'
import { hasRedisServer, type RealRedis, startRedis } from './kit/jobs/real-redis.ts'
import { hashesVerified, NEW_ACCOUNT, OPERATOR, startApp, type TestApp } from './support/harness.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

let serial = 0
const newAccount = (more: Record<string, unknown> = {}) => ({
  ...NEW_ACCOUNT,
  email: `new${++serial}@example.com`,
  ...more,
})

test('a signup returns the account, without the password or its hash, and is logged in', async () => {
  const visitor = app.visitor()
  const input = newAccount({ company: 'Acme' })
  const { status, body, text } = await visitor.post('/api/signup', input)
  expect(status).toBe(201)
  expect(body).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    email: input.email,
    first_name: 'Ann',
    last_name: 'Lee',
    fullname: 'Ann Lee',
    company: 'Acme',
    role: 'editor',
    tags: [],
    verified: false,
    deletes: null,
    created: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    modified: expect.stringMatching(/Z$/),
  })
  expect(text).not.toContain('argon2')
  expect((await visitor.get('/api/me')).body).toEqual({ me: body })
})

test.each([
  ['too short', '1aB'],
  ['no digit', 'abcDEF'],
  ['no uppercase letter', 'abc123'],
  ['no lowercase letter', 'ABC123'],
])('a weak password is refused: %s', async (_why, password) => {
  const reply = await app.visitor().post('/api/signup', newAccount({ password }))
  expect(reply.status).toBe(400)
  expect(reply.body.issues[0].path).toBe('password')
  expect(reply.text).not.toContain(password)
})

test.each(['email', 'password', 'fname', 'lname'])('a signup without %s is refused', async (field) => {
  const reply = await app.visitor().post('/api/signup', { ...newAccount(), [field]: undefined })
  expect([reply.status, reply.body.issues[0].path]).toEqual([400, field])
})

test('an email is taken however its letters are cased', async () => {
  const input = newAccount()
  expect((await app.visitor().post('/api/signup', input)).status).toBe(201)
  const again = { ...input, email: input.email.toUpperCase() }
  const reply = await app.visitor().post('/api/signup', again)
  expect([reply.status, reply.body.err]).toEqual([400, '400: This email is taken'])
  expect(reply.body.issues).toEqual([{ path: 'email', message: 'is taken' }])
  const login = await app.visitor().post('/api/login', { email: again.email, password: input.password })
  expect(login.status).toBe(200)
})

test('of signups of one email at once, one succeeds', async () => {
  const input = newAccount()
  const replies = await Promise.all(Array.from({ length: 6 }, () => app.visitor().post('/api/signup', input)))
  expect(replies.map((r) => r.status).sort()).toEqual([201, 400, 400, 400, 400, 400])
})

test('a wrong password and an unknown email get the same answer', async () => {
  const { account } = await app.member()
  const wrong = await app.visitor().post('/api/login', { email: account.email, password: 'Wrong123' })
  const unknown = await app.visitor().post('/api/login', { email: 'who@example.com', password: 'Wrong123' })
  const seen = ({ status, body }: typeof wrong) => [status, body.err]
  expect(seen(wrong)).toEqual([400, '400: Invalid login credentials'])
  expect(seen(unknown)).toEqual(seen(wrong))
})

test('an unknown email costs a hash like a known one', async () => {
  const guess = { email: 'who@example.com', password: 'Wrong123' }
  expect(await hashesVerified(app, () => app.visitor().post('/api/login', guess))).toEqual([null])
})

test('missing input at login is 400', async () => {
  for (const body of [{}, { email: 'a@example.com' }, { password: 'x' }, { email: '', password: '' }]) {
    expect((await app.visitor().post('/api/login', body)).status).toBe(400)
  }
})

test('a hash of older parameters is replaced at login, and the password stays', async () => {
  const { account, user } = await app.member()
  const old = await hash(account.password, { memoryCost: 8192, timeCost: 1, parallelism: 1 })
  await app.deps.db.update(users).set({ password: old }).where(eq(users.id, user.id))
  const { passwords } = app.deps
  app.deps.passwords = createPasswords(new Gate({ places: 1, queue: 10 })) // at the cost of production
  const credentials = { email: account.email, password: account.password }
  expect((await app.visitor().post('/api/login', credentials)).status).toBe(200)
  const [row] = await app.deps.db.select().from(users).where(eq(users.id, user.id))
  expect(row?.password).toStartWith('$argon2id$v=19$m=19456,t=2,p=1$')
  expect((await app.visitor().post('/api/login', credentials)).status).toBe(200)
  app.deps.passwords = passwords
})

test('a disabled account is stopped at the door, on public paths too, from its next request', async () => {
  const member = await app.member()
  expect((await member.get('/api/probe')).status).toBe(200)
  await changeRole(app.deps, member.user.id, 'disabled', OPERATOR)
  for (const path of ['/api/probe', '/api/me', '/api/list', '/robots.txt']) {
    const reply = await member.get(path)
    expect([path, reply.status, reply.body.err]).toEqual([path, 400, '400: account disabled'])
  }
})

test('a login succeeds though there is no place to renew its hash', async () => {
  const { account, user } = await app.member()
  const { passwords } = app.deps
  let renewals = 0
  app.deps.passwords = {
    ...passwords,
    needsRehash: () => true,
    hash: () => {
      renewals++
      return Promise.reject(new BusyError('full'))
    },
  }
  const reply = await app.visitor().post('/api/login', { email: account.email, password: account.password })
  app.deps.passwords = passwords
  expect([reply.status, reply.body.id, renewals]).toEqual([200, user.id, 1])
})

test('the log line of a disabled account at the login carries its id', async () => {
  const lines: Record<string, unknown>[] = []
  const own = await startApp()
  const keep = (message: string, fields: object = {}) => void lines.push({ message, ...fields })
  Object.assign(own.deps.log, { warn: keep })
  try {
    const { account, user } = await own.member()
    await changeRole(own.deps, user.id, 'disabled', OPERATOR)
    const { email, password } = account
    expect((await own.visitor().post('/api/login', { email, password })).status).toBe(400)
    expect(lines).toContainEqual(
      expect.objectContaining({ message: 'LOGIN REFUSED: account disabled', user: user.id }),
    )
  } finally {
    await own.close()
  }
})

test('a disabled account learns it at login by the right password only', async () => {
  const { account, user } = await app.member()
  await changeRole(app.deps, user.id, 'disabled', OPERATOR)
  const right = await app.visitor().post('/api/login', { email: account.email, password: account.password })
  expect([right.status, right.body.err]).toEqual([400, '400: account disabled'])
  expect(right.headers.getSetCookie()).toEqual([])
  const wrong = await app.visitor().post('/api/login', { email: account.email, password: 'Wrong123' })
  expect(wrong.body.err).toBe('400: Invalid login credentials')
})

test('a route lets in its role and those above', async () => {
  const allowed = async (role: 'readonly' | 'editor' | 'admin' | 'superuser') => {
    const member = await app.member(role)
    const written = await member.post('/api/probe', { title: 'Roles' })
    const list = await member.get('/api/users')
    return [written.status, list.status]
  }
  expect(await allowed('readonly')).toEqual([401, 401])
  expect(await allowed('editor')).toEqual([201, 401])
  expect(await allowed('admin')).toEqual([201, 401])
  expect(await allowed('superuser')).toEqual([201, 200])
})

test('visitors and low roles get 401 with the common word', async () => {
  const visitor = await app.visitor().get('/api/me')
  const low = await (await app.member('readonly')).post('/api/probe', { title: 'No' })
  for (const reply of [visitor, low]) {
    expect(reply.status).toBe(401)
    expect(reply.body.err).toStartWith('401: Unauthorized!')
  }
})

test('a promotion takes effect on the next request of a live session', async () => {
  const member = await app.member()
  expect((await member.get('/api/users')).status).toBe(401)
  await changeRole(app.deps, member.user.id, 'superuser', OPERATOR)
  expect((await member.get('/api/users')).status).toBe(200)
})

test('a session whose account is gone counts as logged out', async () => {
  const member = await app.member()
  await app.deps.db.delete(users).where(eq(users.id, member.user.id))
  expect((await member.get('/api/me')).status).toBe(401)
  expect(member.cookies.size).toBe(0)
})

test('an account that was deleted can neither write nor see what is for the few', async () => {
  const [editor, boss] = [await app.member(), await app.member('superuser')]
  for (const { user } of [editor, boss]) await app.deps.db.delete(users).where(eq(users.id, user.id))
  expect((await editor.post('/api/probe', { title: 'By a ghost' })).status).toBe(401)
  expect((await boss.get('/api/users')).status).toBe(401)
})

test('changes of a role at once leave the database and the session in agreement', async () => {
  const member = await app.member()
  for (let round = 0; round < 30; round++) {
    await Promise.all([
      changeRole(app.deps, member.user.id, 'readonly', OPERATOR),
      changeRole(app.deps, member.user.id, 'admin', OPERATOR),
    ])
    const [row] = await app.deps.db.select().from(users).where(eq(users.id, member.user.id))
    const identity = await app.deps.sessions.open(member.cookies.get('session') ?? '')
    expect(identity?.role).toBe(row?.role)
  }
})

test('a change of role that reached the row and no session is honoured at the next write, and told to all', async () => {
  const member = await app.member()
  const phone = app.visitor()
  await phone.post('/api/login', member.account)
  await updateUser(app.deps.db, member.user.id, { role: 'disabled' }) // and there it broke off
  const reply = await member.post('/api/probe', { title: 'Written by whom?' })
  expect([reply.status, reply.body.err]).toEqual([400, '400: account disabled'])
  expect((await phone.get('/api/probe')).status).toBe(400)

  const demoted = await app.member('superuser')
  await updateUser(app.deps.db, demoted.user.id, { role: 'readonly' })
  expect((await demoted.get('/api/users')).status).toBe(401)
  expect((await demoted.get('/api/me')).body.me.role).toBe('readonly')
})

test('a change of role that breaks off says so, and doing it again completes it', async () => {
  const member = await app.member()
  const { sessions } = app.deps
  const away = Object.assign(new Error('Connection is closed.'), { code: 'ECONNRESET' })
  const broken = { ...app.deps, sessions: { ...sessions, setRole: () => Promise.reject(away) } }
  const failed: unknown = await changeRole(broken, member.user.id, 'disabled', OPERATOR).catch(
    (error: unknown) => error,
  )
  expect(failed).toMatchObject({ message: expect.stringContaining('set the role again'), cause: away })
  expect(isTransient(failed)).toBe(true)
  expect((await member.get('/api/probe')).status).toBe(200)
  await changeRole(app.deps, member.user.id, 'disabled', OPERATOR)
  expect((await member.get('/api/probe')).status).toBe(400)
})

test('the sessions of an account that is gone end when its role is settled', async () => {
  const member = await app.member()
  await app.deps.db.delete(users).where(eq(users.id, member.user.id))
  await syncSessionRole(app.deps, member.user.id)
  expect(await app.deps.sessions.allOf(member.user.id)).toEqual([])
})

test('an account has as many sessions as the setting says, and the oldest is logged out by a login', async () => {
  const strict = await startApp({ SESSIONS_PER_ACCOUNT: '2' })
  try {
    const oldest = await strict.member()
    const others = [strict.visitor(), strict.visitor()]
    for (const other of others) expect((await other.post('/api/login', oldest.account)).status).toBe(200)
    expect((await oldest.get('/api/me')).status).toBe(401)
    for (const other of others) expect((await other.get('/api/me')).status).toBe(200)
  } finally {
    await strict.close()
  }
})

test('superusers list accounts, newest first, by page and by search', async () => {
  const boss = await app.member('superuser')
  const tag = `zed${++serial}`
  for (const n of [1, 2, 3]) await app.member('editor', { fname: tag, lname: `N${n}` })
  const all = await boss.get(`/api/users?search=${tag.toUpperCase()}`)
  expect(all.body.map((u: { last_name: string }) => u.last_name)).toEqual(['N3', 'N2', 'N1'])
  const second = await boss.get(`/api/users?search=${tag}&page=2&size=2`)
  expect(second.body.map((u: { last_name: string }) => u.last_name)).toEqual(['N1'])
  expect((await boss.get(`/api/users?search=${encodeURIComponent(`${tag} N2`)}`)).body).toHaveLength(1)
  expect(all.text).not.toContain('argon2')
})

describe.skipIf(!hasRedisServer())('a Redis that is full', () => {
  let redis: RealRedis
  let admin: Redis
  let own: TestApp
  beforeAll(async () => {
    redis = await startRedis()
    admin = new Redis(redis.url)
    own = await startApp({ REDIS_URL: redis.url, RATE_LIMIT: 'on' })
  })
  afterAll(async () => {
    await own.close()
    admin.disconnect()
    await redis.remove()
  })

  test('while it was not yet full when a signup began, the account is made and told to log in', async () => {
    const visitor = own.visitor()
    const { passwords } = own.deps
    const { hash } = passwords
    passwords.hash = async (password) => {
      await admin.config('SET', 'maxmemory', '1')
      return hash(password)
    }
    const account = { ...NEW_ACCOUNT, email: 'full@example.com' }
    try {
      const signup = await visitor.post('/api/signup', account)
      expect([signup.status, signup.body.email, signup.body.loggedIn]).toEqual([201, account.email, false])
      expect(visitor.cookies.size).toBe(0)
    } finally {
      passwords.hash = hash
      await admin.config('SET', 'maxmemory', '0')
    }
    expect((await visitor.post('/api/login', account)).status).toBe(200)
  })
})
