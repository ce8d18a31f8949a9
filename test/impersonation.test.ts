// Impersonation: a superuser acts as an account of a lower role, marked, for a quarter of an hour, and changes nothing that is the owner's alone.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { hc } from 'hono/client'
import { Redis } from 'ioredis'
import { changeRole } from '../src/account/change-role.ts'
import { exportMyData } from '../src/account/export.ts'
import { PAGES } from '../src/account/pages/paths.ts'
import { factory, requireRole } from '../src/account/product.ts'
import type { Role } from '../src/account/roles.ts'
import { users } from '../src/account/table.ts'
import { createApp, type AppType } from '../src/app.ts'
import { auditEvents } from '../src/kit/audit/table.ts'
import { assertFresh, refuseImpersonators, requireFresh } from '../src/kit/auth/guards.ts'
import { createDeps } from '../src/kit/create-deps.ts'
import { describeRoutes } from '../src/kit/http/doc.ts'
import { serve } from '../src/kit/process/serve.ts'
import { manifest } from '../src/manifest.ts'
import { Client } from './kit/support/client.ts'
import { HTML, submit } from './kit/support/forms.ts'
import { recorder } from './kit/support/log.ts'
import { redisUrl } from './kit/support/services.ts'
import { OPERATOR } from './support/harness.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'

let app: AppWithMail
let redis: Redis
/** Another process as far as sessions go: connections and memory of its own. */
let other: { url: string; close(): Promise<void> }
beforeAll(async () => {
  app = await startWithMail()
  redis = new Redis(redisUrl())
  const { deps, close } = createDeps(app.config, manifest)
  const server = serve(createApp(deps), app.config)
  other = { url: server.url.origin, close: () => server.drain(1000).then(close) }
})
afterAll(async () => {
  await other.close()
  redis.disconnect()
  await app.close()
})

type Member = Awaited<ReturnType<AppWithMail['member']>>

const cookieOf = (client: Client) => client.cookies.get('session') ?? ''
const bearing = (token: string) => app.visitor({ Authorization: `Bearer ${token}` })
const impersonate = (client: Client, { user }: Member, input: object = {}) =>
  client.post(`/api/users/${user.id}/impersonate`, input)

/** A superuser who acts as an account: in a browser, and with the session that stays its own in another client. */
async function acting({ as = 'editor', bearer = false }: { as?: Role; bearer?: boolean } = {}) {
  const [boss, ann] = [await app.member('superuser'), await app.member(as)]
  const own = bearing(cookieOf(boss))
  const reply = await impersonate(boss, ann, bearer ? { token: true } : {})
  expect([reply.status, reply.body.id]).toEqual([200, ann.user.id])
  const client = bearer ? bearing(reply.body.token) : boss
  return { boss, ann, own, client, token: bearer ? String(reply.body.token) : cookieOf(boss) }
}

/** Whom a client acts as, or why it is nobody. */
const who = async (client: Client) => {
  const { status, body } = await client.get('/api/me')
  return status === 200 ? body.me.email : body.code
}
const write = async (client: Client) => {
  const { status, body } = await client.post('/api/probe', { title: 'x' })
  return status === 201 ? 201 : body.code
}

/** Moves what was begun into the past. */
async function age({ user }: Member, ms: number): Promise<void> {
  const key = `${app.config.redisPrefix}a:${user.id}`
  for (const [field, text] of Object.entries(await redis.hgetall(key))) {
    if (field === 'role') continue
    const begun = JSON.parse(text)
    await redis.hset(key, field, JSON.stringify({ ...begun, at: begun.at - ms }))
  }
}
const MINUTE = 60_000

test.each([{ bearer: false }, { bearer: true }])(
  'acts as the account, which is marked, and goes back to a session that is as it was: %p',
  async ({ bearer }) => {
    const { boss, ann, own, client, token } = await acting({ bearer })
    const before = await app.deps.sessions.open(token.slice(0, 43))
    const me = await client.get('/api/me')
    expect(me.body).toEqual({
      me: expect.objectContaining({ id: ann.user.id }),
      impersonated_by: boss.user.id,
    })
    expect([await write(client), (await client.get('/api/users')).status]).toEqual([201, 401])
    expect([await who(own), (await own.get('/api/users')).status]).toEqual([boss.account.email, 200])
    const back = await client.post('/api/impersonation/end')
    expect([back.status, back.body.token]).toEqual([200, bearer ? token.slice(0, 43) : undefined])
    expect((await own.get('/api/me')).body).toEqual({ me: expect.objectContaining({ id: boss.user.id }) })
    expect(await app.deps.sessions.open(token.slice(0, 43))).toEqual(before)
    expect(await who(bearing(token))).toBe('invalid_token')
    expect(await who(boss)).toBe(boss.account.email)
  },
)

