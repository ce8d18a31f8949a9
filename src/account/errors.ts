// Defines the errors of accounts: each once, for the throw, the description of routes and clients.
import { defineError } from '../kit/types/api-error.ts'

/** For a wrong password and an unknown email alike. */
export const invalidCredentials = defineError(400, 'invalid_credentials', 'Invalid login credentials')

export const emailTaken = defineError(400, 'email_taken', 'This email is taken', () => ({
  issues: [{ path: 'email', message: 'is taken' }],
}))

export const wrongPassword = defineError(400, 'wrong_password', 'The current password is wrong')

export const sameEmail = defineError(400, 'same_email', 'This is your email already')

export const nothingToVerify = defineError(
  409,
  'nothing_to_verify',
  'Your email is verified, and no other waits to be confirmed',
)

export const passwordRequired = defineError(
  401,
  'password_required',
  'Log in to the account that the link belongs to, or send its password along',
)

export const emailNotVerified = defineError(
  401,
  'email_not_verified',
  'Confirm your email first, with the link that you were mailed; POST /api/me/email/resend mails another',
)

export const signupClosed = defineError(
  403,
  'signup_closed',
  'Forbidden! Accounts come by invitation here, or from whoever runs the service: ask there for one',
)

export const accountExists = defineError(
  409,
  'account_exists',
  'There is an account of this email already: log in to it, and accept the invitation there',
)

export const passwordChangeRequired = defineError(
  401,
  'password_change_required',
  'Unauthorized! This password was made up for the first login: give it once more, and with it a new password of your own',
)

export const lastSuperuser = defineError(
  409,
  'last_superuser',
  'This is the last superuser: make another account one first',
)

export const lastWayIn = defineError(
  409,
  'last_way_in',
  'Without this you could not log in any more: choose a password first',
)

export const roleNotLower = defineError(
  403,
  'role_not_lower',
  'Forbidden! Act only as an account whose role is lower than your own',
)

export const roleAboveOwn = defineError(
  403,
  'role_above_own',
  'Forbidden! Nobody grants a role above their own, or manages an account that has one',
)
