// Sessions: an opaque cookie, an identity and a dictionary in Redis, in the order in which a request meets them.
import type { Context } from 'hono'
import { deleteCookie, setCookie } from 'hono/cookie'
import type { Identity, Json, Role, Sessions } from '../deps.ts'
import { limitCaching } from './caching.ts'
import { tag } from './doc.ts'
import { ApiError } from './errors.ts'
import { factory, type AnyContext, type AppEnv } from './factory.ts'
import { SESSION_COOKIE, sessionCookies, staleVariants } from './session-cookies.ts'

/** The cookie is sent again this often, so that the browser's copy lives on with the server's. */
const RESEND_AFTER_MS = 24 * 60 * 60 * 1000
/** More of a User-Agent is not worth keeping. */
const MAX_AGENT = 300

const openSession = factory.createMiddleware(async (c, next) => {
  const cookies = c.req.header('cookie')
  const opened = cookies === undefined ? null : await openAny(c.get('sessions'), sessionCookies(cookies))
  c.set('session', opened)
  if (opened !== null) {
    if (opened.role === 'disabled') throw accountDisabled()
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
async function openAny(sessions: Sessions, tokens: string[]): Promise<Session | null> {
  const open = async (token: string) => {
    const identity = await sessions.open(token)
    return identity === null ? null : new Session(sessions, token, identity)
  }
  const [only] = tokens
  if (only === undefined) return null
  if (tokens.length === 1) return open(only)
  const found = (await Promise.all(tokens.map(open))).filter((one) => one !== null)
  const [latest = null, ...others] = found.toSorted((a, b) => b.identity.loginAt - a.identity.loginAt)
  return others.some(({ userId }) => userId !== latest?.userId) ? null : latest
}

/** Opens the request's session, stops disabled accounts, and saves what the handler changed. */
export const session = tag(openSession, { others: [400] })

export const accountDisabled = () => new ApiError(400, 'account disabled')

/** Logs in: a new session id, whatever sessions the request came with. */
export async function startSession(
  context: AnyContext,
  user: { id: string; role: Role },
  remember: boolean,
): Promise<void> {
  const c: Context<AppEnv> = context
  await dropSessions(c)
  const now = Date.now()
  const origin = { ip: c.get('ip'), agent: agentOf(c) }
  const identity = { userId: user.id, role: user.role, ...origin, loginAt: now, sentAt: now, remember }
  const token = await c.get('sessions').create(identity)
  c.set('session', new Session(c.get('sessions'), token, identity))
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

/**
 * A live session: who it belongs to, and a dictionary that is there again at the next request.
 * The dictionary is loaded on first use and only its changed keys are written, after the handler:
 * two requests at once that set different keys lose neither.
 */
export class Session {
  #stored: Promise<Record<string, Json>> | undefined
  #changes = new Map<string, Json | undefined>()

  constructor(
    readonly sessions: Sessions,
    readonly token: string,
    readonly identity: Readonly<Identity>,
  ) {}

  get userId(): string {
    return this.identity.userId
  }

  get role(): Role {
    return this.identity.role
  }

  async get<T extends Json>(key: string): Promise<T | undefined> {
    if (this.#changes.has(key)) return this.#changes.get(key) as T | undefined
    this.#stored ??= this.sessions.readData(this.token)
    return (await this.#stored)[key] as T | undefined
  }

  /** Stores any JSON value. A value that was read and then mutated must be set again. */
  set(key: string, value: Json): void {
    this.#changes.set(key, value)
  }

  delete(key: string): void {
    this.#changes.set(key, undefined)
  }

  /** Asks again, for an answer that goes on: false after a logout, and for an account that was disabled. */
  async isOpen(): Promise<boolean> {
    const identity = await this.sessions.open(this.token)
    return identity !== null && identity.role !== 'disabled'
  }

  /** Ends it in Redis; the cookie is another matter. */
  destroy(): Promise<void> {
    return this.sessions.destroy(this.token)
  }

  /** Writes the changed keys. Called once a request, after the handler. */
  async save(): Promise<void> {
    if (this.#changes.size === 0) return
    const changes = Object.fromEntries(this.#changes)
    this.#changes.clear()
    await this.sessions.writeData(this.token, changes)
  }
}