test('the cookie ends with the browser, and no answer that carries or loses it is stored', async () => {
  const [boss, ann] = [await app.member('superuser'), await app.member()]
  for (const reply of [
    await impersonate(boss, ann),
    await boss.post('/api/impersonation/end'),
    await impersonate(boss, ann, { token: true }),
  ])
    expect([reply.status, reply.headers.get('cache-control')]).toEqual([200, 'no-store'])
  expect(await who(boss)).toBe(boss.account.email) // who asked for a token stays who they were
  const { headers } = await impersonate(boss, ann)
  expect(headers.get('set-cookie')).toMatch(/^session=[\w.-]{124}; Path=\/; HttpOnly; SameSite=Lax$/)
  expect((await boss.get('/api/me')).headers.get('cache-control')).toBe('no-store')
  const listed = await boss.get('/api/probe')
  expect([listed.status, listed.headers.get('cache-control')]).toEqual([200, 'private, no-cache'])
})

test('in one’s own session there is nothing to go back from', async () => {
  const ann = await app.member()
  expect((await ann.post('/api/impersonation/end')).status).toBe(200)
  expect(await who(ann)).toBe(ann.account.email)
})

test('only an account of a lower role that may log in, by a superuser with a fresh login, and never from within', async () => {
  const boss = await app.member('superuser')
  const refused = async (by: Client, whom: Member) => {
    const { status, body } = await impersonate(by, whom)
    return `${status} ${body.code}`
  }
  expect(await refused(boss, await app.member('superuser'))).toBe('403 role_not_lower')
  expect(await refused(boss, boss)).toBe('403 role_not_lower')
  expect(await refused(boss, await app.member('disabled'))).toBe('400 account_disabled')
  const nobody = await boss.post(`/api/users/${crypto.randomUUID()}/impersonate`, {})
  expect([nobody.status, nobody.body.code]).toEqual([404, 'not_found'])
  const ann = await app.member()
  expect(await refused(await app.member('admin'), ann)).toBe('401 insufficient_role')
  expect(await refused(app.visitor(), ann)).toBe('401 login_required')
  const { client } = await acting({ as: 'admin' })
  expect(await refused(client, ann)).toBe('401 insufficient_role')
  const { body } = await boss.post('/api/me/tokens', { name: 'program', abilities: ['read', 'write'] })
  expect(await refused(bearing(body.token), ann)).toBe('403 token_not_allowed')
  const ago = Date.now() - 16 * MINUTE
  const stale = await app.deps.sessions.rotate(cookieOf(boss), { loginAt: ago, provenAt: ago })
  boss.cookies.set('session', stale?.token ?? '')
  expect(await refused(boss, ann)).toBe('401 fresh_login_required')
})

