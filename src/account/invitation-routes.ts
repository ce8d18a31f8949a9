// Serves invitations over HTTP: a superuser invites, sees who has not answered, withdraws; whoever is invited accepts.
import { z } from 'zod'
import { freshIfLoggedIn, requireFresh } from '../kit/auth/guards.ts'
import { tokenExpired } from '../kit/auth/one-time-tokens.ts'
import { weakPassword } from '../kit/auth/password-rule.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { rateLimit } from '../kit/http/rate-limit.ts'
import { validate } from '../kit/http/validate.ts'
import { MANAGES } from './change-role.ts'
import { accountExists, emailTaken, roleAboveOwn } from './errors.ts'
import { acceptInvitation, invite, openInvitations, withdrawInvitation } from './invitations.ts'
import { done, factory, found, requireRole, withToken } from './product.ts'
import { AcceptInvitation, Invite, SignupResponse } from './schema.ts'
import { requireSignup } from './sign-up.ts'
import { InvitationResponse } from './table.ts'
import { inviteLimit, linkLimit } from './throttles.ts'

export const invitations = factory
  .createApp()
  .use('/invitations/*', noStore)

  .post(
    '/users',
    doc('Mails somebody an invitation, which voids the one before it. Needs a recent login.', z.object({}), {
      status: 202,
      errors: [roleAboveOwn],
    }),
    requireRole(MANAGES),
    requireFresh(),
    requireSignup('open', 'invited'),
    validate('json', Invite),
    rateLimit(inviteLimit),
    async (c) => c.var.respond(await done(invite(c.var, c.req.valid('json'), c))),
  )

  .get(
    '/invitations',
    doc('Lists the invitations that wait for an answer, the newest 200 first.', z.array(InvitationResponse)),
    requireRole(MANAGES),
    async (c) => c.var.respond(await openInvitations(c.var.db)),
  )

  .delete(
    '/invitations/:id',
    doc('Withdraws an invitation. Needs a recent login.', z.object({})),
    requireRole(MANAGES),
    requireFresh(),
    validate('param', z.object({ id: z.uuid() })),
    async (c) => c.var.respond(await done(found(c, withdrawInvitation(c, c.req.valid('param').id)))),
  )

  .post(
    '/invitations/accept',
    doc(
      'Accepts by the link of a mail: makes an account and logs it in; or, when logged in, gives mine the role, if that is higher.',
      SignupResponse,
      { errors: [tokenExpired, weakPassword, accountExists, emailTaken] },
    ),
    requireSignup('open', 'invited'),
    freshIfLoggedIn,
    validate('json', AcceptInvitation),
    rateLimit(linkLimit),
    async (c) => c.var.respond(await withToken(c, acceptInvitation(c, c.req.valid('json')))),
  )
