// What is known everywhere during a request without being passed along: its id, for the log.
import { AsyncLocalStorage } from 'node:async_hooks'
import { factory } from './factory.ts'

export const requestContext = new AsyncLocalStorage<{ requestId: string }>()

/** Runs the rest of the request in its context: each line that is logged meanwhile carries its id. */
export const withRequestContext = factory.createMiddleware(async (c, next) => {
  const requestId = c.get('requestId')
  await requestContext.run({ requestId }, next)
  // Hono drops what was set before if a handler answers with a Response of its own making.
  c.res.headers.set('X-Request-Id', requestId)
})
