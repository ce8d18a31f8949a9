// Serves the buttons with which a superuser acts as another account, and goes back.
import { requireFresh } from '../../kit/auth/guards.ts'
import { formAction } from '../../kit/pages/form-page.tsx'
import { MANAGES } from '../change-role.ts'
import { BEGIN_ERRORS, beginImpersonation, endImpersonation } from '../impersonation.ts'
import { factory, requireRole, type LoggedInContext } from '../product.ts'
import { OfAccount } from '../schema.ts'
import { ACCOUNT } from './paths.ts'

export const impersonationPages = factory.createApp()

formAction(impersonationPages, '/impersonate', {
  summary: 'Acts as an account of a lower role for 15 minutes.',
  guards: [requireRole(MANAGES), requireFresh()],
  schema: OfAccount,
  errors: BEGIN_ERRORS,
  run: (c: LoggedInContext, { id }) => beginImpersonation(c, id),
  next: ACCOUNT,
})

formAction(impersonationPages, '/impersonation/end', {
  summary: 'Goes back from acting as another account.',
  link: 'Go back',
  linkFor: 'impersonators',
  guards: [requireRole('readonly')],
  run: endImpersonation,
  next: ACCOUNT,
})
