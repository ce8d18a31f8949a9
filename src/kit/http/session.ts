// Sessions: an opaque cookie, an identity and a dictionary in Redis, in the order in which a request meets them.
import type { Context } from 'hono'
import { deleteCookie, setCookie } from 'hono/cookie'
import type { Deps } from '../deps.ts'
import { ApiError } from '../types/api-error.ts'
import type { Identity } from '../types/sessions.ts'
import { limitCaching } from './caching.ts'
import { tag } from './doc.ts'
import type { AnyContext, AppEnv } from './env.ts'
import { middleware } from './factory.ts'
import { Session } from './live-session.ts'
import { SESSION_COOKIE, sessionCookies, staleVariants } from './session-cookies.ts'

/** The cookie is sent again this often, so that the browser's copy lives on with the server's. */
const RESEND_AFTER_MS = 24 * 60 * 60 * 1000
/** More of a User-Agent is not worth keeping. */
const MAX_AGENT = 300

const openSession = middleware(async (c, next) => {
  const cookies = c.req.header('cookie')
  const opened = cookies === undefined ? null : await openAny(c.var, sessionCookies(cookies))
  c.set('session', opened)
  if (opened !== null) {
    if (c.get('roles').isBarred(opened.role)) throw accountDisabled()
    await resend(c, opened.token, opened.identity)
  }
  await next()
  // Read anew: a login has put another session here, a logout has taken it away.
  const current = c.get('session')
  if (current !== null && c.res.status < 500) await current.save()
  limitCaching(c, opened !== null || current !== null)
})

/**
 * A browser sends several cookies of one name where they are of several domains or paths. Those of one account are as
 * good as one; those of two are nobody's: a sibling domain may have set one of them.
 */
async function openAny(deps: Pick<Deps, 'roles' | 'sessions'>, tokens: string[]): Promise<Session | null> {
  const open = async (token: string) => {
    const identity = await deps.sessions.open(token)
    return identity === null ? null : new Session(deps, token, identity)
  }
  const [only] = tokens
  if (only === undefined) return null
  if (tokens.length === 1) return open(only)
  const found = (await Promise.all(tokens.map(open))).filter((one) => one !== null)
  const [latest = null, ...others] = found.toSorted((a, b) => b.identity.loginAt - a.identity.loginAt)
  return others.some(({ userId }) => userId !== latest?.userId) ? null : latest
}

/** Opens the request's session, stops accounts of a barred role, and saves what the handler changed. */
export const session = tag(openSession, { others: [400] })

export const accountDisabled = () => new ApiError(400, 'account disabled')

/** Logs in: a new session id, whatever sessions the request came with. */
export async function startSession(
  context: AnyContext,
  user: { id: string; role: string },
  remember: boolean,
): Promise<void> {
  const c: Context<AppEnv> = context
  await dropSessions(c)
  const now = Date.now()
  const origin = { ip: c.get('ip'), agent: agentOf(c) }
  const identity = { userId: user.id, role: user.role, ...origin, loginAt: now, sentAt: now, remember }
  const token = await c.get('sessions').create(identity)
  c.set('session', new Session(c.var, token, identity))
  sendCookie(c, token, remember)
}

/** Logs out: the session is gone from Redis, and the cookie from the browser. */
export async function endSession(context: AnyContext): Promise<void> {
  const c: Context<AppEnv> = context
  if (c.get('session') === null) return
  c.set('session', null)
  await dropSessions(c)
  deleteCookie(c, SESSION_COOKIE, cookieOptions(c))
}

/** Ends what the request came with, and takes from the browser the variants of the cookie that nothing replaces. */
async function dropSessions(c: Context<AppEnv>): Promise<void> {
  const tokens = sessionCookies(c.req.header('cookie'))
  await Promise.all(tokens.map((token) => c.get('sessions').destroy(token)))
  if (tokens.length === 0) return
  const { domain, ...options } = cookieOptions(c)
  for (const variant of staleVariants(c.req.header('cookie'), c.req.header('host'), domain)) {
    deleteCookie(c, variant.name, { ...options, ...variant })
  }
}

export const agentOf = (c: Context) => (c.req.header('user-agent') ?? '').slice(0, MAX_AGENT)

async function resend(c: Context<AppEnv>, token: string, identity: Identity): Promise<void> {
  const now = Date.now()
  if (now - identity.sentAt < RESEND_AFTER_MS) return
  await c.get('sessions').touch(token, identity, now)
  sendCookie(c, token, identity.remember)
}

function sendCookie(c: Context<AppEnv>, token: string, remember: boolean): void {
  const maxAge = remember ? c.get('config').sessionSeconds : undefined
  setCookie(c, SESSION_COOKIE, token, { ...cookieOptions(c), maxAge })
}

function cookieOptions(c: Context<AppEnv>) {
  const { secure, domain, sameSite } = c.get('config').cookie
  return { path: '/', httpOnly: true, secure, domain, sameSite }
}
