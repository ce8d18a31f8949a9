// The name of the session's cookie: over HTTPS one that no sibling domain can set, and no other counts.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { serve } from '../../../src/kit/process/serve.ts'
import { createApp } from '../product/app.ts'
import { Client } from '../support/client.ts'
import { startApp, type TestApp } from '../support/harness.ts'

const HOST = '__Host-session'

let app: TestApp
/** A process on the same Redis that has COOKIE_SECURE off, and so the other name. */
let plain: { url: string; stop(): Promise<void> }
beforeAll(async () => {
  app = await startApp({ COOKIE_SECURE: 'on' })
  const config = { ...app.config, cookie: { ...app.config.cookie, secure: false } }
  const server = serve(createApp({ ...app.deps, config }), config)
  plain = { url: server.url.origin, stop: () => server.drain(1000) }
})
afterAll(async () => {
  await plain.stop()
  await app.close()
})

const enter = async (client: Client, { email, password }: { email: string; password: string }) =>
  (await client.post('/club/enter', { email, password })).headers.getSetCookie()
const withCookie = async (cookie: string) => {
  const reply = await app.visitor({ Cookie: cookie }).get('/club/self')
  return reply.status === 200 ? reply.body.email : reply.status
}

async function newSession() {
  const { account, user } = await app.member()
  const now = Date.now()
  const origin = { ip: '127.0.0.1', agent: '', loginAt: now, sentAt: now, remember: true, way: 'password' }
  return {
    account,
    token: await app.deps.sessions.create({ userId: user.id, role: 'writer' as const, ...origin }),
  }
}

test('over HTTPS and without a domain it is __Host-session', async () => {
  const { account } = await app.member()
  const [cookie, ...more] = await enter(app.visitor(), account)
  expect(cookie).toMatch(
    /^__Host-session=[\w-]{43}; Max-Age=2592000; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  )
  expect(more).toEqual([])
  const document = (await app.visitor().get('/api/openapi.json')).body
  expect(document.components.securitySchemes.session.name).toBe(HOST)
})

test('a login takes the cookie of the other name from the browser', async () => {
  const { account } = await app.member()
  const browser = new Client(plain.url)
  const moveTo = (url: string) => Object.assign(new Client(url), { cookies: browser.cookies })
  await enter(moveTo(app.url), account)
  await enter(moveTo(plain.url), account)
  expect([...browser.cookies.keys()]).toEqual(['session'])
  const set = await enter(moveTo(app.url), account)
  expect(set[0]).toBe('session=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax')
  expect([...browser.cookies.keys()]).toEqual([HOST])
  await moveTo(app.url).post('/club/leave', {})
  expect([...browser.cookies.keys()]).toEqual([])
})

test('a cookie that a sibling domain tosses stands for nobody, alone or beside the own one', async () => {
  const [mine, tossed] = [await newSession(), await newSession()]
  expect(await withCookie(`session=${tossed.token}`)).toBe(401)
  expect(await withCookie(`session=${tossed.token}; session=${mine.token}`)).toBe(401)
  expect(await withCookie(`session=${tossed.token}; ${HOST}=${mine.token}`)).toBe(mine.account.email)
  expect(await withCookie(`session=${mine.token}; ${HOST}=${'A'.repeat(43)}`)).toBe(401)
  // A login is not fixed to it either.
  const victim = app.visitor()
  victim.cookies.set('session', tossed.token)
  await enter(victim, mine.account)
  expect([...victim.cookies.keys()]).toEqual([HOST])
  expect(victim.cookies.get(HOST)).not.toBe(tossed.token)
})
