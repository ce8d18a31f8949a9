// Sessions as a client sees them: the cookie, the dictionary, and their ends.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createMiddleware } from 'hono/factory'
import { requireRole } from '../product/product.ts'
import { createApp } from '../product/app.ts'
import type { Json } from '../../../src/kit/types/json.ts'
import { serve } from '../../../src/kit/process/serve.ts'
import { factory } from '../product/product.ts'
import { clientIp } from '../../../src/kit/http/client-ip.ts'
import { onError } from '../../../src/kit/http/errors.ts'
import { endSession, session, startSession } from '../../../src/kit/http/session.ts'
import { Client } from '../support/client.ts'
import { startApp, type TestApp } from '../support/harness.ts'

let app: TestApp
let desk: { url: string; stop(): Promise<void> }
beforeAll(async () => {
  app = await startApp()
  desk = openDesk()
})
afterAll(async () => {
  await desk.stop()
  await app.close()
})

/** A handler that holds: the test knows when it is inside, and lets it go. */
const held = { entered: Promise.withResolvers<void>(), released: Promise.withResolvers<void>() }

/** A few handlers that use what a fork would use: the dictionary. */
function openDesk() {
  const routes = factory.createApp().onError(onError)
  routes.use(
    createMiddleware(async (c, next) => {
      for (const [name, value] of Object.entries(app.deps)) c.set(name as never, value as never)
      await next()
    }),
  )
  routes.use(clientIp(['127.0.0.1']), session)
  routes.get('/get/:key', requireRole('reader'), async (c) =>
    c.json({ value: (await c.var.session.get(c.req.param('key'))) ?? null }),
  )
  routes.post('/set/:key', requireRole('reader'), async (c) => {
    const value: Json = await c.req.json()
    c.var.session.set(c.req.param('key'), value)
    if (c.req.query('hold') !== undefined) {
      held.entered.resolve()
      await held.released.promise
    }
    return c.json({})
  })
  routes.delete('/set/:key', requireRole('reader'), (c) => {
    c.var.session.delete(c.req.param('key'))
    return c.json({})
  })
  routes.post('/aborted', async (c) => {
    const { token, ...user } = await c.req.json()
    await startSession(c, user, true, { token, way: 'password' })
    const begun = (c.var.session as { token: string } | null)?.token
    await endSession(c)
    return c.json({ token: begun })
  })
  const server = serve(routes, app.config)
  return { url: server.url.origin, stop: () => server.drain(1000) }
}

/** The same browser, at the desk's handlers. */
function atDesk(member: Client, headers: Record<string, string> = {}): Client {
  const client = new Client(desk.url, headers)
  client.cookies = member.cookies
  return client
}

const cookieOf = (reply: { headers: Headers }) => reply.headers.getSetCookie().join('\n')

test('the cookie is opaque, HttpOnly, Lax, for the whole site, and lasts 30 days', async () => {
  const { account, user } = await app.member()
  const reply = await app.visitor().post('/club/enter', { email: account.email, password: account.password })
  const cookie = cookieOf(reply)
  expect(cookie).toMatch(/^session=[A-Za-z0-9_-]{43}; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/)
  expect(cookie).not.toContain(user.id)
})

test('remember: false makes a cookie that ends with the browser', async () => {
  const { account } = await app.member()
  const login = { email: account.email, password: account.password, remember: false }
  const cookie = cookieOf(await app.visitor().post('/club/enter', login))
  expect(cookie).toContain('session=')
  expect(cookie).not.toMatch(/max-age|expires/i)
})

test('Secure, SameSite=None and a domain come from the settings', async () => {
  const other = await startApp({
    COOKIE_SECURE: 'on',
    COOKIE_SAMESITE: 'none',
    COOKIE_DOMAIN: 'example.com',
    SESSION_DAYS: '2',
  })
  try {
    const account = { email: 'x@example.com', password: '123abC', fname: 'X', lname: 'Y' }
    const cookie = cookieOf(await other.visitor().post('/club/join', account))
    expect(cookie).toContain('; Max-Age=172800; Domain=example.com; Path=/; HttpOnly; Secure; SameSite=None')
  } finally {
    await other.close()
  }
})

test('a login makes a new session id, and the old one is void', async () => {
  const member = await app.member()
  const before = member.cookies.get('session') ?? ''
  const login = await member.post('/club/enter', {
    email: member.account.email,
    password: member.account.password,
  })
  expect(login.headers.getSetCookie()).toHaveLength(1)
  expect(member.cookies.get('session')).not.toBe(before)
  const stale = app.visitor({ Cookie: `session=${before}` })
  expect((await stale.get('/club/self')).status).toBe(401)
})

