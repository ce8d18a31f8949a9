// Origins: who may call from a browser (CORS), and whose forms may not (CSRF).
import type { Context } from 'hono'
import type { Config } from '../config.ts'
import { trustedNetworks } from './client-ip.ts'
import { tag } from './doc.ts'
import { ApiError } from './errors.ts'
import { factory } from './factory.ts'
import { SESSION_COOKIE } from './session.ts'
import { getCookie } from 'hono/cookie'

const LOCAL_ORIGIN = /^http:\/\/(localhost|127\.0\.0\.1)(:\d+)?$/

/** Explicitly allowed, and so trusted with cookies. `*` lists nobody. */
export function isListed(config: Config, origin: string): boolean {
  if (!config.production && LOCAL_ORIGIN.test(origin)) return true
  return origin !== '*' && config.corsOrigins.includes(origin)
}

const METHODS = 'GET,POST,PUT,DELETE,OPTIONS'
const HEADERS = 'Content-Type,X-Request-Id'
const EXPOSED = 'X-Request-Id,Location,Link,Retry-After,RateLimit,RateLimit-Policy'
/** Seconds for which a browser remembers a preflight. */
const MAX_AGE = '600'

/**
 * CORS: a listed origin is echoed and may send cookies; the others get `*` where the config has it, never credentials.
 * Hono's own sends the credentials header to every origin or to none, and copies each answer, which costs more than
 * any other middleware here.
 */
export function cors(config: Config) {
  const open = config.corsOrigins.includes('*')
  return factory.createMiddleware(async (c, next) => {
    const origin = c.req.header('origin') ?? ''
    const listed = isListed(config, origin)
    const isPreflight = c.req.method === 'OPTIONS'
    if (isPreflight) c.res = c.body(null, 204)
    else await next()

    const { headers } = c.res
    if (listed || open) headers.set('Access-Control-Allow-Origin', listed ? origin : '*')
    if (listed) headers.set('Access-Control-Allow-Credentials', 'true')
    headers.set('Access-Control-Expose-Headers', EXPOSED)
    // For `*` too: the answer depends on the origin, so caches must be told.
    headers.append('Vary', 'Origin')
    if (!isPreflight) return
    headers.set('Access-Control-Max-Age', MAX_AGE)
    headers.set('Access-Control-Allow-Methods', METHODS)
    headers.set('Access-Control-Allow-Headers', HEADERS)
    headers.append('Vary', 'Access-Control-Request-Headers')
  })
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Refuses a state-changing request that carries a session cookie and comes from a foreign page.
 * Hono's own compares with the URL that it sees (wrong behind a TLS proxy) and lets JSON pass.
 * No Origin header: not a browser, or its own page.
 */
export function csrf(config: Config) {
  const trusted = trustedNetworks(config.trustedProxies)
  const handler = factory.createMiddleware((c, next) => {
    const origin = c.req.header('origin')
    if (
      origin !== undefined &&
      !SAFE_METHODS.has(c.req.method) &&
      getCookie(c, SESSION_COOKIE) !== undefined
    ) {
      if (!isOwn(c, origin, trusted) && !isListed(config, origin)) {
        throw new ApiError(
          403,
          'This origin may not act for a logged-in user; CORS_ORIGINS lists those that may',
        )
      }
    }
    return next()
  })
  return tag(handler, { others: [403], changesOnly: true })
}

const refuseOthers = factory.createMiddleware((c, next) => {
  const origin = c.req.header('origin') ?? ''
  const trusted = trustedNetworks(c.get('config').trustedProxies)
  if (!SAFE_METHODS.has(c.req.method) && !isOwn(c, origin, trusted)) {
    throw new ApiError(403, 'Only a page of this server may send this: open its own, and try again there')
  }
  return next()
})

/**
 * For the forms of our own pages: refuses what no page of ours has sent, with and without a session, by listed
 * origins and by clients that name none. Browsers name the origin of every form that they post.
 */
export const ownPagesOnly = tag(refuseOthers, { others: [403], changesOnly: true })

const isOwn = (c: Context, origin: string, trusted: (address: string) => boolean) =>
  URL.canParse(origin) && hostsOf(c, trusted).includes(new URL(origin).host)

function hostsOf(c: Context, trusted: (address: string) => boolean): (string | undefined)[] {
  const own = c.req.header('host')?.toLowerCase()
  if (!trusted(c.env?.remoteAddress ?? '')) return [own]
  return [own, c.req.header('x-forwarded-host')?.toLowerCase()]
}
