// Freshness: what a critical operation asks of a session, and how one becomes fresh again.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { z } from 'zod'
import { assertFresh, requireFresh } from '../../../src/kit/auth/guards.ts'
import type { RateLimit } from '../../../src/kit/http/quota.ts'
import { rateLimit } from '../../../src/kit/http/rate-limit.ts'
import { endOtherSessions, refreshSession } from '../../../src/kit/http/session.ts'
import { validate } from '../../../src/kit/http/validate.ts'
import { conflict, defineError } from '../../../src/kit/types/api-error.ts'
import type { Identity } from '../../../src/kit/types/sessions.ts'
import { createApp } from '../product/app.ts'
import { factory, requireRole, type Config } from '../product/product.ts'
import type { Role } from '../product/table.ts'
import { serve } from '../../../src/kit/process/serve.ts'
import { Client } from '../support/client.ts'
import { startApp, type TestApp } from '../support/harness.ts'

let app: TestApp
let desk: ReturnType<typeof openDesk>
let strict: ReturnType<typeof openDesk>
beforeAll(async () => {
  app = await startApp({ TRUSTED_PROXIES: '127.0.0.1' })
  desk = openDesk({ ...app.config, rateLimit: { ...app.config.rateLimit, on: true } })
  strict = openDesk({ ...app.config, freshSameClient: true })
})
afterAll(async () => {
  await desk.stop()
  await strict.stop()
  await app.close()
})

const oneMore = defineError(401, 'one_more', 'Right so far: go on')
const twoWrong: RateLimit = {
  name: 'step',
  quotas: () => [
    {
      per: 'account',
      limit: 2,
      seconds: 60,
      counts: 'failures in a row',
      key: (c) => c.get('session').userId,
    },
  ],
}

/** Does what a session that lacks something is answered with. */
const unfinished = factory.createMiddleware(async (c, next) => {
  if (c.req.header('x-unfinished') !== undefined) c.set('unfinished', () => oneMore)
  await next()
})

/** The product with a few critical operations, on the same database and Redis. */
function openDesk(config: Config) {
  const routes = factory
    .createApp()
    .use(unfinished)
    .use(requireRole('reader'))
    .post('/critical', requireFresh(), (c) => c.json({}))
    .post('/within/:minutes', (c) => {
      assertFresh(c, Number(c.req.param('minutes')))
      return c.json({})
    })
    .post('/prove', async (c) => {
      c.var.session.set('before', 1)
      await refreshSession(c, c.req.query('way'))
      c.var.session.set('behind', 2)
      return c.json({})
    })
    .post('/too-late', async (c) => {
      await c.var.session.destroy() // by another request
      await refreshSession(c)
      return c.json({})
    })
    .post('/step', rateLimit(twoWrong), validate('json', z.object({ isRight: z.boolean() })), (c) => {
      throw c.req.valid('json').isRight
        ? oneMore({ isFailure: false, body: { at: 'the next door' } })
        : conflict()
    })
    .get('/data', async (c) => c.json([await c.var.session.get('before'), await c.var.session.get('behind')]))
    .post('/others', async (c) => {
      await endOtherSessions(c)
      return c.json({})
    })
  const server = serve(createApp({ ...app.deps, config }).route('/desk', routes), config)
  return { url: server.url.origin, stop: () => server.drain(1000) }
}

const MINUTE = 60_000

/** A client with a session that began so many minutes ago. */
async function memberSince(minutes: number, more: Partial<Identity<Role>> = {}, url = desk.url) {
  const { user, cookies } = await app.member()
  const fresh = await app.deps.sessions.open(cookies.get('session') ?? '')
  if (fresh === null) throw new Error('no session')
  await app.deps.sessions.destroy(cookies.get('session') ?? '')
  const at = Date.now() - minutes * MINUTE
  const client = new Client(url, { 'User-Agent': 'Phone 1' })
  const identity = { ...fresh, agent: 'Phone 1', loginAt: at, sentAt: Date.now(), ...more }
  client.cookies.set('session', await app.deps.sessions.create(identity))
  return Object.assign(client, { userId: user.id })
}
const tokenOf = (client: Client) => client.cookies.get('session') ?? ''
const critical = async (client: Client, headers?: Record<string, string>) => {
  const { status, body } = await client.post('/desk/critical', {}, headers)
  return status === 200 ? 200 : [status, body.code]
}
const STALE = [401, 'fresh_login_required']

test('a login is fresh for 15 minutes, or for as long as the route says', async () => {
  expect(await critical(await memberSince(14))).toBe(200)
  const member = await memberSince(16)
  expect(await critical(member)).toEqual(STALE)
  expect((await member.post('/desk/within/20', {})).status).toBe(200)
  expect((await member.post('/desk/within/5', {})).body.code).toBe('fresh_login_required')
})

