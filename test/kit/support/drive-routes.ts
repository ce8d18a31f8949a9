// Drives every documented route of a product with generated input, by every kind of caller: what must hold whatever is sent.
// PROPERTY_SEED and PROPERTY_RUNS repeat a failure or look longer: PROPERTY_SEED=7 PROPERTY_RUNS=2000.
// PROPERTY_PATH takes the routes that begin with it, and no others.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Arbitrary } from 'fast-check'
import { getTableColumns, is } from 'drizzle-orm'
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core'
import * as fc from 'fast-check'
import { describeRoutes, type ApiRoute, type RouteDoc } from '../../../src/kit/http/doc.ts'
import { ErrorBody } from '../../../src/kit/http/errors.ts'
import type { Db } from '../../../src/kit/types/db.ts'
import type { Roles } from '../../../src/kit/types/roles.ts'
import {
  fromSchema,
  MARK,
  nastyUrlPart,
  queryOf,
  spoiledJson,
  spoiledQuery,
  type Known,
} from './arbitraries.ts'
import type { Client, Reply } from './client.ts'
import type { CheckedApp } from './declared.ts'
import { until } from './until.ts'

const { PROPERTY_SEED, PROPERTY_RUNS = '60', PROPERTY_PATH = '/' } = process.env
const RUNS = Number(PROPERTY_RUNS)

/** They empty the tables that the other calls need, and fill the memory; other tests call them. */
const LEFT_OUT = ['POST /apitest/dbtruncate', 'GET /apitest/leak']
/** Health probes answer before the session is read. */
const WITHOUT_SESSION = ['/health', '/ready']
const BODY_LIMIT = 16 * 1024
const FOREIGN_ORIGIN = 'https://evil.example'
/** Of the calls that their caller may make, at least this part succeeds on every route. */
const FAIR_SHARE = 0.1
const CROWDED = 'exclusion_violation'
const NARROW = [CROWDED, 'check_violation']
/** Rows made in each resource, and jobs in the queue, beforehand, so that deletions do not run out of them. */
const ROWS_AT_START = 300
const VISITOR = 'visitor'

/** Of so many rows, made at once, the boss leaves one to each of the others: of some things an account may have only few. */
const MAKERS = 10

/** Stands in a path for what the caller has started: nobody else's is found. */
const OWN = 'own-one'

/** Nobody wants to wait for the longest sleep that the schema allows. */
const PATIENCE: Known = { ms: ['0', '1', '5'] }

interface Call {
  /** A role, or the visitor. */
  caller: string
  method: string
  origin: string | undefined
  /** With a query, and the parameters filled in, unless they are to be those of a row. */
  path: string
  /** Of the rows that the caller has made here, or else the boss: the place of one. */
  row?: number | undefined
  contentType: string
  body: string | undefined
}
type Documented = ApiRoute & { doc: RouteDoc }

interface TestedApp {
  app: CheckedApp
  deps: { db: Db }
  url: string
  visitor(): Client
  close(): Promise<void>
}

/** What there is to tell of a product. */
interface Product<App extends TestedApp, Role extends string> {
  start(env: Record<string, string>): Promise<App>
  roles: Roles<Role>
  /** May do everything. */
  boss: Role
  member(app: App, role: Role): Promise<Client & { account: object }>
  /** Where an account logs in. */
  loginPath: string
  /** Puts a job into the queue. */
  enqueue(app: App): Promise<{ id: string }>
  /** Brings about the end of what callers start by routes that answer 202. */
  work(app: App): Promise<{ stop(): Promise<void> }>
  /** By the name of a field: values that exist. Of a field that refers to another row they are found by the `schema`. */
  known(app: App): Promise<Known>
  /** The exports of the table files. */
  schema?: Record<string, unknown>
  /** One run of each, unless PROPERTY_SEED says otherwise. */
  seeds: number[]
  /** True for the name of a route that another test drives: `GET /health`. */
  isLeftOut?(name: string): boolean
  /** True for one that takes what no generator makes, such as the token of a mail: it need not succeed. */
  isHard?(name: string): boolean
}

