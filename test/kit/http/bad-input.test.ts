// Bad input: a table of nasty bodies against every route that takes one. Never a 500, never an echo.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { createApp } from '../product/app.ts'
import { loadConfig, requireRole, type Deps, type Product } from '../product/product.ts'
import { describeRoutes } from '../../../src/kit/http/doc.ts'
import { inWords } from '../../../src/kit/http/input-words.ts'
import { startApp, type TestApp } from '../support/harness.ts'
import { findUnboundedPatterns } from '../support/patterns.ts'
import { PROBE, probe } from '../support/probe.ts'

let app: TestApp
let boss: Awaited<ReturnType<TestApp['member']>>
beforeAll(async () => {
  app = await startApp({ BODY_LIMIT: '64kb' })
  boss = await app.member('owner')
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
  'wrong types': '{"title":{},"text":[],"email":5,"password":{},"remember":"no"}',
  NUL: `{"title":"a\\u0000${MARK}","text":"\\u0000","email":"a\\u0000@example.com","password":"aB1234\\u0000"}`,
  'a lone surrogate': `{"title":"\\ud800${MARK}","text":"\\ud800","email":"\\ud800@example.com","password":"aB1234\\udfff"}`,
  'prototype keys': `{"__proto__":{"role":"owner"},"constructor":{"prototype":{"x":1}},"title":5,"text":5,"email":5}`,
  'over-long strings': JSON.stringify({
    title: MARK.repeat(600),
    email: `${'a'.repeat(5000)}@example.com`,
    password: `aB1${'x'.repeat(5000)}`,
    text: 'x'.repeat(5000),
  }),
  'a duplicate key': `{"title":5,"title":{"a":"${MARK}"},"text":1,"email":1,"email":2}`,
  'a byte order mark and noise': '\ufeff{"title":',
}

// An app that is only described needs nothing but its settings.
const settings = loadConfig({ DATABASE_URL: 'postgres://none', REDIS_URL: 'redis://none' })
const described = describeRoutes(
  createApp({ config: settings } as Deps).route(PROBE, probe<Product>(requireRole, 'writer')),
)
const ROUTES = described.flatMap(({ method, path, inputs }) =>
  inputs
    .filter((input) => input.target === 'json')
    .map(({ schema }) => [method, path.replace(/:\w+/g, '1'), schema] as const),
)

test('there are routes that take a body', () => {
  expect(ROUTES.map(([method, path]) => `${method} ${path}`)).toContain('POST /club/join')
})

/** True if a body is none of bad: a partial one that names nothing, say. */
function isFine(body: string, schema: z.ZodType): boolean {
  try {
    const { success, data } = schema.safeParse(JSON.parse(body))
    return success && !/\\u0000|\\ud[89a-f]/.test(JSON.stringify(data))
  } catch {
    return false
  }
}

describe.each(ROUTES)('%s %s', (method, path, schema) => {
  test.each(Object.entries(BODIES))('refuses %s', async (name, body) => {
    const reply = await boss.send(method, path, body, { 'Content-Type': 'application/json' })
    if (isFine(body, schema)) return expect(reply.status).toBeLessThan(500)
    expect([name, reply.status]).toEqual([name, 400])
    expect(reply.body.err).toStartWith('400: ')
    expect(reply.text).not.toContain(MARK)
  })

  test('answers 415 for another content type', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', '']) {
      const reply = await boss.send(method, path, '{"title":"x"}', { 'Content-Type': type })
      expect([type, reply.status]).toEqual([type, 415])
    }
  })

  test('answers 413 for a body past the limit, announced or streamed', async () => {
    const announced = await boss.send(method, path, JSON.stringify({ title: 'x'.repeat(70_000) }))
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
  const reply = await app.visitor().post('/club/join', { email: 'nope', password: 'abc', remember: 7 })
  expect(reply.status).toBe(400)
  const paths = reply.body.issues.map((i: { path: string }) => i.path)
  expect(new Set(paths)).toEqual(new Set(['email', 'password', 'remember']))
  expect(reply.body.requestId).toBe(reply.headers.get('x-request-id'))
})

test('what is missing, or given twice, is told in plain words', async () => {
  const joining = { email: 'ann@example.com' }
  const missing = await app.visitor().post('/club/join', joining)
  expect(missing.body.err).toBe('400: password: is required')
  expect(missing.body.issues).toEqual([{ path: 'password', message: 'is required' }])
  for (const key of ['search', 'page']) {
    const twice = await boss.get(`/club/notes?${key}=1&${key}=2`)
    expect([twice.status, twice.body.err]).toEqual([400, `400: ${key}: must be given once`])
  }
  const array = await app.visitor().post('/club/join', { ...joining, password: [] })
  expect(array.body.err).toBe('400: password: must be a text')
  const empty = await boss.send('POST', PROBE, ' ', { 'Content-Type': 'application/json' })
  expect([empty.status, empty.body.err]).toEqual([400, '400: The request body is empty'])
})

test.each([
  [z.string(), 5, 'must be a text'],
  [z.number(), 'many', 'must be a number'],
  [z.int32(), 1.5, 'must be a whole number'],
  [z.int32(), 2 ** 40, 'must be at most 2147483647'],
  [z.boolean(), 'yes', 'must be true or false'],
  [z.array(z.string()), {}, 'must be a list'],
  [z.object({}), [], 'must be an object'],
  [z.string().min(1), '', 'must have at least 1 character'],
  [z.string().max(3), 'four', 'must have at most 3 characters'],
  [z.array(z.int()).min(2), [], 'must have at least 2 elements'],
  [z.number().positive(), 0, 'must be more than 0'],
  [z.enum(['clay', 'grass']), 'sand', 'must be one of clay, grass'],
  [z.literal('yes'), 'no', 'must be yes'],
  [z.uuid(), '7', 'must be a UUID'],
  [z.email(), 'ann', 'must be an email address'],
  [z.url(), 'here', 'must be a URL'],
  [z.iso.date(), '2026-02-30', 'must be a date: 2026-01-31'],
  [z.iso.datetime({ offset: true }), 'noon', 'must be a time with its zone: 2026-01-31T12:00:00Z'],
  [z.string().regex(/^a/), 'b', 'Invalid string: must match pattern /^a/'], // a schema like this brings its own words
  [z.string('is no name'), 5, 'is no name'],
] as const)('a value that does not fit is told in plain words: %#', (schema, value, message) => {
  const { error } = z.object({ value: schema }).safeParse({ value }, { error: inWords('json') })
  expect(error?.issues.map((issue) => issue.message)).toEqual([message])
})

test('no pattern is tried on a text before its length is known to be fair', () => {
  // An endless email costs its client a POST, and whoever runs a pattern over it everybody else's time.
  expect(findUnboundedPatterns(z.object({ email: z.email().max(254) }))).toHaveLength(1)
  const found = described.flatMap(({ path, inputs }) =>
    inputs.flatMap(({ schema }) => findUnboundedPatterns(schema).map((pattern) => `${path}: ${pattern}`)),
  )
  expect(found).toEqual([])
})

test('JSON with a charset or a +json type is JSON', async () => {
  for (const type of ['application/json; charset=utf-8', 'Application/JSON', 'application/ld+json']) {
    const reply = await boss.send('POST', PROBE, '{"title":"typed"}', { 'Content-Type': type })
    expect([type, reply.status]).toEqual([type, 201])
  }
})

test.each(['%00', '%ff', '%ed%a0%80', '%F0%9F%92%A9', "'; drop table members; --", '*', '\\'])(
  'a search for %s is harmless',
  async (search) => {
    const query = search.startsWith('%') ? search : encodeURIComponent(search)
    const { status } = await boss.get(`/club/notes?search=${query}`)
    expect(status).toBeOneOf([200, 400])
  },
)

test('odd paths are not found, and nothing worse', async () => {
  for (const path of [
    '/%',
    '/api/%zz',
    '/club//self',
    '/club/self/1/2',
    '/club/self/%2e%2e',
    '/a'.repeat(2000),
  ]) {
    expect([path.slice(0, 20), (await app.visitor().get(path)).status]).toEqual([path.slice(0, 20), 404])
  }
})
