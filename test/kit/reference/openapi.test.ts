// The OpenAPI document: it is valid, it names every call of the API with what it takes and answers, and nothing else.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { z } from 'zod'
import { describeRoutes, doc, errorsOf, type ApiRoute } from '../../../src/kit/http/doc.ts'
import { factory } from '../product/product.ts'
import { openApi } from '../../../src/kit/reference/openapi.ts'
import { validate } from '../../../src/kit/http/validate.ts'
import { defineError, type ErrorKind } from '../../../src/kit/types/api-error.ts'
import { startApp, type TestApp } from '../support/harness.ts'
import { FLAWLESS, redocly } from '../support/redocly.ts'

let app: TestApp
let routes: ApiRoute[]
// oxlint-disable-next-line typescript/no-explicit-any
let document: any
beforeAll(async () => {
  app = await startApp()
  routes = describeRoutes(app.app)
  const reply = await app.visitor().get('/api/openapi.json')
  expect(reply.headers.get('content-type')).toBe('application/json')
  document = reply.body
})
afterAll(() => app.close())

const bracketed = (path: string) => path.replace(/:(\w+)/g, '{$1}')
const operationOf = ({ method, path }: ApiRoute) => document.paths[bracketed(path)]?.[method.toLowerCase()]
const isPage = ({ doc }: ApiRoute) => doc?.response === 'text/html' || (doc?.status ?? 0) >= 300
const api = () => routes.filter((route) => route.base !== '/' && !isPage(route))
const nameOf = ({ method, path }: ApiRoute) => `${method} ${path}`

test('redocly has nothing to say against it, in development and in production', async () => {
  const production = await startApp({ NODE_ENV: 'production' })
  try {
    const theirs = await production.visitor().get('/api/openapi.json')
    expect(theirs.text).not.toContain('/apitest')
    expect(await redocly(document)).toEqual(FLAWLESS)
    expect(await redocly(theirs.body)).toEqual(FLAWLESS)
    // The check itself finds faults.
    expect((await redocly({ ...document, info: { title: 'x' } })).totals.errors).toBeGreaterThan(0)
  } finally {
    await production.close()
  }
})

test('every route of every slice is in it, with its summary, role and success; pages and what stands at the root are not', () => {
  expect(api().length).toBeGreaterThan(10)
  for (const route of api()) {
    const operation = operationOf(route)
    expect([nameOf(route), operation?.summary]).toEqual([nameOf(route), route.doc?.summary])
    expect(operation['x-role']).toBe(route.role)
    expect(operation.security).toEqual(route.role === undefined ? [] : [{ session: [] }, { bearer: [] }])
    expect(operation.responses).toHaveProperty(String(route.doc?.status))
  }
  const count = Object.values(document.paths).flatMap((path) => Object.keys(path as object)).length
  expect(count).toBe(api().length)
  expect(document.components.securitySchemes.session).toMatchObject({ in: 'cookie', name: 'session' })
  expect(document.components.securitySchemes.bearer).toMatchObject({ type: 'http', scheme: 'bearer' })
  expect(document.info).toMatchObject({ title: `${app.config.name} API`, version: app.config.version })
})

test('an error is declared where it can occur, and nowhere else', () => {
  const codes = (kinds: ApiRoute['errors']) => kinds.map(({ code }) => code).join(' ')
  const errors = Object.fromEntries(routes.map((route) => [nameOf(route), codes(route.errors)]))
  const common = Object.fromEntries(routes.map((route) => [nameOf(route), codes(route.commonErrors)]))
  const always = 'invalid_request internal_error unavailable timeout'
  expect(common).toMatchObject({
    'GET /health': always,
    'GET /api/list': `${always} account_disabled session_too_large invalid_token`,
    'POST /club/leave': `${always} content_too_large account_disabled session_too_large invalid_token origin_not_allowed`,
  })
  expect(errors).toMatchObject({
    'GET /api/list': '',
    'GET /club/self': 'login_required',
    'GET /club/members': 'invalid_cursor login_required insufficient_role',
    'POST /club/enter': 'invalid_credentials unsupported_media_type rate_limit_exceeded',
    'POST /club/leave': 'login_required',
    'POST /api/probe': 'login_required insufficient_role unsupported_media_type',
    'PUT /api/probe/:id': 'login_required insufficient_role not_found unsupported_media_type',
    'POST /apitest/dbtruncate': 'forbidden',
  })
  for (const route of api()) {
    const declared = Object.keys(operationOf(route).responses).map(Number)
    expect([nameOf(route), declared]).toEqual([
      nameOf(route),
      [
        ...new Set([
          route.doc?.status ?? 0,
          ...route.otherStatuses,
          ...errorsOf([route]).map(({ status }) => status),
        ]),
      ].toSorted((a, b) => a - b),
    ])
  }
})

