// A route's one sentence: `doc`, `requireRole` and `validate` tag themselves, and the API list reads the tags back.
import type { MiddlewareHandler } from 'hono'
import type { z } from 'zod'
import type { Role } from '../deps.ts'
import type { RateLimit } from './rate-limit.ts'

export interface RouteInput {
  target: 'json' | 'form' | 'query' | 'param'
  schema: z.ZodType
}

/** What a route says of itself. `answer` is a schema for JSON, a media type for the rest, null for an empty body. */
export interface RouteDoc {
  summary: string
  answer: z.ZodType | 'text/html' | 'text/plain' | 'text/event-stream' | 'image/svg+xml' | null
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
  role: Role | undefined
  inputs: RouteInput[]
  limit?: RateLimit
}

type Tag = { doc: RouteDoc } | { role: Role } | { input: RouteInput } | { limit: RateLimit }

const tags = new WeakMap<object, Tag>()

/** Marks a middleware with what it contributes to its route's description. */
export function tag<H extends MiddlewareHandler>(handler: H, contribution: Tag): H {
  tags.set(handler, contribution)
  return handler
}

/** Describes a route: what it does, and what it answers on success. */
export function doc(
  summary: string,
  answer: RouteDoc['answer'],
  status = 200,
  headers: RouteDoc['headers'] = {},
): MiddlewareHandler {
  return tag(async (_c, next) => next(), { doc: { summary, answer, status, headers } })
}

/** Every route of an app in order of declaration, put together from the tags of its handlers. */
export function describeRoutes(app: {
  routes: { method: string; path: string; basePath: string; handler: object }[]
}): ApiRoute[] {
  const byName = new Map<string, ApiRoute>()
  for (const { method, path, basePath, handler } of app.routes) {
    if (method === 'ALL') continue // middleware
    const name = `${method} ${path}`
    const route = byName.get(name) ?? {
      method,
      path,
      base: basePath,
      doc: undefined,
      role: undefined,
      inputs: [],
    }
    byName.set(name, route)
    const found = tags.get(handler)
    if (found === undefined) continue
    if ('doc' in found) route.doc = found.doc
    else if ('role' in found) route.role = found.role
    else if ('limit' in found) route.limit = found.limit
    else route.inputs.push(found.input)
  }
  return [...byName.values()]
}
