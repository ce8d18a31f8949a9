// Limits what caches may store: a response to somebody who is logged in is for nobody else.
import type { Context } from 'hono'
import type { AppEnv } from './env.ts'
import { middleware } from './factory.ts'

/** For a slice or a route whose responses no cache may store, not even the browser's. Place it after `session`. */
export const noStore = middleware((c, next) => {
  c.set('noStore', true)
  return next()
})

/**
 * Forbids to store a response that sets a cookie. Any other response to a session is for this browser only, which must
 * revalidate it each time, unless the route has set its own policy.
 */
export function limitCaching(c: Context<AppEnv>, hasSession: boolean): void {
  const { headers } = c.res
  if (c.get('noStore') === true || headers.has('set-cookie')) headers.set('Cache-Control', 'no-store')
  else if (hasSession && !headers.has('cache-control')) headers.set('Cache-Control', 'private, no-cache')
}

/** True for a response that its route declares public: it is the same for everybody. */
export const isPublic = (headers: Headers): boolean =>
  headers.get('cache-control')?.startsWith('public') === true
