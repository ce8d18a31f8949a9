// The API list: it shows every route as it is, to any reader, and only where it is wanted.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { z } from 'zod'
import { roles } from '../product/table.ts'
import { loadConfig } from '../product/product.ts'
import { limitsOf, patternsOf, typeOf, type TypePart } from '../../../src/kit/reference/api-list-words.ts'
import { ApiList, ApiListBody } from '../../../src/kit/reference/api-list.tsx'
import { describeApi, named } from '../../../src/kit/reference/operations.ts'
import { callOf, clientOf, curlOf } from '../../../src/kit/reference/api-list-calls.ts'
import { isPage } from '../../../src/kit/reference/api-list-endpoint.tsx'
import { clustered } from '../../../src/kit/reference/route-groups.ts'
import { describeRoutes, type ApiRoute } from '../../../src/kit/http/doc.ts'
import { startApp, type TestApp } from '../support/harness.ts'

let app: TestApp
let routes: ApiRoute[]
let page: string
beforeAll(async () => {
  app = await startApp()
  routes = describeRoutes(app.app)
  page = (await app.visitor().get('/api/list')).text
})
afterAll(() => app.close())

const PUBLIC = ['POST /club/join', 'POST /apitest/dbtruncate']
const nameOf = ({ method, path }: ApiRoute) => `${method} ${path}`

test('every route says what it does', () => {
  expect(routes.length).toBeGreaterThan(10)
  expect(routes.filter(({ doc }) => !doc?.summary).map(nameOf)).toEqual([])
})

test('every route that changes something asks for a role, has a limit, or stands on the short list of public ones', () => {
  const open = routes.filter(({ method, role, limit }) => method !== 'GET' && !role && !limit)
  expect(open.map(nameOf).toSorted()).toEqual(PUBLIC.toSorted())
})

test('each route appears with its method, path, description, role, inputs and answer', () => {
  const { operations, fields } = describeApi(routes)
  for (const route of operations) {
    const text = textOf(articleOf(page, `${route.method}${route.path}`))
    expect(text).toStartWith(`${route.method} ${route.path} `)
    expect(text).toContain(route.doc?.summary ?? 'a description')
    expect(text).toContain(`Role: ${route.role ?? 'anyone'}`)
    expect(text).toContain(`Returns ${route.doc?.status} `)
    for (const { target } of route.inputs) {
      expect(text).toContain(
        { param: 'Path', query: 'Query', json: 'Body', form: 'Form', file: 'Form with a file' }[target],
      )
      for (const { name } of fields(named(route.id, target))) expect(text).toContain(` ${name} `)
    }
  }
})

test('an input is shown with its type, limits and whether it is required', () => {
  const joining = textOf(articleOf(page, 'POST/club/join'))
  expect(joining).toContain('Body email required email , at most 254 characters')
  expect(joining).toContain('password required string , 6 to 200 characters')
  expect(joining).toContain('remember boolean , default true. False: until the browser ends.')
  expect(textOf(articleOf(page, 'GET/club/members'))).toMatch(
    /Query page \w+ .*limit \w+ .*default 1000.*cursor /,
  )
})

test('a response names its shape, and a named shape is explained once', () => {
  expect(textOf(articleOf(page, 'POST/club/join'))).toContain('201 EnteredMember Errors ')
  expect(textOf(articleOf(page, 'POST/club/leave'))).toContain('200 {} Errors ')
  expect(textOf(articleOf(page, 'GET/club/notes'))).toContain('200 array of Note Header Link The next')
  expect(textOf(articleOf(page, 'GET/club/notes'))).toContain('Send If-None-Match The ETag of an earlier')
  expect(textOf(articleOf(page, 'GET/api/list'))).toEndWith('200 text/html')
  expect(textOf(articleOf(page, 'types/Note'))).toContain('text string')
  expect(page.split('<article id="types/Note"')).toHaveLength(2)
})

