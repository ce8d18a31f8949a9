// What clients, proxies and attackers really send, line by line, and what is answered: a table of raw requests.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { createApp } from '../product/app.ts'
import { serve } from '../../../src/kit/process/serve.ts'
import { startApp, type TestApp } from '../support/harness.ts'
import { parseReply, rawExchange, rawRequest, toBytes, type RawRequest } from '../support/raw.ts'

let app: TestApp
let member: Awaited<ReturnType<TestApp['member']>>
let boss: typeof member
let cookie: string
const lines: { msg: string; fields: Record<string, unknown> }[] = []
beforeAll(async () => {
  app = await startApp({ TRUSTED_PROXIES: '127.0.0.1', BODY_LIMIT: '64kb' })
  const keep = (msg: string, fields: Record<string, unknown> = {}) => void lines.push({ msg, fields })
  Object.assign(app.deps.log, { debug: keep, info: keep, warn: keep, error: keep })
  member = await app.member()
  boss = await app.member('owner')
  cookie = `Cookie: session=${member.cookies.get('session')}`
})
afterAll(() => app.close())

const ask = (request: RawRequest) => rawRequest(app.url, request)
const HOST = 'Host: shop.test'
const JSON_TYPE = 'Content-Type: application/json'
const sized = ({ length }: string | Uint8Array) => `Content-Length: ${length}`

describe('Host', () => {
  test.each([
    // what is sent, and what is answered to every method
    ['shop.test', 200],
    ['shop.test:8100', 200],
    ['SHOP.test', 200],
    ['127.0.0.1', 200],
    ['[::1]:8100', 200],
    ['x:', 200],
    ['x:99999', 400],
    ['x:abc', 400],
    ['x:80:80', 400],
    ['[', 400],
    ['[::1', 400],
    ['1.2.3.4.5', 400],
    ['%zz', 400],
    ['a%00b', 400],
  ])('%p is answered %d, whatever the method', async (host, status) => {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE']) {
      const reply = await ask({ method, target: '/api/list?token=hunter2', headers: [`Host: ${host}`] })
      // A preflight is answered before anything is looked at.
      const fine = { GET: 200, HEAD: 200, OPTIONS: 204, DELETE: 405 }[method] ?? 0
      expect([method, reply.status]).toEqual([method, status === 200 || method === 'OPTIONS' ? fine : status])
      expect(reply.headers['x-request-id']).toBeDefined()
      expect(reply.headers['x-content-type-options']).toBe('nosniff')
      if (status !== 400 || method === 'HEAD' || method === 'OPTIONS') continue
      expect(JSON.parse(reply.body)).toEqual({
        err: '400: The Host header is not a host with a port from 0 to 65535',
        code: 'invalid_request',
        requestId: reply.headers['x-request-id'],
      })
    }
  })

  test('two of them are refused', async () => {
    // The first of them is one that is well known here.
    expect((await ask({ target: '/api/list', headers: ['Host: shop.test'] })).status).toBe(200)
    const reply = await ask({ target: '/api/list', headers: ['Host: shop.test', 'Host: evil.test'] })
    expect([reply.status, JSON.parse(reply.body).err]).toEqual([
      400,
      '400: The request has more than one Host header',
    ])
  })

  test('that is refused leaves a log line like every other, its secrets masked', async () => {
    const id = crypto.randomUUID()
    const target = '/club/self?token=hunter2&x=%1b[31m'
    await ask({ method: 'HEAD', target, headers: ['Host: x:99999', `X-Request-Id: ${id}`] })
    const line = lines.find(({ fields }) => fields.requestId === id)
    expect(line?.fields).toMatchObject({ method: 'HEAD', path: '/club/self', status: 400 })
    expect(line?.fields.input).toBe('{"query":{"token":"***","x":"\\u001b[31m"}}')
  })

  test('HTTP/1.0 needs none, HTTP/1.1 does', async () => {
    expect(parseReply(await rawExchange(app.url, 'GET /health HTTP/1.0\r\n\r\n')).status).toBe(200)
    expect(
      parseReply(await rawExchange(app.url, 'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n')).status,
    ).toBe(400)
  })

  test('what is thrown outside of the app is answered in its words and logged, and nothing is shown', async () => {
    const told: unknown[] = []
    const broken = {
      fetch: (): Response => {
        throw new Error('secret of the inside')
      },
    }
    const server = serve(broken, app.config, {
      log: { error: (message, fields) => void told.push([message, fields]) },
    })
    try {
      const reply = await rawRequest(server.url.origin, { headers: [HOST] })
      expect([reply.status, JSON.parse(reply.body)]).toEqual([
        500,
        { err: '500: Internal server error', code: 'internal_error' },
      ])
      expect(told).toEqual([['an error outside of the app', { error: expect.any(Error) }]])
    } finally {
      await server.drain(1000)
    }
  })
})

