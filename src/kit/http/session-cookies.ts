// Names and writes the session's cookie, and reads those that may carry it: several may come after a change of settings, or from a sibling domain.
import type { Context } from 'hono'
import { deleteCookie, setCookie } from 'hono/cookie'
import type { KitConfig } from '../config/kit-config.ts'
import type { AppEnv } from './env.ts'
import type { Session } from './live-session.ts'

const PLAIN_COOKIE = 'session'
/** Browsers accept it only over HTTPS from this very host, so no sibling domain can set it. */
const HOST_COOKIE = '__Host-session'

export interface SentCookies {
  name: string
  tokens: string[]
}

/** Further values of one name are ignored. */
const MAX_VALUES = 3

/** The name of the cookie that logins set. */
export const cookieName = ({ secure, domain }: KitConfig['cookie']): string =>
  secure && domain === undefined ? HOST_COOKIE : PLAIN_COOKIE

/** True for a cookie that a sibling domain may have set, where logins set one that none can. */
export const isTossable = (name: string, settings: KitConfig['cookie']): boolean =>
  name === PLAIN_COOKIE && cookieName(settings) === HOST_COOKIE

/**
 * Returns the tokens in a Cookie header, each once, and the name that they go by. If the host's own cookie is there, only
 * that one is read.
 */
export function sessionCookies(header = ''): SentCookies {
  for (const name of [HOST_COOKIE, PLAIN_COOKIE]) {
    // Nearly every browser sends just this one.
    if (header.startsWith(`${name}=`) && !header.includes(';'))
      return { name, tokens: [header.slice(name.length + 1).trim()] }
    const tokens = valuesOf(header, name)
    if (tokens.length > 0) return { name, tokens }
  }
  return { name: PLAIN_COOKIE, tokens: [] }
}

function valuesOf(header: string, name: string): string[] {
  if (!header.includes(name)) return []
  const found = new Set<string>()
  for (const pair of header.split(';', MAX_PAIRS)) {
    const at = pair.indexOf('=')
    if (at < 0 || pair.slice(0, at).trim() !== name) continue
    found.add(pair.slice(at + 1).trim())
    if (found.size === MAX_VALUES) break
  }
  return [...found]
}

/** Browsers keep fewer for one site. */
const MAX_PAIRS = 300

/** A cookie to delete, so that the one that is set now is the only one. */
export interface StaleCookie {
  name: string
  domain?: string
  secure?: true
}

/**
 * Returns the cookies that a browser may have beside the one that is written now, from a time when COOKIE_SECURE or
 * COOKIE_DOMAIN was different. Delete them before it is set: some clients cannot tell a host's cookie from one whose
 * domain is the host.
 * @param sent the name of the cookies that it has sent
 */
export function staleCookies(
  sent: string,
  host: string | undefined,
  written: KitConfig['cookie'],
): StaleCookie[] {
  const isHost = cookieName(written) === HOST_COOKIE
  // Then one of the other name is another service's.
  if (isHost && sent === HOST_COOKIE) return []
  const stale: StaleCookie[] = sent === HOST_COOKIE ? [{ name: HOST_COOKIE, secure: true }] : []
  if (isHost || written.domain !== undefined) stale.push({ name: PLAIN_COOKIE })
  const kept = written.domain?.replace(/^\./, '').toLowerCase()
  for (const parent of domainsOf(host)) {
    if (parent !== kept) stale.push({ name: PLAIN_COOKIE, domain: parent })
  }
  return stale
}

/** Returns the domains whose cookies a host may set: `api.example.com`, `example.com`. An IP address has none. */
function domainsOf(host = ''): string[] {
  const name = host.replace(/:\d*$/, '').toLowerCase()
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+){1,9}$/.test(name) || /\.\d+$/.test(name)) return []
  const labels = name.split('.')
  return labels.slice(0, -1).map((_, i) => labels.slice(i).join('.'))
}

export function sendCookie(c: Context<AppEnv>, { token, identity, isBearer }: Session): void {
  if (isBearer) return
  const maxAge = identity.remember ? c.get('config').sessionSeconds : undefined
  setCookie(c, cookieName(c.get('config').cookie), token, { ...cookieOptions(c), maxAge })
}

export function cookieOptions(c: Context<AppEnv>) {
  const { secure, domain, sameSite } = c.get('config').cookie
  return { path: '/', httpOnly: true, secure, domain, sameSite }
}

export function deleteStale(c: Context<AppEnv>, sent: string): void {
  const { domain: _, ...options } = cookieOptions(c)
  for (const stale of staleCookies(sent, c.req.header('host'), c.get('config').cookie)) {
    deleteCookie(c, stale.name, { ...options, ...stale })
  }
}
