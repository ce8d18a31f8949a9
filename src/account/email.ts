// Verifies an account's email, changes it, and gives it back to the owner of the mailbox of before.
import { assertFresh } from '../kit/auth/guards.ts'
import { tokenExpired } from '../kit/auth/one-time-tokens.ts'
import { driverCode, retryConflict } from '../kit/data/transient.ts'
import { accountDisabled, agentOf } from '../kit/http/session.ts'
import { UNIQUE_VIOLATION } from '../kit/http/sql-refusals.ts'
import type { Db } from '../kit/types/db.ts'
import { accessTokens } from './access-tokens.ts'
import { recordEvent } from './audit.ts'
import { endSessionsWith, lockOwnAccount } from './end-sessions.ts'
import { emailTaken, invalidCredentials, nothingToVerify, passwordRequired, sameEmail } from './errors.ts'
import { requestLink, requestNotice } from './mail-tasks.ts'
import { tokens, UNDOES } from './one-time-tokens.ts'
import type { AppContext, LoggedInContext } from './product.ts'
import { findUser, findUserWithHashById, updateUser } from './queries.ts'
import { roles } from './roles.ts'
import { removeWaysIn } from './ways-in.ts'

/**
 * Has a link mailed to the new mailbox; the email changes when its owner confirms. The answer and the work are the same for
 * an address that is taken: its owner gets a mail instead.
 * @throws sameEmail, or the error of `assertFresh`
 */
export async function changeEmail(c: LoggedInContext, { email }: { email: string }): Promise<void> {
  assertFresh(c)
  const user = await c.var.me()
  if (user.email === email) throw sameEmail()
  await requestOwnLink(c, { userId: user.id, purpose: 'email_change', email })
}

export async function requestOwnLink(
  c: LoggedInContext,
  due: Parameters<typeof requestLink>[2],
): Promise<void> {
  const request = async (tx: Db) => {
    await lockOwnAccount(c, tx)
    await requestLink(c.var, tx, due)
    if (due.purpose === 'email_change')
      await recordEvent(c, tx, { action: 'email.change_asked', account: due.userId })
  }
  await retryConflict(() => c.var.db.transaction(request)) // it locks what confirming does, the other way round
}

/** In the data of a session: when its owner has confirmed the account's email in it, in Unix milliseconds. */
export const MAILBOX_PROVEN = 'mailboxProven'

/** Mails the link again to the mailbox that is to be confirmed. @throws nothingToVerify */
export async function resendVerification(c: LoggedInContext): Promise<void> {
  const { id: userId, email, verified } = await c.var.me()
  const waiting = await tokens.latest(c.var.db, userId, 'email_change')
  if (waiting === undefined && verified) throw nothingToVerify()
  const purpose = waiting === undefined ? 'verify' : 'email_change'
  await requestOwnLink(c, { userId, purpose, email: waiting?.email ?? email })
}

/**
 * Spends the link of a mail. It counts inside a session of its account, or together with its password: whoever clicks a link
 * that somebody else has asked for confirms nothing. It logs nobody in.
 * @throws tokenExpired, passwordRequired, invalidCredentials, emailTaken
 */
export async function confirmEmail(
  c: AppContext,
  { token, password }: { token: string; password?: string | undefined },
): Promise<void> {
  const { db } = c.var
  const { user_id } = await tokens.find(db, token, 'verify', 'email_change')
  if (c.var.session?.userId !== user_id) await assertPasswordOf(c, user_id, password)
  await retryConflict(() =>
    db.transaction(async (tx) => {
      const { purpose, email } = await tokens.spend(tx, token, 'verify', 'email_change')
      await (purpose === 'verify' ? markVerified(tx, user_id, email) : replaceEmail(c, tx, user_id, email))
      const action = purpose === 'verify' ? 'email.verified' : 'email.changed'
      await recordEvent(c, tx, { action, account: user_id })
    }),
  )
  // For what wants the mailbox shown in this very session.
  if (c.var.session?.userId === user_id) c.var.session.set(MAILBOX_PROVEN, Date.now())
  c.var.log.info('EMAIL CONFIRMED', { user: user_id, agent: agentOf(c) })
}

async function assertPasswordOf(c: AppContext, userId: string, password: string | undefined): Promise<void> {
  const { db, passwords } = c.var
  if (password === undefined) throw passwordRequired()
  const found = await findUserWithHashById(db, userId)
  if (found === undefined) throw tokenExpired()
  if (!(await passwords.verify(found.hash, password, c.var.signal()))) throw invalidCredentials()
  if (roles.isBarred(found.user.role)) throw accountDisabled()
}

/** Takes a transaction. @throws tokenExpired if the account has another email by now */
export async function markVerified(tx: Db, userId: string, mailbox: string): Promise<void> {
  const user = await updateUser(tx, userId, { email_proof: 'mail' })
  if (user?.email !== mailbox) throw tokenExpired() // it was mailed to an address of before
}

async function replaceEmail(c: AppContext, tx: Db, userId: string, email: string) {
  const before = await findUser(tx, userId)
  if (before === undefined) throw tokenExpired()
  // A deletion would come before the mailbox of before has had its time to take the account back: so it is undone.
  await updateUser(tx, userId, { email, email_proof: 'mail', deletes: null }).catch((error: unknown) => {
    throw driverCode(error) === UNIQUE_VIOLATION ? emailTaken() : error
  })
  // Asked after the update, which has waited for a change that was about to free the address.
  if (await tokens.isReserved(tx, 'take_back', email, userId)) throw emailTaken()
  // Set if this mailbox could have taken the account back. Then those since may not: one of them is a thief's, perhaps.
  const own = await tokens.latest(tx, userId, 'take_back', email)
  await tokens.revoke(tx, userId, { but: [...UNDOES, 'invitation'], since: own?.created })
  if (own !== undefined || !before.verified) {
    // A mailbox that was never verified may be a stranger's, too: it is told, and may take nothing.
    await requestNotice(c.var, tx, before.email, 'email_changed')
    return
  }
  await requestLink(c.var, tx, { userId, purpose: 'take_back', email: before.email })
}

/**
 * Spends the link that the mailbox of before was mailed: the account has that email again, no password and no session, and
 * whatever was changed or asked for since is void. A link to choose a password follows.
 * @throws tokenExpired
 */
export async function takeBackEmail(c: AppContext, { token }: { token: string }): Promise<void> {
  const { user_id: userId } = await tokens.find(c.var.db, token, 'take_back')
  await endSessionsWith(c, userId, async (tx) => {
    const { email, created } = await tokens.spend(tx, token, 'take_back')
    // A deletion, too, may have been asked for by whoever has changed the email.
    const change = { email, email_proof: 'mail', password: null, deletes: null } as const
    if ((await updateUser(tx, userId, change)) === undefined) throw tokenExpired()
    await c.var.secondStep?.undoSince(tx, userId, created)
    await removeWaysIn(c.var, tx, userId)
    await tokens.revoke(tx, userId, { but: UNDOES, since: created })
    await requestLink(c.var, tx, { userId, purpose: 'reset', email })
    await accessTokens.deleteAllOf(c.var, tx, userId)
    await recordEvent(c, tx, { action: 'email.taken_back', account: userId })
    await requestNotice(c.var, tx, email, 'taken_back')
  })
  c.var.log.warn('EMAIL TAKEN BACK', { user: userId, agent: agentOf(c) })
}