/** Declares the tests of a product. */
export function driveRoutes<App extends TestedApp, Role extends string>(product: Product<App, Role>): void {
  const { roles, boss } = product
  const CALLERS = [VISITOR, ...roles.names]
  const isBarred = (caller: string) => caller !== VISITOR && roles.isBarred(caller as Role)

  let app: App
  let routes: Documented[]
  const clients = new Map<string, Client>()
  const accounts = new Map<string, object>()
  /** What each caller has started, and has ended: nobody waits for the end of a stream. */
  const started = new Map<string, string>()
  /** Below these paths it is followed. */
  const followed = new Set<string>()
  /** The parameters in the paths of rows, by the path of their list, and by who has made them. */
  const made = new Map<string, Map<string, Record<string, string>[]>>()
  /** By the path of the list. */
  let cursors: Map<string, string>
  let known: Known
  /** What refers to nothing is never fair. */
  let referred: Known
  beforeAll(async () => {
    app = await product.start({ BODY_LIMIT: String(BODY_LIMIT) })
    const isDriven = (name: string) => !LEFT_OUT.includes(name) && !product.isLeftOut?.(name)
    routes = describeRoutes(app.app)
      .filter((route): route is Documented => route.doc !== undefined)
      .filter(({ method, path }) => isDriven(`${method} ${path}`) && path.startsWith(PROPERTY_PATH))
    clients.set(VISITOR, app.visitor())
    for (const role of roles.names) {
      const member = await product.member(app, role)
      clients.set(role, member)
      accounts.set(role, member.account)
    }
    await startAndEnd()
    const queued = await Promise.all(Array.from({ length: ROWS_AT_START }, () => product.enqueue(app)))
    const ids = await fillResources()
    referred = await findReferred()
    known = {
      ...referred,
      ...(await product.known(app)),
      id: ['1', ...ids],
      page: ['', '0', '1', '2'],
      before: [''],
      job: queued.map(({ id }) => id),
      search: ['', 'e', 'ANN', '%', '_', '\\'],
    }
    cursors = await findCursors()
  })
  afterAll(() => app.close())

  async function startAndEnd(): Promise<void> {
    const worker = await product.work(app)
    const starting = describeRoutes(app.app).filter(
      ({ doc, inputs }) => doc?.status === 202 && inputs.length === 0,
    )
    for (const { path } of starting) {
      for (const [caller, client] of clients) {
        const { headers, body } = await client.post(path)
        const address = headers.get('location')
        if (address === null) continue // refused, or not to be followed
        started.set(caller, body.id)
        followed.add(address.slice(0, address.lastIndexOf('/') + 1))
        await until('its end', async () => (await client.get(address)).body.state === 'done')
      }
    }
    await worker.stop()
  }

  /** By every POST whose path also stands with an id each caller creates rows. Returns their ids: they count from 1 in each. */
  async function fillResources(): Promise<string[]> {
    const ids = new Set<string>()
    const depth = ({ path }: Documented) => path.split('/').length
    for (const { method, path, inputs, role } of routes.toSorted((a, b) => depth(a) - depth(b))) {
      const body = inputs.find(({ target }) => target === 'json')
      if (method !== 'POST' || body === undefined) continue
      if (!routes.some((route) => route.path === `${path}/:id`)) continue
      const makers = roles.admitted.filter((maker) => holdsRole(maker, role))
      const rows = fc.sample(fromSchema(body.schema, await findReferred()), {
        numRuns: ROWS_AT_START,
        seed: 1,
      })
      const add = async (row: unknown, i: number) => {
        const maker = makers[i % MAKERS] ?? boss
        const above = parentOf(path, maker)
        const reply = await clients.get(maker)?.post(fill(path, above), row)
        if (reply?.status !== 201) return
        ids.add(String(reply.body.id))
        const ofList = made.get(path) ?? new Map<string, Record<string, string>[]>()
        made.set(path, ofList.set(maker, [...(ofList.get(maker) ?? []), { ...above, id: reply.body.id }]))
      }
      for (let i = 0; i < rows.length; i += MAKERS)
        await Promise.all(rows.slice(i, i + MAKERS).map((row, j) => add(row, i + j)))
    }
    return [...ids]
  }

  /** Of each field that refers to another row what it can refer to by now. */
  async function findReferred(): Promise<Known> {
    const found: Record<string, string[]> = {}
    for (const table of Object.values(product.schema ?? {})) {
      if (!is(table, PgTable)) continue
      const names = Object.entries(getTableColumns(table))
      for (const { reference } of getTableConfig(table).foreignKeys) {
        const { columns, foreignTable, foreignColumns } = reference()
        const [name] = names.find(([, column]) => column === columns[0]) ?? []
        const [key] = foreignColumns
        if (name === undefined || key === undefined) continue
        const rows = await app.deps.db.select({ key }).from(foreignTable).limit(ROWS_AT_START)
        if (rows.length > 0) found[name] = [...(found[name] ?? []), ...rows.map((row) => String(row.key))]
      }
    }
    return found
  }

  /** What a list stands under, `/courts/:court/bookings`: of the rows that its maker sees the first. */
  function parentOf(path: string, maker: string): Record<string, string> {
    const [, list = '', name = ''] = /^(.*)\/:(\w+)\/\w/.exec(path) ?? []
    const { id = '', ...above } = rowOf(list, maker) ?? {}
    return name === '' ? {} : { ...above, [name]: id }
  }

  const rowOf = (list: string, maker: string, n = 0) => {
    const rows = made.get(list)?.get(maker) ?? made.get(list)?.get(boss) ?? []
    return rows[n % rows.length]
  }

  /** One of each list: a list takes no other's. */
  async function findCursors(): Promise<Map<string, string>> {
    const lists = routes.filter(({ method, doc }) => method === 'GET' && doc.headers?.Link !== undefined)
    const found = lists.map(async ({ path }) => {
      const at = fill(path, rowOf(path, boss) ?? {})
      const reply = await clients.get(boss)?.get(`${at}?limit=1&size=1`)
      return [path, /[?&]cursor=([^&>]+)/.exec(reply?.headers.get('link') ?? '')?.[1] ?? ''] as const
    })
    return new Map(await Promise.all(found))
  }

  /** Its rows keep each other out, or compare their fields: of generated ones few find room, and those that find none were fair. */
  const isNarrow = ({ base }: Documented) =>
    routes.some((route) => route.base === base && route.errors.some(({ code }) => NARROW.includes(code)))

  test.each(PROPERTY_SEED === undefined ? product.seeds : [Number(PROPERTY_SEED)])(
    'whatever is sent, every route answers what it declares, and serves fair calls (seed %d)',
    async (seed) => {
      const unfair: string[] = []
      for (const route of routes) {
        let allowed = 0
        let succeeded = 0
        const property = fc.asyncProperty(callsOf(route), async (call) => {
          const declared = declaredOutcomes(route, call)
          const reply = await send(call)
          expect(declared).toContain(reply.status < 400 ? reply.status : reply.body.code)
          checkAnswer(route, reply)
          if (declared.includes(route.doc.status)) allowed++
          if (reply.status === route.doc.status || reply.body?.code === CROWDED) succeeded++
        })
        await fc.assert(property, { seed, numRuns: RUNS, includeErrorInReport: true })
        const isFair = product.isHard?.(`${route.method} ${route.path}`) !== true
        const share = isNarrow(route) ? 0 : FAIR_SHARE
        // Of many rows at once, all of which have to find room, hardly a call does.
        const isBatch = route.method === 'PATCH' && route.path === route.base
        const isDone = succeeded > 0 || (isBatch && isNarrow(route))
        if (isFair && (succeeded < allowed * share || !isDone)) {
          unfair.push(`${route.method} ${route.path}: ${succeeded} of ${allowed} calls succeeded`)
        }
      }
      expect(unfair).toEqual([])
    },
  )

  /** Two of three calls fit the schemas, half of these with values that exist; the last is spoiled somewhere. */
  function callsOf(route: Documented): Arbitrary<Call> {
    const { method, path, role } = route
    const entitled = CALLERS.filter((c) => !isBarred(c) && holdsRole(c, role))
    const common = {
      method: fc.constant(method),
      caller: fc.oneof(
        { weight: 2, arbitrary: fc.constantFrom(...entitled) },
        { weight: 1, arbitrary: fc.constantFrom(...CALLERS) },
      ),
      origin: fc.option(fc.constantFrom(app.url, FOREIGN_ORIGIN), { freq: 5, nil: undefined }),
    }
    const list = path.replace(/\/:id$/, '')
    const fair = (values: Known, ofRow = false): Arbitrary<Call> => {
      const { param, query, json, form } = inputsOf(route, { ...values, ...PATIENCE })
      const isOfRow = ofRow && made.has(list)
      return fc.record({
        ...common,
        contentType: fc.constant(form ? FORM_TYPE : 'application/json'),
        row: isOfRow ? fc.nat() : fc.constant(undefined),
        path: fc
          .tuple(param, queryOf(query))
          .map(([params, search]) => (isOfRow ? path : fill(path, params)) + search),
        body:
          (form && queryOf(form).map((search) => search.slice(1))) ??
          json?.map((value) => JSON.stringify(value)) ??
          fc.constant(undefined),
      })
    }
    const isFollowed = [...followed].some((beginning) => path.startsWith(beginning))
    const existing = {
      ...known,
      ...(isFollowed && { id: [OWN] }),
      cursor: ['', '', cursors.get(path) ?? ''], // in another order than its own it is refused
    }
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
    return fc.oneof(fair(referred), fair(existing, true), hostile)
  }

  const holdsRole = (caller: string, role: ApiRoute['role']) =>
    role === undefined || (caller !== VISITOR && roles.atLeast(caller as Role, role as Role))

  /** What the route's own tags, and who calls from where with how much, leave: its success, and codes of errors. */
  function declaredOutcomes({ method, path, role, inputs, doc, errors }: Documented, call: Call) {
    if (call.body !== undefined && Buffer.byteLength(call.body) > BODY_LIMIT) return ['content_too_large']
    if (isBarred(call.caller) && !WITHOUT_SESSION.includes(path)) return ['account_disabled']
    if (call.caller !== VISITOR && call.origin === FOREIGN_ORIGIN && method !== 'GET') {
      return ['origin_not_allowed']
    }
    const takes = (target: string) => inputs.some((input) => input.target === target)
    const lacking = call.caller === VISITOR ? 'login_required' : 'insufficient_role'
    const refusals = holdsRole(call.caller, role) ? [] : [lacking]
    const notFound = takes('param') ? ['invalid_request', 'not_found'] : []
    // Whichever a form asks first.
    if (takes('form') && call.origin !== app.url) return ['origin_not_allowed', ...refusals, ...notFound]
    if (refusals.length > 0) return refusals
    if (takes('json') && !JSON_TYPES.includes(call.contentType)) {
      return ['unsupported_media_type', ...notFound]
    }
    if (takes('form') && call.contentType !== FORM_TYPE) return ['unsupported_media_type', ...notFound]
    const takesBody = takes('json') || takes('form')
    // Two generated values may be the same.
    const own = errors.filter(({ status }) => [400, 404, 409].includes(status))
    return [
      doc.status,
      ...notFound,
      ...own.map(({ code }) => code),
      ...(takes('query') || takesBody ? ['invalid_request'] : []),
      // The body may be the login of such an account.
      ...(takesBody && role === undefined ? ['account_disabled'] : []),
    ]
  }

  /** Sends the call; a caller whose session it changed logs in again. */
  async function send({ caller, method, path, row, origin, contentType, body }: Call): Promise<Reply> {
    const client = clients.get(caller) as Client
    const [route = '', ...search] = path.split('?')
    const at =
      row === undefined
        ? path
        : [fill(route, rowOf(route.replace(/\/:id$/, ''), caller, row) ?? {}), ...search].join('?')
    const reply = await client.send(method, at.replace(OWN, started.get(caller) ?? OWN), body, {
      ...(origin !== undefined && { Origin: origin }),
      ...(body !== undefined && { 'Content-Type': contentType }),
    })
    if (reply.headers.has('set-cookie')) {
      client.cookies.clear()
      const account = accounts.get(caller)
      if (account) expect((await client.post(product.loginPath, account)).status).toBe(200)
    }
    return reply
  }
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
