// Handles requests without a route: 405 with Allow if the path exists under another method, else 404 with the path.
import type { Hono } from 'hono'
import { methodNotAllowed as notAllowed, notFound } from '../types/api-error.ts'

/** The kinds of errors of a path, or of a method, that has no route. */
export const WITHOUT_ROUTE = [notFound, notAllowed]

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** Creates a not-found handler that asks the router which other methods the path has. */
export function methodNotAllowed(app: Pick<Hono, 'router'>) {
  return (c: { req: { path: string; method: string } }): never => {
    const path = c.req.path.length > 1 ? c.req.path.replace(/\/$/, '') : c.req.path
    const allowed = METHODS.filter((method) => {
      const [handlers] = app.router.match(method, path)
      return handlers.some(([[, route]]) => route.method === method)
    })
    const asked = c.req.method === 'HEAD' ? 'GET' : c.req.method
    if (allowed.length === 0 || allowed.includes(asked)) throw notFound(c as never)
    if (allowed.includes('GET')) allowed.push('HEAD')
    allowed.push('OPTIONS')
    throw notAllowed({
      message: `This path allows ${allowed.join(', ')}`,
      headers: { Allow: allowed.join(', ') },
    })
  }
}
