// Sessions without a cookie: a client that keeps its token itself, and sends it as `Authorization: Bearer`.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { startApp, type TestApp } from '../support/harness.ts'
import type { Client } from '../support/client.ts'
import { parseReply, rawExchange } from '../support/raw.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const EVIL = { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' }

let app: TestApp
beforeAll(async () => {
  app = await startApp({ CORS_ORIGINS: '*' })
})
afterAll(() => app.close())

const bearing = (token: string, more: Record<string, string> = {}) =>
  app.visitor({ Authorization: `Bearer ${token}`, ...more })
const who = async (client: Client, path = '/club/self') => {
  const { status, body } = await client.get(path)
  return status === 200 ? body.email : [status, body.code]
}
const INVALID = [401, 'invalid_token']

let phones = 0
/** An account that has signed up on a client without cookies. */
async function phone() {
  const account = { email: `phone${++phones}@example.com`, password: '123abC' }
  const joined = await app.visitor().post('/club/join', { ...account, token: true })
  expect([joined.status, joined.headers.getSetCookie()]).toEqual([201, []])
  expect(joined.headers.get('cache-control')).toBe('no-store')
  const { token, id } = joined.body
  return { account, token: String(token), userId: String(id), client: bearing(token) }
}

test('a client without cookies signs up, logs in, stays logged in by its activity, and logs out', async () => {
  const { account, token, client } = await phone()
  expect(token).toMatch(/^[\w-]{43}$/)
  expect(await who(client)).toBe(account.email)
  const entered = await app.visitor().post('/club/enter', { ...account, token: true })
  expect([entered.status, entered.headers.getSetCookie()]).toEqual([200, []])
  expect(entered.body.token).not.toBe(token)
  const identity = await app.deps.sessions.open(token)
  if (identity) await app.deps.sessions.touch(token, identity, Date.now() - 2 * DAY_MS)
  const daily = await client.get('/club/self')
  expect([daily.status, daily.headers.getSetCookie()]).toEqual([200, []])
  expect((await app.deps.sessions.open(token))?.sentAt).toBeGreaterThan(Date.now() - DAY_MS)
  const left = await client.post('/club/leave', {})
  expect([left.status, left.headers.getSetCookie()]).toEqual([200, []])
  expect(await who(client)).toEqual(INVALID)
  expect(await who(bearing(entered.body.token))).toBe(account.email)
})

test('without the wish for a token there is none in the answer', async () => {
  const { account } = await phone()
  const { body, headers } = await app.visitor().post('/club/enter', account)
  expect(['token' in body, headers.getSetCookie().length]).toEqual([false, 1])
})

test('a token is good whatever the case of the scheme, and for a cookie just the same', async () => {
  const { account, token } = await phone()
  for (const scheme of ['bearer', 'BEARER', 'Bearer '])
    expect(await who(app.visitor({ Authorization: `${scheme} ${token}` }))).toBe(account.email)
  expect(await who(app.visitor({ Cookie: `session=${token}` }))).toBe(account.email)
})

