// An account's sessions: it sees them, ends them, and takes one as a token where there are no cookies.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { eq } from 'drizzle-orm'
import { Redis } from 'ioredis'
import { changeRole } from '../src/account/change-role.ts'
import { users } from '../src/account/table.ts'
import type { Client } from './kit/support/client.ts'
import { recorder } from './kit/support/log.ts'
import { OPERATOR, startApp, type TestApp } from './support/harness.ts'

const DAY_MS = 24 * 60 * 60 * 1000

let app: TestApp
beforeAll(async () => {
  app = await startApp({ SESSIONS_PER_ACCOUNT: '4' })
})
afterAll(() => app.close())

type Member = Awaited<ReturnType<TestApp['member']>>

/** The same account on another device. */
async function elsewhere({ account }: Member, agent: string): Promise<Client> {
  const client = app.visitor({ 'User-Agent': agent })
  const { email, password } = account
  expect((await client.post('/api/login', { email, password })).status).toBe(200)
  return client
}
const list = async (client: Client) => (await client.get('/api/me/sessions')).body
const status = async (client: Client) => (await client.get('/api/me')).status
const tokenOf = (client: Client) => client.cookies.get('session') ?? ''

test('are listed, the latest used first, with where and when, and which is this one', async () => {
  const member = await app.member()
  const phone = await elsewhere(member, 'Phone 1')
  const reply = await phone.get('/api/me/sessions')
  expect(reply.headers.get('cache-control')).toBe('no-store')
  expect(reply.body).toMatchObject([
    { current: true, agent: 'Phone 1', ip: '127.0.0.1' },
    { current: false, agent: expect.stringContaining('Bun') },
  ])
  const [here, there] = await list(member)
  expect([here.current, there.current]).toEqual([true, false])
  expect(Date.parse(here.last_seen)).toBeGreaterThanOrEqual(Date.parse(there.last_seen))
  for (const { created, last_seen } of [here, there]) {
    expect(Math.abs(Date.now() - Date.parse(created))).toBeLessThan(60_000)
    expect(Date.parse(last_seen)).toBeGreaterThanOrEqual(Date.parse(created))
  }
})

test('a session was last seen at its last request, though none is written down', async () => {
  const member = await app.member()
  const now = Date.now()
  const identity = { userId: member.user.id, role: 'editor' as const, ip: '', agent: 'Old', remember: true }
  const times = { way: 'password', loginAt: now - 20 * DAY_MS, sentAt: now - 20 * DAY_MS }
  const token = await app.deps.sessions.create({ ...identity, ...times })
  const old = async () => (await list(member)).find(({ agent }: { agent: string }) => agent === 'Old')
  expect(Math.abs(Date.parse((await old()).last_seen) - now)).toBeLessThan(60_000) // it was made just now
  const seconds = app.config.sessionSeconds
  await expireIn(token, seconds - 3 * 24 * 60 * 60)
  expect(Math.abs(Date.parse((await old()).last_seen) - (now - 3 * DAY_MS))).toBeLessThan(60_000)
  expect((await old()).created).toBe(new Date(times.loginAt).toJSON())
})

/** As if its last request had been longer ago. */
const expireIn = (token: string, seconds: number) =>
  onIdentity(token, (redis, key) => redis.expire(key, seconds))
const secondsLeft = (token: string) => onIdentity(token, (redis, key) => redis.ttl(key))

async function onIdentity(token: string, act: (redis: Redis, key: string) => Promise<number>) {
  const redis = new Redis(app.config.redisUrl)
  const key = `${app.config.redisPrefix}s:${createHash('sha256').update(token).digest('hex')}`
  return act(redis, key).finally(() => redis.disconnect())
}