describe('path and query', () => {
  test.each([
    // Of what a route reads; who reads no query cares for none.
    ['/club/notes?search=%C3%A9', 200],
    ['/club/notes?search=%F0%9F%92%A9', 200],
    ['/club/notes?search=%zz', 200],
    ['/club/notes?search=%', 200],
    ['/club/notes?search=%ff', 400],
    ['/club/notes?search=%C3', 400],
    ['/club/notes?search=%C3%C3%A9', 400],
    ['/club/notes?search=%ed%a0%80', 400],
    ['/club/notes?search=%C0%80', 400],
    ['/club/notes?search=J\xfcrgen', 400],
    ['/club/notes?search=J\xc3\xbcrgen', 200],
    ['/club/notes/%ff', 400],
    ['/club/notes/J\xfcrgen', 400],
    ['/club/notes/J\xc3\xbcrgen', 404],
    ['/club/notes/%C3%BC', 404],
    ['/club/notes/1?x=%ff', 404],
    ['/api/list?x=%ff', 200],
    ['/api/no/%ff', 404],
    ['/%', 404],
  ])('%s is answered %d', async (target, status) => {
    const reply = await ask({ target, headers: [HOST, `Cookie: session=${boss.cookies.get('session')}`] })
    expect(reply.status).toBe(status)
    if (status === 400) {
      expect(JSON.parse(reply.body).err).toMatch(/^400: The (path|query) must be UTF-8, percent-encoded$/)
    }
  })
})

describe('bodies', () => {
  const JSON_BODY = '{"title":"J\xc3\xbcrgen"}'
  const LATIN = '{"title":"J\xfcrgen"}'
  const gzipped = Buffer.from(Bun.gzipSync(toBytes(JSON_BODY)))

  test.each<[string, string[], string | Uint8Array, number]>([
    ['plain JSON', [JSON_TYPE], JSON_BODY, 201],
    ['its charset named', ['Content-Type: application/json; charset=UTF-8'], JSON_BODY, 201],
    ['its charset in quotes', ['Content-Type: application/json;charset="utf-8"'], JSON_BODY, 201],
    ['the other spelling', ['Content-Type: application/json; charset=utf8'], JSON_BODY, 201],
    ['a byte order mark', [JSON_TYPE], `\xef\xbb\xbf${JSON_BODY}`, 201],
    ['identity', [JSON_TYPE, 'Content-Encoding: identity'], JSON_BODY, 201],
    ['another charset', ['Content-Type: application/json; charset=iso-8859-1'], LATIN, 415],
    ['a charset of two bytes', ['Content-Type: application/json; charset=utf-16'], JSON_BODY, 415],
    ['Latin-1 that does not say so', [JSON_TYPE], LATIN, 400],
    ['half a surrogate pair in UTF-8', [JSON_TYPE], '{"title":"\xed\xa0\x80"}', 400],
    ['an overlong NUL', [JSON_TYPE], '{"title":"\xc0\x80"}', 400],
    ['a cut character', [JSON_TYPE], '{"title":"\xf0\x9f\x92', 400],
    ['gzip', [JSON_TYPE, 'Content-Encoding: gzip'], gzipped, 415],
    ['gzip that does not say so', [JSON_TYPE], gzipped, 400],
    ['br', [JSON_TYPE, 'Content-Encoding: br'], JSON_BODY, 415],
    ['two codings', [JSON_TYPE, 'Content-Encoding: gzip, identity'], gzipped, 415],
    ['no type', [], JSON_BODY, 415],
  ])('JSON, %s', async (_name, headers, body, status) => {
    const reply = await ask({
      method: 'POST',
      target: '/api/probe',
      headers: [HOST, cookie, ...headers, sized(body)],
      body: typeof body === 'string' ? toBytes(body) : body,
    })
    expect(reply.status).toBe(status)
    const answer = JSON.parse(reply.body)
    if (status === 201) expect(answer.title).toBe('Jürgen')
    else expect(answer.err).toStartWith(`${status}: `)
  })

  test('a compressed one is told how to come again', async () => {
    const headers = [HOST, cookie, JSON_TYPE, 'Content-Encoding: gzip', sized(gzipped)]
    const reply = await ask({ method: 'POST', target: '/api/probe', headers, body: gzipped })
    expect(reply.headers['accept-encoding']).toBe('identity')
  })
})

