// Documents routes: `doc`, `requireRole` and `validate` tag themselves, and whatever describes the API reads the tags.
import type { MiddlewareHandler, TypedResponse } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { z } from 'zod'
import type { ErrorKind } from '../types/api-error.ts'
import type { RateLimit } from './quota.ts'
import { isSafeMethod } from './safe-methods.ts'

export interface RouteInput {
  target: 'json' | 'form' | 'query' | 'param'
  schema: z.ZodType
}

type MediaType = `${string}/${string}`

/** A route's description. `response` is a schema for JSON, a media type for other bodies, null for an empty body. */
export interface RouteDoc {
  summary: string
  response: z.ZodType | MediaType | null
  status: number
  /** Headers of a successful response that need an explanation, and the explanation. */
  headers?: Record<string, string>
  /** The words of its link in the header of all pages, which readers with its role see; of its button, if it is no GET. */
  link?: string | undefined
  /** `visitors`: the link is for those who are not logged in. */
  linkFor?: 'visitors' | undefined
}

export interface ApiRoute {
  method: string
  path: string
  /** The path at which its slice is mounted. */
  base: string
  doc: RouteDoc | undefined
  role: string | undefined
  /** What a role that is too low gets. */
  tooLowStatus?: number
  inputs: RouteInput[]
  limit?: RateLimit
  /** Other statuses of the route, in order: errors other than 500, and successes without a body. */
  otherStatuses: number[]
}

/** What a middleware contributes to the description of the routes that it applies to. */
export interface Contribution {
  doc?: RouteDoc
  role?: string
  tooLowStatus?: number
  input?: RouteInput
  limit?: RateLimit
  /** Statuses of the errors with which it responds instead of the route. */
  otherStatuses?: readonly number[]
  /** True if it passes every safe method: `otherStatuses` then apply to the other methods. */
  changesOnly?: boolean
}

const tags = new WeakMap<object, Contribution>()

/** Tags a middleware with its contribution. */
export function tag<H extends MiddlewareHandler>(handler: H, contribution: Contribution): H {
  tags.set(handler, contribution)
  return handler
}

/** A value whose JSON is a `T`: a date may stand for a text. */
export type BeforeJson<T> = T extends string
  ? string extends T
    ? T | Date
    : T
  : T extends readonly (infer Item)[]
    ? readonly BeforeJson<Item>[]
    : T extends object
      ? { [K in keyof T]: BeforeJson<T[K]> }
      : T

/** Makes the compiler refuse a value with a field that its schema does not name. */
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

/** What `doc` adds to the handler: `c.var.respond(value)` sends JSON of the documented shape with the documented status. */
type RespondEnv<S extends z.ZodType, Status extends ContentfulStatusCode> = {
  Variables: {
    respond: <V extends BeforeJson<z.output<S>>>(
      value: V & OnlyDeclared<V, z.output<S>>,
    ) => Response & TypedResponse<z.output<S>, Status, 'json'>
  }
}

export interface DocOptions<Status extends number = number> {
  /** Of a successful response; 200 by default. */
  status?: Status
  headers?: RouteDoc['headers']
  link?: RouteDoc['link']
  linkFor?: RouteDoc['linkFor']
  /** Other statuses of the handler itself; those of `requireRole`, `validate` and the app are known. */
  otherStatuses?: readonly number[]
  /** The kinds of errors that the handler itself throws. */
  errors?: readonly ErrorKind[]
}

/** Describes a route: what it does, and what it returns on success. */
export function doc<S extends z.ZodType, const Status extends ContentfulStatusCode = 200>(
  summary: string,
  response: S,
  options?: DocOptions<Status>,
): MiddlewareHandler<RespondEnv<S, Status>>
export function doc(summary: string, response: MediaType | null, options?: DocOptions): MiddlewareHandler
export function doc(
  summary: string,
  response: RouteDoc['response'],
  { status = 200, headers = {}, link, linkFor, otherStatuses = [], errors = [] }: DocOptions = {},
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
  const statuses = [...otherStatuses, ...errors.map((kind) => kind.status)]
  return tag(handler, { doc: { summary, response, status, headers, link, linkFor }, otherStatuses: statuses })
}

/** Lists every route of an app in order of declaration, from the tags of its handlers and of the middleware before them. */
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
      route = { method, path, base: basePath, doc: undefined, role: undefined, inputs: [], otherStatuses: [] }
      byName.set(name, route)
      for (const { pattern, contribution: common } of before)
        if (covers(pattern, path)) addOtherStatuses(route, common)
    }
    route.doc ??= contribution.doc
    route.role ??= contribution.role
    route.tooLowStatus ??= contribution.tooLowStatus
    route.limit ??= contribution.limit
    if (contribution.input !== undefined) route.inputs.push(contribution.input)
    addOtherStatuses(route, contribution)
  }
  return [...byName.values()]
}

/** True if a middleware that was added for `/*` or `/api/*` applies to the path. */
const covers = (pattern: string, path: string) =>
  pattern.endsWith('*') ? `${path}/`.startsWith(pattern.slice(0, -1)) : pattern === path

function addOtherStatuses(route: ApiRoute, { otherStatuses = [], changesOnly = false }: Contribution): void {
  if (changesOnly && isSafeMethod(route.method)) return
  route.otherStatuses = [...new Set([...route.otherStatuses, ...otherStatuses])].toSorted((a, b) => a - b)
}