test('their ids are no tokens, and tell nothing of them', async () => {
  const member = await app.member()
  const token = tokenOf(member)
  const [{ id }] = await list(member)
  const digest = createHash('sha256').update(token).digest('hex')
  expect(id).toMatch(/^[0-9a-f]{32}$/)
  for (const secret of [token, digest]) {
    expect(secret).not.toContain(id)
    expect(JSON.stringify(await list(member))).not.toContain(secret)
  }
  for (const headers of [{ Cookie: `session=${id}` }, { Authorization: `Bearer ${id}` }] as Record<
    string,
    string
  >[])
    expect(await status(app.visitor(headers))).toBe(401)
})

test('one is ended by its id, and the others stay', async () => {
  const member = await app.member()
  const [phone, desk] = [await elsewhere(member, 'Phone'), await elsewhere(member, 'Desk')]
  const { id } = (await list(member)).find(({ agent }: { agent: string }) => agent === 'Phone')
  const reply = await member.delete(`/api/me/sessions/${id}`)
  expect([reply.status, reply.body]).toEqual([200, {}])
  expect([await status(phone), await status(desk), await status(member)]).toEqual([401, 200, 200])
  expect(await list(member)).toHaveLength(2)
  expect((await member.delete(`/api/me/sessions/${id}`)).status).toBe(404)
})

test('one that goes on under a new id at that moment is not told for ended, neither here nor in the trail', async () => {
  const member = await app.member()
  const thief = await elsewhere(member, 'Thief')
  const { id } = (await list(member)).find(({ agent }: { agent: string }) => agent === 'Thief')
  const { sessions } = app.deps
  const { allOf } = sessions
  let token: string | undefined
  sessions.allOf = async (userId) => {
    const all = await allOf(userId)
    token ??= (await sessions.rotate(tokenOf(thief), { provenAt: Date.now() }))?.token
    return all
  }
  try {
    expect((await member.delete(`/api/me/sessions/${id}`)).status).toBe(404)
  } finally {
    sessions.allOf = allOf
  }
  thief.cookies.set('session', token ?? '')
  expect(await status(thief)).toBe(200)
  const { body } = await member.get('/api/me/activity')
  expect(JSON.stringify(body)).not.toContain('session.ended')
})

test('ending this one is a logout', async () => {
  const member = await app.member()
  const [{ id }] = await list(member)
  expect((await member.delete(`/api/me/sessions/${id}`)).status).toBe(200)
  expect([member.cookies.size, await status(member)]).toEqual([0, 401])
})

test('all others are ended at once', async () => {
  const member = await app.member()
  const others = [await elsewhere(member, 'Phone'), await elsewhere(member, 'Desk')]
  const stranger = await app.member()
  expect((await member.delete('/api/me/sessions')).body).toEqual({})
  expect(await Promise.all(others.map(status))).toEqual([401, 401])
  expect([await status(member), await status(stranger)]).toEqual([200, 200])
  expect(await list(member)).toMatchObject([{ current: true }])
})

test('another account’s are neither seen nor ended', async () => {
  const [ann, bob] = [await app.member(), await app.member()]
  const [{ id }] = await list(ann)
  expect((await bob.delete(`/api/me/sessions/${id}`)).status).toBe(404)
  for (const odd of ['x', '%00', 'a'.repeat(500)])
    expect((await bob.delete(`/api/me/sessions/${odd}`)).status).toBe(404)
  expect(await status(ann)).toBe(200)
  expect((await app.visitor().get('/api/me/sessions')).status).toBe(401)
})

test('are so many at most, tokens among them: at one more login the oldest goes', async () => {
  const member = await app.member()
  const { email, password } = member.account
  const tokens: string[] = []
  for (const _ of [1, 2, 3, 4]) {
    const reply = await app.visitor().post('/api/login', { email, password, token: true })
    tokens.push(reply.body.token)
  }
  expect(await status(member)).toBe(401)
  const latest = app.visitor({ Authorization: `Bearer ${tokens[3]}` })
  expect(await list(latest)).toHaveLength(4)
})