describe('what is the owner’s alone', () => {
  /** Calls that an impersonator may make, and what they do; every other one that changes something is refused. */
  const ALLOWED = [
    'POST /api/logout', // ends the superuser's own session
    'POST /api/auth/sign-out',
    'POST /api/impersonation/end',
    'POST /api/auth/impersonation/end',
  ]
  /** Of accounts. Rows of a resource, which is mounted at a path of its own, are changed as the account may change them. */
  const changing = () =>
    describeRoutes(app.app).filter(
      ({ method, base, role }) =>
        role !== undefined && !['GET', 'HEAD'].includes(method) && ['/api', PAGES].includes(base),
    )

  test('is refused on every route that changes something, but the few that are listed here', async () => {
    const { roles } = app.deps
    for (const bearer of [false, true]) {
      const { ann, client } = await acting({ as: 'admin', bearer })
      const rest = changing().filter(({ method, path }) => !ALLOWED.includes(`${method} ${path}`))
      expect(rest.length).toBeGreaterThan(15)
      for (const { method, path, role } of rest) {
        const target = path.replace(/:id\b/, ann.user.id)
        const isAbove = !roles.atLeast('admin', role as Role)
        const { status, body, text } = await client.send(method, target, {}, { Origin: client.url })
        const code = isAbove ? 'insufficient_role' : 'impersonation_not_allowed'
        expect([method, path, status, body?.code ?? text]).toEqual([method, path, isAbove ? 401 : 403, code])
      }
      expect([await who(client), await who(ann)]).toEqual([ann.account.email, ann.account.email])
    }
  })

  test('takes a login of one’s own, however fresh the superuser’s is: inside handlers as well', async () => {
    const { token } = await acting()
    const desk = createApp(app.deps)
    desk.route(
      '/desk',
      factory
        .createApp()
        .use(requireRole('readonly'))
        .get('/fresh', requireFresh(), (c) => c.json({}))
        .post('/inside', (c) => (assertFresh(c), c.json({})))
        .post('/late', refuseImpersonators, (c) => c.json({}))
        .get('/late', refuseImpersonators, (c) => c.json({})),
    )
    const ask = async (method: string, path: string) => {
      const reply = await desk.request(path, { method, headers: { Authorization: `Bearer ${token}` } }, {})
      return [reply.status, ((await reply.json()) as { code?: string }).code]
    }
    expect(await ask('GET', '/desk/late')).toEqual([200, undefined])
    for (const call of ['GET /desk/fresh', 'POST /desk/inside', 'POST /desk/late']) {
      const [method = '', path = ''] = call.split(' ')
      expect([call, ...(await ask(method, path))]).toEqual([call, 403, 'impersonation_not_allowed'])
    }
  })

  test('is done by nobody where no role is asked for: there an impersonator is a visitor', async () => {
    const { ann, client } = await acting()
    const link = await app.nextToken(ann.account.email, 'Welcome')
    const { body } = await client.post('/api/email/verify', { token: link })
    expect(body.code).toBe('password_required')
    expect((await ann.get('/api/me')).body.me.verified).toBe(false)
  })

  test('is the result of the owner’s jobs, such as an export', async () => {
    const { ann, client } = await acting()
    const { id } = await app.deps.enqueue(exportMyData, { userId: ann.user.id }, { by: ann.user.id })
    const asked = [await ann.get(`/api/jobs/${id}`), await client.get(`/api/jobs/${id}`)]
    expect(asked.map(({ status }) => status)).toEqual([200, 404])
    expect((await client.get(`/api/jobs/${id}/events`)).status).toBe(404)
  })
})

describe('ends', () => {
  /** Ended: a bearer's token is invalid, a browser is its own again with the request after. */
  async function expectEnded(
    { client, boss, token }: Awaited<ReturnType<typeof acting>>,
    own = boss.account.email,
  ) {
    expect(await who(bearing(token))).toBe('invalid_token')
    expect([await write(client), await who(client)]).toEqual(['login_required', own])
  }

  test('after a quarter of an hour, whatever its activity', async () => {
    const session = await acting()
    await age(session.ann, 14 * MINUTE)
    expect([await write(session.client), await who(session.client)]).toEqual([201, session.ann.account.email])
    await age(session.ann, MINUTE)
    await expectEnded(session)
    const key = `${app.config.redisPrefix}a:${session.ann.user.id}`
    expect(await redis.ttl(key)).toBeWithin(1, 15 * 60 + 1)
  })

  test('with the superuser’s logout, here or elsewhere, and with a login in its place', async () => {
    const elsewhere = await acting()
    expect((await elsewhere.own.post('/api/logout', {})).status).toBe(200)
    expect([await who(elsewhere.client), await who(elsewhere.client)]).toEqual([
      'login_required',
      'login_required',
    ])
    const here = await acting()
    expect((await here.client.post('/api/logout', {})).status).toBe(200)
    expect([here.client.cookies.size, await who(here.own), await who(bearing(here.token))]).toEqual([
      0,
      'invalid_token',
      'invalid_token',
    ])
    const replaced = await acting()
    await replaced.client.post('/api/login', replaced.ann.account)
    expect((await replaced.client.get('/api/me')).body.impersonated_by).toBeUndefined()
    expect([await who(replaced.own), await who(bearing(replaced.token))]).toEqual([
      'invalid_token',
      'invalid_token',
    ])
    const proven = await acting()
    expect((await proven.own.post('/api/reauthenticate', { password: '123abC' })).status).toBe(200)
    expect(await who(proven.client)).toBe('login_required')
  })

  test('when the superuser is demoted or disabled', async () => {
    const demoted = await acting()
    await changeRole(app.deps, demoted.boss.user.id, 'admin', OPERATOR)
    await expectEnded(demoted)
    const disabled = await acting()
    await changeRole(app.deps, disabled.boss.user.id, 'disabled', OPERATOR)
    await expectEnded(disabled, 'account_disabled')
  })

  test('when the account is disabled or deleted, ends its sessions, or gets as high a role', async () => {
    for (const end of [
      ({ user }: Member) => changeRole(app.deps, user.id, 'disabled', OPERATOR),
      ({ user }: Member) => changeRole(app.deps, user.id, 'superuser', OPERATOR),
      ({ user }: Member) => app.deps.sessions.destroyAllOf(user.id),
      (member: Member) => member.delete('/api/me/sessions'),
      (member: Member) => member.put('/api/me/password', { password: '456deF' }),
    ]) {
      const session = await acting()
      await end(session.ann)
      await expectEnded(session)
    }
    const gone = await acting()
    await app.deps.db.delete(users).where(eq(users.id, gone.ann.user.id))
    expect(await who(bearing(gone.token))).toBe('login_required') // by hand, which the row tells
    await expectEnded(gone)
  })

  test('nothing else: a role of the account that stays lower counts from the next request on', async () => {
    const { ann, client } = await acting()
    await changeRole(app.deps, ann.user.id, 'readonly', OPERATOR)
    expect([await who(client), await write(client)]).toEqual([ann.account.email, 'insufficient_role'])
    await changeRole(app.deps, ann.user.id, 'admin', OPERATOR)
    expect(await write(client)).toBe(201)
    const [first] = await app.deps.sessions.allOf(ann.user.id)
    await app.deps.sessions.destroyOne(ann.user.id, first?.id ?? '')
    expect(await who(client)).toBe(ann.account.email)
  })
})

