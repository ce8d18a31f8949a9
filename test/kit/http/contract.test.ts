// The wire contract of any product: the shape of errors, methods, headers, and what is served besides its routes.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { members } from '../product/table.ts'
import { createApp } from '../product/app.ts'
import { factory } from '../product/product.ts'
import { rateLimit } from '../../../src/kit/http/rate-limit.ts'
import { silent } from '../support/log.ts'
import { startApp, type TestApp } from '../support/harness.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

test('an error is JSON whose err begins with the status', async () => {
  const reply = await app.visitor().post('/club/enter', { email: 'nobody@example.com', password: 'wrong1A' })
  expect(reply.status).toBe(400)
  expect(reply.body.err).toBe('400: Nobody enters like that')
})

test('a path that does not exist is named in the 404', async () => {
  const reply = await app.visitor().get('/no/such/path?x=1')
  expect([reply.status, reply.body.err]).toEqual([404, '404: /no/such/path'])
})

test.each([
  ['GET', '/club/enter', 'POST, OPTIONS'],
  ['GET', '/club/join', 'POST, OPTIONS'],
  ['GET', '/club/leave', 'POST, OPTIONS'],
  ['POST', '/club/self', 'GET, HEAD, OPTIONS'],
  ['PATCH', '/api/probe/1', 'PUT, OPTIONS'],
  ['DELETE', '/api/probe/', 'GET, POST, HEAD, OPTIONS'],
  ['PUT', '/', 'GET, HEAD, OPTIONS'],
])('%s %s is 405 and says what is allowed', async (method, path, allow) => {
  const reply = await app.visitor().send(method, path)
  expect([reply.status, reply.headers.get('allow')]).toEqual([405, allow])
  expect(reply.body.err).toStartWith('405: ')
})

test('TRACE gives nothing back', async () => {
  const answer = await rawRequest(
    app.url,
    'TRACE /api/probe HTTP/1.1\r\nHost: x\r\nCookie: session=hunter2\r\nConnection: close\r\n\r\n',
  )
  expect(answer).toStartWith('HTTP/1.1 4')
  expect(answer).not.toContain('hunter2')
})

test('a GET may carry a JSON body, which is ignored', async () => {
  // fetch refuses to send one: this client is a socket.
  const answer = await rawRequest(
    app.url,
    'GET /api/probe HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 7\r\nConnection: close\r\n\r\n{"a":1}',
  )
  expect(answer).toStartWith('HTTP/1.1 200')
  expect(answer).toMatch(/\r\n\r\n(2\r\n)?\[\](\r\n0\r\n\r\n)?$/) // in one piece, or in chunks
})

test.each(['/api/probe', '/api/openapi.json', '/robots.txt', '/club/self', '/no/such/path', '/'])(
  'HEAD %s answers like GET, its length too, without a body',
  async (path) => {
    const ask = async (method: string) => {
      const { hostname } = new URL(app.url)
      const answer = await rawRequest(
        app.url,
        `${method} ${path} HTTP/1.1\r\nHost: ${hostname}\r\nX-Request-Id: same\r\nConnection: close\r\n\r\n`,
      )
      const [head = '', body = ''] = answer.split('\r\n\r\n')
      return {
        head: head
          .toLowerCase()
          .split('\r\n')
          .filter((line) => !line.startsWith('date:')),
        body,
      }
    }
    const [head, get] = [await ask('HEAD'), await ask('GET')]
    expect(head).toEqual({ head: get.head, body: '' })
    expect(get.head.join('\n')).toMatch(new RegExp(`^content-length: ${Buffer.byteLength(get.body)}$`, 'm'))
  },
)