test('an app without cookies signs up, logs in, stays so by its use, gives and changes its password, and logs out', async () => {
  const account = { email: 'app@example.com', password: 'Secret123', fname: 'A', lname: 'B' }
  const signup = await app.visitor().post('/api/signup', { ...account, token: true })
  expect([signup.status, signup.headers.getSetCookie()]).toEqual([201, []])
  expect(signup.headers.get('cache-control')).toBe('no-store')
  const bearing = (token: string) => app.visitor({ Authorization: `Bearer ${token}` })
  const first = bearing(signup.body.token)
  expect(await list(first)).toMatchObject([{ current: true }])
  const { email, password } = account
  const login = await app.visitor().post('/api/login', { email, password, token: true })
  expect([login.status, login.headers.getSetCookie()]).toEqual([200, []])
  expect(login.headers.get('cache-control')).toBe('no-store')
  const second = bearing(login.body.token)
  await expireIn(login.body.token, 60)
  expect(await status(second)).toBe(200)
  expect(await secondsLeft(login.body.token)).toBeGreaterThan(app.config.sessionSeconds - 60)
  const again = await second.post('/api/reauthenticate', { password })
  expect([again.status, again.headers.getSetCookie()]).toEqual([200, []])
  const third = bearing(again.body.token)
  expect([await status(first), await status(second), await status(third)]).toEqual([200, 401, 200])
  expect((await third.delete('/api/me/sessions')).status).toBe(200)
  expect([await status(first), await status(third)]).toEqual([401, 200])
  const changed = await third.put('/api/me/password', { current_password: password, password: 'Other1234' })
  expect([changed.status, changed.headers.getSetCookie()]).toEqual([200, []])
  const fourth = bearing(changed.body.token)
  expect([await status(third), await status(fourth)]).toEqual([401, 200])
  expect((await fourth.post('/api/logout', {})).status).toBe(200)
  expect(await status(fourth)).toBe(401)
})

test('a disabled account gets none, and is stopped with those it has', async () => {
  const member = await app.member()
  const { email, password } = member.account
  const { body } = await app.visitor().post('/api/login', { email, password, token: true })
  await changeRole(app.deps, member.user.id, 'disabled', OPERATOR)
  const phone = app.visitor({ Authorization: `Bearer ${body.token}` })
  for (const client of [member, phone]) {
    for (const path of ['/api/me/sessions', '/api/probe']) {
      const reply = await client.get(path)
      expect([reply.status, reply.body.err]).toEqual([400, '400: account disabled'])
    }
  }
  const login = await app.visitor().post('/api/login', { email, password, token: true })
  expect([login.status, login.body.token]).toEqual([400, undefined])
})

test('each session that begins is logged once and alike, with its account and its way in', async () => {
  const { log, lines } = recorder()
  const before = app.deps.log
  app.deps.log = log
  try {
    const { user, account } = await app.member()
    expect((await app.visitor().post('/api/login', account)).status).toBe(200)
    const fields = { user: user.id, way: 'password', agent: expect.any(String) }
    const logged = lines.filter(({ message }) => message === 'LOGIN OK')
    expect(logged.map((line) => line.fields)).toEqual([fields, fields])
  } finally {
    app.deps.log = before
  }
})

test('a login that does not count any more brings no token, even if Redis is away when its session is to end', async () => {
  const { account, user } = await app.member()
  const { db, passwords, sessions } = app.deps
  const { create, destroy } = sessions
  const another = await passwords.hash('Another7')
  let begun = ''
  sessions.create = async (identity) => {
    await db.update(users).set({ password: another }).where(eq(users.id, user.id))
    begun = await create(identity)
    return begun
  }
  sessions.destroy = () => Promise.reject(new Error('away'))
  try {
    const { email, password } = account
    const { status: refused, headers, text } = await app.visitor().post('/api/login', { email, password })
    expect([refused, await sessions.open(begun)]).toEqual([400, expect.objectContaining({ userId: user.id })])
    expect(headers.getSetCookie().join() + text).not.toContain(begun)
  } finally {
    Object.assign(sessions, { create, destroy })
  }
})
