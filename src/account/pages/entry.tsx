// Serves the pages to sign in, to sign up and to sign out.
/** @jsxImportSource hono/jsx */
import type { AnyContext } from '../../kit/http/env.ts'
import { passwordHint, weakPassword } from '../../kit/auth/password-rule.ts'
import { formAction, formPage } from '../../kit/pages/form-page.tsx'
import { Checkbox, type FieldLook } from '../../kit/pages/form.tsx'
import { withNext } from '../../kit/pages/next.ts'
import { ApiError } from '../../kit/types/api-error.ts'
import { emailTaken, invalidCredentials, passwordChangeRequired } from '../errors.ts'
import { logIn, logOut } from '../login.ts'
import { factory, requireRole, type AppContext, type LoggedInContext } from '../product.ts'
import { Login, Signup } from '../schema.ts'
import { requireSignup, signUp } from '../sign-up.ts'
import { loginLimit, signupLimit } from '../throttles.ts'
import type { EntryPage } from '../ways-in.ts'
import { FORGOT, goOn, SIGN_IN, SIGN_UP } from './paths.ts'

export const entry = factory.createApp()

/** A field for a password to come. */
export const NEW_PASSWORD: FieldLook = {
  label: 'Password',
  type: 'password',
  autocomplete: 'new-password',
  hint: (c) => passwordHint(c.get('config')),
}

export const remember = { label: 'Stay signed in on this device', type: 'checkbox' } as const

/** What there is beside the form of a page. */
export async function OtherWays({ c, page }: { c: AnyContext; page: EntryPage }) {
  const { waysIn = [] } = (c as AppContext).var
  return <>{await Promise.all(waysIn.map(async (way) => way.offer(c, page)))}</>
}

/** Both pages lead on to where the other would. */
const leadingOn = (c: AnyContext, path: string) => withNext(path, goOn(c))

/** Whether the password was made up for the first login: the form comes again and asks for another. */
const needsOwnPassword = (c: AnyContext) =>
  c.error instanceof ApiError && [passwordChangeRequired.code, weakPassword.code].includes(c.error.code)

formPage(entry, '/sign-in', {
  title: 'Sign in',
  link: 'Sign in',
  linkFor: 'visitors',
  summaries: ['Shows the form to sign in.', 'Signs in, and leads to `next`.'],
  schema: Login.omit({ token: true }).extend({ remember: Checkbox }),
  fields: (c) => ({
    email: { label: 'Email', type: 'email', autocomplete: 'username' },
    password: {
      label: needsOwnPassword(c) ? 'The password you were given' : 'Password',
      type: 'password',
      autocomplete: 'current-password',
    },
    ...(needsOwnPassword(c) && {
      new_password: { ...NEW_PASSWORD, label: 'A password of your own', required: true },
    }),
    remember,
  }),
  button: 'Sign in',
  limit: loginLimit,
  errors: [invalidCredentials, passwordChangeRequired, weakPassword],
  above: (c) =>
    c.get('session') && (
      <p>
        You are signed in already. <a href={goOn(c)}>Continue</a>, or sign in with another account.
      </p>
    ),
  below: (c) => (
    <>
      <OtherWays c={c} page="sign-in" />
      <p>
        <a href={FORGOT}>Forgot your password?</a>
      </p>
      {c.get('config').signup === 'open' && (
        <p>
          No account yet? <a href={leadingOn(c, SIGN_UP)}>Sign up</a>
        </p>
      )}
    </>
  ),
  run: logIn,
  next: goOn,
})

formPage(entry, '/sign-up', {
  title: 'Sign up',
  guards: [requireSignup('open')],
  summaries: ['Shows the form to sign up.', 'Creates an account, signs it in, and leads to `next`.'],
  schema: Signup.omit({ company: true, token: true }).extend({ remember: Checkbox }),
  fields: {
    fname: { label: 'First name', autocomplete: 'given-name' },
    lname: { label: 'Last name', autocomplete: 'family-name' },
    email: { label: 'Email', autocomplete: 'username' },
    password: NEW_PASSWORD,
    remember,
  },
  button: 'Sign up',
  limit: signupLimit,
  errors: [weakPassword, emailTaken],
  below: (c) => (
    <>
      <OtherWays c={c} page="sign-up" />
      <p>
        Do you have an account? <a href={leadingOn(c, SIGN_IN)}>Sign in</a>
      </p>
    </>
  ),
  run: signUp,
  next: (c, { loggedIn }) => (loggedIn === false ? leadingOn(c, SIGN_IN) : goOn(c)),
  notice: (_input, { loggedIn }) => (loggedIn === false ? 'Your account is ready: sign in' : undefined),
})

formAction(entry, '/sign-out', {
  summary: 'Signs out.',
  link: 'Sign out',
  guards: [requireRole('readonly')],
  run: async (c: LoggedInContext) => {
    await logOut(c)
    c.header('Clear-Site-Data', '"cache", "storage"')
  },
  next: SIGN_IN,
  notice: 'You are signed out',
})