test('both rows are asked where one writes: a role that was set in SQL counts', async () => {
  const set = ({ user }: Member, role: Role) =>
    app.deps.db.update(users).set({ role }).where(eq(users.id, user.id))
  const lowered = await acting()
  await set(lowered.ann, 'readonly')
  expect([await write(lowered.client), await who(lowered.client)]).toEqual([
    'insufficient_role',
    lowered.ann.account.email,
  ])
  for (const [whose, role] of [
    ['boss', 'admin'],
    ['boss', 'disabled'],
    ['ann', 'disabled'],
    ['ann', 'superuser'],
  ] as const) {
    const session = await acting()
    await set(session[whose], role)
    expect([whose, role, await write(session.client)]).toEqual([whose, role, 'login_required'])
    expect(await who(bearing(session.token))).toBe('invalid_token')
  }
})

test('what one process begins, ends and changes, another one sees', async () => {
  const { ann, boss, client, token } = await acting()
  const there = Object.assign(new Client(other.url), { cookies: new Map(client.cookies) })
  const app2 = new Client(other.url, { Authorization: `Bearer ${token}` })
  expect([await who(there), await who(app2)]).toEqual([ann.account.email, ann.account.email])
  const { body } = await app2.put('/api/me/email', { email: 'a@example.com' })
  expect(body.code).toBe('impersonation_not_allowed')
  expect((await there.post('/api/impersonation/end')).status).toBe(200)
  expect([await who(client), await who(client), await who(app2)]).toEqual([
    'login_required',
    boss.account.email,
    'invalid_token',
  ])
})

test('an older process takes it for no session: under keys that it reads, there is nothing of it', async () => {
  const [boss, ann] = [await app.member('superuser'), await app.member()]
  const { redisPrefix: prefix } = app.config
  const read = async () => (await redis.keys(`${prefix}[sdiu]:*`)).toSorted()
  const before = await read()
  await impersonate(boss, ann)
  expect(await read()).toEqual(before)
  expect(cookieOf(boss)).not.toMatch(/^[A-Za-z0-9_-]{43}$/) // all that an older release looks up
  expect(await redis.keys(`${prefix}a:*`)).toContain(`${prefix}a:${ann.user.id}`)
})

test('its owner’s devices are as they were: it takes no place, and is no last use', async () => {
  const { ann, client } = await acting()
  const listed = async () => (await app.deps.sessions.allOf(ann.user.id)).map(({ id, ip }) => [id, ip])
  const before = await listed()
  expect(before).toHaveLength(1)
  await write(client)
  expect(await listed()).toEqual(before)
  const { body } = await client.get('/api/me/sessions')
  expect(body).toMatchObject([{ id: before[0]?.[0], current: false }])
})

