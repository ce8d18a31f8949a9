// A request's id: the client's own or a new one, known everywhere during the request without being passed along.
import { AsyncLocalStorage } from 'node:async_hooks'
import { factory } from './factory.ts'

export interface RequestContext {
  requestId: string
  /** True once nobody waits for the answer: the client has gone, or the deadline has passed. */
  isGone?: () => boolean
}

export const requestContext = new AsyncLocalStorage<RequestContext>()

const WELL_FORMED = /^[\w=-]{1,255}$/

/**
 * Sets `c.var.requestId` and X-Request-Id, and runs the rest of the request in its context: each line that is logged
 * meanwhile carries the id. The header is set after the handler: a header that stands before it makes Hono copy all.
 */
export const withRequestContext = factory.createMiddleware(async (c, next) => {
  const given = c.req.header('x-request-id') ?? ''
  const requestId = WELL_FORMED.test(given) ? given : crypto.randomUUID()
  c.set('requestId', requestId)
  await requestContext.run({ requestId }, next)
  c.res.headers.set('X-Request-Id', requestId)
})
