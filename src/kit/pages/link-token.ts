// Takes the token of a mailed link out of the page's address, which histories, logs and screens show, into a cookie.
import { tag } from '../http/doc.ts'
import type { AnyContext } from '../http/env.ts'
import { middleware } from '../http/factory.ts'
import { pageCookie } from './page-cookie.ts'

/** What somebody needs to think of a password. After it the link opens the page again: to open it spends nothing. */
const KEPT_S = 30 * 60
const TOKEN = /^[\w.~-]{1,300}$/

const pathOf = (c: AnyContext) => c.req.path.replace(/\/$/, '')

/** Only this page gets it. */
const cookie = pageCookie('link_token', KEPT_S, pathOf)

const moveToken = middleware(async (c, next) => {
  const token = c.req.query('token')
  if (c.req.method !== 'GET' || token === undefined) return next()
  if (TOKEN.test(token)) cookie.set(c, token)
  else forgetLinkToken(c) // that of another link must not count instead
  return c.redirect(pathOf(c), 303)
})

/** For the page of a mailed link, before all else: `?token=` becomes a cookie of this page, and the address is clean. */
export const takeLinkToken = tag(moveToken, { otherStatuses: [303] })

/** The token of the link that was opened; undefined if there was none, or it was too long ago. */
export const linkTokenOf = (c: AnyContext): string | undefined => cookie.get(c)

/** Once it is spent. */
export const forgetLinkToken = (c: AnyContext): void => cookie.delete(c)
