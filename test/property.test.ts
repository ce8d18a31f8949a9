// Every documented route, driven with generated input by every kind of caller: what must hold whatever is sent.
// PROPERTY_SEED and PROPERTY_RUNS repeat a failure or look longer: PROPERTY_SEED=7 PROPERTY_RUNS=2000.
// PROPERTY_PATH takes the routes that begin with it, and no others.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Arbitrary } from 'fast-check'
import * as fc from 'fast-check'
import { ROLES, roles, type Role } from '../src/account/roles.ts'
import { users } from '../src/account/table.ts'
import { describeRoutes, type ApiRoute, type RouteDoc } from '../src/kit/http/doc.ts'
import { ErrorBody } from '../src/kit/http/errors.ts'
import { sendWelcome } from '../src/tasks.ts'
import {
  fromSchema,
  MARK,
  nastyUrlPart,
  queryOf,
  spoiledJson,
  spoiledQuery,
  type Known,
} from './support/arbitraries.ts'
import type { Client, Reply } from './support/client.ts'
import { NEW_ACCOUNT, startApp, type TestApp } from './support/harness.ts'
import { until } from './support/until.ts'
import { startTestWorker } from './support/worker.ts'

const { PROPERTY_SEED, PROPERTY_RUNS = '60', PROPERTY_PATH = '/' } = process.env
const SEEDS = PROPERTY_SEED === undefined ? [1, 2, 3] : [Number(PROPERTY_SEED)]
const RUNS = Number(PROPERTY_RUNS)

/** They empty the tables that the other calls need, and fill the memory; other tests call them. */
const LEFT_OUT = ['POST /apitest/dbtruncate', 'GET /apitest/leak']
/** Health probes answer before the session is read. */
const WITHOUT_SESSION = ['/health', '/ready']
const BODY_LIMIT = 16 * 1024
const FOREIGN_ORIGIN = 'https://evil.example'
/** Of the calls that their caller may make, at least this part succeeds on every route. */
const FAIR_SHARE = 0.15
/** Rows made in each resource, and jobs in the queue, beforehand, so that deletions do not run out of them. */
const ROWS_AT_START = 300

type Caller = Role | 'visitor'
const CALLERS: Caller[] = ['visitor', ...ROLES]

interface Call {
  caller: Caller
  method: string
  origin: string | undefined
  /** With the parameters filled in, and a query. */
  path: string
  contentType: string
  body: string | undefined
}
type Documented = ApiRoute & { doc: RouteDoc }

let app: TestApp
let routes: Documented[]
const clients = new Map<Caller, Client>()
const accounts = new Map<Caller, object>()
/** A job of each caller that has ended: nobody waits for the end of a stream. */
const jobs = new Map<Caller, string>()
let known: Known
beforeAll(async () => {
  app = await startApp({ BODY_LIMIT: String(BODY_LIMIT) })
  routes = describeRoutes(app.app)
    .filter((route): route is Documented => route.doc !== undefined)
    .filter(({ method, path }) => !LEFT_OUT.includes(`${method} ${path}`) && path.startsWith(PROPERTY_PATH))
  clients.set('visitor', app.visitor())
  for (const role of ROLES) {
    const member = await app.member(role)
    clients.set(role, member)
    accounts.set(role, member.account)
  }
  await endJobs()
  const queued = await Promise.all(
    Array.from({ length: ROWS_AT_START }, () =>
      app.deps.enqueue(sendWelcome, { userId: crypto.randomUUID() }),
    ),
  )
  const people = await app.deps.db.select().from(users)
  known = {
    id: ['1', ...(await fillResources())],
    creator: ['', ...people.map(({ id }) => id)],
    email: people.map(({ email }) => email),
    password: [NEW_ACCOUNT.password],
    page: ['', '0', '1', '2'],
    cursor: ['', ...(await findCursors())],
    job: queued.map(({ id }) => id),
    search: ['', 'e', 'ANN', '%', '_', '\\'],
  }
})
afterAll(() => app.close())

