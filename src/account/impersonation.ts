// Lets a superuser act as an account of a lower role, for a quarter of an hour, as its owner is told, and go back.
import { requireFresh } from '../kit/auth/guards.ts'
import { doc } from '../kit/http/doc.ts'
import { notFound } from '../kit/http/errors.ts'
import { accountDisabled, continueIn } from '../kit/http/session.ts'
import { validate } from '../kit/http/validate.ts'
import { recordEvent, recordWith } from './audit.ts'
import { manage, MANAGES } from './change-role.ts'
import { sessionEnded } from './end-sessions.ts'
import { roleAboveOwn, roleNotLower } from './errors.ts'
import { requestNotice } from './mail-tasks.ts'
import { done, factory, requireRole, roleOf, type LoggedInContext, withToken } from './product.ts'
import type { User } from './queries.ts'
import { roles } from './roles.ts'
import { Login, LoginResponse, OfAccount, TokenResponse } from './schema.ts'

export const BEGIN_ERRORS = [notFound, accountDisabled, roleNotLower, roleAboveOwn]

/**
 * The request goes on as that account, as do those that follow; what they may do, `kit/auth/guards.ts` says.
 * @throws BEGIN_ERRORS, or what `manage` does
 */
export async function beginImpersonation(c: LoggedInContext, id: string, asToken = false): Promise<User> {
  const { config, enqueue, session, sessions } = c.var
  const begun = await manage(c.var, id, { by: c }, async (tx, user) => {
    if (roles.isBarred(user.role)) throw accountDisabled()
    if (roles.atLeast(user.role, session.role)) throw roleNotLower()
    await recordEvent(c, tx, { action: 'impersonation.started', account: id })
    await requestNotice({ enqueue }, tx, user.email, 'impersonated')
    // Behind the locks: no change of either account passes it by.
    const target = { id, role: roleOf(user, config), label: user.email }
    const next = await sessions.impersonate(session.token, target)
    if (next === null) throw sessionEnded()
    return { user, next }
  })
  if (begun === undefined) throw notFound(c)
  continueIn(c, begun.next, asToken || session.isBearer)
  return begun.user
}

/** Goes back to one's own session. In that, it does nothing. */
export async function endImpersonation(c: LoggedInContext): Promise<void> {
  const { session, sessions } = c.var
  if (session.impersonator === undefined) return
  const end = () => sessions.endImpersonation(session.token)
  const own = await recordWith(c, { action: 'impersonation.ended' }, end)
  if (own === null) throw sessionEnded()
  continueIn(c, own, session.isBearer)
}

export const impersonation = factory
  .createApp()

  .post(
    '/users/:id/impersonate',
    doc('Acts as an account of a lower role for 15 minutes. Needs a recent login.', LoginResponse, {
      errors: BEGIN_ERRORS,
    }),
    requireRole(MANAGES),
    requireFresh(),
    validate('param', OfAccount),
    validate('json', Login.pick({ token: true })),
    async (c) => {
      const begun = beginImpersonation(c, c.req.valid('param').id, c.req.valid('json').token)
      return c.var.respond(await withToken(c, begun))
    },
  )

  .post(
    '/impersonation/end',
    doc('Goes back from acting as another account to my own session.', TokenResponse),
    requireRole('readonly'),
    async (c) => c.var.respond(await withToken(c, done(endImpersonation(c)))),
  )