test('what a route says of the fields of its answer stands with it, unless the shape has a name', async () => {
  const response = z.object({ token: z.string().optional().describe('If no cookie carries it.'), n: z.int() })
  const html = await render([
    {
      method: 'POST',
      path: '/api/keys',
      base: '/api',
      doc: { summary: 'Makes one.', response, status: 201 },
      role: undefined,
      inputs: [],
      errors: [],
      commonErrors: [],
      otherStatuses: [],
    },
  ])
  expect(textOf(articleOf(html, 'POST/api/keys'))).toContain(
    'Returns 201 token optional string . If no cookie carries it. n integer',
  )
})

test('an endpoint shows the errors of its own, and those of all stand on the page once', () => {
  const note = textOf(articleOf(page, 'PUT/club/notes/:id'))
  expect(note).toContain('Errors 401 login_required Unauthorized! Log in first 401 insufficient_role ')
  expect(note).toContain('404 not_found There is nothing of that name')
  expect(note).not.toContain('invalid_request')
  const common = textOf(/<section id="errors">.*?<\/section>/s.exec(page)?.[0] ?? '')
  for (const code of [
    'invalid_request',
    'account_disabled',
    'method_not_allowed',
    'internal_error',
    'timeout',
  ])
    expect(common).toContain(` ${code} `)
  expect(common).not.toContain('login_required')
})

test('a GET that needs no path parameter is a link; nothing else is', () => {
  for (const { method, path } of routes) {
    const isLinked = articleOf(page, `${method}${path}`).includes(`href="${path}"`)
    expect([method, path, isLinked]).toEqual([method, path, method === 'GET' && !path.includes(':')])
  }
})

test('every group and route has an anchor of its own, and every link within the page leads to one', () => {
  const ids = attributes(page, 'id')
  const targets = attributes(page, 'href').filter((href) => href.startsWith('#'))
  expect(ids).toHaveLength(new Set(ids).size)
  expect(targets.length).toBeGreaterThan(routes.length)
  expect(targets.filter((href) => !ids.includes(href.slice(1)))).toEqual([])
})

test('routes are grouped by path: the resources, what the product names, the service, development last', async () => {
  const route = (base: string, path: string, method = 'GET') => ({
    method,
    path,
    base,
    doc: undefined,
    role: undefined,
    inputs: [],
    errors: [],
    commonErrors: [],
    otherStatuses: [],
  })
  const html = await render([
    route('/apitest', '/apitest/counter'),
    route('/', '/health'),
    route('/', '/api/list'),
    route('/api', '/club/self'),
    route('/api/film-reels', '/api/film-reels'),
    route('/api/film-reels', '/api/film-reels/:id', 'DELETE'),
  ])
  const groups = html.split('<section').slice(1)
  expect(groups.map((group) => attributes(group, 'id'))).toEqual([
    ['/api/film-reels', 'GET/api/film-reels', 'DELETE/api/film-reels/:id'],
    ['/api', 'GET/club/self'],
    ['errors'],
    ['/', 'GET/health', 'GET/api/list'],
    ['/apitest', 'GET/apitest/counter'],
  ])
  // What is not of the product is folded away, and in the document.
  expect(groups.map((group) => group.includes('<details class="fold"><summary><h2>'))).toEqual([
    false,
    false,
    false,
    true,
    true,
  ])
  expect(textOf(html)).toContain('Film reels /api/film-reels')
})

test('the page says name, version, mode, and when the server started', async () => {
  const startedAt = Date.now() - 3 * 3_600_000 - 60_000
  const html = await render([], startedAt)
  expect(html).toStartWith('<!doctype html>')
  expect(textOf(html)).toContain(`${app.config.name} API ${app.config.version} Mode development`)
  expect(textOf(html)).toContain('Started 3 hours ago')
  expect(html).toContain(`<time datetime="${new Date(startedAt).toISOString()}">`)
  expect(textOf(await render([], Date.now() - 86_400_000))).toContain('Started 1 day ago')
  expect(textOf(await render([], Date.now() + 5000))).toContain('Started 0 seconds ago')
})

