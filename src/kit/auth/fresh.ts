// Requires a fresh login, from the same client, for critical operations.
import { tag } from '../http/doc.ts'
import type { AnyContext } from '../http/env.ts'
import { middleware } from '../http/factory.ts'
import { agentOf } from '../http/session.ts'
import { defineError } from '../types/api-error.ts'

export const freshLoginRequired = defineError(
  401,
  'fresh_login_required',
  'Unauthorized! Log in again to do this',
)

/**
 * Place it after `requireRole`: the login must be this recent, and the request must come from the same address and agent
 * as the login did.
 */
export function requireFresh(maxAgeMinutes = 15) {
  const handler = middleware(async (c, next) => {
    assertFresh(c, maxAgeMinutes)
    await next()
  })
  return tag(handler, { errors: [freshLoginRequired] })
}

/** The same inside a handler, for what only some inputs need. */
export function assertFresh(c: AnyContext, maxAgeMinutes = 15): void {
  const identity = c.get('session')?.identity
  const isFresh =
    identity !== undefined &&
    Date.now() - identity.loginAt <= maxAgeMinutes * 60_000 &&
    identity.ip === c.get('ip') &&
    identity.agent === agentOf(c)
  if (!isFresh) throw freshLoginRequired()
}
