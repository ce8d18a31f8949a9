// Personal access tokens: a program acts for an account as far as the token's abilities go, and ends with it.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { Redis } from 'ioredis'
import { ABILITIES } from '../src/account/abilities.ts'
import { accessTokens, openToken } from '../src/account/access-tokens.ts'
import { changeRole } from '../src/account/change-role.ts'
import { exportAccount } from '../src/account/export.ts'
import { factory, requireRole } from '../src/account/product.ts'
import { createApp } from '../src/app.ts'
import { refuseTokens } from '../src/kit/auth/guards.ts'
import { openPostgres } from '../src/kit/data/postgres.ts'
import { describeRoutes } from '../src/kit/http/doc.ts'
import { openApi } from '../src/kit/reference/openapi.ts'
import { recorder } from './kit/support/log.ts'
import { redisUrl } from './kit/support/services.ts'
import { until } from './kit/support/until.ts'
import { OPERATOR, startApp } from './support/harness.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'
import { schema } from './support/worker.ts'

let app: AppWithMail
beforeAll(async () => {
  app = await startWithMail()
})
afterAll(() => app.close())

type Member = Awaited<ReturnType<AppWithMail['member']>>

const bearing = (token: string) => app.visitor({ Authorization: `Bearer ${token}` })

/** Makes a token and the client that bears it. */
async function withToken(member: Member, input: object = {}) {
  const { status, body } = await member.post('/api/me/tokens', { name: 'backup', ...input })
  if (status !== 201) throw new Error(`no token: ${JSON.stringify(body)}`)
  return Object.assign(bearing(body.token), { made: body, token: body.token as string })
}

const statusOf = async (reply: Promise<{ status: number; body: { code?: string } }>) => {
  const { status, body } = await reply
  return body.code === undefined ? String(status) : `${status} ${body.code}`
}

test('a token is shown once, stands for its account, and is listed without its text', async () => {
  const ann = await app.member()
  const { made, token, ...client } = await withToken(ann, { name: 'nightly backup', abilities: ['read'] })
  expect(token).toMatch(/^rbpat_[0-9a-f]{48}$/)
  expect(made).toEqual({
    id: expect.any(String),
    name: 'nightly backup',
    abilities: ['read'],
    created: expect.any(String),
    expires: expect.any(String),
    last_used: null,
    token,
  })
  const days = (Date.parse(made.expires) - Date.parse(made.created)) / 86_400_000
  expect(days).toBeCloseTo(90, 1)
  const me = await client.get('/api/me')
  expect([me.status, me.body.me.id, me.headers.get('set-cookie')]).toEqual([200, ann.user.id, null])
  expect(me.headers.get('cache-control')).toContain('no-store')
  const listed = await ann.get('/api/me/tokens')
  expect(listed.body).toEqual([{ ...made, token: undefined, last_used: expect.any(String) }])
  expect(listed.text).not.toContain(token)
  const mail = await app.nextMail(ann.account.email, 'Your account')
  expect(mail.text).toContain('personal access token was made')
  expect(mail.text).not.toContain(token)
})

test('a token counts by itself: cookies beside it are ignored, and a bad one is 401, never a fallback', async () => {
  const [ann, bob] = [await app.member(), await app.member()]
  const { token } = await withToken(ann)
  expect((await bob.get('/api/me', { Authorization: `Bearer ${token}` })).body.me.id).toBe(ann.user.id)
  for (const bad of [
    `${token.slice(0, -1)}x`,
    token.slice(0, -1),
    `${token}0`,
    `rbpat_${'0'.repeat(48)}`,
    'rbpat_',
  ]) {
    const reply = await bob.get('/api/me', { Authorization: `Bearer ${bad}` })
    expect([reply.status, reply.body.code]).toEqual([401, 'invalid_token'])
    expect(reply.headers.get('www-authenticate')).toStartWith('Bearer')
    expect(reply.text).not.toContain(bad.slice(6) || 'rbpat_')
  }
  expect((await app.visitor().get('/api/me', { Cookie: `session=${token}` })).status).toBe(401)
})

