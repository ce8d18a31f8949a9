// Checks origins: which pages may call from a browser (CORS), and which requests of foreign pages are refused (CSRF).
import type { Context } from 'hono'
import type { KitConfig } from '../config/kit-config.ts'
import { type ApiError, defineError } from '../types/api-error.ts'
import { isPublic } from './caching.ts'
import { type IsTrusted, trustedNetworks } from './client-ip.ts'
import { describeRoutes, tag } from './doc.ts'
import type { AppEnv } from './env.ts'
import { middleware } from './factory.ts'
import { isSafeMethod } from './safe-methods.ts'
import { sentSession } from './sent-session.ts'

const LOCAL_ORIGIN = /^http:\/\/(localhost|127\.0\.0\.1)(:\d+)?$/

/** True for an origin that is listed, and so trusted with cookies. `*` lists none. */
export function isAllowedOrigin(config: KitConfig, origin: string): boolean {
  if (!config.production && LOCAL_ORIGIN.test(origin)) return true
  return origin !== '*' && config.corsOrigins.includes(origin)
}

const METHODS = 'GET,POST,PUT,PATCH,DELETE,OPTIONS'
/** The request headers that the API reads. */
const HEADERS = 'Content-Type,Authorization,X-Request-Id,Idempotency-Key,If-Match,If-None-Match,Last-Event-ID'
/** What any response may have; beside it each route's own, which its `doc` names. */
const EXPOSED = 'X-Request-Id,Location,Link,ETag,Retry-After,RateLimit,RateLimit-Policy'
/** Seconds for which a browser caches a preflight. */
const MAX_AGE = '600'

/**
 * CORS: a listed origin is echoed and may send cookies; others get `*` if the config has it, and never credentials.
 * Hono's own sends the credentials header to every origin or to none, and copies each response, which costs more than
 * any other middleware here.
 */
export function cors(config: KitConfig, app: Parameters<typeof describeRoutes>[0]) {
  const open = config.corsOrigins.includes('*')
  let exposed: string | undefined // at the first request, when all routes are added
  const allowedHeaders = [HEADERS, ...config.corsHeaders].join(',')
  return middleware(async (c, next) => {
    const origin = c.req.header('origin') ?? ''
    const listed = isAllowedOrigin(config, origin)
    const isPreflight = c.req.method === 'OPTIONS'
    if (isPreflight) c.res = c.body(null, 204)
    else await next()

    const { headers } = c.res
    if (listed || open) headers.set('Access-Control-Allow-Origin', listed ? origin : '*')
    if (listed) headers.set('Access-Control-Allow-Credentials', 'true')
    if (origin !== '') headers.set('Access-Control-Expose-Headers', (exposed ??= exposedBy(app)))
    // For `*` too: the response depends on the origin, so caches must know.
    headers.append('Vary', 'Origin')
    const mayBeShown = isForAll(c) && (listed || open ? 'cross-origin' : 'same-site')
    headers.set('Cross-Origin-Resource-Policy', mayBeShown || 'same-origin')
    if (c.res.status === 401 && listed && !config.production) warnOfTwoNames(c, origin)
    if (!isPreflight) return
    headers.set('Access-Control-Max-Age', MAX_AGE)
    headers.set('Access-Control-Allow-Methods', METHODS)
    headers.set('Access-Control-Allow-Headers', allowedHeaders)
    headers.append('Vary', 'Access-Control-Request-Headers')
  })
}

function exposedBy(app: Parameters<typeof describeRoutes>[0]): string {
  const own = describeRoutes(app).flatMap(({ doc }) => Object.keys(doc?.headers ?? {}))
  return [...new Set([...EXPOSED.split(','), ...own])].join(',')
}

/**
 * A page can embed a response without CORS, as an image for example, and its request names no origin. So neither pages
 * of ours nor responses to somebody who is logged in may be embedded.
 */
const isForAll = (c: Context<AppEnv>): boolean =>
  c.req.method === 'GET' &&
  (!sentSession(c) || isPublic(c.res.headers)) &&
  !c.res.headers.get('content-type')?.startsWith('text/html')

