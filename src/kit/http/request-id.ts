// Gives each request an id, the client's own or a new one, that is known throughout the request.
import { requestContext } from '../log/request-context.ts'
import { middleware } from './factory.ts'

const WELL_FORMED = /^[\w=-]{1,255}$/

/**
 * Sets `c.var.requestId` and X-Request-Id, and runs the rest of the request in its context, so that every log line
 * carries the id. Sets the header after the handler: a header set before it would make Hono copy them all.
 */
export const withRequestContext = middleware(async (c, next) => {
  const given = c.req.header('x-request-id') ?? ''
  const requestId = WELL_FORMED.test(given) ? given : crypto.randomUUID()
  c.set('requestId', requestId)
  await requestContext.run({ requestId, request: c.req.raw, isLate: false }, next)
  c.res.headers.set('X-Request-Id', requestId)
})
