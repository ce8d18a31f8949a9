// The name of the session's cookie: over HTTPS one that no sibling domain can set, and how the old name goes out of use.
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { OLD_COOKIE_RETIRED } from '../../../src/kit/http/session-cookies.ts'
import { serve } from '../../../src/kit/process/serve.ts'
import { createApp } from '../product/app.ts'
import { Client } from '../support/client.ts'
import { startApp, type TestApp } from '../support/harness.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const HOST = '__Host-session'

let app: TestApp
/** A process on the same Redis that writes the old name, as releases before this one do. */
let older: { url: string; stop(): Promise<void> }
beforeAll(async () => {
  app = await startApp({ COOKIE_SECURE: 'on' })
  const config = { ...app.config, cookie: { ...app.config.cookie, secure: false } }
  const server = serve(createApp({ ...app.deps, config }), config)
  older = { url: server.url.origin, stop: () => server.drain(1000) }
})
afterAll(async () => {
  await older.stop()
  await app.close()
})
beforeEach(() => app.deps.store.delete(OLD_COOKIE_RETIRED))

const retire = (at: number) => app.deps.store.set(OLD_COOKIE_RETIRED, at)
const enter = async (client: Client, { email, password }: { email: string; password: string }) =>
  (await client.post('/club/enter', { email, password })).headers.getSetCookie()
const withCookie = async (cookie: string) => {
  const reply = await app.visitor({ Cookie: cookie }).get('/club/self')
  return reply.status === 200 ? reply.body.email : reply.status
}

/** A session of a member that began then, as the older release made it. */
async function oldSession(loginAt: number, sentAt = Date.now()) {
  const { account, user } = await app.member()
  const origin = { ip: '127.0.0.1', agent: '' }
  const identity = { userId: user.id, role: 'writer' as const, ...origin, loginAt, sentAt, remember: true }
  return { account, token: await app.deps.sessions.create(identity) }
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

test('a session that an older process begins is read by a newer one, and the other way round', async () => {
  const { account } = await app.member()
  const [there, here] = [new Client(older.url), app.visitor()]
  await enter(there, account)
  await enter(here, account)
  expect([[...there.cookies.keys()], [...here.cookies.keys()]]).toEqual([['session'], [HOST]])
  for (const client of [there, here]) {
    for (const url of [older.url, app.url]) {
      const asked = new Client(url)
      asked.cookies = client.cookies
      expect((await asked.get('/club/self')).status).toBe(200)
    }
  }
})

test('a login on the older process takes the new name from the browser, and one here the old', async () => {
  const { account } = await app.member()
  const browser = new Client(older.url)
  const moveTo = (url: string) => Object.assign(new Client(url), { cookies: browser.cookies })
  await enter(moveTo(app.url), account)
  await enter(moveTo(older.url), account)
  expect([...browser.cookies.keys()]).toEqual(['session'])
  const set = await enter(moveTo(app.url), account)
  expect(set[0]).toBe('session=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax')
  expect([...browser.cookies.keys()]).toEqual([HOST])
  await moveTo(app.url).post('/club/leave', {})
  expect([...browser.cookies.keys()]).toEqual([])
})

test('a session goes on under the new name when its cookie is sent again', async () => {
  const { account, token } = await oldSession(Date.now() - 3 * DAY_MS, Date.now() - 2 * DAY_MS)
  const browser = app.visitor()
  browser.cookies.set('session', token)
  expect((await browser.get('/club/self')).body.email).toBe(account.email)
  expect([...browser.cookies]).toEqual([[HOST, token]])
})

test('until the old name is retired both count, and where the new one is there it alone', async () => {
  const [one, two] = [await oldSession(Date.now()), await oldSession(Date.now())]
  expect(await withCookie(`session=${one.token}`)).toBe(one.account.email)
  expect(await withCookie(`session=${one.token}; ${HOST}=${two.token}`)).toBe(two.account.email)
  expect(await withCookie(`session=${one.token}; ${HOST}=${'A'.repeat(43)}`)).toBe(401)
})

test('from then on it counts for logins from before, until SESSION_DAYS later', async () => {
  const now = Date.now()
  const before = await oldSession(now - 2 * DAY_MS)
  const after = await oldSession(now - DAY_MS + 1)
  await retire(now - DAY_MS)
  expect(await withCookie(`session=${before.token}`)).toBe(before.account.email)
  expect(await withCookie(`session=${after.token}`)).toBe(401)
  expect(await withCookie(`${HOST}=${after.token}`)).toBe(after.account.email)
  await retire(now - 30 * DAY_MS)
  expect(await withCookie(`session=${before.token}`)).toBe(401)
  const ancient = await oldSession(now - 31 * DAY_MS)
  expect(await withCookie(`session=${ancient.token}`)).toBe(401)
  expect(await withCookie(`${HOST}=${ancient.token}`)).toBe(ancient.account.email)
})

test('a cookie that a sibling domain tosses stands for nobody then, alone or beside one from before', async () => {
  const now = Date.now()
  const mine = await oldSession(now - 2 * DAY_MS)
  const tossed = await oldSession(now)
  await retire(now - DAY_MS)
  expect(await withCookie(`session=${tossed.token}`)).toBe(401)
  expect(await withCookie(`session=${tossed.token}; session=${mine.token}`)).toBe(mine.account.email)
  expect(await withCookie(`session=${tossed.token}; ${HOST}=${mine.token}`)).toBe(mine.account.email)
  // A login is not fixed to it either.
  const victim = app.visitor()
  victim.cookies.set('session', tossed.token)
  await enter(victim, mine.account)
  expect([...victim.cookies.keys()]).toEqual([HOST])
  expect(victim.cookies.get(HOST)).not.toBe(tossed.token)
})

test('where the cookie is named session anyway, nothing is retired', async () => {
  await retire(Date.now() - DAY_MS)
  const there = new Client(older.url)
  await enter(there, (await app.member()).account)
  expect((await there.get('/club/self')).status).toBe(200)
})

test('the moment is asked for with an old cookie alone', async () => {
  const { token } = await oldSession(Date.now())
  const { store } = app.deps
  const { get } = store
  let asked = 0
  store.get = ((...args: Parameters<typeof get>) => {
    asked += 1
    return get(...args)
  }) as typeof get
  try {
    await withCookie(`${HOST}=${token}`)
    expect(asked).toBe(0)
    await withCookie(`session=${token}`)
    expect(asked).toBe(1)
  } finally {
    store.get = get
  }
})