/** To a browser `localhost` and `127.0.0.1` are two sites: it does not send the cookie of one from pages of the other. */
function warnOfTwoNames(c: Context<AppEnv>, origin: string): void {
  const host = c.req.header('host') ?? ''
  const page = LOCAL_ORIGIN.exec(origin)?.[1]
  const api = LOCAL_ORIGIN.exec(`http://${host}`)?.[1]
  if (page === undefined || api === undefined || page === api) return
  c.get('log').warn(
    `this request has no session cookie: its page is at ${origin} and the API at ${host}, which is another site to a ` +
      'browser. Use localhost for both',
  )
}

export const originNotAllowed = defineError(
  403,
  'origin_not_allowed',
  'A page of this origin may not send this',
)

/**
 * Refuses a request that changes state, carries a session and comes from a foreign page.
 * Hono's own compares the origin with the URL that it sees (wrong behind a TLS proxy) and passes JSON.
 */
export function csrf(config: KitConfig) {
  const trusted = trustedNetworks(config.trustedProxies)
  const handler = middleware((c, next) => {
    const current = sentSession(c)
    // A browser sends a cookie by itself, and never a bearer token.
    const sentByItself = current?.isBearer === false
    const isForeign = !isSafeMethod(c.req.method) && sentByItself && isOwnPage(c, trusted) === false
    if (isForeign && !isAllowedOrigin(config, c.req.header('origin') ?? ''))
      throw refused(c, 'This origin may not act for a logged-in user; CORS_ORIGINS lists those that may')
    return next()
  })
  return tag(handler, { errors: [originNotAllowed], changesOnly: true })
}

const refuseOthers = middleware((c, next) => {
  const trusted = trustedNetworks(c.get('config').trustedProxies)
  if (!isSafeMethod(c.req.method) && isOwnPage(c, trusted) !== true)
    throw refused(c, 'Only a page of this server may send this: open that page and try again there')
  return next()
})

/**
 * For the forms of our own pages: refuses every request that they have not sent, with or without a session, even from
 * listed origins and from clients that name none. Browsers name the origin of every form that they post.
 */
export const ownPagesOnly = tag(refuseOthers, { errors: [originNotAllowed], changesOnly: true })

/** A longer origin is cut in the log. */
const MAX_ORIGIN = 200

/** Logs the headers, to find out which page or proxy it is; the log escapes them. */
function refused(c: Context<AppEnv>, why: string): ApiError {
  const header = (name: string) => c.req.header(name)?.slice(0, MAX_ORIGIN)
  c.get('log').warn('refused: the page that sent this request may not send it', {
    origin: header('origin'),
    site: header('sec-fetch-site'),
    host: header('host'),
  })
  return originNotAllowed({ message: why })
}

/** Whether a page of this server, or the user directly, has sent it. Undefined: no browser, as those say so. */
function isOwnPage(c: Context, trusted: IsTrusted): boolean | undefined {
  const site = c.req.header('sec-fetch-site')
  if (site === 'same-origin' || site === 'none') return true
  const origin = c.req.header('origin')
  return origin === undefined ? (site === undefined ? undefined : false) : isOwn(c, origin, trusted)
}

/** True for the same host and port, and the same scheme if it is known: a proxy may add TLS without saying so. */
function isOwn(c: Context, origin: string, trusted: IsTrusted): boolean {
  if (!URL.canParse(origin)) return false
  const { protocol, host } = new URL(origin)
  const isProxied = trusted(c.env?.remoteAddress ?? '')
  const scheme = c.req.url.startsWith('https:') ? 'https' : isProxied && c.req.header('x-forwarded-proto')
  if (scheme && `${scheme.toLowerCase()}:` !== protocol) return false
  const hosts = [c.req.header('host'), isProxied ? c.req.header('x-forwarded-host') : undefined]
  // Parsed with the origin's scheme, so that its default port is dropped from both.
  return hosts.some((own) => own !== undefined && hostOf(`${protocol}//${own}`) === host)
}

const hostOf = (url: string) => (URL.canParse(url) ? new URL(url).host : undefined)
