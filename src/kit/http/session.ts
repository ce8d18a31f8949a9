// Opens, starts and ends sessions: an opaque token, in a cookie or sent as a bearer's, with an identity and a dictionary in Redis.
import type { Context } from 'hono'
import { deleteCookie } from 'hono/cookie'
import type { KitDeps } from '../deps.ts'
import { defineError } from '../types/api-error.ts'
import { type Begun, type OpenSession, sessionTooLarge } from '../types/sessions.ts'
import { limitCaching } from './caching.ts'
import { tag } from './doc.ts'
import type { AnyContext, AppEnv } from './env.ts'
import { unauthorized } from './errors.ts'
import { middleware } from './factory.ts'
import { Session } from './live-session.ts'
import { sentSession } from './sent-session.ts'
import {
  cookieName,
  cookieOptions,
  deleteStale,
  isTossable,
  sendCookie,
  sessionCookies,
} from './session-cookies.ts'

/** The cookie is sent again this often, so that it does not expire before the session. */
const RESEND_AFTER_MS = 24 * 60 * 60 * 1000
/** A longer User-Agent is cut. */
const MAX_AGENT = 300

const openSession = middleware(async (c, next) => {
  const bearer = bearerOf(c.req.header('authorization'))
  // What comes with a personal access token stands for itself, and no cookie counts beside it.
  const isByToken = c.get('tokenSession') !== undefined
  const opened = isByToken ? null : await (bearer === undefined ? openCookies(c) : openBearer(c.var, bearer))
  // Until `requireRole` admits whoever acts as another account: only what names a role is done as that.
  const isActing = opened?.impersonator !== undefined
  c.set('session', isActing ? null : opened)
  if (isActing) c.set('impersonation', opened)
  if (opened !== null) {
    if (c.get('roles').isBarred(opened.role)) throw accountDisabled()
    if (Date.now() - opened.identity.sentAt >= RESEND_AFTER_MS) await resend(c, opened)
  }
  await next()
  // Read again: a login or a logout may have replaced it.
  const current = c.get('session')
  if (current !== null && c.res.status < 500) await current.save()
  limitCaching(c, opened !== null || current !== null)
})

