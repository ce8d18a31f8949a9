// A route's one sentence: `doc`, `requireRole` and `validate` tag themselves, and whatever describes the API reads the tags.
import type { MiddlewareHandler, TypedResponse } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { z } from 'zod'
import type { RateLimit } from './quota.ts'

export interface RouteInput {
  target: 'json' | 'form' | 'query' | 'param'
  schema: z.ZodType
}

type MediaType =
  | 'application/json'
  | 'text/html'
  | 'text/plain'
  | 'text/css'
  | 'text/javascript'
  | 'text/event-stream'
  | 'image/svg+xml'

/** What a route says of itself. `response` is a schema for JSON, a media type for the rest, null for an empty body. */
export interface RouteDoc {
  summary: string
  response: z.ZodType | MediaType | null
  status: number
  /** Headers of the success that say something of their own, and what. */
  headers?: Record<string, string>
}

export interface ApiRoute {
  method: string
  path: string
  /** The path under which its slice is mounted. */
  base: string
  doc: RouteDoc | undefined
  role: string | undefined
  /** What a role that is too low gets. */
  tooLowStatus?: number
  inputs: RouteInput[]
  limit?: RateLimit
  /** Statuses of its other answers, in order: errors, but for a 500, and successes without a body. */
  others: number[]
}

/** What a middleware contributes to the description of the routes that it stands on or before. */
export interface Contribution {
  doc?: RouteDoc
  role?: string
  tooLowStatus?: number
  input?: RouteInput
  limit?: RateLimit
  /** Statuses that it answers with in place of the route: errors. */
  others?: readonly number[]
  /** True if it lets every GET and HEAD pass: `others` are those of the other methods. */
  changesOnly?: boolean
}

const tags = new WeakMap<object, Contribution>()

/** Marks a middleware with what it contributes. */
export function tag<H extends MiddlewareHandler>(handler: H, contribution: Contribution): H {
  tags.set(handler, contribution)
  return handler
}

/** A value whose JSON is a `T`: where that has a text, a date may stand. */
export type BeforeJson<T> = T extends string
  ? string extends T
    ? T | Date
    : T
  : T extends readonly (infer Item)[]
    ? readonly BeforeJson<Item>[]
    : T extends object
      ? { [K in keyof T]: BeforeJson<T[K]> }
      : T

/** What a value must be besides, so that it has no field that its schema does not name: the compiler refuses another. */
type OnlyDeclared<V, T> = V extends string | number | boolean | null | undefined | Date
  ? unknown
  : T extends null | undefined
    ? never
    : T extends readonly (infer Declared)[]
      ? V extends readonly (infer Item)[]
        ? readonly OnlyDeclared<Item, Declared>[]
        : never
      : T extends object
        ? { [K in keyof V]: K extends keyof T ? OnlyDeclared<V[K], T[K]> : never }
        : unknown

const JSON_TYPE = { 'Content-Type': 'application/json' }

/** What `doc` adds for the handler: `c.var.respond(value)` sends JSON of the documented shape, with its status. */
type Responding<S extends z.ZodType, Status extends ContentfulStatusCode> = {
  Variables: {
    respond: <V extends BeforeJson<z.output<S>>>(
      value: V & OnlyDeclared<V, z.output<S>>,
    ) => Response & TypedResponse<z.output<S>, Status, 'json'>
  }
}

export interface DocOptions<Status extends number = number> {
  /** Of the success; 200 if it is left out. */
  status?: Status
  headers?: RouteDoc['headers']
  /** Further statuses that the handler itself responds with: those of `requireRole`, `validate` and the app are known. */
  others?: readonly number[]
}

/** Describes a route: what it does, and what it responds with on success. */
export function doc<S extends z.ZodType, const Status extends ContentfulStatusCode = 200>(
  summary: string,
  response: S,
  options?: DocOptions<Status>,
): MiddlewareHandler<Responding<S, Status>>
export function doc(summary: string, response: MediaType | null, options?: DocOptions): MiddlewareHandler
export function doc(
  summary: string,
  response: RouteDoc['response'],
  { status = 200, headers = {}, others = [] }: DocOptions = {},
): MiddlewareHandler {
  const handler: MiddlewareHandler = (c, next) => {
    c.set('respond', (value: object) =>
      c.body(
        c.get('bodyOf')(JSON.stringify(value), c.env?.method),
        status as ContentfulStatusCode,
        JSON_TYPE,
      ),
    )
    return next()
  }
  return tag(handler, { doc: { summary, response, status, headers }, others })
}

/** Every route of an app in order of declaration, put together from the tags of its handlers and of what stands before. */
export function describeRoutes(app: {
  routes: { method: string; path: string; basePath: string; handler: object }[]
}): ApiRoute[] {
  const before: { pattern: string; contribution: Contribution }[] = []
  const byName = new Map<string, ApiRoute>()
  for (const { method, path, basePath, handler } of app.routes) {
    const contribution = tags.get(handler) ?? {}
    if (method === 'ALL') {
      before.push({ pattern: path, contribution })
      continue
    }
    const name = `${method} ${path}`
    let route = byName.get(name)
    if (route === undefined) {
      route = { method, path, base: basePath, doc: undefined, role: undefined, inputs: [], others: [] }
      byName.set(name, route)
      for (const { pattern, contribution: common } of before)
        if (covers(pattern, path)) addOthers(route, common)
    }
    route.doc ??= contribution.doc
    route.role ??= contribution.role
    route.tooLowStatus ??= contribution.tooLowStatus
    route.limit ??= contribution.limit
    if (contribution.input !== undefined) route.inputs.push(contribution.input)
    addOthers(route, contribution)
  }
  return [...byName.values()]
}

/** True if a middleware that was added for `/*` or `/api/*` stands before the path. */
const covers = (pattern: string, path: string) =>
  pattern.endsWith('*') ? `${path}/`.startsWith(pattern.slice(0, -1)) : pattern === path

function addOthers(route: ApiRoute, { others = [], changesOnly = false }: Contribution): void {
  if (changesOnly && (route.method === 'GET' || route.method === 'HEAD')) return
  route.others = [...new Set([...route.others, ...others])].toSorted((a, b) => a - b)
}
