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

export const lastSuperuser = defineError(
  409,
  'last_superuser',
  'This is the last superuser: make another account one first',
)

export const roleAboveOwn = defineError(
  403,
  'role_above_own',
  'Forbidden! Nobody grants a role above their own, or manages an account that has one',
)