test('each error response of an operation names its codes and what they mean, and equal ones are one', () => {
  for (const route of api()) {
    for (const [status, { $ref }] of Object.entries<{ $ref?: string }>(operationOf(route).responses)) {
      if (Number(status) < 400) continue
      const kinds = errorsOf([route]).filter((kind) => kind.status === Number(status))
      const { content, description } = document.components.responses[$ref?.split('/').at(-1) ?? '']
      const [error, { properties }] = content['application/json'].schema.allOf
      expect(error).toEqual({ $ref: '#/components/schemas/Error' })
      expect(properties.code.enum.toSorted()).toEqual(kinds.map(({ code }) => code).toSorted())
      for (const { code, message } of kinds) expect(description).toContain(`\`${code}\`: ${message}`)
    }
  }
  const refs = (path: string) => document.paths[path].post.responses
  expect(refs('/club/enter')).toMatchObject({
    400: { $ref: '#/components/responses/Error400OrInvalidCredentials' },
    403: { $ref: '#/components/responses/OriginNotAllowed' },
    415: { $ref: '#/components/responses/UnsupportedMediaType' },
    503: { $ref: '#/components/responses/Error503' },
  })
  const all = Object.values(document.components.responses).map((response) => JSON.stringify(response))
  expect(all).toHaveLength(new Set(all).size)
})

test('two kinds of errors with one code are refused, rather than mixed up', () => {
  const [one, other] = [400, 409].map((status) => defineError(status as 400, 'sold_out', 'Sold out'))
  const kinds = [one, other].map((kind) => ({ errors: [kind as ErrorKind], commonErrors: [] }))
  expect(errorsOf(kinds.slice(0, 1))).toHaveLength(1)
  expect(() => errorsOf(kinds)).toThrow('sold_out')
})

test('what an error has more than others is described with it', () => {
  const more = Object.assign(defineError(401, 'one_more', 'Go on'), { body: z.object({ at: z.string() }) })
  const slice = factory
    .createApp()
    .get('/', doc('Reads.', null, { status: 204, errors: [more] }), (c) => c.body(null, 204))
  const { components } = describe(slice as never)
  const [own] = Object.entries(components.responses).find(([name]) => name.includes('OneMore')) ?? []
  expect(JSON.stringify(components.responses[own ?? ''])).toContain('"at":{"type":"string"}')
})

test('an input is described as it is sent, an answer as it comes', () => {
  const { parameters } = document.paths['/club/members'].get
  expect(parameters).toContainEqual({
    name: 'limit',
    in: 'query',
    required: false,
    schema: { type: 'integer', minimum: 1, maximum: 1000, default: 1000 },
  })
  const { requestBody, responses } = document.paths['/club/join'].post
  expect(requestBody.content['application/json'].schema.$ref).toBe('#/components/schemas/PostClubJoinRequest')
  expect(document.components.schemas.PostClubJoinRequest.required).toEqual(['email', 'password'])
  expect(responses['201'].content['application/json'].schema.$ref).toBe('#/components/schemas/EnteredMember')
  expect(document.components.schemas.Note.properties.written).toEqual({ type: 'string', format: 'date-time' })
  const [id] = document.paths['/api/probe/{id}'].put.parameters
  expect(id).toMatchObject({ name: 'id', in: 'path', required: true, schema: { type: 'integer' } })
})