export const invalidToken = defineError(
  401,
  'invalid_token',
  'Unauthorized! This bearer token is not valid any more: log in again, without it',
  () => ({ headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' } }),
)

/** Undefined for other schemes, such as a proxy's own login: they are none of ours. */
export function bearerOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined
  const match = /^bearer(?:\s+(.*)|$)/i.exec(authorization)
  if (match !== null) return match[1] ?? ''
  // Several headers come joined. Which of them counts nobody has said, but with a token among them it is no cookie.
  return /,\s*bearer(?:[\s,]|$)/i.test(authorization) ? '' : undefined
}

/** Never falls back to a cookie: whoever sends a token means that account. */
async function openBearer(deps: Pick<KitDeps, 'roles' | 'sessions'>, token: string): Promise<Session> {
  const identity = await deps.sessions.open(token)
  if (identity === null) throw invalidToken()
  return new Session(deps, token, identity, true)
}

/**
 * A browser sends several cookies of one name if they belong to several domains or paths. If all are of one account, the
 * latest login counts; if not, none does: a sibling domain may have set one of them.
 */
async function openCookies(c: Context<AppEnv>): Promise<Session | null> {
  const header = c.req.header('cookie')
  if (header === undefined) return null
  const { name, tokens } = sessionCookies(header)
  const deps = c.var
  const open = async (token: string) => {
    const identity = await deps.sessions.open(token)
    return identity === null ? null : new Session(deps, token, identity)
  }
  const [only] = tokens
  if (only === undefined) return null
  if (isTossable(name, deps.config.cookie)) return null
  if (tokens.length === 1) return (await open(only)) ?? restoreOwn(c, only)
  const found = (await Promise.all(tokens.map(open))).filter((one) => one !== null)
  const [latest = null, ...others] = found.toSorted((a, b) => b.identity.loginAt - a.identity.loginAt)
  return others.some(({ userId }) => userId !== latest?.userId) ? null : latest
}

/** One that acted as another account, and has ended: this request is a visitor's, and the next one comes in one's own again. */
async function restoreOwn(c: Context<AppEnv>, token: string): Promise<null> {
  const own = await c.var.sessions.endImpersonation(token)
  if (own !== null) sendCookie(c, new Session(c.var, own.token, own.identity))
  return null
}

export const accountDisabled = defineError(400, 'account_disabled', 'account disabled')

export const SESSION_ERRORS = [accountDisabled, sessionTooLarge, invalidToken]

/** Opens the request's session, refuses accounts with a barred role, and saves what the handler changed. */
export const session = tag(openSession, { errors: SESSION_ERRORS })

/**
 * Starts a session with a new id, and ends those that the request carried. With `token`, or if the request came with a
 * bearer token, no cookie is set: the answer must hold `issuedToken`.
 */
export async function startSession(
  context: AnyContext,
  user: { id: string; role: string },
  remember: boolean,
  { token: asToken, way, provenAt }: Begun,
): Promise<void> {
  const c: Context<AppEnv> = context
  const sent = sentSession(c) ?? null
  const wantsToken = asToken === true
  const cameByToken = sent?.isBearer === true
  c.set('session', null)
  // Whoever asks for a token in a browser stays logged in there.
  if (cameByToken || !wantsToken) await dropSessions(c, sent)
  const now = Date.now()
  const origin = { ip: c.get('ip'), agent: agentOf(c) }
  const login = { loginAt: now, sentAt: now, remember, way, provenAt }
  const identity = { userId: user.id, role: user.role, ...origin, ...login }
  const token = await c.get('sessions').create(identity)
  continueIn(c, { token, identity }, cameByToken || wantsToken)
}

/** The request goes on in this session, and its client gets it: in a cookie, or in an answer that holds `issuedToken`. */
export function continueIn(context: AnyContext, next: OpenSession, asToken = false): void {
  const c: Context<AppEnv> = context
  const current = new Session(c.var, next.token, next.identity, asToken)
  c.set('session', current)
  sendCookie(c, current)
}

/** What an answer that starts or refreshes a session has to tell of it: its token, if no cookie carries it. */
export function issuedToken(context: AnyContext): { token?: string } {
  const c: Context<AppEnv> = context
  const current = c.get('session')
  if (!current?.isBearer) return {}
  c.set('noStore', true)
  return { token: current.token }
}

/**
 * To be called when a password or another proof of identity was given: the session goes on under a new id, is fresh, and
 * the old id is void. The answer holds `issuedToken`.
 * @param way what was given, if that is more than at the login
 * @throws ApiError 401 if it has ended meanwhile
 */
export async function refreshSession(context: AnyContext, way?: string): Promise<void> {
  const c: Context<AppEnv> = context
  const current = c.get('session')
  const now = Date.now()
  const proof = { provenAt: now, sentAt: now, ip: c.get('ip'), agent: agentOf(c), ...(way && { way }) }
  if (current === null || !(await current.rotate(proof))) throw unauthorized('This session has ended')
  if (!current.isBearer) await dropSessions(c, null)
  sendCookie(c, current)
}

/** Ends every other session of the account. */
export async function endOtherSessions(context: AnyContext): Promise<void> {
  const c: Context<AppEnv> = context
  const current = c.get('session')
  if (current !== null) await c.get('sessions').destroyAllOf(current.userId, { but: current.token })
}

/** Ends the session in Redis and deletes the cookie in the browser. */
export async function endSession(context: AnyContext): Promise<void> {
  const c: Context<AppEnv> = context
  const current = sentSession(c)
  if (!current) return
  c.set('session', null)
  // If Redis is away it lives on: then no answer may bring what this request has begun.
  if (!current.isBearer) c.header('Set-Cookie', undefined)
  await dropSessions(c, current)
  if (!current.isBearer) deleteCookie(c, cookieName(c.get('config').cookie), cookieOptions(c))
}

/** Ends a session and those of the request's cookies, and deletes stale ones in the browser; a bearer's session alone. */
async function dropSessions(c: Context<AppEnv>, current: Session | null): Promise<void> {
  const { name, tokens } = sessionCookies(current?.isBearer ? undefined : c.req.header('cookie'))
  const ended = new Set(current === null ? tokens : [...tokens, current.token])
  await Promise.all([...ended].map((token) => c.get('sessions').destroy(token)))
  if (tokens.length > 0) deleteStale(c, name)
}

export const agentOf = (c: Context) => (c.req.header('user-agent') ?? '').slice(0, MAX_AGENT)

async function resend(c: Context<AppEnv>, opened: Session): Promise<void> {
  await c.get('sessions').touch(opened.token, opened.identity, Date.now())
  const { name } = sessionCookies(c.req.header('cookie'))
  if (!opened.isBearer && name !== cookieName(c.get('config').cookie)) deleteStale(c, name)
  sendCookie(c, opened)
}