describe('abilities', () => {
  test('reading and writing are two: a token does what it was given', async () => {
    const ann = await app.member()
    const reader = await withToken(ann)
    const writer = await withToken(ann, { abilities: ['write'] })
    const both = await withToken(ann, { abilities: ['read', 'write', 'read'] })
    expect(both.made.abilities).toEqual(['read', 'write'])
    const read = (client: typeof reader) => statusOf(client.get('/api/me'))
    const write = (client: typeof reader) => statusOf(client.post('/api/probe', { title: 'By a program' }))
    expect([await read(reader), await write(reader)]).toEqual(['200', '403 insufficient_ability'])
    expect([await read(writer), await write(writer)]).toEqual(['403 insufficient_ability', '201'])
    expect([await read(both), await write(both)]).toEqual(['200', '201'])
    expect((await reader.post('/api/probe', { title: 'By a program' })).body.err).toBe(
      '403: Forbidden! The token lacks the ability write',
    )
  })

  test('a token does no more than the role of its account', async () => {
    const reader = await app.member('readonly')
    const { ...client } = await withToken(reader, { abilities: ['read', 'write'] })
    expect(await statusOf(client.post('/api/probe', { title: 'Too much' }))).toBe('401 insufficient_role')
  })

  test('what manages the account, what is for the few, and what needs a fresh login takes no token', async () => {
    const boss = await app.member('superuser')
    const { made, ...client } = await withToken(boss, { abilities: [...ABILITIES] })
    const refused = [
      client.get('/api/users'),
      client.get('/api/operators'),
      client.get('/api/me/tokens'),
      client.post('/api/me/tokens', { name: 'another' }),
      client.delete(`/api/me/tokens/${made.id}`),
      client.get('/api/me/sessions'),
      client.patch('/api/me', { first_name: 'Eve' }),
      client.put('/api/me/password', { password: 'Violet7Kettle' }),
      client.put('/api/me/email', { email: 'eve@example.com' }),
      client.post('/api/logout'),
      client.post('/api/reauthenticate', { password: boss.account.password }),
      client.post(`/api/users/${boss.user.id}/impersonate`, {}),
      client.post('/api/impersonation/end'),
    ]
    for (const reply of refused) {
      const { status, body } = await reply
      expect([status, body?.code]).toEqual(status === 404 ? [404, 'not_found'] : [403, 'token_not_allowed'])
    }
    expect((await client.get('/api/me')).status).toBe(200)
    expect((await boss.get('/api/me')).body.me.first_name).toBe('Ann')
  })

  test('where no role is asked for, a token is a visitor: it confirms no email, and logs in like anybody', async () => {
    const ann = await app.member()
    const client = await withToken(ann, { abilities: [...ABILITIES] })
    const link = await app.nextToken(ann.account.email, 'Welcome')
    expect(await statusOf(client.post('/api/email/verify', { token: link }))).toBe('401 password_required')
    const login = await client.post('/api/login', ann.account)
    expect([login.status, login.headers.get('set-cookie')]).toEqual([
      200,
      expect.stringContaining('session='),
    ])
  })

  test('where several guards stand one behind the other, each is asked', async () => {
    const boss = await app.member('superuser')
    const { token } = await withToken(boss)
    const nested = createApp(app.deps)
    const slice = factory.createApp().use(requireRole('readonly'))
    slice
      .get('/', (c) => c.json({}))
      .get('/few', requireRole('superuser'), (c) => c.json({}))
      .get('/own', requireRole('readonly', { ability: 'reports' }), (c) => c.json({}))
      .get('/none', refuseTokens, requireRole('readonly'), (c) => c.json({}))
      .get('/late', refuseTokens, (c) => c.json({}))
    nested.route('/nested', slice)
    const ask = async (path: string) => {
      const reply = await nested.request(path, { headers: { Authorization: `Bearer ${token}` } }, {})
      return [reply.status, ((await reply.json()) as { code?: string }).code]
    }
    expect(await ask('/nested')).toEqual([200, undefined])
    expect(await ask('/nested/few')).toEqual([403, 'token_not_allowed'])
    expect(await ask('/nested/own')).toEqual([403, 'insufficient_ability'])
    expect(await ask('/nested/none')).toEqual([403, 'token_not_allowed'])
    expect(await ask('/nested/late')).toEqual([403, 'token_not_allowed'])
  })

  test('every route below /api/me but GET /api/me, and every one of a high role, says that it takes none', () => {
    const routes = describeRoutes(app.app).filter(({ role }) => role !== undefined)
    const takes = routes
      .filter(({ ability }) => ability)
      .map(({ method, path, ability }) => `${method} ${path} ${ability}`)
    expect(takes.filter((route) => / .api.(me|auth)/.test(route))).toEqual(['GET /api/me read'])
    expect(takes).toContain('POST /api/movies write')
    for (const { role, ability, path } of routes) {
      if (role === 'superuser' || role === 'admin') expect([path, ability]).toEqual([path, null])
    }
  })

  test('what a route asks of a token can be given to one, and the descriptions show it', () => {
    const routes = describeRoutes(createApp(app.deps))
    const known: readonly string[] = ABILITIES
    for (const { ability } of routes) if (ability) expect([...known, '*']).toContain(ability)
    const about = {
      title: 'x',
      version: '1',
      description: 'x',
      license: 'MIT',
      groups: {},
      cookie: 'session',
    }
    const { paths, components } = openApi(routes, about)
    const security = (path: string, method: string) => JSON.stringify(paths[path]?.[method])
    expect(security('/api/me', 'get')).toContain('{"accessToken":["read"]}')
    expect(security('/api/movies', 'post')).toContain('{"accessToken":["write"]}')
    expect(security('/api/me', 'patch')).not.toContain('accessToken')
    expect(components.securitySchemes).toHaveProperty('accessToken')
  })
})