const describe = (slice: Hono<never>) =>
  openApi(describeRoutes(new Hono().route('/api/things', slice as never)), {
    title: 'Things',
    version: '1',
    description: 'For a test.',
    license: 'MIT',
    groups: {},
    cookie: 'session',
  })

test('a named schema that is sent in another form than it is answered goes by two names', () => {
  const Part = z.object({ size: z.number().default(1), made: z.date().optional() }).meta({ id: 'Part' })
  const Thing = z.object({ part: Part }).meta({ id: 'Thing' })
  const slice = factory.createApp().post('/', doc('Makes.', Thing), validate('json', Thing), (c) =>
    // @ts-expect-error the response has no part
    c.var.respond({}),
  )
  const { components, paths } = describe(slice as never)
  expect(components.schemas).toMatchObject({
    Part: { required: ['size'], properties: { made: { type: 'string', format: 'date-time' } } },
    Thing: { properties: { part: { $ref: '#/components/schemas/Part' } } },
    ThingInput: { properties: { part: { $ref: '#/components/schemas/PartInput' } } },
  })
  expect(components.schemas.PartInput?.required).toBeUndefined()
  expect(JSON.stringify(paths)).toContain('#/components/schemas/ThingInput')
})

test('a default is told where a field that is left out gets it, and not where it stays as it is', () => {
  const Thing = z.object({
    size: z.int().optional().meta({ default: 2 }),
    note: z.string().nullish().meta({ default: 'none' }),
    parsed: z.int().default(3),
  })
  const Answer = z.object({})
  const slice = factory
    .createApp()
    .post('/', doc('Makes.', Answer), validate('json', Thing), (c) => c.var.respond({}))
    .patch('/', doc('Changes.', Answer), validate('json', Thing.partial()), (c) => c.var.respond({}))
  const { schemas } = describe(slice as never).components
  const defaultsOf = (name: string) =>
    Object.values(schemas[name]?.properties ?? {}).map((field) => Object(field).default)
  expect(defaultsOf('PostThingsRequest')).toEqual([2, 'none', 3])
  // zod's own is applied by `partial()`, too.
  expect(defaultsOf('PatchThingsRequest')).toEqual([undefined, undefined, 3])
})

test('two schemas of one name are refused, rather than mixed up', () => {
  const one = z.object({ a: z.string() }).meta({ id: 'TheirThing' })
  const other = z.object({ b: z.string() }).meta({ id: 'TheirThing' })
  const slice = factory
    .createApp()
    .get('/one', doc('One.', one), (c) => c.var.respond({ a: '' }))
    .get('/other', doc('Other.', other), (c) => c.var.respond({ b: '' }))
  expect(() => describe(slice as never)).toThrow('TheirThing')
})

test('a schema that refers to itself, a regex in a path and an error of the handler are described', () => {
  interface Tree {
    name: string
    children: Tree[]
  }
  const Tree: z.ZodType<Tree> = z
    .object({ name: z.string(), children: z.array(z.lazy(() => Tree)) })
    .meta({ id: 'Tree' })
  const slice = factory
    .createApp()
    .get(
      '/:id{[0-9]+}/trees',
      doc('Trees.', z.array(Tree), { headers: { Link: 'The next page.' }, otherStatuses: [409] }),
      (c) => c.var.respond([]),
    )
    .delete('/:id', doc('Deletes.', null, { status: 204 }), (c) => c.body(null, 204))
  const { components, paths } = describe(slice as never)
  expect(paths['/api/things/{id}/trees']?.get).toMatchObject({
    operationId: 'getThingsByIdTrees',
    parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
    responses: {
      200: { headers: { Link: { description: 'The next page.' } } },
      409: { $ref: '#/components/responses/Conflict' },
    },
  })
  expect(components.schemas.Tree).toMatchObject({
    properties: { children: { items: { $ref: '#/components/schemas/Tree' } } },
  })
  expect(paths['/api/things/{id}']?.delete).toMatchObject({ responses: { 204: { description: 'Success.' } } })
})