test('it is in the trail under both ids, in the log, and in a mail to the owner', async () => {
  const { log, lines } = recorder()
  const kept = { ...app.deps.log }
  Object.assign(app.deps.log, log)
  const { ann, boss, client } = await acting()
  await write(client)
  await client.post('/api/impersonation/end')
  Object.assign(app.deps.log, kept)
  const trail = await app.deps.db.select().from(auditEvents).where(eq(auditEvents.account, ann.user.id))
  expect(trail.filter(({ action }) => action.startsWith('impersonation'))).toMatchObject([
    { action: 'impersonation.started', actor: boss.user.id, as_account: null },
    { action: 'impersonation.ended', actor: boss.user.id, as_account: ann.user.id },
  ])
  const line = lines.find(({ message, fields }) => message === 'request' && fields.path === '/api/probe')
  expect(line?.fields).toMatchObject({ user: ann.user.id, impersonator: boss.user.id })
  const { body } = await ann.get('/api/me/activity')
  expect(body[0]).toMatchObject({ action: 'impersonation.ended', by: 'operator', ip: null })
  const out = await acting()
  await out.client.post('/api/logout', {})
  const { actor, as_account, action, account } = auditEvents
  const told = await app.deps.db
    .select({ actor, as_account, action, account })
    .from(auditEvents)
    .where(eq(actor, out.boss.user.id))
    .orderBy(auditEvents.id)
  const [a, b] = [out.ann.user.id, out.boss.user.id]
  expect(told.slice(-3)).toEqual([
    { actor: b, as_account: null, action: 'impersonation.started', account: a },
    { actor: b, as_account: a, action: 'impersonation.ended', account: a },
    { actor: b, as_account: null, action: 'session.ended', account: b },
  ])
  const { text } = await app.nextMail(ann.account.email, 'Your account at')
  expect(text).toContain('acts as your account for up to 15 minutes')
})

test('one that was not begun, as the superuser’s session ended at that moment, is told nowhere', async () => {
  const [boss, ann] = [await app.member('superuser'), await app.member()]
  const { sessions } = app.deps
  const { impersonate: begin } = sessions
  sessions.impersonate = async (token, user) => {
    await sessions.destroy(token)
    return begin(token, user)
  }
  try {
    expect((await impersonate(boss, ann)).body.code).toBe('login_required')
  } finally {
    sessions.impersonate = begin
  }
  const events = await app.deps.db.select().from(auditEvents).where(eq(auditEvents.account, ann.user.id))
  expect(events.map(({ action }) => action)).not.toContain('impersonation.started')
})

test('a page of another site can make it do nothing', async () => {
  const { client } = await acting()
  const evil = { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' }
  const { status, body } = await client.post('/api/probe', { title: 'x' }, evil)
  expect([status, body.code]).toEqual([403, 'origin_not_allowed'])
})

test('on pages a button begins it, each says who acts as whom, and a button leads back', async () => {
  const [boss, ann] = [await app.member('superuser'), await app.member()]
  const offered = async (id: string) =>
    (await boss.get(`/api/auth/users/${id}`, HTML)).text.includes('Act as this account')
  expect([await offered(ann.user.id), await offered(boss.user.id)]).toEqual([true, false])
  const begun = await submit(boss, '/api/auth/impersonate', { id: ann.user.id })
  expect([begun.status, begun.headers.get('location')]).toEqual([303, '/api/auth/account'])
  for (const path of [
    '/api/auth/account',
    '/api/auth/account/sessions',
    '/api/list',
    '/api/auth/account/email',
  ]) {
    const { text } = await boss.get(path, HTML)
    expect([path, text]).toEqual([path, expect.stringContaining(`You act as ${ann.account.email}.`)])
    expect(text).toContain('action="/api/auth/impersonation/end"><button class="plain">Go back</button>')
    expect(text).toContain('Sign out')
  }
  const back = await submit(boss, '/api/auth/impersonation/end')
  expect([back.status, await who(boss)]).toEqual([303, boss.account.email])
  expect((await boss.get('/api/list', HTML)).text).not.toMatch(/You act as|Go back/)
  expect((await submit(boss, '/api/auth/impersonate', { id: boss.user.id })).status).toBe(403)
})

test('the typed client begins it and ends it', async () => {
  const [boss, ann] = [await app.member('superuser'), await app.member()]
  const client = (token: string) =>
    hc<AppType>(app.url, { headers: { Authorization: `Bearer ${token}` } }).api
  const begin = await client(cookieOf(boss)).users[':id'].impersonate.$post({
    param: { id: ann.user.id },
    json: { token: true },
  })
  const { token = '' } = await begin.json()
  const me = await (await client(token).me.$get()).json()
  expect(me.impersonated_by).toBe(boss.user.id)
  const { token: own } = await (await client(token).impersonation.end.$post()).json()
  expect(own).toBe(cookieOf(boss))
})