test('Connection: close is answered in kind', async () => {
  const answer = await rawRequest(app.url, 'GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  expect(answer.toLowerCase()).toContain('\r\nconnection: close\r\n')
})

test('a well-formed request id is taken over, another is replaced', async () => {
  const taken = await app.visitor().get('/health', { 'X-Request-Id': 'job-42_a' })
  expect(taken.headers.get('x-request-id')).toBe('job-42_a')
  for (const id of ['no good {id}', '', 'x'.repeat(256)]) {
    const replaced = await app.visitor().get('/health', { 'X-Request-Id': id })
    expect(replaced.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  }
})

test('the root leads to the API list; robots are denied; there is an icon and an example page', async () => {
  const visitor = app.visitor()
  const root = await visitor.get('/')
  expect([root.status, root.headers.get('location')]).toEqual([302, '/api/list'])
  const robots = await visitor.get('/robots.txt')
  expect(robots.text).toBe('User-agent: *\nDisallow: /\n')
  const icon = await visitor.get('/favicon.ico')
  expect(icon.headers.get('content-type')).toStartWith('image/')
  const example = await visitor.get('/examplehtml', { 'User-Agent': '<b>me</b>' })
  expect(example.headers.get('content-type')).toStartWith('text/html')
  expect(example.text).toContain('&lt;b&gt;me&lt;/b&gt;')
})

test('the development counter counts, also when it is asked at once', async () => {
  const visitor = app.visitor()
  const replies = await Promise.all(Array.from({ length: 20 }, () => visitor.get('/apitest/counter')))
  const counts = replies.map((r) => r.body.counter as number).sort((a, b) => a - b)
  expect(new Set(counts).size).toBe(20)
})

test('dbtruncate empties every table, spares the migrations, and ends all sessions', async () => {
  const own = await startApp()
  try {
    const member = await own.member()
    const reply = await member.post('/apitest/dbtruncate', {})
    expect([reply.status, reply.body]).toEqual([200, {}])
    expect(await own.deps.db.select().from(members)).toEqual([])
    expect((await member.get('/club/self')).status).toBe(401)
    const journal = await own.deps.db.execute('select count(*)::int as n from drizzle.__drizzle_migrations')
    expect(journal[0]?.n).toBeGreaterThan(0)
  } finally {
    await own.close()
  }
})

test('a page of another origin cannot empty the database', async () => {
  const reply = await app
    .visitor()
    .send('POST', '/apitest/dbtruncate', undefined, { Origin: 'https://evil.example' })
  expect(reply.status).toBe(403)
})

test.each([
  ['HTTP/1.0 without a Host', 'GET /health HTTP/1.0\r\n\r\n', '200'],
  ['an odd Host', 'GET /xyz/api/probe HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n', '404'],
])('%s changes no path', async (_name, bytes, status) => {
  expect(await rawRequest(app.url, bytes)).toMatch(new RegExp(`^HTTP/1.[01] ${status} `))
})

test('a body that is refused is not waited for', async () => {
  const head =
    'POST /club/enter HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n{'
  const answer = await rawRequest(app.url, head) // ends only when the server closes the connection
  expect(answer).toStartWith('HTTP/1.1 413')
  expect(answer).toContain('"err":"413: ')
})

test("a Response of a handler's own making has the headers of every answer", async () => {
  const limit = rateLimit({
    name: 'raw',
    quotas: () => [{ per: 'all', limit: 5, seconds: 60, counts: 'requests', key: () => '' }],
  })
  const own = createApp({
    ...app.deps,
    config: { ...app.config, rateLimit: { ...app.config.rateLimit, on: true } },
  })
  own.route(
    '/raw',
    factory.createApp().get('/', limit, () => new Response('raw')),
  )
  const { headers } = await own.request('/raw', { headers: { 'X-Request-Id': 'mine' } })
  expect(headers.get('x-request-id')).toBe('mine')
  expect(headers.get('ratelimit')).toStartWith('"raw-all";r=4;t=')
  expect(headers.get('access-control-allow-origin')).toBe('*')
  expect(headers.get('x-content-type-options')).toBe('nosniff')
})

test.each([['a text'], [undefined], [{ status: 200 }]])(
  'a handler that throws %p, which is no Error, answers like any other that fails',
  async (thrown) => {
    const own = createApp({ ...app.deps, log: silent })
    own.get('/thrown', () => {
      throw thrown // oxlint-disable-line typescript/only-throw-error
    })
    const reply = await own.request('/thrown', { headers: { 'X-Request-Id': 'mine' } })
    expect(reply.status).toBe(500)
    expect(await reply.json()).toEqual({
      err: '500: Internal server error',
      code: 'internal_error',
      requestId: 'mine',
    })
    expect(reply.headers.get('x-content-type-options')).toBe('nosniff')
  },
)

test('in production the development endpoints do not exist', async () => {
  const production = await startApp({ NODE_ENV: 'production' })
  try {
    for (const path of ['/apitest/counter', '/apitest/sleep?ms=1', '/apitest/block?ms=1']) {
      expect((await production.visitor().get(path)).status).toBe(404)
    }
    expect((await production.visitor().post('/apitest/dbtruncate', {})).status).toBe(404)
  } finally {
    await production.close()
  }
})

/** Sends bytes and returns everything up to the end of the connection. */
async function rawRequest(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let text = ''
  await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      open: (socket) => void socket.write(bytes),
      data: (_socket, chunk) => void (text += chunk.toString()),
      close: () => resolve(text),
      error: (_socket, error) => reject(error),
    },
  })
  return promise
}
