// The page to try the API: it exists where it is wanted.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { startApp, type TestApp } from '../support/harness.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

test('its script and style sheet are compressed, and cached for ever under an address that changes with them', async () => {
  const page = await app.visitor().get('/api/docs')
  for (const name of ['docs.js', 'docs.css']) {
    const address = new RegExp(`"(${name}\\?v=[0-9a-f]{16})"`).exec(page.text)?.[1]
    const kept = await app.visitor().get(`/api/${address}`)
    expect([kept.status, kept.headers.get('cache-control')]).toEqual([
      200,
      'public, max-age=31536000, immutable',
    ])
    expect(kept.headers.get('content-encoding')).toBe('gzip')
    const plain = await app.visitor().get(`/api/${name}`, { 'Accept-Encoding': 'identity' })
    expect([plain.headers.get('content-encoding'), plain.headers.get('cache-control')]).toEqual([
      null,
      'no-cache',
    ])
    expect(plain.text).toBe(kept.text)
    const etag = plain.headers.get('etag') ?? ''
    const again = await app.visitor().get(`/api/${name}`, { 'If-None-Match': etag })
    expect([again.status, again.text]).toEqual([304, ''])
  }
})

test('scripts may run on this page and on no other, and only its own', async () => {
  const policyOf = async (path: string) =>
    (await app.visitor().get(path)).headers.get('content-security-policy') ?? ''
  expect(await policyOf('/api/docs')).toContain("script-src 'self';")
  expect(await policyOf('/api/docs')).toEndWith("connect-src 'self'")
  expect(await policyOf('/api/docs')).toContain("default-src 'none';")
  for (const path of ['/api/list', '/api/docs/x', '/examplehtml'])
    expect(await policyOf(path)).not.toContain('script-src')
})

test('in production the page is off by default; API_DOCS=on shows it, without the API list too', async () => {
  const statuses = async (env: Record<string, string>) => {
    const production = await startApp({ NODE_ENV: 'production', ...env })
    try {
      const of = async (path: string) => (await production.visitor().get(path)).status
      const links = (await production.visitor().get('/api/list')).text.includes('href="/api/docs"')
      return [await of('/api/docs'), await of('/api/docs.js'), await of('/api/openapi.json'), links]
    } finally {
      await production.close()
    }
  }
  expect(await statuses({})).toEqual([404, 404, 200, false])
  expect(await statuses({ API_DOCS: 'on' })).toEqual([200, 200, 200, true])
  expect(await statuses({ API_DOCS: 'on', API_LIST: 'off' })).toEqual([200, 200, 200, false])
  expect(await statuses({ API_LIST: 'off' })).toEqual([404, 404, 404, false])
})

test('browsers come by HTTPS for a year, and what is text says in which charset', async () => {
  const { headers } = await app.visitor().get('/api/docs')
  expect(headers.get('strict-transport-security')).toBe('max-age=31536000; includeSubDomains')
  for (const path of ['/api/docs', '/api/docs.css', '/api/docs.js']) {
    const type = (await app.visitor().get(path)).headers.get('content-type')
    expect([path, type?.toLowerCase()]).toEqual([path, expect.stringMatching(/; ?charset=utf-8$/)])
  }
})