/** Creates rows by every POST whose path also stands with an id, and returns their ids: they count from 1 in each. */
async function fillResources(): Promise<string[]> {
  const ids = new Set<string>()
  for (const { method, path, inputs } of routes) {
    const [body] = inputs
    if (method !== 'POST' || body?.target !== 'json') continue
    if (!routes.some((route) => route.path === `${path}/:id`)) continue
    for (const row of fc.sample(fromSchema(body.schema), { numRuns: ROWS_AT_START, seed: 1 })) {
      const reply = await clients.get('superuser')?.post(path, row)
      if (typeof reply?.body?.id === 'string') ids.add(reply.body.id)
    }
  }
  return [...ids]
}

/** One of each list: a list takes no other's. */
async function findCursors(): Promise<string[]> {
  const lists = routes.filter(({ method, doc }) => method === 'GET' && doc.headers?.Link !== undefined)
  const links = lists.map(async ({ path }) => {
    const reply = await clients.get('superuser')?.get(`${path}?limit=1&size=1`)
    return /[?&]cursor=([^&>]+)/.exec(reply?.headers.get('link') ?? '')?.[1] ?? []
  })
  return (await Promise.all(links)).flat()
}

async function endJobs(): Promise<void> {
  const worker = await startTestWorker(app)
  for (const [caller, client] of clients) {
    const { status, body } = await client.post('/api/me/export')
    if (status !== 202) continue
    jobs.set(caller, body.id)
    await until('its end', async () => (await client.get(`/api/jobs/${body.id}`)).body.state === 'done')
  }
  await worker.stop()
}

/** Stands in a path for a job of the caller: nobody else's is found. */
const OWN_JOB = 'own-job'

/** Nobody wants to wait for the longest sleep that the schema allows. */
const PATIENCE: Known = { ms: ['0', '1', '5'] }

test.each(SEEDS)(
  'whatever is sent, every route answers what it declares, and serves fair calls (seed %d)',
  async (seed) => {
    const unfair: string[] = []
    for (const route of routes) {
      let allowed = 0
      let succeeded = 0
      const property = fc.asyncProperty(callsOf(route), async (call) => {
        const declared = declaredStatuses(route, call)
        const reply = await send(call)
        expect(declared).toContain(reply.status)
        checkAnswer(route, reply)
        if (declared.includes(route.doc.status)) allowed++
        if (reply.status === route.doc.status) succeeded++
      })
      await fc.assert(property, { seed, numRuns: RUNS, includeErrorInReport: true })
      if (succeeded < allowed * FAIR_SHARE || succeeded === 0) {
        unfair.push(`${route.method} ${route.path}: ${succeeded} of ${allowed} calls succeeded`)
      }
    }
    expect(unfair).toEqual([])
  },
  60_000,
)

/** Two of three calls fit the schemas, half of these with values that exist; the last is spoiled somewhere. */
function callsOf(route: Documented): Arbitrary<Call> {
  const { method, path, role } = route
  const entitled = CALLERS.filter((c) => c !== 'disabled' && holdsRole(c, role))
  const common = {
    method: fc.constant(method),
    caller: fc.oneof(
      { weight: 2, arbitrary: fc.constantFrom(...entitled) },
      { weight: 1, arbitrary: fc.constantFrom(...CALLERS) },
    ),
    origin: fc.option(fc.constantFrom(app.url, FOREIGN_ORIGIN), { freq: 5, nil: undefined }),
  }
  const fair = (values: Known): Arbitrary<Call> => {
    const { param, query, json, form } = inputsOf(route, { ...values, ...PATIENCE })
    return fc.record({
      ...common,
      contentType: fc.constant(form ? FORM_TYPE : 'application/json'),
      path: fc.tuple(param, queryOf(query)).map(([params, search]) => fill(path, params) + search),
      body:
        (form && queryOf(form).map((search) => search.slice(1))) ??
        json?.map((value) => JSON.stringify(value)) ??
        fc.constant(undefined),
    })
  }
  const existing = path.startsWith('/api/jobs/') ? { ...known, id: [OWN_JOB] } : known
  const { param, query, json, form } = inputsOf(route, { ...existing, ...PATIENCE })
  const maybe = <T>(good: Arbitrary<T>, bad: Arbitrary<T>) => fc.oneof(good, bad)
  const hostile = fc.record({
    ...common,
    contentType: fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom(...(form ? [FORM_TYPE] : JSON_TYPES)) },
      { weight: 1, arbitrary: fc.constantFrom(...OTHER_TYPES) },
    ),
    path: fc
      .tuple(
        maybe(
          param.map((params) => fill(path, params)),
          nastyUrlPart.map((part) => path.replaceAll(PARAMETER, part)),
        ),
        maybe(queryOf(query), spoiledQuery(query)),
      )
      .map((parts) => parts.join('')),
    body: spoiledBody(method, form, json),
  })
  return fc.oneof(fair({}), fair(existing), hostile)
}

