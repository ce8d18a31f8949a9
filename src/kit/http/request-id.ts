// A request's id: the client's own or a new one, known everywhere during the request without being passed along.
import { requestContext } from '../log/request-context.ts'
import { middleware } from './factory.ts'

const WELL_FORMED = /^[\w=-]{1,255}$/

/**
 * Sets `c.var.requestId` and X-Request-Id, and runs the rest of the request in its context: each line that is logged
 * meanwhile carries the id. The header is set after the handler: a header that stands before it makes Hono copy all.
 */
export const withRequestContext = middleware(async (c, next) => {
  const given = c.req.header('x-request-id') ?? ''
  const requestId = WELL_FORMED.test(given) ? given : crypto.randomUUID()
  c.set('requestId', requestId)
  await requestContext.run({ requestId, request: c.req.raw, isLate: false }, next)
  c.res.headers.set('X-Request-Id', requestId)
})
