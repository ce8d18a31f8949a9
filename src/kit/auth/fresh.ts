// Requires a fresh login for critical operations: a password was given a short while ago, in this session.
import { tag } from '../http/doc.ts'
import type { AnyContext } from '../http/env.ts'
import { middleware } from '../http/factory.ts'
import type { Session } from '../http/live-session.ts'
import { agentOf } from '../http/session.ts'
import { tokenNotAllowed } from './abilities.ts'
import { defineError } from '../types/api-error.ts'

export const freshLoginRequired = defineError(
  401,
  'fresh_login_required',
  'Unauthorized! Give your password again to do this',
)

/** Place it after `requireRole`: a password was given in this session within these minutes, at the login or since. */
export function requireFresh(minutes = 15) {
  const handler = middleware(async (c, next) => {
    assertFresh(c, minutes)
    await next()
  })
  return tag(handler, { ability: null, errors: [freshLoginRequired] })
}

/** For what visitors may do as well: only whoever is logged in needs a fresh login. */
export const freshIfLoggedIn = tag(
  middleware(async (c, next) => {
    if (c.get('session') !== null) assertFresh(c)
    await next()
  }),
  { errors: [freshLoginRequired] },
)

/** The same inside a handler, for what only some inputs need. @throws freshLoginRequired */
export function assertFresh(c: AnyContext, minutes = 15): void {
  const { access, identity } = (c.get('session') ?? {}) as Partial<Session>
  if (access !== undefined) throw tokenNotAllowed()
  if (identity === undefined) throw freshLoginRequired()
  const { agent, ip, loginAt, provenAt = loginAt } = identity
  const isSameClient = ip === c.get('ip') && agent === agentOf(c)
  const isRecent = Date.now() - provenAt <= minutes * 60_000
  if (!isRecent || (c.get('config').freshSameClient && !isSameClient)) throw freshLoginRequired()
}
