// Keeps the cookies of pages: where they go over HTTPS only, under names that browsers take over HTTPS alone.
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { CookieOptions } from 'hono/utils/cookie'
import type { AnyContext } from '../http/env.ts'

/**
 * @param seconds for which the browser keeps it
 * @param pathOf the page that gets it; by default all pages do, and no sibling domain can set it
 */
export function pageCookie(name: string, seconds: number, pathOf?: (c: AnyContext) => string) {
  const prefixOf = (c: AnyContext) =>
    !c.get('config').cookie.secure ? undefined : pathOf ? 'secure' : 'host'
  // Lax: a click in a mail comes from another site, and its redirect must bring the cookie.
  const optionsOf = (c: AnyContext) =>
    ({
      path: pathOf?.(c) ?? '/',
      httpOnly: true,
      secure: c.get('config').cookie.secure,
      sameSite: 'lax',
      prefix: prefixOf(c),
    }) as CookieOptions
  return {
    get: (c: AnyContext): string | undefined => getCookie(c, name, prefixOf(c)),
    set: (c: AnyContext, value: string): void =>
      setCookie(c, name, value, { ...optionsOf(c), maxAge: seconds }),
    delete: (c: AnyContext): void => void deleteCookie(c, name, optionsOf(c)),
  }
}
