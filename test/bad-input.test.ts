// Bad input: a table of nasty bodies against every route that takes one. Never a 500, never an echo.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { describeRoutes } from '../src/web/doc.ts'
import { startApp, type TestApp } from './support/harness.ts'

let app: TestApp
let boss: Awaited<ReturnType<TestApp['member']>>
beforeAll(async () => {
  app = await startApp({ BODY_LIMIT: '64kb' })
  boss = await app.member('superuser')
})
afterAll(() => app.close())

const MARK = 'mark-5f2c'
const deep = '['.repeat(5000) + ']'.repeat(5000)

const BODIES: Record<string, string> = {
  'malformed JSON': `{"title": "${MARK}`,
  'an empty body': '',
  null: 'null',
  'a string': `"${MARK}"`,
  'a number': '17',
  'an array': `[{"title":"${MARK}"}]`,
  'an empty object': '{}',
  'a 5000-deep array': deep,
  'a 5000-deep value': `{"title":${deep},"email":${deep},"password":${deep}}`,
  'wrong types':
    '{"title":{},"director":[],"email":5,"password":{},"fname":[],"lname":false,"remember":"no"}',
  NUL: `{"title":"a\\u0000${MARK}","email":"a\\u0000@example.com","password":"aB1234\\u0000","fname":"\\u0000","lname":"x"}`,
  'a lone surrogate': `{"title":"\\ud800${MARK}","email":"\\ud800@example.com","password":"aB1234\\udfff","fname":"\\udfff","lname":"x"}`,
  'prototype keys': `{"__proto__":{"role":"superuser"},"constructor":{"prototype":{"x":1}},"title":5,"email":5}`,
  'over-long strings': JSON.stringify({
    title: MARK.repeat(600),
    email: `${'a'.repeat(5000)}@example.com`,
    password: `aB1${'x'.repeat(5000)}`,
    fname: 'x'.repeat(5000),
    lname: 'x',
  }),
  'a duplicate key': `{"title":5,"title":{"a":"${MARK}"},"email":1,"email":2}`,
  'a byte order mark and noise': '\ufeff{"title":',
}

const ROUTES = [
  ['POST', '/api/signup'],
  ['POST', '/api/login'],
  ['POST', '/api/movies/'],
  ['PUT', '/api/movies/1'],
] as const

test('the table covers every route that takes a body', () => {
  const taking = describeRoutes(app.app).filter((r) => r.inputs.some((i) => i.target === 'json'))
  const names = taking.map((r) => `${r.method} ${r.path.replace(':id', '1')}`)
  expect(names.sort()).toEqual(ROUTES.map(([m, p]) => `${m} ${p.replace(/(.)\/$/, '$1')}`).sort())
})

describe.each(ROUTES)('%s %s', (method, path) => {
  test.each(Object.entries(BODIES))('refuses %s', async (name, body) => {
    const client = path.includes('movies') ? boss : app.visitor()
    const reply = await client.send(method, path, body, { 'Content-Type': 'application/json' })
    // A PUT that names nothing is fine by contract, but for there being no such movie.
    const expected = method === 'PUT' && ['an empty object'].includes(name) ? 404 : 400
    expect([name, reply.status]).toEqual([name, expected])
    expect(reply.body.err).toStartWith(`${expected}: `)
    expect(reply.text).not.toContain(MARK)
  })

  test('answers 415 for another content type', async () => {
    const client = path.includes('movies') ? boss : app.visitor()
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', '']) {
      const reply = await client.send(method, path, '{"title":"x"}', { 'Content-Type': type })
      expect([type, reply.status]).toEqual([type, 415])
    }
  })

  test('answers 413 for a body past the limit, announced or streamed', async () => {
    const client = path.includes('movies') ? boss : app.visitor()
    const announced = await client.send(method, path, JSON.stringify({ title: 'x'.repeat(70_000) }))
    expect([announced.status, announced.body.err]).toEqual([413, '413: The body is larger than 65536 bytes'])
    const streamed = await fetch(app.url + path, {
      method,
      headers: { 'Content-Type': 'application/json' },
      body: new ReadableStream({
        start(controller) {
          for (let i = 0; i < 80; i++) controller.enqueue(new TextEncoder().encode(' '.repeat(1024)))
          controller.close()
        },
      }),
    })
    expect(streamed.status).toBe(413)
  })
})

test('issues name the path and the fault of each', async () => {
  const reply = await app
    .visitor()
    .post('/api/signup', { email: 'nope', password: 'abcdef', fname: '', lname: 7 })
  expect(reply.status).toBe(400)
  const paths = reply.body.issues.map((i: { path: string }) => i.path)
  expect(new Set(paths)).toEqual(new Set(['email', 'password', 'fname', 'lname']))
  expect(reply.body.requestId).toBe(reply.headers.get('x-request-id'))
})

test('JSON with a charset or a +json type is JSON', async () => {
  for (const type of ['application/json; charset=utf-8', 'Application/JSON', 'application/ld+json']) {
    const reply = await boss.send('POST', '/api/movies', '{"title":"typed"}', { 'Content-Type': type })
    expect([type, reply.status]).toEqual([type, 201])
  }
})

test.each(['%00', '%ff', '%ed%a0%80', '%F0%9F%92%A9', "'; drop table movies; --", '*', '\\'])(
  'a search for %s is harmless',
  async (search) => {
    const query = search.startsWith('%') ? search : encodeURIComponent(search)
    for (const url of [`/api/movies/?search=${query}`, `/api/users?search=${query}`]) {
      expect([url, (await boss.get(url)).status]).toBeOneOf([
        [url, 200],
        [url, 400],
      ])
    }
  },
)

test('odd paths are not found, and nothing worse', async () => {
  for (const path of [
    '/%',
    '/api/%zz',
    '/api//movies',
    '/api/movies/1/2',
    '/api/movies/%2e%2e',
    '/a'.repeat(2000),
  ]) {
    expect([path.slice(0, 20), (await app.visitor().get(path)).status]).toEqual([path.slice(0, 20), 404])
  }
})
