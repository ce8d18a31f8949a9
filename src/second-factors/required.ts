// Holds accounts of a role that takes a second factor to it: until they have one, they may set it up and nothing else.
import type { Config } from '../config.ts'
import { roles, type Role } from '../account/roles.ts'
import { hasFactor } from '../account/second-step.ts'
import type { AppContext } from '../account/product.ts'
import { CONFIRM, FACTORS, PAGES } from '../account/pages/paths.ts'
import { tag } from '../kit/http/doc.ts'
import type { AnyContext } from '../kit/http/env.ts'
import { wantsPage } from '../kit/http/errors.ts'
import { middleware } from '../kit/http/factory.ts'
import { sentSession } from '../kit/http/sent-session.ts'
import { defineError, isOfKind } from '../kit/types/api-error.ts'
import type { Identity } from '../kit/types/sessions.ts'

export const factorMissing = defineError(
  401,
  'factor_missing',
  'Unauthorized! Your role takes a second factor: set one up, below /api/me/factors',
)

/** Leads a browser on, instead of the error that it would be shown. */
export function seeOther(c: AnyContext, path: string): Response {
  const { headers } = c.res
  c.res = undefined // or its headers are merged into those of the next one
  headers.delete('content-type')
  headers.set('location', path)
  return new Response(null, { status: 303, headers })
}

/** What an account does until it has one. */
const OPEN = [
  '/api/me/factors',
  '/api/login',
  '/api/logout',
  '/api/reauthenticate',
  '/api/email/verify',
  FACTORS,
].concat([CONFIRM, `${PAGES}/verify`, `${PAGES}/sign-out`, `${PAGES}/second`])

/**
 * Whether a session lacks the factor that its role takes; of whoever acts as another account, their own.
 * @param now the role that the account has by now
 */
export function mustHaveFactor({ mfaRequired }: Config, identity: Identity, now?: string): boolean {
  const { way, ...own } = identity.impersonation?.by ?? identity
  const role = identity.impersonation || now === undefined ? own.role : now
  return mfaRequired !== undefined && roles.atLeast(role as Role, mfaRequired) && !hasFactor(way)
}

/** A session from before MFA_REQUIRED, or before a higher role, counts no more than a login without a factor. */
export const requireFactor = tag(
  middleware(async (context, next) => {
    const c = context as unknown as AppContext
    const sent = sentSession(c)
    const isOpen = OPEN.some((path) => c.req.path === path || c.req.path.startsWith(`${path}/`))
    if (!sent || isOpen) return next()
    const lacks = (now?: string) => mustHaveFactor(c.var.config, sent.identity, now)
    if (lacks()) {
      c.set('session', null)
      c.set('impersonation', undefined)
    }
    c.set('unfinished', (now?: string) => (lacks(now) ? factorMissing : undefined))
    await next()
    if (!isOfKind(c.error, factorMissing) || !wantsPage(c) || !c.var.config.authPages) return
    c.res = seeOther(c, FACTORS)
  }),
  { errors: [factorMissing] },
)
