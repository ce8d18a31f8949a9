// Origins: which pages may call with cookies, and whose address counts.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { startApp, type TestApp } from '../support/harness.ts'

let dev: TestApp
let listed: TestApp
beforeAll(async () => {
  dev = await startApp({ TRUSTED_PROXIES: '127.0.0.1' })
  listed = await startApp({ NODE_ENV: 'production', CORS_ORIGINS: '*, https://app.example.com' })
})
afterAll(() => Promise.all([dev.close(), listed.close()]))

const cors = async (app: TestApp, origin: string, method = 'GET') => {
  const reply = await app.visitor().send(method, '/api/probe', undefined, { Origin: origin })
  const { headers } = reply
  return [headers.get('access-control-allow-origin'), headers.get('access-control-allow-credentials')]
}

test('a listed origin is echoed, and may send cookies', async () => {
  expect(await cors(listed, 'https://app.example.com')).toEqual(['https://app.example.com', 'true'])
  expect(await cors(listed, 'https://app.example.com', 'OPTIONS')).toEqual([
    'https://app.example.com',
    'true',
  ])
})

test('an unlisted origin gets *, and never credentials', async () => {
  for (const origin of [
    'https://evil.example',
    'http://localhost:3000',
    'null',
    'https://app.example.com.evil',
  ]) {
    expect(await cors(listed, origin)).toEqual(['*', null])
    expect(await cors(listed, origin, 'OPTIONS')).toEqual(['*', null])
  }
})

test('without * an unlisted origin gets nothing', async () => {
  const strict = await startApp({ NODE_ENV: 'production', CORS_ORIGINS: 'https://app.example.com' })
  try {
    expect(await cors(strict, 'https://evil.example')).toEqual([null, null])
  } finally {
    await strict.close()
  }
})

test('in development every port of localhost is listed', async () => {
  for (const origin of ['http://localhost:3000', 'http://127.0.0.1:5173', 'http://localhost']) {
    expect(await cors(dev, origin)).toEqual([origin, 'true'])
  }
  expect(await cors(dev, 'http://localhost.evil.example')).toEqual(['*', null])
})

test('a preflight allows the methods and headers of the contract, on any path', async () => {
  for (const path of ['/api/probe', '/no/such/path']) {
    const { status, headers } = await dev.visitor().send('OPTIONS', path, undefined, {
      Origin: 'http://localhost:3000',
      'Access-Control-Request-Method': 'PUT',
    })
    expect(status).toBe(204)
    expect(headers.get('access-control-allow-methods')).toBe('GET,POST,PUT,PATCH,DELETE,OPTIONS')
    expect(headers.get('access-control-allow-headers')).toBe(
      'Content-Type,Authorization,X-Request-Id,Idempotency-Key,If-Match,If-None-Match,Last-Event-ID',
    )
    expect(headers.get('access-control-expose-headers')).toStartWith(
      'X-Request-Id,Location,Link,ETag,Retry-After,RateLimit,RateLimit-Policy',
    )
  }
})

test('errors carry the CORS headers too, so that a page can read them', async () => {
  const { status, headers } = await dev.visitor().get('/club/self', { Origin: 'http://localhost:3000' })
  expect([status, headers.get('access-control-allow-origin')]).toEqual([401, 'http://localhost:3000'])
})

test('a foreign page cannot act for a logged-in user', async () => {
  const member = await listed.member()
  const post = async (headers: Record<string, string>) =>
    (await member.post('/api/probe', { title: 'x' }, headers)).status
  const host = new URL(listed.url).host
  expect(await post({})).toBe(201)
  expect(await post({ Origin: `http://${host}` })).toBe(201)
  expect(await post({ Origin: `https://${host}` })).toBe(201) // behind a TLS proxy
  expect(await post({ Origin: 'https://app.example.com' })).toBe(201)
  expect(await post({ Origin: 'https://evil.example' })).toBe(403)
  expect(await post({ Origin: 'null' })).toBe(403)
  expect(await post({ Origin: '' })).toBeOneOf([201, 403])
  expect(await post({ Origin: 'https://api.example.com', 'X-Forwarded-Host': 'api.example.com' })).toBe(403)
  expect((await member.get('/club/self', { Origin: 'https://evil.example' })).status).toBe(200)
})

test('the log names the origin that was refused, cut and escaped', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-origins-'))
  const file = join(folder, 'log')
  const app = await startApp({ LOG_FILE: file, LOG_LEVEL: 'warn', LOG_FORMAT: 'json' })
  try {
    const member = await app.member()
    const evil = `https://evil.example/\x9b${'x'.repeat(1000)}`
    const reply = await member.post('/api/probe', { title: 'x' }, { Origin: evil })
    expect(reply.status).toBe(403)
  } finally {
    await app.close()
  }
  const text = readFileSync(file, 'utf8')
  const lines = text.split('\n').filter((line) => line.includes('refused'))
  expect(lines).toHaveLength(1)
  for (const line of lines) {
    expect(line).toContain('"origin":"https://evil.example/\\u009bxxx')
    expect(JSON.parse(line)).toMatchObject({ level: 'warn', host: expect.any(String) })
    expect(JSON.parse(line).origin).toHaveLength(200)
  }
  rmSync(folder, { recursive: true })
})

test('a foreign page may still call without a session', async () => {
  const login = { email: 'no@example.com', password: 'Wrong123' }
  const reply = await listed.visitor().post('/club/enter', login, { Origin: 'https://evil.example' })
  expect(reply.status).toBe(400)
})

test('behind a trusted proxy the host that it forwards counts as ours', async () => {
  const member = await dev.member()
  const headers = { Origin: 'https://api.example.com', 'X-Forwarded-Host': 'api.example.com' }
  expect((await member.post('/api/probe', { title: 'x' }, headers)).status).toBe(201)
})
