// Serves login by a mailed code, and the mailed code that makes a session fresh: as calls, and as pages.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { invalidCredentials, passwordChangeRequired } from '../account/errors.ts'
import { remember } from '../account/pages/entry.tsx'
import { CONFIRM, goOn } from '../account/pages/paths.ts'
import {
  type AppContext,
  done,
  factory,
  type LoggedInContext,
  requireRole,
  withToken,
} from '../account/product.ts'
import { ForgotPassword, LoginResponse, TokenResponse } from '../account/schema.ts'
import { forgotLimit, ownLimit, secondStepLimit } from '../account/throttles.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc, tag } from '../kit/http/doc.ts'
import type { AnyContext } from '../kit/http/env.ts'
import type { RateLimit } from '../kit/http/quota.ts'
import { rateLimit } from '../kit/http/rate-limit.ts'
import { validate } from '../kit/http/validate.ts'
import { Checkbox } from '../kit/pages/form.tsx'
import { formAction, formPage } from '../kit/pages/form-page.tsx'
import { withNext } from '../kit/pages/next.ts'
import { pageCookie } from '../kit/pages/page-cookie.ts'
import { defineError } from '../kit/types/api-error.ts'
import { askForCode, CODE_S, MailedCode, wrongCode } from './codes.ts'
import { askToConfirm, confirmByCode, hasPassword, logInByCode, MailLogin } from './log-in.ts'
import { BY_SIGN_IN } from './way-in.tsx'

/** Whether there is such an account or not. */
const askLimit: RateLimit = { ...forgotLimit, name: 'login-mail' }
/** Beside the count of each code and of each account. */
const codeLimit: RateLimit = { ...secondStepLimit, name: 'login-mail-code' }

const mailLoginClosed = defineError(
  403,
  'mail_login_closed',
  'Forbidden! Nobody logs in by a mailed code here: use your password, or another way',
)
const requireMailLogin = tag(
  factory.createMiddleware((c, next) => {
    if (!c.var.config.mailLogin) throw mailLoginClosed()
    return next()
  }),
  { errors: [mailLoginClosed] },
)

/** What the code of a login is refused by. */
const LOGIN_ERRORS = [wrongCode, passwordChangeRequired, invalidCredentials]

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
    async (c) => c.var.respond(await withToken(c, logInByCode(c, c.req.valid('json')))),
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
    async (c) => c.var.respond(await withToken(c, done(confirmByCode(c, c.req.valid('json'))))),
  )

/** Of the page that asks for a code; the one that takes it is below. */
const pathOf = (c: AnyContext) => c.req.path.replace(/\/code$/, '')
const toCode = (c: AnyContext) => withNext(`${pathOf(c)}/code`, goOn(c))

/** Holds the challenge: no page and no address shows it. */
const cookie = pageCookie('mailed_code', CODE_S, pathOf)
const keep = async (c: AnyContext, asked: Promise<{ challenge: string }>) =>
  cookie.set(c, (await asked).challenge)

export const mailLoginPages = factory.createApp()

formPage(mailLoginPages, '/sign-in/mail', {
  guards: [requireMailLogin],
  title: 'Sign in by a code',
  summaries: ['Shows the form to have a code mailed.', 'Mails it, if there is such an account.'],
  schema: ForgotPassword,
  fields: { email: { label: 'Email', autocomplete: 'username' } },
  button: 'Mail me a code',
  limit: askLimit,
  run: (c: AppContext, asked) => keep(c, askForCode(c, asked)),
  next: toCode,
  notice: ({ email }) => `If ${email} has an account here, a mail with a code is on its way to it`,
})

formAction(mailLoginPages, '/confirm/mail', {
  summary: 'Mails me a code, for what needs a fresh login, if my account has no password.',
  guards: [requireRole('readonly')],
  limit: ownLimit,
  errors: [hasPassword],
  run: (c: LoggedInContext) => keep(c, askToConfirm(c)),
  next: toCode,
  notice: 'A mail with a code is on its way to you',
})

const Code = MailedCode.pick({ one_time_password: true })
const code = { label: 'Code', autocomplete: 'one-time-code' } as const
const ofCode = {
  title: 'The code from the mail',
  button: 'Continue',
  limit: codeLimit,
  next(c: AnyContext) {
    cookie.delete(c)
    return goOn(c)
  },
  below: (c: AnyContext) => (
    <p>
      <a href={withNext(c.req.path.startsWith(CONFIRM) ? CONFIRM : BY_SIGN_IN, goOn(c))}>Ask for another</a>
    </p>
  ),
}

formPage(mailLoginPages, '/sign-in/mail/code', {
  ...ofCode,
  guards: [requireMailLogin],
  summaries: ['Shows the form for the code.', 'Signs in, and leads to `next`.'],
  schema: Code.extend({ remember: Checkbox }),
  fields: { one_time_password: code, remember },
  errors: LOGIN_ERRORS,
  run: (c: AppContext, given) => logInByCode(c, { ...given, challenge: cookie.get(c) ?? '' }),
})

formPage(mailLoginPages, '/confirm/mail/code', {
  ...ofCode,
  guards: [requireRole('readonly')],
  summaries: ['Shows the form for the code.', 'Takes it, and leads to `next`.'],
  schema: Code,
  fields: { one_time_password: code },
  errors: [wrongCode, hasPassword],
  run: (c: LoggedInContext, given) => confirmByCode(c, { ...given, challenge: cookie.get(c) ?? '' }),
})
