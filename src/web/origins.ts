// Origins: who may call from a browser (CORS), and whose forms may not (CSRF).
import type { Context } from 'hono'
import { cors as honoCors } from 'hono/cors'
import type { Config } from '../config.ts'
import { trustedNetworks } from './client-ip.ts'
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

/**
 * CORS in two halves, because hono's middleware sends the credentials header to every origin or to none:
 * a listed origin is echoed and may send cookies; the others get `*` where the config has it, never credentials.
 */
export function cors(config: Config) {
  const common = {
    allowMethods: ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'],
    allowHeaders: ['Content-Type', 'X-Request-Id'],
    exposeHeaders: ['X-Request-Id', 'Location', 'Link', 'Retry-After', 'RateLimit', 'RateLimit-Policy'],
    maxAge: 600,
  }
  const open = config.corsOrigins.includes('*')
  const listed = honoCors({ ...common, origin: (origin) => origin, credentials: true })
  // A function even for `*`: the answer depends on the origin, so caches must be told by Vary.
  const others = honoCors({ ...common, origin: () => (open ? '*' : null) })
  return factory.createMiddleware((c, next) =>
    isListed(config, c.req.header('origin') ?? '') ? listed(c, next) : others(c, next),
  )
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Refuses a state-changing request that carries a session cookie and comes from a foreign page.
 * Hono's own compares with the URL that it sees (wrong behind a TLS proxy) and lets JSON pass.
 * No Origin header: not a browser, or its own page.
 */
export function csrf(config: Config) {
  const trusted = trustedNetworks(config.trustedProxies)
  return factory.createMiddleware(async (c, next) => {
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
    await next()
  })
}

/**
 * For the forms of our own pages: refuses what no page of ours has sent, with and without a session, by listed
 * origins and by clients that name none. Browsers name the origin of every form that they post.
 */
export const ownPagesOnly = factory.createMiddleware(async (c, next) => {
  const origin = c.req.header('origin') ?? ''
  const trusted = trustedNetworks(c.get('config').trustedProxies)
  if (!SAFE_METHODS.has(c.req.method) && !isOwn(c, origin, trusted)) {
    throw new ApiError(403, 'Only a page of this server may send this: open its own, and try again there')
  }
  await next()
})

const isOwn = (c: Context, origin: string, trusted: (address: string) => boolean) =>
  URL.canParse(origin) && hostsOf(c, trusted).includes(new URL(origin).host)

function hostsOf(c: Context, trusted: (address: string) => boolean): (string | undefined)[] {
  const own = c.req.header('host')?.toLowerCase()
  if (!trusted(c.env?.remoteAddress ?? '')) return [own]
  return [own, c.req.header('x-forwarded-host')?.toLowerCase()]
}
