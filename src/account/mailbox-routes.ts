// Serves what an account does by its mailbox and its password: forgot and reset, verify, change, take back.
import { z } from 'zod'
import { freshLoginRequired } from '../kit/auth/guards.ts'
import { tokenExpired } from '../kit/auth/one-time-tokens.ts'
import { weakPassword } from '../kit/auth/password-rule.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { rateLimit } from '../kit/http/rate-limit.ts'
import { accountDisabled } from '../kit/http/session.ts'
import { validate } from '../kit/http/validate.ts'
import { changeEmail, confirmEmail, resendVerification, takeBackEmail } from './email.ts'
import {
  emailTaken,
  invalidCredentials,
  nothingToVerify,
  passwordRequired,
  sameEmail,
  wrongPassword,
} from './errors.ts'
import { changePassword, forgotPassword, resetPassword } from './password.ts'
import { done, factory, requireRole, withToken } from './product.ts'
import {
  ChangeEmail,
  ChangePassword,
  ConfirmEmail,
  ForgotPassword,
  ResetPassword,
  TakeBackEmail,
  TokenResponse,
} from './schema.ts'
import { forgotLimit, linkLimit, ownLimit, reauthenticationLimit } from './throttles.ts'

const Nothing = z.object({})

export const mailbox = factory
  .createApp()
  .use('/password/*', noStore)
  .use('/email/*', noStore)
  .use('/me/password', noStore)
  .use('/me/email/*', noStore)

  .post(
    '/password/forgot',
    doc('Mails a link to choose a new password, if there is such an account.', Nothing, { status: 202 }),
    validate('json', ForgotPassword),
    rateLimit(forgotLimit),
    async (c) => c.var.respond(await done(forgotPassword(c, c.req.valid('json')))),
  )

  .post(
    '/password/reset',
    doc('Sets a new password by the link of a mail, and ends every session.', Nothing, {
      errors: [tokenExpired, weakPassword],
    }),
    validate('json', ResetPassword),
    rateLimit(linkLimit),
    async (c) => c.var.respond(await done(resetPassword(c, c.req.valid('json')))),
  )

  .put(
    '/me/password',
    doc(
      'Sets a new password. Needs a recent login or the current one; ends all other sessions.',
      TokenResponse,
      { errors: [freshLoginRequired, wrongPassword, weakPassword] },
    ),
    requireRole('readonly'),
    validate('json', ChangePassword),
    rateLimit(reauthenticationLimit),
    async (c) => c.var.respond(await withToken(c, done(changePassword(c, c.req.valid('json'))))),
  )

  .post(
    '/email/verify',
    doc(
      'Confirms an email by the link of a mail, inside a session of its account or with its password.',
      Nothing,
      {
        errors: [tokenExpired, passwordRequired, invalidCredentials, accountDisabled, emailTaken],
      },
    ),
    validate('json', ConfirmEmail),
    rateLimit(linkLimit),
    async (c) => c.var.respond(await done(confirmEmail(c, c.req.valid('json')))),
  )

  .post(
    '/email/take-back',
    doc('Gives the account the email of before, by the link that was mailed to it.', Nothing, {
      errors: [tokenExpired],
    }),
    validate('json', TakeBackEmail),
    rateLimit(linkLimit),
    async (c) => c.var.respond(await done(takeBackEmail(c, c.req.valid('json')))),
  )

  .put(
    '/me/email',
    doc('Mails a link to my new email, which counts once it is confirmed. Needs a recent login.', Nothing, {
      status: 202,
      errors: [freshLoginRequired, sameEmail],
    }),
    requireRole('readonly'),
    validate('json', ChangeEmail),
    rateLimit(ownLimit),
    async (c) => c.var.respond(await done(changeEmail(c, c.req.valid('json')))),
  )

  .post(
    '/me/email/resend',
    doc('Mails the link again that confirms my email.', Nothing, { status: 202, errors: [nothingToVerify] }),
    requireRole('readonly'),
    rateLimit(ownLimit),
    async (c) => c.var.respond(await done(resendVerification(c))),
  )