test('making one needs a fresh login, an ability that exists, and a name', async () => {
  const ann = await app.member()
  for (const input of [
    {},
    { name: '' },
    { name: 'x', abilities: [] },
    { name: 'x', abilities: ['admin'] },
    { name: 'x', days: 0 },
  ])
    expect((await ann.post('/api/me/tokens', input)).status).toBe(400)
  await makeStale(ann)
  expect(await statusOf(ann.post('/api/me/tokens', { name: 'late' }))).toBe('401 fresh_login_required')
})

/** The login was an hour ago. */
async function makeStale(member: Member): Promise<void> {
  const hourAgo = Date.now() - 3_600_000
  const rotated = await app.deps.sessions.rotate(member.cookies.get('session') ?? '', {
    loginAt: hourAgo,
    provenAt: hourAgo,
  })
  member.cookies.set('session', rotated?.token ?? '')
}

const anyJob = () => `/api/jobs/${crypto.randomUUID()}` // a route that takes a role and no SQL
const redisKeys = async () => {
  const redis = new Redis(redisUrl())
  try {
    return await redis.keys(`${app.config.redisPrefix}kv:access-token:*`)
  } finally {
    redis.disconnect()
  }
}
/** As if a minute had passed, or Redis had lost them. */
const loseRecords = async () => {
  const redis = new Redis(redisUrl())
  const keys = await redis.keys(`${app.config.redisPrefix}kv:access-token:*`)
  if (keys.length > 0) await redis.unlink(keys)
  redis.disconnect()
}

describe('to authenticate', () => {
  test('costs no SQL but once a minute, and what Redis loses is read again', async () => {
    const ann = await app.member()
    const client = await withToken(ann)
    const { log, lines } = recorder()
    const logged = { ...app.config, log: { ...app.config.log, sql: true } }
    const counted = openPostgres(logged, log)
    const { db } = app.deps
    app.deps.db = counted.db
    const statements = async (act: () => Promise<unknown>) => {
      lines.length = 0
      await act()
      return lines.filter(({ message }) => message === 'sql').length
    }
    const ask = async () => expect((await client.get(anyJob())).body.code).toBe('not_found')
    try {
      expect(await statements(ask)).toBe(4)
      expect(
        await statements(async () => {
          for (let i = 0; i < 50; i++) await ask()
        }),
      ).toBe(0)
      await loseRecords()
      expect(await statements(ask)).toBe(4)
      expect(await statements(() => Promise.all(Array.from({ length: 50 }, ask)))).toBe(0)
      // What never was a token asks nobody.
      expect(await statements(() => bearing(`rbpat_${'0'.repeat(48)}`).get(anyJob()))).toBe(0)
    } finally {
      app.deps.db = db
      await counted.close()
    }
  })

  test('neither the database, Redis nor an export holds a token', async () => {
    const ann = await app.member()
    const client = await withToken(ann)
    expect((await client.get('/api/me')).status).toBe(200)
    const [row] = await app.deps.db.execute(
      sql`select t::text as text from access_tokens t where id = ${client.made.id}`,
    )
    const secret = client.token.slice(6)
    expect(String(row?.text)).not.toContain(secret)
    expect((await redisKeys()).join()).not.toContain(secret)
    const running = { log: app.deps.log, progress: () => {}, signal: new AbortController().signal }
    const exported = JSON.stringify(await exportAccount({ ...app.deps, schema }, ann.user.id, running))
    expect(exported).toContain('"accessTokens":[{"id"')
    expect(exported).not.toMatch(/digest|rbpat_/)
  })
})

