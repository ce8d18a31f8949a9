// What caches and other sites may keep of an answer. An answer to somebody who is logged in is nobody else's.
import { createMiddleware } from 'hono/factory'

/** For the answers of a slice or a route that no cache may keep, not even the browser's own. */
export const noStore = createMiddleware(async (c, next) => {
  await next()
  c.res.headers.set('Cache-Control', 'no-store')
})

/**
 * What sets a cookie is stored by nobody. Another answer to a session is for this browser only, which asks again each
 * time; but what a route says itself stays, and what it calls public is nobody's in particular.
 */
export function markPersonal(headers: Headers, hasSession: boolean): void {
  const declared = headers.get('cache-control')
  if (headers.has('set-cookie')) headers.set('Cache-Control', 'no-store')
  else if (!hasSession || declared?.startsWith('public')) return
  else if (declared === null) headers.set('Cache-Control', 'private, no-cache')
  headers.set('Cross-Origin-Resource-Policy', 'same-origin')
}