function spoiledBody(method: string, form?: Arbitrary<unknown>, json: Arbitrary<unknown> = fc.constant({})) {
  if (method === 'GET') return fc.constant(undefined)
  return form ? spoiledQuery(form).map((search) => search.slice(1)) : spoiledJson(json)
}

const FORM_TYPE = 'application/x-www-form-urlencoded'
const JSON_TYPES = ['application/json', 'Application/JSON; charset=utf-8', 'application/ld+json']
const OTHER_TYPES = ['text/plain', 'application/x-www-form', 'application/jsonp', 'multipart/form-data', ';']
const PARAMETER = /:\w+/g

const fill = (path: string, params: Record<string, unknown>) =>
  path.replaceAll(PARAMETER, (name) => encodeURIComponent(String(params[name.slice(1)])))

function inputsOf({ inputs }: ApiRoute, values: Known) {
  const of = (target: string) => {
    const found = inputs.find((input) => input.target === target)
    return found && (fromSchema(found.schema, values) as Arbitrary<Record<string, unknown>>)
  }
  return {
    param: of('param') ?? fc.constant({}),
    query: of('query') ?? fc.constant({}),
    json: of('json'),
    form: of('form'),
  }
}

const holdsRole = (caller: Caller, role: ApiRoute['role']) =>
  role === undefined || (caller !== 'visitor' && roles.atLeast(caller, role as Role))

/** What the route's own tags, and who calls from where with how much, leave as a response. */
function declaredStatuses(
  { method, path, role, inputs, doc, otherStatuses }: Documented,
  call: Call,
): number[] {
  if (call.body !== undefined && Buffer.byteLength(call.body) > BODY_LIMIT) return [413]
  if (call.caller === 'disabled' && !WITHOUT_SESSION.includes(path)) return [400]
  if (call.caller !== 'visitor' && call.origin === FOREIGN_ORIGIN && method !== 'GET') return [403]
  const takes = (target: string) => inputs.some((input) => input.target === target)
  if (takes('form') && call.origin !== app.url) return [403]
  if (!holdsRole(call.caller, role)) return [401]
  const notFound = takes('param') ? [400, 404] : []
  if (takes('json') && !JSON_TYPES.includes(call.contentType)) {
    return [415, ...notFound]
  }
  if (takes('form') && call.contentType !== FORM_TYPE) return [415]
  // Two generated values may be the same.
  const conflict = otherStatuses.filter((status) => status === 409)
  return [
    doc.status,
    ...notFound,
    ...conflict,
    ...(takes('query') || takes('json') || takes('form') ? [400] : []),
  ]
}

/** Sends the call; a caller whose session it changed logs in again. */
async function send({ caller, method, path, origin, contentType, body }: Call): Promise<Reply> {
  const client = clients.get(caller) as Client
  const reply = await client.send(method, path.replace(OWN_JOB, jobs.get(caller) ?? OWN_JOB), body, {
    ...(origin !== undefined && { Origin: origin }),
    ...(body !== undefined && { 'Content-Type': contentType }),
  })
  if (reply.headers.has('set-cookie')) {
    client.cookies.clear()
    const account = accounts.get(caller)
    if (account) expect((await client.post('/api/login', account)).status).toBe(200)
  }
  return reply
}

function checkAnswer({ doc }: Documented, { status, headers, text, body }: Reply): void {
  if (status !== doc.status) {
    // The schema drops what it does not name: equal to the original, nothing else was in it.
    expect(ErrorBody.parse(body)).toEqual(body)
    expect(body.err).toStartWith(`${status}: `)
    expect(body.requestId).toBe(headers.get('x-request-id'))
    if (status === 400) expect(text).not.toContain(MARK)
  } else if (doc.response === null) {
    expect(text).toBe('')
  } else if (typeof doc.response === 'string') {
    expect(headers.get('content-type')).toStartWith(doc.response)
    expect(text).not.toBe('')
  } else {
    expect(doc.response.parse(body)).toEqual(body)
  }
}