describe('the end of a token', () => {
  const codeOf = async (client: { get: Member['get'] }) => (await client.get('/api/me')).body.code

  test('its owner ends it, and nobody else', async () => {
    const [ann, bob] = [await app.member(), await app.member()]
    const { made, ...client } = await withToken(ann)
    expect(await codeOf(client)).toBeUndefined()
    expect((await bob.delete(`/api/me/tokens/${made.id}`)).status).toBe(404)
    expect(await codeOf(client)).toBeUndefined()
    expect((await ann.delete(`/api/me/tokens/${made.id}`)).status).toBe(200)
    expect(await codeOf(client)).toBe('invalid_token')
    expect((await ann.delete(`/api/me/tokens/${made.id}`)).status).toBe(404)
  })

  test('a change of role is seen on the next request; disabling ends it for good', async () => {
    const ann = await app.member('editor')
    const client = await withToken(ann, { abilities: ['read', 'write'] })
    const write = () => statusOf(client.post('/api/probe', { title: 'By a program' }))
    expect(await write()).toBe('201')
    await changeRole(app.deps, ann.user.id, 'readonly', OPERATOR)
    expect(await write()).toBe('401 insufficient_role')
    expect((await client.get('/api/me')).body.me.role).toBe('readonly')
    await changeRole(app.deps, ann.user.id, 'editor', OPERATOR)
    expect(await write()).toBe('201')
    await changeRole(app.deps, ann.user.id, 'disabled', OPERATOR)
    expect(await codeOf(client)).toBe('invalid_token')
    await changeRole(app.deps, ann.user.id, 'editor', OPERATOR)
    expect(await codeOf(client)).toBe('invalid_token')
  })

  test('an account that was disabled by hand, in SQL, is stopped at its next write, and soon for reading', async () => {
    const ann = await app.member()
    const client = await withToken(ann, { abilities: ['read', 'write'] })
    expect(await codeOf(client)).toBeUndefined()
    await app.deps.db.execute(sql`update users set role = 'disabled' where id = ${ann.user.id}`)
    expect(await statusOf(client.post('/api/probe', { title: 'Too late' }))).toBe('400 account_disabled')
    await loseRecords()
    expect(await codeOf(client)).toBe('account_disabled')
    await app.deps.db.execute(sql`delete from users where id = ${ann.user.id}`)
    await loseRecords()
    expect(await codeOf(client)).toBe('invalid_token')
  })

  test('a forgotten password that is chosen anew ends all; a change of the known one ends none', async () => {
    const ann = await app.member()
    const { email, password } = ann.account
    const client = await withToken(ann)
    expect(
      (await ann.put('/api/me/password', { current_password: password, password: 'Violet7Kettle' })).status,
    ).toBe(200)
    expect(await codeOf(client)).toBeUndefined()
    await app.visitor().post('/api/password/forgot', { email })
    const token = await app.nextToken(email, 'new password')
    expect(
      (await app.visitor().post('/api/password/reset', { token, password: 'Green5Teapot' })).status,
    ).toBe(200)
    expect(await codeOf(client)).toBe('invalid_token')
    const [rows] = await app.deps.db.execute(
      sql`select count(*)::int as n from access_tokens where user_id = ${ann.user.id}`,
    )
    expect(rows?.n).toBe(0)
  })

  test('one that is made while the password is chosen anew does not survive that', async () => {
    const thief = await app.member()
    const { db, sessions } = app.deps
    const { id } = thief.user
    const [changed, waited] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    // What a reset does; it is held until the other one waits for it.
    const reset = db.transaction(async (tx) => {
      await tx.execute(sql`update users set password = 'another' where id = ${id}`)
      await accessTokens.deleteAllOf(app.deps, tx, id)
      changed.resolve()
      await waited.promise
      await sessions.destroyAllOf(id)
    })
    await changed.promise
    const making = thief.post('/api/me/tokens', { name: 'kept' })
    await until('its wait for the account', async () => {
      const waiting = sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      return (await db.execute(waiting)).length > 0
    })
    waited.resolve()
    await reset
    expect((await making).status).toBe(401)
    expect(await accessTokens.list(db, id)).toEqual([])
  })

  test('one that is made while its account is disabled does not survive that', async () => {
    const ann = await app.member()
    await withToken(ann)
    const { db, sessions, store } = app.deps
    const [changed, waited, made] = [
      Promise.withResolvers<void>(),
      Promise.withResolvers<void>(),
      Promise.withResolvers<void>(),
    ]
    const held = {
      ...app.deps,
      store: {
        ...store,
        async set(...args: Parameters<typeof store.set>) {
          changed.resolve()
          await waited.promise
          return store.set(...args)
        },
      },
      sessions: {
        ...sessions,
        async setRole(...input: Parameters<typeof sessions.setRole>) {
          await made.promise
          await sessions.setRole(...input)
        },
      },
    }
    const disabling = changeRole(held, ann.user.id, 'disabled', OPERATOR)
    await changed.promise
    const making = ann.post('/api/me/tokens', { name: 'kept' })
    await until('its wait for the account', async () => {
      const waiting = sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      return (await db.execute(waiting)).length > 0
    })
    waited.resolve()
    expect(await statusOf(making)).toBe('400 account_disabled')
    made.resolve()
    await disabling
    expect(await accessTokens.list(db, ann.user.id)).toEqual([])
  })

  test('an email that is taken back ends all', async () => {
    const ann = await app.member()
    const { email } = ann.account
    await ann.post('/api/email/verify', { token: await app.nextToken(email, 'Welcome') })
    const client = await withToken(ann)
    await ann.put('/api/me/email', { email: `thief-${email}` })
    await ann.post('/api/email/verify', { token: await app.nextToken(`thief-${email}`, 'Confirm your') })
    expect(await codeOf(client)).toBeUndefined()
    const token = await app.nextToken(email, 'has changed')
    expect((await app.visitor().post('/api/email/take-back', { token })).status).toBe(200)
    expect(await codeOf(client)).toBe('invalid_token')
  })

  test('a long response learns of it', async () => {
    const ann = await app.member()
    const { made, token } = await withToken(ann)
    const context = { var: { ...app.deps, ip: '127.0.0.1' }, req: { header: () => 'a program' } }
    const session = await openToken(context as never, token)
    expect(await session?.isOpen()).toBe(true)
    await ann.delete(`/api/me/tokens/${made.id}`)
    expect(await session?.isOpen()).toBe(false)
  })
})

test('a token has a limit of its own, whatever address it comes from', async () => {
  const limited = await startApp({ RATE_LIMIT: 'on', RATE_LIMIT_TOKEN: '3' })
  try {
    const ann = await limited.member()
    const [one, other] = [
      (await ann.post('/api/me/tokens', { name: 'one' })).body.token,
      (await ann.post('/api/me/tokens', { name: 'other' })).body.token,
    ]
    const ask = async (token: string) =>
      (await limited.visitor({ Authorization: `Bearer ${token}` }).get('/api/me')).status
    expect([await ask(one), await ask(one), await ask(one), await ask(one)]).toEqual([200, 200, 200, 429])
    expect([await ask(other), (await ann.get('/api/me')).status]).toEqual([200, 200])
    // A route's own limit is told beside it.
    const { headers } = await limited
      .visitor({ Authorization: `Bearer ${other}` })
      .post('/api/password/forgot', { email: 'who@example.com' })
    expect(headers.get('ratelimit')).toMatch(/"forgot-account";.*"access-token";/)
  } finally {
    await limited.close()
  }
})
