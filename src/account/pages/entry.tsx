// Serves the pages to sign in, to sign up and to sign out.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import type { AnyContext } from '../../kit/http/env.ts'
import { passwordHint, weakPassword } from '../../kit/auth/password-rule.ts'
import { formAction, formPage } from '../../kit/pages/form-page.tsx'
import { Checkbox, type FieldLook } from '../../kit/pages/form.tsx'
import { nextOf, withNext } from '../../kit/pages/next.ts'
import { leaveNotice } from '../../kit/pages/notice.ts'
import { emailTaken, invalidCredentials } from '../errors.ts'
import { logIn, logOut } from '../login.ts'
import { factory, requireRole } from '../product.ts'
import { Login, Signup } from '../schema.ts'
import { signUp } from '../sign-up.ts'
import { loginLimit, signupLimit } from '../throttles.ts'
import { ACCOUNT, FORGOT, SIGN_IN, SIGN_UP } from './paths.ts'

export const entry = factory.createApp()

/** A field for a password to come. */
export const NEW_PASSWORD: FieldLook = {
  label: 'Password',
  type: 'password',
  autocomplete: 'new-password',
  hint: (c) => passwordHint(c.get('config')),
}

const remember = { label: 'Stay signed in on this device', type: 'checkbox' } as const

/** Both pages lead on to where the other would. */
const leadingOn = (c: AnyContext, path: string) => withNext(path, nextOf(c) ?? ACCOUNT)

formPage(entry, '/sign-in', {
  title: 'Sign in',
  link: 'Sign in',
  linkFor: 'visitors',
  summaries: ['Shows the form to sign in.', 'Signs in, and leads to `next`.'],
  schema: Login.omit({ token: true }).extend({ remember: Checkbox }),
  fields: {
    email: { label: 'Email', type: 'email', autocomplete: 'username' },
    password: { label: 'Password', type: 'password', autocomplete: 'current-password' },
    remember,
  },
  button: 'Sign in',
  limit: loginLimit,
  errors: [invalidCredentials],
  above: (c) =>
    c.get('session') && (
      <p>
        You are signed in already. <a href={nextOf(c) ?? ACCOUNT}>Go on</a>, or sign in with another account.
      </p>
    ),
  below: (c) => (
    <>
      <p>
        <a href={FORGOT}>Forgot your password?</a>
      </p>
      <p>
        No account yet? <a href={leadingOn(c, SIGN_UP)}>Sign up</a>
      </p>
    </>
  ),
  run: async (c, credentials) => {
    await logIn(c, { ...credentials, token: false })
    return nextOf(c) ?? ACCOUNT
  },
})

formPage(entry, '/sign-up', {
  title: 'Sign up',
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
    <p>
      Do you have an account? <a href={leadingOn(c, SIGN_IN)}>Sign in</a>
    </p>
  ),
  run: async (c, input) => {
    const { loggedIn } = await signUp(c, { ...input, token: false })
    if (loggedIn !== false) return nextOf(c) ?? ACCOUNT
    await leaveNotice(c, 'Your account is ready: sign in')
    return leadingOn(c, SIGN_IN)
  },
})

formAction(entry, '/sign-out', {
  summary: 'Signs out.',
  link: 'Sign out',
  guards: [requireRole('readonly')],
  schema: z.object({}),
  run: async (c) => {
    await logOut(c)
    await leaveNotice(c, 'You are signed out')
    c.header('Clear-Site-Data', '"cache", "storage"')
    return SIGN_IN
  },
})
