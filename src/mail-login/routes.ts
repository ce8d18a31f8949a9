// Serves login by a mailed code, and the mailed code that makes a session fresh.
import { z } from 'zod'
import { invalidCredentials, passwordChangeRequired } from '../account/errors.ts'
import { factory, requireRole } from '../account/product.ts'
import { ForgotPassword, LoginResponse, TokenResponse } from '../account/schema.ts'
import { forgotLimit, ownLimit, secondStepLimit } from '../account/throttles.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc, tag } from '../kit/http/doc.ts'
import type { RateLimit } from '../kit/http/quota.ts'
import { rateLimit } from '../kit/http/rate-limit.ts'
import { issuedToken } from '../kit/http/session.ts'
import { validate } from '../kit/http/validate.ts'
import { defineError } from '../kit/types/api-error.ts'
import { askForCode, MailedCode, wrongCode } from './codes.ts'
import { askToConfirm, confirmByCode, hasPassword, logInByCode, MailLogin } from './log-in.ts'

/** Whether there is such an account or not. */
export const askLimit: RateLimit = { ...forgotLimit, name: 'login-mail' }
/** Beside the count of each code and of each account. */
export const codeLimit: RateLimit = { ...secondStepLimit, name: 'login-mail-code' }

export const mailLoginClosed = defineError(
  403,
  'mail_login_closed',
  'Forbidden! Nobody logs in by a mailed code here: use your password, or another way',
)
export const requireMailLogin = tag(
  factory.createMiddleware((c, next) => {
    if (!c.var.config.mailLogin) throw mailLoginClosed()
    return next()
  }),
  { errors: [mailLoginClosed] },
)

/** What the code of a login is refused by. */
export const LOGIN_ERRORS = [wrongCode, passwordChangeRequired, invalidCredentials]

const Challenge = z.object({
  challenge: z.string().describe('Comes back with the code that is mailed, within ten minutes.'),
})

export const mailLoginRoutes = factory
  .createApp()
  .use('/login/mail/*', noStore)
  .use('/reauthenticate/mail/*', noStore)

  .post(
    '/login/mail',
    doc('Mails a code to log in with, if there is such an account.', Challenge, { status: 202 }),
    requireMailLogin,
    validate('json', ForgotPassword),
    rateLimit(askLimit),
    async (c) => c.var.respond(await askForCode(c, c.req.valid('json'))),
  )

  .post(
    '/login/mail/code',
    doc('Logs in by the code of a mail and returns the account.', LoginResponse, { errors: LOGIN_ERRORS }),
    requireMailLogin,
    validate('json', MailLogin),
    rateLimit(codeLimit),
    async (c) => c.var.respond({ ...(await logInByCode(c, c.req.valid('json'))), ...issuedToken(c) }),
  )

  .post(
    '/reauthenticate/mail',
    doc('Mails me a code, for what needs a fresh login, if my account has no password.', Challenge, {
      status: 202,
      errors: [hasPassword],
    }),
    requireRole('readonly'),
    rateLimit(ownLimit),
    async (c) => c.var.respond(await askToConfirm(c)),
  )

  .post(
    '/reauthenticate/mail/code',
    doc('Takes that code. The session goes on under a new id.', TokenResponse, {
      errors: [wrongCode, hasPassword],
    }),
    requireRole('readonly'),
    validate('json', MailedCode),
    rateLimit(codeLimit),
    async (c) => {
      await confirmByCode(c, c.req.valid('json'))
      return c.var.respond(issuedToken(c))
    },
  )
