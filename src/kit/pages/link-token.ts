// Takes the token of a mailed link out of the page's address, which histories, logs and screens show, into a cookie.
import { randomHex } from '../auth/token-text.ts'
import { tag } from '../http/doc.ts'
import type { AnyContext } from '../http/env.ts'
import { middleware } from '../http/factory.ts'
import { tabCookies } from './page-cookie.ts'

/** What somebody needs to think of a password. After it the link opens the page again: to open it spends nothing. */
const KEPT_S = 30 * 60
const TOKEN = /^[\w.~-]{1,300}$/

const pathOf = (c: AnyContext) => c.req.path.replace(/\/$/, '')

/**
 * Each link has its own, so that the one which another tab has opened counts in that tab alone. Only its page gets it. Its name is
 * random: it tells nothing of the token.
 */
const cookies = tabCookies('link', KEPT_S, pathOf)

const moveToken = middleware(async (c, next) => {
  const token = c.req.query('token')
  if (c.req.method !== 'GET' || token === undefined) return next()
  if (!TOKEN.test(token)) return c.redirect(pathOf(c), 303)
  const name = randomHex(8)
  cookies.set(c, name, token)
  return c.redirect(`${pathOf(c)}?link=${name}`, 303)
})

/**
 * For the page of a mailed link, before all else: `?token=` becomes a cookie of this page and of this link, and the address
 * keeps the cookie's name.
 */
export const takeLinkToken = tag(moveToken, { otherStatuses: [303] })

/** The token of the link that was opened in this tab; undefined if there was none, or it was too long ago. */
export const linkTokenOf = (c: AnyContext): string | undefined => cookies.get(c, c.req.query('link'))

/** Once it is spent. */
export const forgetLinkToken = (c: AnyContext): void => cookies.delete(c, c.req.query('link'))
