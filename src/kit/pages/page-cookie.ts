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

/** Of one kind at once: a page of another site can open tabs by the hundred, and a browser sends their cookies all together. */
const KEPT = 5
const NAME = /^[0-9a-f]{16}$/

/** Cookies of which each tab has its own, by 16 hexadecimal digits that its address holds. See `pageCookie`. */
export function tabCookies(kind: string, seconds: number, pathOf?: (c: AnyContext) => string) {
  const cookieOf = (name: string) => pageCookie(`${kind}_${name}`, seconds, pathOf)
  return {
    get: (c: AnyContext, name = ''): string | undefined =>
      NAME.test(name) ? cookieOf(name).get(c) : undefined,
    set(c: AnyContext, name: string, value: string): void {
      // The oldest come first.
      const opened = (c.req.header('cookie') ?? '').matchAll(new RegExp(`${kind}_([0-9a-f]{16})=`, 'g'))
      for (const [, older = ''] of [...opened].slice(0, 1 - KEPT)) cookieOf(older).delete(c)
      cookieOf(name).set(c, value)
    },
    delete: (c: AnyContext, name = ''): void => {
      if (NAME.test(name)) cookieOf(name).delete(c)
    },
  }
}