describe('beside a cookie', () => {
  test('the token counts', async () => {
    const { account, token } = await phone()
    const member = await app.member()
    expect((await member.get('/club/self', { Authorization: `Bearer ${token}` })).body.email).toBe(
      account.email,
    )
  })

  test.each([
    'Bearer',
    'Bearer ',
    'bearer x',
    'Bearer\tx',
    `Bearer ${'A'.repeat(43)}`,
    'Bearer a b',
    'Bearer a,b',
    // Two headers of this name, which a server gets as one.
    `Bearer ${'A'.repeat(43)}, Bearer ${'B'.repeat(43)}`,
    `Basic dXNlcjpwYXNz, Bearer ${'A'.repeat(43)}`,
    'Basic dXNlcjpwYXNz,bearer',
    ', Bearer x',
  ])('one that is invalid is 401 on every route, and no fallback: %p', async (Authorization) => {
    const member = await app.member()
    const { email, password } = member.account
    for (const reply of [
      await member.get('/club/self', { Authorization }),
      await member.get('/api/probe', { Authorization }),
      await member.post('/club/enter', { email, password }, { Authorization }),
    ]) {
      expect([reply.status, reply.body.code]).toEqual(INVALID)
      expect(reply.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
      expect(reply.headers.getSetCookie()).toEqual([])
    }
    expect((await member.get('/club/self')).status).toBe(200)
  })

  test('of two headers none counts, nor does the cookie, in whichever order a good token comes', async () => {
    const member = await app.member()
    const { token } = await phone()
    const good = `Bearer ${token}`
    const other = `Bearer ${member.cookies.get('session')}`
    for (const lines of [
      ['Basic dXNlcjpwYXNz', good],
      [good, 'Basic dXNlcjpwYXNz'],
      [good, other],
      ['', good],
    ]) {
      const headers = lines.map((line) => `Authorization: ${line}\r\n`).join('')
      const head = `GET /club/self HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: ${member.cookieHeader}\r\n`
      const { status, body } = parseReply(await rawExchange(member.url, `${head}${headers}\r\n`))
      expect([lines, status, JSON.parse(body).code]).toEqual([lines, ...INVALID])
    }
  })

  test('another scheme is none of ours: the cookie and its check of the origin count', async () => {
    const member = await app.member()
    const { token } = await phone()
    for (const Authorization of [
      'Basic dXNlcjpwYXNz',
      `Bearer-like ${token}`,
      `Token ${token}`,
      'Digest username="bearer", realm="x, bearers"',
      '',
    ]) {
      expect((await member.get('/club/self', { Authorization })).body.email).toBe(member.account.email)
      const forged = await member.post('/api/probe', { title: 'x' }, { Authorization, ...EVIL })
      expect(forged.status).toBe(403)
    }
  })

  test('a login for a token leaves the browser logged in as it was', async () => {
    const member = await app.member()
    const { account } = await phone()
    const entered = await member.post('/club/enter', { ...account, token: true })
    expect(entered.headers.getSetCookie()).toEqual([])
    expect(await who(member)).toBe(member.account.email)
    expect(await who(bearing(entered.body.token))).toBe(account.email)
  })
})

test('a page of another origin may act by a token: no browser sends it by itself', async () => {
  const { client } = await phone()
  const reply = await client.post('/api/probe', { title: 'x' }, EVIL)
  expect([reply.status, reply.headers.getSetCookie()]).toEqual([201, []])
  expect(reply.headers.get('access-control-allow-origin')).toBe('*')
  expect(reply.headers.get('access-control-allow-credentials')).toBeNull()
})

test('a login that comes with a token answers a new one, and the old one is void', async () => {
  const { account, token, client } = await phone()
  const { body, headers } = await client.post('/club/enter', account)
  expect(headers.getSetCookie()).toEqual([])
  expect(body.token).not.toBe(token)
  expect([await who(client), await who(bearing(body.token))]).toEqual([INVALID, account.email])
})

test('after a proof the new token is in the answer, and the old one is void', async () => {
  const { account, client } = await phone()
  const { body, headers } = await client.post('/club/prove', {})
  expect([headers.getSetCookie(), headers.get('cache-control')]).toEqual([[], 'no-store'])
  expect([await who(client), await who(bearing(body.token))]).toEqual([INVALID, account.email])
})

test('a disabled account is stopped at the door, and a change of role counts at once', async () => {
  const { client, userId } = await phone()
  await app.changeRole(userId, 'reader')
  expect((await client.post('/api/probe', { title: 'x' })).status).toBe(401)
  await app.changeRole(userId, 'banned')
  for (const path of ['/club/self', '/api/probe']) {
    const reply = await client.get(path)
    expect([reply.status, reply.body.err]).toEqual([400, '400: account disabled'])
  }
})
