// Development: its endpoints are for this machine, and `localhost` is the name of it.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { startApp, type TestApp } from '../support/harness.ts'
import { rawRequest } from '../support/raw.ts'

let app: TestApp
const warnings: string[] = []
beforeAll(async () => {
  app = await startApp()
  app.deps.log.warn = (message) => void warnings.push(message)
})
afterAll(() => app.close())

const ask = async (host: string, ...headers: string[]) =>
  (await rawRequest(app.url, { target: '/apitest/counter', headers: [`Host: ${host}`, ...headers] })).status

test.each([
  ['localhost:8100', 200],
  ['LOCALHOST', 200],
  ['api.localhost', 200],
  ['127.0.0.1:8100', 200],
  ['127.1.2.3', 200],
  ['[::1]:8100', 200],
  ['evil.test', 403],
  ['localhost.evil.test', 403],
  ['127.0.0.1.evil.test', 403],
  ['192.168.1.2', 403],
])('its endpoints answer %s with %d: a name of somebody else may lead here', async (host, status) => {
  expect(await ask(host)).toBe(status)
})

test.each(['db.example:5432', 'localhost:5432,db.example:5432', 'db.example:5432,localhost:5432'])(
  'no database on another machine is emptied: %s',
  async (hosts) => {
    const { config } = app.deps
    app.deps.config = { ...config, databaseUrl: `postgres://me@${hosts}/club` }
    try {
      expect((await app.visitor().post('/apitest/dbtruncate', {})).status).toBe(403)
    } finally {
      app.deps.config = config
    }
  },
)

test('its endpoints answer no page of another site', async () => {
  expect(await ask('localhost', 'Sec-Fetch-Site: cross-site')).toBe(403)
  expect(await ask('localhost', 'Sec-Fetch-Site: same-site')).toBe(200)
  expect(await ask('localhost', 'Sec-Fetch-Site: none')).toBe(200)
})

test('a 401 says in the log when the page and the API go by two names of this machine', async () => {
  const me = async (host: string, origin?: string) => {
    warnings.length = 0
    const headers = [`Host: ${host}`, ...(origin ? [`Origin: ${origin}`] : [])]
    expect((await rawRequest(app.url, { target: '/club/self', headers })).status).toBe(401)
    return warnings.find((line) => line.includes('Use localhost for both'))
  }
  expect(await me('127.0.0.1:8100', 'http://localhost:5173')).toContain(
    'its page is at http://localhost:5173 and the API at 127.0.0.1:8100',
  )
  expect(await me('localhost:8100', 'http://127.0.0.1:5173')).toBeDefined()
  expect(await me('localhost:8100', 'http://localhost:5173')).toBeUndefined()
  expect(await me('127.0.0.1:8100', 'http://127.0.0.1:5173')).toBeUndefined()
  expect(await me('127.0.0.1:8100', 'https://evil.test')).toBeUndefined()
  expect(await me('127.0.0.1:8100')).toBeUndefined()
})

test('in production nobody is told', async () => {
  const production = await startApp({ NODE_ENV: 'production', CORS_ORIGINS: 'http://localhost:5173' })
  const told: string[] = []
  production.deps.log.warn = (message) => void told.push(message)
  try {
    const reply = await production.visitor().get('/club/self', { Origin: 'http://localhost:5173' })
    expect(reply.status).toBe(401)
    expect(told).not.toContainEqual(expect.stringContaining('Use localhost'))
  } finally {
    await production.close()
  }
})