test('another address and agent are fresh too, unless the setting forbids it', async () => {
  const elsewhere: Record<string, string>[] = [
    { 'User-Agent': 'Other' },
    { 'X-Forwarded-For': '203.0.113.9' },
  ]
  const member = await memberSince(1)
  for (const headers of elsewhere) expect(await critical(member, headers)).toBe(200)
  const bound = await memberSince(1, {}, strict.url)
  expect(await critical(bound)).toBe(200)
  for (const headers of elsewhere) expect(await critical(bound, headers)).toEqual(STALE)
  // Whoever gave the password last is the one it is bound to.
  const moved = { 'X-Forwarded-For': '203.0.113.9' }
  expect((await bound.post('/desk/prove', {}, moved)).status).toBe(200)
  expect(await critical(bound, moved)).toBe(200)
  expect(await critical(bound)).toEqual(STALE)
})

test('after a proof the session is fresh under a new id, with its data, and the old id is void', async () => {
  const member = await memberSince(100, { remember: false })
  const copy = new Client(desk.url)
  copy.cookies = new Map(member.cookies)
  const proof = await member.post('/desk/prove', {})
  const [cookie, ...more] = proof.headers.getSetCookie()
  expect([more, cookie]).toEqual([[], expect.not.stringMatching(/max-age/i)])
  expect(proof.headers.get('cache-control')).toBe('no-store')
  expect(tokenOf(member)).not.toBe(tokenOf(copy))
  expect(await critical(member)).toBe(200)
  expect((await member.get('/desk/data')).body).toEqual([1, 2])
  expect((await copy.get('/club/self')).status).toBe(401)
  expect((await copy.post('/desk/prove', {})).status).toBe(401)
})

test('a proof does not prolong the login: its moment stays', async () => {
  const member = await memberSince(100)
  const before = await app.deps.sessions.open(tokenOf(member))
  await member.post('/desk/prove', {})
  expect(await app.deps.sessions.open(tokenOf(member))).toMatchObject({ loginAt: before?.loginAt ?? 0 })
})

test('freshness is the one session’s: another of the account is as stale as before', async () => {
  const member = await memberSince(100)
  const identity = await app.deps.sessions.open(tokenOf(member))
  const other = new Client(desk.url)
  if (identity) other.cookies.set('session', await app.deps.sessions.create(identity))
  await member.post('/desk/prove', {})
  expect([await critical(member), await critical(other)]).toEqual([200, STALE])
})

test('a session that ends while the password is checked is not brought back', async () => {
  const member = await memberSince(1)
  const reply = await member.post('/desk/too-late', {})
  expect([reply.status, reply.headers.getSetCookie()]).toEqual([401, []])
  expect(await app.deps.sessions.allOf(member.userId)).toEqual([])
})

test('the others end, and this one stays', async () => {
  const member = await memberSince(1)
  const identity = await app.deps.sessions.open(tokenOf(member))
  const other = new Client(desk.url)
  if (identity) other.cookies.set('session', await app.deps.sessions.create(identity))
  expect((await other.get('/club/self')).status).toBe(200)
  await member.post('/desk/others', {})
  expect([(await member.get('/club/self')).status, (await other.get('/club/self')).status]).toEqual([
    200, 401,
  ])
})

test('a session that lacks something is answered what, before all else that a role asks', async () => {
  const member = await memberSince(1)
  const reply = await member.post('/desk/critical', {}, { 'X-Unfinished': '1' })
  expect([reply.status, reply.body.code]).toEqual([401, 'one_more'])
  expect(await critical(member)).toBe(200)
})

test('what was right so far, and takes a step more, is no failure for a limit, and says what its kind has more', async () => {
  const member = await memberSince(1)
  const step = async (isRight: boolean) => (await member.post('/desk/step', { isRight })).body
  for (const _ of [1, 2, 3]) expect(await step(true)).toMatchObject({ code: 'one_more', at: 'the next door' })
  const codes: string[] = []
  for (const isRight of [false, true, false, false]) codes.push((await step(isRight)).code)
  expect(codes).toEqual(['conflict', 'one_more', 'conflict', 'rate_limit_exceeded'])
})

test('a session remembers by what it was proven, and a proof that is more takes its place', async () => {
  const member = await memberSince(1, { way: 'password' })
  const wayOf = async () => (await app.deps.sessions.open(tokenOf(member)))?.way
  await member.post('/desk/prove', {})
  expect(await wayOf()).toBe('password')
  await member.post('/desk/prove?way=key', {})
  expect(await wayOf()).toBe('key')
})