test('a field may have the name of what every object has, and an expression in a path braces of its own', () => {
  const names = ['constructor', 'toString', 'valueOf', 'has_own_property', '__proto__']
  const shape = z.object(Object.fromEntries(names.map((name) => [name, z.string()])))
  const slice = factory
    .createApp()
    .put('/:year{[0-9]{4}}/:name{[a-z]+}', validate('json', shape), doc('Sets it.', shape), (c) =>
      c.var.respond(c.req.valid('json')),
    )
  const { paths } = describe(slice as never)
  expect(Object.keys(paths)).toEqual(['/api/things/{year}/{name}'])
  const example = JSON.stringify(paths['/api/things/{year}/{name}'])
  for (const name of names) expect(example).toContain(`"${name}":"${name}"`)
})

test('the examples of bodies, with which the page to try it begins, are accepted as they stand', () => {
  const withBody = api().filter(({ inputs }) => inputs.some(({ target }) => target === 'json'))
  expect(withBody.length).toBeGreaterThan(2)
  for (const route of withBody) {
    const schema = route.inputs.find(({ target }) => target === 'json')?.schema
    const { example } = operationOf(route).requestBody.content['application/json']
    expect([nameOf(route), schema?.safeParse(example).error]).toEqual([nameOf(route), undefined])
  }
  const joining = document.paths['/club/join'].post.requestBody.content['application/json'].example
  expect(joining).toMatchObject({ email: 'ann@example.com', password: 'password' })
})

test('the examples of answers and errors have the shape of what comes', () => {
  for (const route of api().filter(
    ({ doc }) => doc?.response !== null && typeof doc?.response === 'object',
  )) {
    const { example } = operationOf(route).responses[String(route.doc?.status)].content['application/json']
    const schema = route.doc?.response as z.ZodType
    expect([nameOf(route), schema.safeParse(example).error]).toEqual([nameOf(route), undefined])
  }
  const { Error400, NotFound } = document.components.responses
  expect(Error400.content['application/json'].example).toMatchObject({
    err: '400: title: must not be empty',
    code: 'invalid_request',
    issues: [{ path: 'title', message: 'must not be empty' }],
  })
  expect(NotFound.content['application/json'].example.err).toStartWith('404: ')
})

test('the example of a number is small, and within its bounds; one of a circle ends', () => {
  interface Tree {
    name: string
    children: Tree[]
  }
  const Tree: z.ZodType<Tree> = z
    .object({ name: z.string(), children: z.array(z.lazy(() => Tree)) })
    .meta({ id: 'Tree2' })
  const Thing = z.object({
    year: z.int32(),
    pages: z.int().min(10),
    below: z.int().lt(0),
    share: z.number().gt(0).max(0.5),
    rest: z.number().multipleOf(5),
    code: z.string().min(6).max(8),
    short: z.string().max(2),
    maybe: z.iso.date().nullable(),
    starts: z.iso.datetime(),
    ends: z.iso.datetime(),
    left: z.string().optional(),
    kind: z.enum(['a', 'b']),
    tree: Tree,
  })
  const slice = factory
    .createApp()
    .post('/', doc('Makes.', null, { status: 204 }), validate('json', Thing), (c) => c.body(null, 204))
  const { paths } = describe(slice as never)
  const operation = paths['/api/things']?.post as typeof document
  const { example } = operation.requestBody.content['application/json']
  expect(Thing.safeParse(example).error).toBeUndefined()
  expect(example).toMatchObject({ year: 1, pages: 10, below: -1, rest: 5, kind: 'a', maybe: '2026-01-31' })
  expect(example.starts < example.ends).toBe(true)
  expect(example).not.toHaveProperty('left') // it may do more than is wanted
  expect(example.tree).toEqual({ name: 'name', children: [] })
})