test('whatever a route says of itself is shown as text', async () => {
  const evil = '<script>alert("1")</script>'
  const html = await render([
    {
      method: 'GET',
      path: `/${evil}`,
      base: '/',
      doc: { summary: evil, response: z.object({ [evil]: z.literal(evil) }), status: 200 },
      role: undefined,
      errors: [],
      commonErrors: [],
      otherStatuses: [],
      inputs: [
        {
          target: 'query',
          schema: z.object({ [evil]: z.string().describe(evil), matched: z.string().regex(/<script>/) }),
        },
      ],
    },
  ])
  expect(html).not.toContain('<script')
  expect(html.match(/&lt;script&gt;/g)?.length).toBeGreaterThanOrEqual(7)
})

test('what stands in backticks is shown as code', () => {
  expect(articleOf(page, 'GET/club/members')).toContain('The same as <code>limit</code>.')
  expect(page).not.toContain('`')
})

test('the page loads nothing, and runs its own scripts alone, which the policy names one by one', async () => {
  const { headers } = await app.visitor().get('/api/list')
  expect(headers.get('content-type')).toStartWith('text/html')
  const policy = headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'")
  const scripts = [...page.matchAll(/<script>(.*?)<\/script>/gs)].map(([, script = '']) => script)
  const digests = scripts.map(
    (script) => `'sha256-${new Bun.CryptoHasher('sha256').update(script).digest('base64')}'`,
  )
  expect(scripts).toHaveLength(2)
  expect(policy).toContain(`; script-src ${digests.join(' ')}; connect-src 'self'`)
  const markup = page.replace(/<(script|style)>.*?<\/\1>/gs, '')
  expect(markup).not.toMatch(/<script|<link|<img|<iframe|javascript:|url\(|@import| on[a-z]+=| src=/i)
  expect((await app.visitor().get('/examplehtml')).headers.get('content-security-policy')).not.toContain(
    'script-src',
  )
})

test('of an endpoint there are a call by curl, one by the typed client, and an answer; the examples of bodies are accepted', () => {
  const { operations, ...rest } = describeApi(routes)
  const called = operations.filter((route) => !isPage(route))
  expect(called.length).toBeGreaterThan(10)
  for (const route of called) {
    const text = textOf(articleOf(page, `${route.method}${route.path}`))
    expect(text).toMatch(/ Request curl TypeScript .*curl /)
    const call = callOf(route, { operations, ...rest })
    for (const { target, schema } of route.inputs) {
      const sent = {
        json: call.body,
        param: call.params,
        query: givenOf(call.query),
        form: {},
        file: { ...(call.body as object), file: '' },
      }
      expect([nameOf(route), target, schema.safeParse(sent[target]).error]).toEqual([
        nameOf(route),
        target,
        undefined,
      ])
    }
  }
  const entering = textOf(articleOf(page, 'POST/club/enter'))
  expect(entering).toContain('curl -X POST http://')
  expect(entering).toContain('--json \'{ "email": "ann@example.com", "password": ')
  expect(entering).toContain(
    "const reply = await club.enter.$post({ json: { email: 'ann@example.com', password: ",
  )
  const note = textOf(articleOf(page, 'PUT/club/notes/:id'))
  expect(note).toContain('-H "Authorization: Bearer $TOKEN"')
  expect(note).toMatch(/club\.notes\[':id'\]\.\$put\(\{ param: \{ id: '[^']+' \}, json: \{ text: 'text' \}/)
  expect(note).toContain('Answer 200 { "id": 1, "text": ')
})

const givenOf = (values: Record<string, string>) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''))

test('in production one reads and searches, and tries nothing, unless API_DOCS=on', async () => {
  const tried = async (env: Record<string, string>) => {
    const production = await startApp({ NODE_ENV: 'production', COOKIE_SECURE: 'off', ...env })
    try {
      const { text, headers } = await production.visitor().get('/api/list')
      const docs = await production.visitor().get('/api/docs')
      const policy = headers.get('content-security-policy') ?? ''
      return [
        text.split('<script>').length - 1,
        policy.includes('connect-src'),
        docs.status,
        docs.headers.get('location'),
      ]
    } finally {
      await production.close()
    }
  }
  expect(await tried({})).toEqual([1, false, 404, null])
  expect(await tried({ API_DOCS: 'on' })).toEqual([2, true, 302, '/api/list'])
  expect(await tried({ API_DOCS: 'on', API_LIST: 'off' })).toEqual([0, false, 404, null])
})

test('what lies below one path stands together, in the order in which the paths first occur', () => {
  const paths = [
    '/a/login',
    '/a/me',
    '/a/login/code',
    '/a/me/:id',
    '/a/users',
    '/a/me/keys',
    '/a/me/:id/x',
    '/a',
  ]
  expect(clustered(paths.map((path) => ({ path }))).map(({ path }) => path)).toEqual([
    '/a',
    '/a/login',
    '/a/login/code',
    '/a/me',
    '/a/me/:id',
    '/a/me/:id/x',
    '/a/me/keys',
    '/a/users',
  ])
})

test('a form of more than a field, a stream and what stands in quotes are calls that a shell and TypeScript read as they are meant', () => {
  const call = {
    method: 'POST',
    path: '/api/x-y/:id',
    params: { id: "it's" },
    query: { q: '', on: 'a b' },
    headers: { 'If-Match': '"1"' },
  }
  expect(curlOf({ ...call, body: { text: "it's" } }, 'http://h', false)).toBe(
    `curl -X POST 'http://h/api/x-y/it'\\''s?on=a+b' \\\n  -H 'If-Match: "1"' \\\n  --json '{\n  "text": "it'\\''s"\n}'`,
  )
  expect(curlOf({ ...call, body: { kind: 'a', file: '' }, hasFile: true }, 'http://h', false)).toEndWith(
    '--form-string kind=a \\\n  -F file=@photo.jpg',
  )
  expect(clientOf({ ...call, body: { text: "it's", n: [1, null] } }, 'http://h', false)).toBe(
    `const reply = await api['x-y'][':id'].$post({\n  param: { id: 'it\\'s' },\n  query: { on: 'a b' },\n  json: { text: 'it\\'s', n: [1, null] },\n}, { headers: { 'If-Match': '"1"' } })`,
  )
  expect(curlOf({ ...call, method: 'GET', path: '/s' }, 'http://h', true)).toStartWith(
    "curl -N 'http://h/s?on=a+b'",
  )
})

test('a schema is put into words', () => {
  const schemas = describeOne(
    z.object({
      name: z.string().min(3),
      age: z.int().min(0).max(150).optional(),
      count: z.int(),
      tags: z.array(z.string()).max(5).default([]),
      color: z.enum(['red', 'blue']),
      code: z.string().regex(/^[A-Z]+$/),
      zip: z
        .string()
        .regex(/^\d{5}$/)
        .describe('Five digits.'),
      page: z.preprocess((v) => v, z.string().transform(Number).default(1)),
      either: z.union([z.boolean(), z.object({ a: z.number().optional() })]),
      day: z.date(),
    }),
    z.object({ map: z.record(z.string(), z.uuid()), nothing: z.object({}) }),
  )
  const words = schemas.fields('PostThingRequest').map(({ name, required, schema }) => {
    const { description } = schema
    const rest = [...limitsOf(schema), ...(description === undefined ? patternsOf(schema) : [description])]
    return [name, required ? 'required' : 'optional', wordsOf(typeOf(schema)), ...rest].join('; ')
  })
  expect(words).toEqual([
    'name; required; string; 3 or more characters',
    'age; optional; integer; 0 to 150',
    'count; required; integer',
    'tags; optional; array of string; at most 5 items; default []',
    'color; required; "red" | "blue"',
    'code; required; string; ^[A-Z]+$',
    'zip; required; string; Five digits.',
    'page; optional; string; default 1',
    'either; required; boolean or { a?: number }',
    'day; required; date-time',
  ])
  expect(wordsOf(typeOf(schemas.response('PostThingResponse')))).toBe('{ map: object of uuid, nothing: {} }')
})

test('in production the development calls are not on the page, and mode and start are for the highest role', async () => {
  const production = await startApp({ NODE_ENV: 'production', COOKIE_SECURE: 'off' })
  try {
    const [owner, writer] = [await production.member('owner'), await production.member('writer')]
    expect(textOf((await owner.get('/api/list')).text)).toMatch(/Mode production Started \d+ seconds? ago/)
    for (const other of [writer, production.visitor()]) {
      const { text } = await other.get('/api/list')
      expect(text).toContain('POST/club/enter')
      expect(text).not.toContain('/apitest')
      expect(text).not.toMatch(/Mode|Started/)
    }
  } finally {
    await production.close()
  }
})

test('with API_LIST=off the page does not exist, and the door says name and version', async () => {
  const quiet = await startApp({ API_LIST: 'off' })
  try {
    const list = await quiet.visitor().get('/api/list')
    expect([list.status, list.body]).toMatchObject([404, { err: '404: /api/list' }])
    const door = await quiet.visitor().get('/')
    const { name, version } = quiet.config
    expect([door.status, door.body]).toEqual([200, { name, version }])
  } finally {
    await quiet.close()
  }
})

test('with the list on, the door leads to it', async () => {
  const door = await app.visitor().get('/')
  expect([door.status, door.headers.get('location')]).toEqual([302, '/api/list'])
})

async function render(some: ApiRoute[], startedAt = 0): Promise<string> {
  const config = loadConfig({ DATABASE_URL: 'postgres://localhost/none', REDIS_URL: 'redis://localhost' })
  const server = new Hono().get('/', async (c) => {
    Object.assign(c, { get: (name: string) => (name === 'config' ? config : () => []) })
    const body = String(
      await ApiListBody({
        config,
        api: describeApi(some),
        groups: { '/api': 'Club' },
        roles: roles.admitted,
      }),
    )
    return c.html(ApiList({ c, config, startedAt, endpoints: some.length, body, scripts: [] }))
  })
  return (await server.request('/')).text()
}

/** The schemas of a POST to /thing. */
const describeOne = (body: z.ZodType, response: z.ZodType) =>
  describeApi([
    {
      method: 'POST',
      path: '/thing',
      base: '/',
      doc: { summary: 'A thing.', response, status: 200 },
      role: undefined,
      inputs: [{ target: 'json', schema: body }],
      errors: [],
      commonErrors: [],
      otherStatuses: [],
    },
  ])

const wordsOf = (type: TypePart[]) =>
  type.map((part) => (typeof part === 'string' ? part : part.named)).join('')

/** The part of the page that an anchor names. */
function articleOf(html: string, id: string): string {
  const at = html.indexOf(` id="${id}">`)
  if (at === -1) throw new Error(`no article ${id} on the page`)
  return html.slice(html.lastIndexOf('<article', at), html.indexOf('</article>', at))
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }

/** What a reader sees: no tags, entities resolved, one blank between words. */
function textOf(html: string): string {
  return html
    .replace(/<(style|title)>.*?<\/\1>/gs, '')
    .replace(/<\/?(?:var|a)\b[^>]*>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&(#?\w+);/g, (whole, name: string) => ENTITIES[name] ?? whole)
    .replace(/\s+/g, ' ')
    .trim()
}

const attributes = (html: string, name: string) =>
  [...html.matchAll(new RegExp(` ${name}="([^"]*)"`, 'g'))].map((match) => match[1] ?? '')
