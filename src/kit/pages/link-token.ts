// Takes the token of a mailed link out of the page's address, which histories, logs and screens show, into a cookie.
import { randomHex } from '../auth/token-text.ts'
import { tag } from '../http/doc.ts'
import type { AnyContext } from '../http/env.ts'
import { middleware } from '../http/factory.ts'
import { pageCookie } from './page-cookie.ts'

/** What somebody needs to think of a password. After it the link opens the page again: to open it spends nothing. */
const KEPT_S = 30 * 60
const TOKEN = /^[\w.~-]{1,300}$/
/** Names the cookie in the page's address, at random: it tells nothing of the token. */
const NAME = /^[0-9a-f]{16}$/

/** Open at once: a page of another site can open links by the hundred, and a browser sends their cookies all together. */
const KEPT_LINKS = 5

const pathOf = (c: AnyContext) => c.req.path.replace(/\/$/, '')

/** Each link has its own, so that the one which another tab has opened counts in that tab alone. Only its page gets it. */
const cookieOf = (name: string) => pageCookie(`link_${name}`, KEPT_S, pathOf)

function openedCookie(c: AnyContext) {
  const { link = '' } = c.req.query()
  return NAME.test(link) ? cookieOf(link) : undefined
}

const moveToken = middleware(async (c, next) => {
  const token = c.req.query('token')
  if (c.req.method !== 'GET' || token === undefined) return next()
  if (!TOKEN.test(token)) return c.redirect(pathOf(c), 303)
  // The oldest come first.
  const opened = (c.req.header('cookie') ?? '').matchAll(/link_([0-9a-f]{16})=/g)
  for (const [, older = ''] of [...opened].slice(0, 1 - KEPT_LINKS)) cookieOf(older).delete(c)
  const name = randomHex(8)
  cookieOf(name).set(c, token)
  return c.redirect(`${pathOf(c)}?link=${name}`, 303)
})

/**
 * For the page of a mailed link, before all else: `?token=` becomes a cookie of this page and of this link, and the address
 * keeps the cookie's name.
 */
export const takeLinkToken = tag(moveToken, { otherStatuses: [303] })

/** The token of the link that was opened in this tab; undefined if there was none, or it was too long ago. */
export const linkTokenOf = (c: AnyContext): string | undefined => openedCookie(c)?.get(c)

/** Once it is spent. */
export const forgetLinkToken = (c: AnyContext): void => openedCookie(c)?.delete(c)