describe('transfer coding', () => {
  const chunked = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`
  const BODY = '{"title":"chunked"}'

  // What Bun itself refuses has no body: that is the only answer which is not in the app's words.
  test.each<[string, string[], string, number]>([
    ['chunked', ['Transfer-Encoding: chunked'], chunked(BODY), 201],
    ['in any case', ['transfer-encoding: Chunked'], chunked(BODY), 201],
    ['chunked and a length', ['Transfer-Encoding: chunked', 'Content-Length: 3'], chunked(BODY), 400],
    ['two lengths', ['Content-Length: 19', 'Content-Length: 3'], BODY, 400],
    ['a length that is none', ['Content-Length: x'], BODY, 400],
    ['a negative length', ['Content-Length: -1'], BODY, 400],
    ['gzip, chunked', ['Transfer-Encoding: gzip, chunked'], chunked(BODY), 400],
    ['a size that is none', ['Transfer-Encoding: chunked'], `zz\r\n${BODY}\r\n0\r\n\r\n`, 400],
    ['a body past the limit', ['Transfer-Encoding: chunked'], chunked(' '.repeat(70_000)), 413],
    ['a length past the limit', ['Content-Length: 70000'], ' '.repeat(70_000), 413],
  ])('%s', async (_name, headers, body, status) => {
    const reply = await ask({
      method: 'POST',
      target: '/api/probe',
      headers: [HOST, cookie, JSON_TYPE, ...headers],
      body,
    })
    expect(reply.status).toBe(status)
    if (reply.body !== '' && status >= 400) expect(JSON.parse(reply.body).err).toStartWith(`${status}: `)
  })
})

describe('Origin and Sec-Fetch-Site of a change, with a session', () => {
  const change = async (headers: string[], target = '/api/probe') => {
    const body = '{"title":"x"}'
    const all = [...headers, cookie, JSON_TYPE, sized(body)]
    return (await ask({ method: 'POST', target, headers: all, body })).status
  }

  test.each<[number, ...string[]]>([
    // Neither: no browser.
    [201, 'Host: shop.test'],
    // Sec-Fetch-Site alone: browsers cannot be made to lie in it.
    [201, 'Host: shop.test', 'Sec-Fetch-Site: same-origin'],
    [201, 'Host: shop.test', 'Sec-Fetch-Site: none'],
    [403, 'Host: shop.test', 'Sec-Fetch-Site: same-site'],
    [403, 'Host: shop.test', 'Sec-Fetch-Site: cross-site'],
    [403, 'Host: shop.test', 'Sec-Fetch-Site: cross-site', 'Origin: https://evil.test'],
    // Behind a proxy that changes the host, the browser's own word counts.
    [201, 'Host: internal:8100', 'Sec-Fetch-Site: same-origin', 'Origin: https://shop.test'],
    // Own: the same host, without the default port.
    [201, 'Host: shop.test', 'Origin: https://shop.test'],
    [201, 'Host: shop.test:443', 'Origin: https://shop.test'],
    [201, 'Host: shop.test:80', 'Origin: http://shop.test'],
    [201, 'Host: SHOP.test', 'Origin: https://shop.test'],
    [201, 'Host: shop.test:8100', 'Origin: http://shop.test:8100'],
    [403, 'Host: shop.test:80', 'Origin: https://shop.test'],
    [403, 'Host: shop.test:8443', 'Origin: https://shop.test'],
    [403, 'Host: shop.test', 'Origin: https://www.shop.test'],
    [403, 'Host: shop.test', 'Origin: https://shop.test.evil.test'],
    [403, 'Host: shop.test', 'Origin: null'],
    // The scheme, where a trusted proxy says it.
    [201, 'Host: shop.test', 'Origin: https://shop.test', 'X-Forwarded-Proto: https'],
    [403, 'Host: shop.test', 'Origin: http://shop.test', 'X-Forwarded-Proto: https'],
    [
      201,
      'Host: api',
      'X-Forwarded-Host: shop.test',
      'Origin: https://shop.test',
      'X-Forwarded-Proto: https',
    ],
    // Listed: in development every port of localhost.
    [201, 'Host: shop.test', 'Origin: http://localhost:5173', 'Sec-Fetch-Site: cross-site'],
  ])('%d: %s %s %s', async (status, ...headers) => {
    expect(await change(headers)).toBe(status)
  })
})

describe('cookies', () => {
  let other: Awaited<ReturnType<TestApp['member']>>
  let again: string
  beforeEach(async () => {
    other = await app.member()
    const { email, password } = member.account
    const second = app.visitor()
    await second.post('/club/enter', { email, password })
    again = second.cookies.get('session') ?? ''
  })
  const me = async (sent: string) => {
    const reply = await ask({ target: '/club/self', headers: [HOST, `Cookie: ${sent}`] })
    return reply.status === 200 ? JSON.parse(reply.body).email : reply.status
  }

  test('who they stand for', async () => {
    const a = member.cookies.get('session') ?? ''
    const b = other.cookies.get('session') ?? ''
    const none = 'A'.repeat(43)
    const [ann, bob] = [member.account.email, other.account.email]
    const rows: [string, string | number][] = [
      [`session=${a}`, ann],
      [`x=1; session=${a};y=2`, ann],
      [`session=${none}; session=${a}`, ann],
      [`session=${a}; session=${none}`, ann],
      [`session=${a}; session=${again}`, ann],
      [`session=${a}; session=${a}`, ann],
      [`session=${a}; session=${b}`, 401],
      [`session=; session=${a}`, ann],
      [`session=1; session=2; session=${a}`, ann],
      [`session=1; session=2; session=3; session=${a}`, 401],
      [`__Host-session=${b}`, bob],
      [`session=${a}; __Host-session=${b}`, bob],
      [`__Host-session=${none}; session=${a}`, 401],
      [`xsession=${a}`, 401],
      [`Session=${a}`, 401],
      [`session`, 401],
      [`session=${a}x`, 401],
    ]
    for (const [sent, who] of rows) expect([sent, await me(sent)]).toEqual([sent, who])
  })

  const login = async (own: TestApp, host: string, sent: string) => {
    const body = JSON.stringify({ email: member.account.email, password: member.account.password })
    const headers = [`Host: ${host}`, `Cookie: ${sent}`, JSON_TYPE, sized(body)]
    const reply = await rawRequest(own.url, { method: 'POST', target: '/club/enter', headers, body })
    expect(reply.status).toBe(200)
    return (reply.headers['set-cookie'] ?? '').split('\n').map((line) => line.replace(/=[\w-]{43};/, '=NEW;'))
  }

  test('a login takes the variants from the browser that would stand beside the new one', async () => {
    const rest = 'Path=/; HttpOnly; SameSite=Lax'
    expect(await login(app, 'api.shop.test', 'x=1')).toEqual([`session=NEW; Max-Age=2592000; ${rest}`])
    expect(await login(app, '127.0.0.1', 'session=old')).toEqual([`session=NEW; Max-Age=2592000; ${rest}`])
    expect(await login(app, 'api.shop.test:8100', 'session=old')).toEqual([
      `session=; Max-Age=0; Domain=api.shop.test; ${rest}`,
      `session=; Max-Age=0; Domain=shop.test; ${rest}`,
      `session=NEW; Max-Age=2592000; ${rest}`,
    ])
    expect(await login(app, 'shop.test', '__Host-session=old')).toEqual([
      '__Host-session=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax',
      `session=; Max-Age=0; Domain=shop.test; ${rest}`,
      `session=NEW; Max-Age=2592000; ${rest}`,
    ])
  })

  test('with a domain it is the cookie of the host alone that goes: login works, and what follows', async () => {
    const shared = { ...app.config, cookie: { ...app.config.cookie, domain: 'shop.test' } }
    const server = serve(createApp({ ...app.deps, config: shared }), shared)
    try {
      const own = { ...app, url: server.url.origin }
      expect(await login(own, 'shop.test', 'session=old')).toEqual([
        'session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax',
        'session=NEW; Max-Age=2592000; Domain=shop.test; Path=/; HttpOnly; SameSite=Lax',
      ])
    } finally {
      await server.drain(1000)
    }
  })

  test('a logout ends every session that came along', async () => {
    const { email, password } = other.account
    const second = app.visitor()
    await second.post('/club/enter', { email, password })
    const [one, two] = [other.cookies.get('session') ?? '', second.cookies.get('session') ?? '']
    const sent = `Cookie: session=${one}; session=${two}`
    const reply = await ask({
      method: 'POST',
      target: '/club/leave',
      headers: [HOST, sent, 'Content-Length: 0'],
    })
    expect(reply.status).toBe(200)
    expect([await me(`session=${one}`), await me(`session=${two}`)]).toEqual([401, 401])
  })
})
