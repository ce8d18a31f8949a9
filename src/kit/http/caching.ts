// What caches may keep of an answer. What somebody who is logged in gets is nobody else's.
import type { Context } from 'hono'
import type { AppEnv } from './env.ts'
import { middleware } from './factory.ts'

/** For a slice or a route whose answers no cache may keep, not even the browser's own. Behind `session`. */
export const noStore = middleware((c, next) => {
  c.set('noStore', true)
  return next()
})

/**
 * What sets a cookie is stored by nobody. Another answer to a session is for this browser only, which asks again each
 * time; but what a route says itself stays.
 */
export function limitCaching(c: Context<AppEnv>, hasSession: boolean): void {
  const { headers } = c.res
  if (c.get('noStore') === true || headers.has('set-cookie')) headers.set('Cache-Control', 'no-store')
  else if (hasSession && !headers.has('cache-control')) headers.set('Cache-Control', 'private, no-cache')
}

/** True for what a route calls public: it is the same for everybody. */
export const isPublic = (headers: Headers): boolean =>
  headers.get('cache-control')?.startsWith('public') === true
