// Documents routes: `doc`, `requireRole` and `validate` tag themselves, and whatever describes the API reads the tags.
import type { MiddlewareHandler } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { z } from 'zod'
import { type ErrorKind, kindOf } from '../types/api-error.ts'
import { ETAG, IF_NONE_MATCH } from './conditional.ts'
import type { RateLimit } from './quota.ts'
import { type RespondEnv, responder } from './respond.ts'
import { isSafeMethod } from './safe-methods.ts'
import { abilityAfter } from './token-ability.ts'

export interface RouteInput {
  /** `file`: a form of several parts, the last of which is a file. */
  target: 'json' | 'form' | 'query' | 'param' | 'file'
  schema: z.ZodType
}

/** A header that a route reads. */
export interface RequestHeader {
  name: string
  about: string
  required?: boolean
}

type MediaType = `${string}/${string}`

/** A route's description. `response` is a schema for JSON, a media type for other bodies (a file's: any), null for an empty body. */
export interface RouteDoc {
  summary: string
  response: z.ZodType | MediaType | null
  status: number
  /** Headers of a successful response that need an explanation, and the explanation. */
  headers?: Record<string, string>
  /** The words of its link in the header of all pages, which readers with its role see; of its button, if it is no GET. */
  link?: string | undefined
  /** The link is for those who are not logged in, stands where it says who acts as another account, or on the account's page. */
  linkFor?: 'visitors' | 'impersonators' | 'account' | undefined
}

export interface ApiRoute {
  method: string
  path: string
  /** The path at which its slice is mounted. */
  base: string
  doc: RouteDoc | undefined
  role: string | undefined
  /** With a role: what a personal access token needs; null: none may call. Undefined: the product has no tokens. */
  ability?: string | null
  inputs: RouteInput[]
  requestHeaders?: RequestHeader[]
  limit?: RateLimit
  /** The errors with which it may respond, besides those of the middleware of all routes. */
  errors: ErrorKind[]
  commonErrors: ErrorKind[]
  /** Other statuses that are no errors, and have no body. */
  otherStatuses: number[]
}

/** What a middleware contributes to the description of the routes that it applies to. */
export interface Contribution {
  doc?: RouteDoc
  role?: string
  ability?: ApiRoute['ability']
  input?: RouteInput
  requestHeader?: RequestHeader | undefined
  /** Of a successful response. */
  headers?: RouteDoc['headers'] & object
  /** It stands behind `requireRole`. */
  isOfAccount?: boolean
  limit?: RateLimit
  /** The kinds of errors with which it responds instead of the route. */
  errors?: readonly ErrorKind[]
  otherStatuses?: readonly number[]
  /** True if it passes every safe method: its errors are then those of the other methods. */
  changesOnly?: boolean
  /** The route reads its body as a stream, within these limits. */
  streams?: { maxBytes: number; timeoutMs: number }
}

const tags = new WeakMap<object, Contribution>()

/** Tags a middleware with its contribution. */
export function tag<H extends MiddlewareHandler>(handler: H, contribution: Contribution): H {
  tags.set(handler, contribution)
  return handler
}

export const contributionOf = (handler: object): Contribution | undefined => tags.get(handler)

export interface DocOptions<Status extends number = number> {
  /** Of a successful response; 200 by default. */
  status?: Status
  headers?: RouteDoc['headers']
  /** Of a GET that answers JSON: the answer has an ETag, and is 304 without a body where the client has it already. */
  etag?: boolean
  link?: RouteDoc['link']
  linkFor?: RouteDoc['linkFor']
  /** Other statuses of the handler that are no errors: 204, 304. Of an error it stands for the status's common kind. */
  otherStatuses?: readonly number[]
  /** The kinds of errors that the handler itself throws; those of `requireRole`, `validate` and the app are known. */
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
  {
    status = 200,
    headers = {},
    etag = false,
    link,
    linkFor,
    otherStatuses = [],
    errors = [],
  }: DocOptions = {},
): MiddlewareHandler {
  const respond = responder(status, etag ? Object.keys(headers) : undefined)
  const handler: MiddlewareHandler = (c, next) => {
    c.set('respond', (value: object) => respond(c, value))
    return next()
  }
  return tag(handler, {
    doc: { summary, response, status, headers: { ...headers, ...(etag && ETAG) }, link, linkFor },
    errors: [...errors, ...otherStatuses.filter(isError).map(kindOf)],
    otherStatuses: [...otherStatuses.filter((other) => !isError(other)), ...(etag ? [304] : [])],
    requestHeader: etag ? IF_NONE_MATCH : undefined,
  })
}

const isError = (status: number) => status >= 400

/**
 * Lists every route of an app in order of declaration, from the tags of its handlers and of the middleware before them.
 * @throws Error for a route that cannot be as it is declared
 */
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
      const described = { doc: undefined, role: undefined, inputs: [], otherStatuses: [] }
      route = { method, path, base: basePath, ...described, errors: [], commonErrors: [] }
      byName.set(name, route)
      for (const { pattern, contribution: shared } of before)
        if (covers(pattern, path)) addTags(route, shared, pattern === '/*')
    }
    route.doc ??= contribution.doc
    route.role ??= contribution.role
    route.limit ??= contribution.limit
    if (contribution.input !== undefined) route.inputs.push(contribution.input)
    if (contribution.headers && route.doc)
      route.doc = { ...route.doc, headers: { ...route.doc.headers, ...contribution.headers } }
    if (contribution.isOfAccount && route.role === undefined)
      throw new Error(`${name}: what counts for each account stands behind requireRole, as idempotent() does`)
    if (contribution.requestHeader !== undefined)
      (route.requestHeaders ??= []).push(contribution.requestHeader)
    addTags(route, contribution)
  }
  return [...byName.values()]
}

/** True if a middleware that was added for `/*` or `/api/*` applies to the path. */
const covers = (pattern: string, path: string) =>
  pattern.endsWith('*') ? `${path}/`.startsWith(pattern.slice(0, -1)) : pattern === path

function addTags(route: ApiRoute, added: Contribution, isCommon = false): void {
  route.ability = abilityAfter(route, added)
  route.otherStatuses.push(...(added.otherStatuses ?? []))
  if (added.changesOnly === true && isSafeMethod(route.method)) return
  const isNew = (kind: ErrorKind) => ![...route.commonErrors, ...route.errors].includes(kind)
  route[isCommon ? 'commonErrors' : 'errors'].push(...(added.errors ?? []).filter(isNew))
}

/** The kinds of errors of routes, each once, by status. @throws Error if two kinds have one code */
export function errorsOf(routes: readonly Pick<ApiRoute, 'errors' | 'commonErrors'>[]): ErrorKind[] {
  const byCode = new Map<string, ErrorKind>()
  for (const kind of routes.flatMap(({ commonErrors, errors }) => [...commonErrors, ...errors])) {
    const { status, message } = byCode.get(kind.code) ?? kind
    if (status !== kind.status || message !== kind.message)
      throw new Error(`two kinds of errors have the code ${kind.code}: define it once`)
    byCode.set(kind.code, kind)
  }
  return [...byCode.values()].toSorted((a, b) => a.status - b.status)
}