test('an invented session id is not taken over by a login', async () => {
  const { account } = await app.member()
  const chosen = 'A'.repeat(43)
  const visitor = app.visitor()
  visitor.cookies.set('session', chosen)
  await visitor.post('/club/enter', { email: account.email, password: account.password })
  expect(visitor.cookies.get('session')).not.toBe(chosen)
})

test('after a logout the session is gone, for a copy of the cookie too', async () => {
  const member = await app.member()
  const copy = app.visitor({ Cookie: `session=${member.cookies.get('session')}` })
  expect((await copy.get('/club/self')).status).toBe(200)
  const reply = await member.post('/club/leave', {})
  expect([reply.status, reply.body]).toEqual([200, {}])
  expect(member.cookies.size).toBe(0)
  expect((await copy.get('/club/self')).status).toBe(401)
})

test.each(['', 'x', 'A'.repeat(43), '%00', 'a'.repeat(5000)])(
  'a cookie that is no session counts as a visitor: %#',
  async (value) => {
    const reply = await app.visitor({ Cookie: `session=${value}` }).get('/club/self')
    expect(reply.status).toBe(401)
  },
)

test('the cookie is sent again once a day of activity, and not on each request', async () => {
  const member = await app.member()
  expect(cookieOf(await member.get('/club/self'))).toBe('')
  const token = member.cookies.get('session') ?? ''
  const identity = await app.deps.sessions.open(token)
  if (identity === null) throw new Error('no session')
  await app.deps.sessions.touch(token, identity, Date.now() - 25 * 60 * 60 * 1000)
  expect(cookieOf(await member.get('/club/self'))).toContain('Max-Age=2592000')
  expect(cookieOf(await member.get('/club/self'))).toBe('')
})

test('what a handler sets is there at the next request, and gone when it is deleted', async () => {
  const desk = atDesk(await app.member())
  const cart = { items: [1, 'two', null], '__proto__ ': { deep: [] } }
  await desk.post('/set/cart', cart)
  expect((await desk.get('/get/cart')).body.value).toEqual(cart)
  expect((await desk.get('/get/other')).body.value).toBeNull()
  await desk.delete('/set/cart')
  expect((await desk.get('/get/cart')).body.value).toBeNull()
})

test('what is too large for a session is 400, and says so; what was there stays', async () => {
  const desk = atDesk(await app.member())
  await desk.post('/set/cart', ['kept'])
  const reply = await desk.post('/set/large', ['x'.repeat(70_000)])
  expect([reply.status, reply.body.err]).toEqual([400, expect.stringMatching(/bytes, and may hold 65536/)])
  expect((await desk.get('/get/cart')).body.value).toEqual(['kept'])
  expect((await desk.get('/get/large')).body.value).toBeNull()
})

test('requests at once that set different keys lose neither', async () => {
  const desk = atDesk(await app.member())
  const keys = Array.from({ length: 12 }, (_, i) => `key${i}`)
  await Promise.all(keys.map((key) => desk.post(`/set/${key}`, { key })))
  const values = await Promise.all(keys.map(async (key) => (await desk.get(`/get/${key}`)).body.value))
  expect(values).toEqual(keys.map((key) => ({ key })))
})

test('a write that ends after the logout does not bring the session back', async () => {
  const member = await app.member()
  const token = member.cookies.get('session') ?? ''
  const slow = atDesk(member, { Cookie: `session=${token}` }).post('/set/late?hold', { x: 1 })
  await held.entered.promise
  await member.post('/club/leave', {})
  held.released.resolve()
  expect((await slow).status).toBe(200)
  expect(await app.deps.sessions.open(token)).toBeNull()
  expect(await app.deps.sessions.readData(token)).toEqual({})
})

test('a session that is ended in the request that began it is gone, though its client saw the token', async () => {
  const { user } = await app.member()
  await app.deps.sessions.destroyAllOf(user.id)
  for (const token of [false, true]) {
    const reply = await new Client(desk.url).post('/aborted', { ...user, token })
    expect(reply.status).toBe(200)
    expect(await app.deps.sessions.open(reply.body.token)).toBeNull()
  }
  expect(await app.deps.sessions.allOf(user.id)).toEqual([])
})

test('a session outlives a new app on the same Redis', async () => {
  const member = await app.member()
  const again = serve(createApp(app.deps), app.config)
  try {
    const client = new Client(again.url.origin)
    client.cookies = member.cookies
    expect((await client.get('/club/self')).status).toBe(200)
  } finally {
    await again.drain(1000)
  }
})
