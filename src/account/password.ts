// Replaces passwords: forgotten ones by a link in a mail, known ones by their owner.
import { assertFresh } from '../kit/auth/guards.ts'
import { tokenExpired } from '../kit/auth/one-time-tokens.ts'
import { agentOf } from '../kit/http/session.ts'
import { isOfKind } from '../kit/types/api-error.ts'
import type { Db } from '../kit/types/db.ts'
import { accessTokens } from './access-tokens.ts'
import { type Action, recordEvent } from './audit.ts'
import { endSessionsWith, lockOwnAccount, sessionEnded } from './end-sessions.ts'
import { invalidCredentials, wrongPassword } from './errors.ts'
import { beginSession, byPassword, replacePassword } from './login.ts'
import { mailReset, requestNotice } from './mail-tasks.ts'
import type { Notice } from './mails.ts'
import { tokens, UNDOES } from './one-time-tokens.ts'
import { assertPassword } from './password-rule.ts'
import type { AppContext, LoggedInContext } from './product.ts'
import { type AccountChange, findUser, findUserWithHashById, updateUser, type User } from './queries.ts'
import { roles } from './roles.ts'
import { factorsOf } from './second-step.ts'
import { removeWaysIn } from './ways-in.ts'
import { provenAtOf } from '../kit/types/sessions.ts'

/** Has a link mailed to the account of that email, if there is one. It does not look: see `mailReset`. */
export async function forgotPassword(c: AppContext, { email }: { email: string }): Promise<void> {
  await c.var.enqueue(mailReset, { email, ip: c.var.ip })
}

/**
 * Spends the link of a mail: sets the password, and ends every session, link and change that waits. Logs nobody in. The link
 * proves the mailbox, so what somebody else may have begun with the address of another ends here too.
 * @throws tokenExpired, weakPassword
 */
export async function resetPassword(
  c: AppContext,
  { token, password }: { token: string; password: string },
): Promise<void> {
  const { db, passwords } = c.var
  const { user_id } = await tokens.find(db, token, 'reset')
  const owner = await findUser(db, user_id)
  if (owner === undefined) throw tokenExpired()
  await assertPassword(c.var, password, owner)
  const hash = await passwords.hash(password, c.var.signal())
  await endSessionsWith(c, user_id, async (tx) => {
    const { email } = await tokens.spend(tx, token, 'reset')
    await proveMailbox(c, tx, user_id, email, { password: hash })
  })
  c.var.log.info('PASSWORD RESET', { user: user_id, agent: agentOf(c) })
}

/** What `proveMailbox` tells where nobody had shown before that the mailbox is theirs. */
export const FIRST_PROOF = { action: 'email.verified', notice: 'mailbox_proven' } as const

/**
 * Sets a password, or none, for whoever has shown that the mailbox is theirs: other ways in, links, changes that wait, a deletion among
 * them, and tokens of before end, and `endSessionsWith` around it ends the sessions.
 * @param told what has happened; by default a password was chosen by a link
 * @throws tokenExpired
 */
export async function proveMailbox(
  c: AppContext,
  tx: Db,
  userId: string,
  mailbox: string,
  change: AccountChange & { password: string | null },
  told: { action: Action; notice: Notice } = { action: 'password.reset', notice: 'password_reset' },
): Promise<User> {
  const was = await findUser(tx, userId)
  // A deletion is a change that waits as well: whoever had the account before may have asked for it.
  const user = await updateUser(tx, userId, { email_proof: 'mail', deletes: null, ...change })
  // The mailbox is not the account's any more, or the account may not log in: then nothing has changed.
  if (user?.email.toLowerCase() !== mailbox.toLowerCase() || roles.isBarred(user.role)) throw tokenExpired()
  if (!was?.verified) await c.var.secondStep?.removeAll(tx, userId)
  await removeWaysIn(c.var, tx, userId)
  await tokens.revoke(tx, userId, { but: was?.verified ? UNDOES : ['take_back'] })
  await accessTokens.deleteAllOf(c.var, tx, userId)
  await recordEvent(c, tx, { action: told.action, account: userId })
  await requestNotice(c.var, tx, mailbox, told.notice)
  if (was?.deletes) {
    await recordEvent(c, tx, { action: 'account.deletion_undone', account: userId })
    await requestNotice(c.var, tx, mailbox, 'deletion_undone')
  }
  return user
}

/**
 * Sets another password: with the current one, or soon after a login. Begins a new session here and ends all others, the
 * links to choose a password, and a change of email that waits.
 * @throws wrongPassword, weakPassword, or the error of `assertFresh`
 */
export async function changePassword(
  c: LoggedInContext,
  { current_password: current, password }: { current_password?: string | undefined; password: string },
): Promise<void> {
  const { db, passwords, session } = c.var
  const { userId, identity } = session
  const hasFactor = (await factorsOf(c.var, db, userId)).length > 0
  if (current === undefined || hasFactor) assertFresh(c)
  const found = await findUserWithHashById(db, userId)
  const was = found?.hash ?? null
  if (current !== undefined && !(await passwords.verify(was, current, c.var.signal()))) throw wrongPassword()
  await assertPassword(c.var, password, await c.var.me())
  const hash = await passwords.hash(password, c.var.signal())
  const user = await endSessionsWith(c, userId, async (tx) => {
    await lockOwnAccount(c, tx)
    const changed = await replacePassword(c, tx, userId, hash, was)
    if (changed === undefined) throw wrongPassword() // it was changed meanwhile
    return changed
  })
  c.var.log.info('PASSWORD CHANGED', { user: userId, agent: agentOf(c) })
  try {
    // What is fresh by a factor is not made fresh by a password.
    const { remember, way } = identity
    const kept = { remember, way, ...(hasFactor && { provenAt: provenAtOf(identity) }) }
    await beginSession(c, user, kept, byPassword(c, { hash, password }))
  } catch (error) {
    // It was changed once more by now, which has logged out everybody.
    if (isOfKind(error, invalidCredentials)) throw sessionEnded()
    throw error
  }
}
