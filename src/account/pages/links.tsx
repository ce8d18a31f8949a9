// Serves the pages of mailed links, and the one that asks for the link to choose a new password.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { tokenExpired } from '../../kit/auth/one-time-tokens.ts'
import { weakPassword } from '../../kit/auth/password-rule.ts'
import type { AnyContext } from '../../kit/http/env.ts'
import { accountDisabled } from '../../kit/http/session.ts'
import type { FieldLook } from '../../kit/pages/form.tsx'
import { formPage } from '../../kit/pages/form-page.tsx'
import { forgetLinkToken, linkTokenOf, takeLinkToken } from '../../kit/pages/link-token.ts'
import { isOfKind } from '../../kit/types/api-error.ts'
import { confirmEmail, takeBackEmail } from '../email.ts'
import { emailTaken, invalidCredentials, passwordRequired } from '../errors.ts'
import { forgotPassword, resetPassword } from '../password.ts'
import { factory, type AppContext } from '../product.ts'
import { ConfirmEmail, ForgotPassword, ResetPassword } from '../schema.ts'
import { forgotLimit, linkLimit } from '../throttles.ts'
import { NEW_PASSWORD } from './entry.tsx'
import { ACCOUNT, FORGOT, SIGN_IN } from './paths.ts'

export const links = factory.createApp()

/** Of a page that a mailed link opens. */
const ofLink = { guards: [takeLinkToken], limit: linkLimit }

/** Acts with the token of the link, which is then spent. */
export async function spend(c: AnyContext, act: (token: string) => Promise<unknown>): Promise<void> {
  const token = linkTokenOf(c)
  if (token === undefined) throw tokenExpired()
  await act(token)
  forgetLinkToken(c)
}

formPage(links, '/forgot', {
  title: 'Forgot your password?',
  summaries: ['Shows the form to ask for a new password.', 'Mails the link, if there is such an account.'],
  schema: ForgotPassword,
  fields: { email: { label: 'Email', autocomplete: 'username' } },
  button: 'Mail me a link',
  limit: forgotLimit,
  above: () => <p>We mail you a link to choose another one.</p>,
  below: () => (
    <p>
      <a href={SIGN_IN}>Back to sign in</a>
    </p>
  ),
  run: forgotPassword,
  next: SIGN_IN,
  notice: ({ email }) => `If ${email} has an account here, a mail with a link is on its way to it`,
})

formPage(links, '/reset', {
  ...ofLink,
  title: 'Choose a new password',
  summaries: [
    'Shows the form of the link to choose a new password.',
    'Sets the password; ends every session.',
  ],
  schema: ResetPassword.pick({ password: true }),
  fields: { password: { ...NEW_PASSWORD, label: 'New password' } },
  button: 'Set the password',
  errors: [tokenExpired, weakPassword],
  above: () => <p>All devices will be signed out.</p>,
  below: () => (
    <p>
      Has the link expired? <a href={FORGOT}>Ask for another</a>
    </p>
  ),
  run: (c: AppContext, { password }) => spend(c, (token) => resetPassword(c, { token, password })),
  next: SIGN_IN,
  notice: 'Your new password is set: sign in with it',
})

const PASSWORD: FieldLook = {
  label: 'Password',
  type: 'password',
  autocomplete: 'current-password',
  required: true,
}
const NO_FIELDS: Record<string, never> = {}

/** Whether the page has to ask for it: of a visitor, and of whoever is signed in to another account. */
const needsPassword = (c: AnyContext) => c.get('session') === null || isOfKind(c.error, passwordRequired)

formPage(links, '/verify', {
  ...ofLink,
  title: 'Confirm your email',
  summaries: ['Shows the form of the link to confirm an email.', 'Confirms it.'],
  schema: ConfirmEmail.pick({ password: true }).extend({
    password: ConfirmEmail.shape.password.describe('Of the account that the link belongs to.'),
  }),
  fields: (c) => (needsPassword(c) ? { password: PASSWORD } : NO_FIELDS),
  above: () => <p>You confirm that the mailbox to which we mailed this link is yours.</p>,
  button: 'Confirm',
  errors: [tokenExpired, passwordRequired, invalidCredentials, accountDisabled, emailTaken],
  run: (c: AppContext, { password }) => spend(c, (token) => confirmEmail(c, { token, password })),
  next: (c) => (c.get('session') === null ? SIGN_IN : ACCOUNT),
  notice: 'Your email is confirmed',
})

formPage(links, '/take-back', {
  ...ofLink,
  title: 'Take your account back',
  summaries: ['Shows the form of the link to take an email back.', 'Gives the account that email again.'],
  schema: z.object({}),
  fields: {},
  button: 'Take it back',
  errors: [tokenExpired],
  above: () => (
    <p>
      Your account gets back the email to which we mailed this link. Everybody is signed out, its password
      ends, and we mail you a link to choose a new one.
    </p>
  ),
  run: (c: AppContext) => spend(c, (token) => takeBackEmail(c, { token })),
  next: SIGN_IN,
  notice: 'The account is yours again. A mail with a link to choose a new password is on its way',
})
