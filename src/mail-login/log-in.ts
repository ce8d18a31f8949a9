// Logs in by a mailed code, and makes a session fresh by one where the account has no password.
import type { z } from 'zod'
import { recordEvent } from '../account/audit.ts'
import { MAILBOX_PROVEN, markVerified } from '../account/email.ts'
import { endSessionsWith } from '../account/end-sessions.ts'
import { passwordChangeRequired } from '../account/errors.ts'
import { beginSession } from '../account/login.ts'
import { FIRST_PROOF, proveMailbox } from '../account/password.ts'
import type { AppContext, LoggedInContext } from '../account/product.ts'
import { findUserWithHashById, isPasswordSet, type User } from '../account/queries.ts'
import { roles } from '../account/roles.ts'
import { Login } from '../account/schema.ts'
import { confirmSession } from '../account/sessions.ts'
import type { Db } from '../kit/types/db.ts'
import { defineError } from '../kit/types/api-error.ts'
import { askForCode, MailedCode, takeCode, wrongCode } from './codes.ts'

export const hasPassword = defineError(
  409,
  'has_password',
  'This account has a password: give that to show that it is you',
)

export const MailLogin = MailedCode.extend(Login.pick({ remember: true, token: true }).shape)

/** The account of a code, which may have changed since. @throws wrongCode */
async function ownerOf(c: AppContext, { user_id, email }: { user_id: string; email: string }) {
  const found = await findUserWithHashById(c.var.db, user_id)
  if (found?.user.email === email && !roles.isBarred(found.user.role)) return found
  c.var.log.warn('CODE REFUSED: the account is disabled or gone, or has another email', { user: user_id })
  throw wrongCode()
}

/**
 * Logs in whoever has the mailbox. Where nobody has shown that before, it is the first to do so, and all that was set up until then ends.
 * Where there is a password the session is not fresh, but by a second factor.
 * @throws wrongCode, passwordChangeRequired, rateLimitExceeded, invalidCredentials if the account changes at this moment
 */
export async function logInByCode(
  c: AppContext,
  { remember, token, ...given }: z.output<typeof MailLogin>,
): Promise<User> {
  const { email, user_id: userId } = await takeCode(c, given)
  const found = await ownerOf(c, { user_id: userId, email })
  if (found.isTemporary)
    throw passwordChangeRequired({
      message: 'Unauthorized! Log in with the password that you were given, or ask for a new one',
    })
  const seal = (tx: Db) => proveMailbox(c, tx, userId, email, { password: null }, FIRST_PROOF)
  const { user, hash } = found.user.verified
    ? found
    : { user: await endSessionsWith(c, userId, seal), hash: null }
  await c.var.secondStep?.demand(c, { userId, hash, email, way: 'mail' }, { remember, token })
  const kept = { remember, token, way: 'mail', ...(hash !== null && { provenAt: 0 }) }
  await beginSession(c, user, kept, (now, account) => now === hash && account?.email === email)
  c.var.session?.set(MAILBOX_PROVEN, Date.now())
  return user
}

/** @throws hasPassword */
export async function askToConfirm(c: LoggedInContext) {
  const { db, session, sessions } = c.var
  if (await isPasswordSet(db, session.userId)) throw hasPassword()
  const { email } = await c.var.me()
  return askForCode(c, { email, session: sessions.idOf(session.token) })
}

/** Makes the session fresh in which the code was asked for. @throws wrongCode, hasPassword, rateLimitExceeded */
export async function confirmByCode(c: LoggedInContext, given: z.output<typeof MailedCode>): Promise<void> {
  const { db, session, sessions } = c.var
  const { userId } = session
  const { email, user_id } = await takeCode(c, given, sessions.idOf(session.token))
  const { user, hash } = await ownerOf(c, { user_id, email })
  if (user_id !== userId) throw wrongCode() // the email has become another's
  if (hash !== null) throw hasPassword()
  if (!user.verified)
    await db.transaction(async (tx) => {
      await markVerified(tx, userId, email)
      await recordEvent(c, tx, { action: 'email.verified', account: userId })
    })
  session.set(MAILBOX_PROVEN, Date.now())
  await c.var.secondStep?.demand(c, { userId, hash, email, way: 'mail' }, 'refresh')
  await confirmSession(c, 'mail')
}
