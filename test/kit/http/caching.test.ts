// What caches may keep, and what other sites may show: an answer to one person reaches nobody else.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createApp } from '../product/app.ts'
import { doc } from '../../../src/kit/http/doc.ts'
import { factory } from '../product/product.ts'
import type { Client } from '../support/client.ts'
import { startApp, type TestApp } from '../support/harness.ts'

let app: TestApp
let boss: Awaited<ReturnType<TestApp['member']>>
beforeAll(async () => {
  app = await startApp()
  boss = await app.member('owner')
})
afterAll(() => app.close())

const cachingOf = async (client: Client, path: string) =>
  (await client.get(path, { Accept: 'text/html' })).headers.get('cache-control')

test.each(['/club/self', '/club/self/'])('%s is kept by no cache, whoever asks', async (path) => {
  expect(await cachingOf(boss, path)).toBe('no-store')
  expect(await cachingOf(app.visitor(), path)).toBe('no-store')
})

test('nor is what sets a cookie, or takes it away', async () => {
  const { account } = await app.member()
  const client = app.visitor()
  const signup = await client.post('/club/join', { ...account, email: 'cached@example.com' })
  const login = await client.post('/club/enter', { email: account.email, password: account.password })
  const logout = await client.post('/club/leave', {})
  for (const { status, headers } of [signup, login, logout]) {
    expect(status).toBeOneOf([200, 201])
    expect(headers.get('set-cookie')).toBeDefined()
    expect(headers.get('cache-control')).toBe('no-store')
  }
})

test.each(['/api/probe', '/api/list', '/api/openapi.json', '/no/such/path', '/apitest/counter'])(
  '%s to somebody who is logged in is for that browser alone, which asks again; to a visitor it says nothing',
  async (path) => {
    expect(await cachingOf(boss, path)).toBe('private, no-cache')
    expect(await cachingOf(app.visitor(), path)).toBeNull()
  },
)

test.each(['/robots.txt', '/favicon.ico'])(
  '%s says itself how long it may be kept, to everybody',
  async (path) => {
    for (const client of [boss, app.visitor()]) {
      expect(await cachingOf(client, path)).toBe('public, max-age=86400')
    }
  },
)

test("the front-end's pages may show an image of an open API, and nobody may embed pages and personal answers", async () => {
  const own = createApp(app.deps)
  own.route(
    '/image',
    factory
      .createApp()
      .get('/', doc('An image.', 'image/svg+xml'), (c) =>
        c.body('<svg/>', 200, { 'Content-Type': 'image/svg+xml' }),
      ),
  )
  const shut = createApp({
    ...app.deps,
    config: { ...app.config, production: true, corsOrigins: ['https://app.test'] },
  })
  const policyOf = async (of: typeof own, path: string, headers: Record<string, string> = {}) =>
    (await of.request(path, { headers })).headers.get('cross-origin-resource-policy')
  const session = { Cookie: `session=${boss.cookies.get('session')}` }

  expect(await policyOf(own, '/image')).toBe('cross-origin')
  expect(await policyOf(own, '/favicon.ico')).toBe('cross-origin')
  expect(await policyOf(own, '/favicon.ico', session)).toBe('cross-origin')
  expect(await policyOf(own, '/image', session)).toBe('same-origin')
  expect(await policyOf(own, '/club/self', session)).toBe('same-origin')
  expect(await policyOf(own, '/api/list')).toBe('same-origin')
  const post = await own.request('/club/enter', { method: 'POST' })
  expect(post.headers.get('cross-origin-resource-policy')).toBe('same-origin')
  expect(await policyOf(shut, '/favicon.ico')).toBe('same-site')
  expect(await policyOf(shut, '/favicon.ico', { Origin: 'https://app.test' })).toBe('cross-origin')
  expect(await policyOf(shut, '/favicon.ico', { Origin: 'https://evil.test' })).toBe('same-site')
})

test('whatever is answered, browsers come by HTTPS for a year, and may sniff, frame and load nothing', async () => {
  const requests: [method: string, path: string][] = [
    ['GET', '/api/list'],
    ['GET', '/health'],
    ['GET', '/'], // leads on
    ['GET', '/no/such/path'],
    ['GET', '/club/self'], // 401
    ['PUT', '/'], // 405
    ['POST', '/club/enter'], // 415
    ['OPTIONS', '/club/enter'],
    ['HEAD', '/robots.txt'],
  ]
  for (const [method, path] of requests) {
    const { headers } = await app.visitor().send(method, path)
    const told = Object.fromEntries(
      ['strict-transport-security', 'x-content-type-options', 'referrer-policy'].map((name) => [
        name,
        headers.get(name),
      ]),
    )
    expect([method, path, told]).toEqual([
      method,
      path,
      {
        'strict-transport-security': 'max-age=31536000; includeSubDomains',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
      },
    ])
    for (const directive of ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"])
      expect(headers.get('content-security-policy')).toContain(directive)
  }
})

test('what is text says in which charset', async () => {
  for (const path of ['/favicon.ico', '/robots.txt', '/api/list']) {
    const type = (await app.visitor().get(path)).headers.get('content-type')
    expect([path, type?.toLowerCase()]).toEqual([path, expect.stringMatching(/; ?charset=utf-8$/)])
  }
})
