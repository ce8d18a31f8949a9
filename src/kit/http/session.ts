// Opens, starts and ends sessions: an opaque cookie, with an identity and a dictionary in Redis.
import type { Context } from 'hono'
import { deleteCookie, setCookie } from 'hono/cookie'
import type { KitDeps } from '../deps.ts'
import { defineError } from '../types/api-error.ts'
import { type Identity, sessionTooLarge } from '../types/sessions.ts'
import { limitCaching } from './caching.ts'
import { tag } from './doc.ts'
import type { AnyContext, AppEnv } from './env.ts'
import { middleware } from './factory.ts'
import { Session } from './live-session.ts'
import { SESSION_COOKIE, sessionCookies, staleCookies } from './session-cookies.ts'

/** The cookie is sent again this often, so that it does not expire before the session. */
const RESEND_AFTER_MS = 24 * 60 * 60 * 1000
/** A longer User-Agent is cut. */
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
  // Read again: a login or a logout may have replaced it.
  const current = c.get('session')
  if (current !== null && c.res.status < 500) await current.save()
  limitCaching(c, opened !== null || current !== null)
})

/**
 * A browser sends several cookies of one name if they belong to several domains or paths. If all are of one account, the
 * latest login counts; if not, none does: a sibling domain may have set one of them.
 */
async function openAny(deps: Pick<KitDeps, 'roles' | 'sessions'>, tokens: string[]): Promise<Session | null> {
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

export const accountDisabled = defineError(400, 'account_disabled', 'account disabled')

/** Opens the request's session, refuses accounts with a barred role, and saves what the handler changed. */
export const session = tag(openSession, { errors: [accountDisabled, sessionTooLarge] })

/** Starts a session with a new id, and ends those that the request carried. */
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

/** Ends the session in Redis and deletes the cookie in the browser. */
export async function endSession(context: AnyContext): Promise<void> {
  const c: Context<AppEnv> = context
  if (c.get('session') === null) return
  c.set('session', null)
  await dropSessions(c)
  deleteCookie(c, SESSION_COOKIE, cookieOptions(c))
}

/** Ends the request's sessions, and deletes stale cookies in the browser. */
async function dropSessions(c: Context<AppEnv>): Promise<void> {
  const tokens = sessionCookies(c.req.header('cookie'))
  await Promise.all(tokens.map((token) => c.get('sessions').destroy(token)))
  if (tokens.length === 0) return
  const { domain, ...options } = cookieOptions(c)
  for (const stale of staleCookies(c.req.header('cookie'), c.req.header('host'), domain)) {
    deleteCookie(c, stale.name, { ...options, ...stale })
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
