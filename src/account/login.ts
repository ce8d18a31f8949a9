// Logs in with email and password: the one way in, for JSON and for forms.
import type { z } from 'zod'
import { weakPassword } from '../kit/auth/password-rule.ts'
import { accountDisabled, agentOf, endSession, startSession } from '../kit/http/session.ts'
import type { Db } from '../kit/types/db.ts'
import type { Begun } from '../kit/types/sessions.ts'
import { recordEvent, recordWith } from './audit.ts'
import { syncSessionRole } from './change-role.ts'
import { invalidCredentials, passwordChangeRequired } from './errors.ts'
import { endImpersonation } from './impersonation.ts'
import { requestNotice } from './mail-tasks.ts'
import { tokens, UNDOES } from './one-time-tokens.ts'
import { assertPassword } from './password-rule.ts'
import { type AppContext, type LoggedInContext, roleOf } from './product.ts'
import { findUserWithHash, findUserWithHashById, replaceHash, updateUser, type User } from './queries.ts'
import { roles } from './roles.ts'
import type { Login } from './schema.ts'
import { factorsOf, hasFactor } from './second-step.ts'

/**
 * Checks the password, starts a session and returns the account. `new_password` takes the place of one that was made up for the
 * first login, which opens nothing but this.
 * @throws ApiError 400 for a wrong password and an unknown email alike, and for a disabled account; passwordChangeRequired
 */
export async function logIn(
  c: AppContext,
  { email, password, new_password, ...kept }: z.output<typeof Login>,
): Promise<User> {
  const { db, passwords } = c.var
  const found = await findUserWithHash(db, email)
  // Verified even without an account: neither the response nor its timing reveals which was wrong.
  const isRight = await passwords.verify(found?.hash ?? null, password, c.var.signal())
  if (!found?.hash || !isRight) throw invalidCredentials()
  const { user, hash, isTemporary } = found
  assertAdmitted(c, user)
  const own = isTemporary
    ? await replaceTemporary(c, found, { given: password, password: new_password })
    : { hash: await upToDate(c, user.id, hash, password), password }
  await c.var.secondStep?.demand(
    c,
    { userId: user.id, hash: own.hash, email: user.email, way: 'password' },
    kept,
  )
  await beginSession(c, user, { ...kept, way: 'password' }, byPassword(c, own))
  return user
}

/** For each way in, once it is known whose account it opens. @throws accountDisabled */
export function assertAdmitted(c: AppContext, { id, role }: User): void {
  if (!roles.isBarred(role)) return
  c.var.log.warn('LOGIN REFUSED: account disabled', { user: id, agent: agentOf(c) })
  throw accountDisabled()
}

/** Sets a password of one's own. @throws passwordChangeRequired, weakPassword, invalidCredentials if it was set meanwhile */
async function replaceTemporary(
  c: AppContext,
  { user, hash: was }: { user: User; hash: string | null },
  { given, password }: { given: string; password: string | undefined },
): Promise<{ hash: string; password: string }> {
  if (password === undefined) throw passwordChangeRequired()
  if (password === given)
    throw weakPassword({
      message: 'Choose another password than the one you were given',
      issues: [{ path: 'new_password', message: 'must be another than the one that you were given' }],
    })
  await assertPassword(c.var, password, user, 'new_password')
  const hash = await c.var.passwords.hash(password, c.var.signal())
  const replaced = await c.var.db.transaction((tx) => replacePassword(c, tx, user.id, hash, was))
  if (replaced === undefined) throw invalidCredentials()
  return { hash, password }
}

/**
 * Sets another password for whoever has given the one before it: voids the links to choose one and a change of email that waits, and
 * tells the owner. Takes a transaction. Undefined if the hash is not `was` any more.
 */
export async function replacePassword(
  c: AppContext,
  tx: Db,
  userId: string,
  hash: string,
  was: string | null,
): Promise<User | undefined> {
  const changed = await updateUser(tx, userId, { password: hash }, { was })
  if (changed === undefined) return undefined
  await tokens.revoke(tx, userId, { but: [...UNDOES, 'verify', 'invitation'] })
  await requestNotice(c.var, tx, changed.email, 'password_changed')
  await recordEvent(c, tx, { action: 'password.changed', account: userId })
  return changed
}

/** Upgrades a hash of older parameters. A failure, such as a full queue for hashes, is left to the next login. */
async function upToDate(c: AppContext, userId: string, was: string, password: string): Promise<string> {
  const { db, log, passwords } = c.var
  if (!passwords.needsRehash(was)) return was
  try {
    const hash = await passwords.hash(password, c.var.signal())
    await replaceHash(db, userId, was, hash)
    return hash
  } catch (error) {
    const user = { user: userId, error }
    log.warn('a password hash of older parameters was not replaced; the next login tries again', user)
    return was
  }
}

/** Whether what was proven still counts: asked of the hash, and the account, as they are once the session is there. */
export type Proof = (hash: string | null, user: User | undefined) => Promise<boolean> | boolean

/** By the password, and the hash that it was checked against. Another may be of the same one: a login renews those of older parameters. */
export const byPassword =
  (c: AppContext, proof: { hash: string; password: string }): Proof =>
  (hash) =>
    hash === proof.hash || c.var.passwords.verify(hash, proof.password)

/**
 * Starts the session, then reads the account again: a concurrent change of its role or password either sees the new session
 * or is seen by this read. If the read fails, the session ends.
 * @param kept how the client keeps it, and what it was proven by: see `startSession`
 * @throws invalidCredentials if the proof does not count any more
 */
export async function beginSession(
  c: AppContext,
  user: User,
  kept: { remember: boolean } & Begun,
  counts: Proof,
): Promise<void> {
  const { config, db } = c.var
  await startSession(c, { id: user.id, role: roleOf(user, config) }, kept.remember, kept)
  try {
    const now = await findUserWithHashById(db, user.id)
    if (!(await counts(now?.hash ?? null, now?.user))) throw invalidCredentials()
    // A factor that came meanwhile, as well: no session opens by the password alone where the account has one.
    if (!hasFactor(kept.way) && (await factorsOf(c.var, db, user.id)).length > 0) throw invalidCredentials()
    if (now && roleOf(now.user, config) !== roleOf(user, config)) await syncSessionRole(c.var, user.id)
    const details = { way: kept.way }
    await recordEvent(c, db, { action: 'session.started', account: user.id, details })
    c.var.log.info('LOGIN OK', { user: user.id, ...details, agent: agentOf(c) })
  } catch (error) {
    await endSession(c).catch(() => {})
    throw error
  }
  await c.var.tellLogin?.(c.var, user.id, c.var.ip)
}

/** Ends the session in which it is called; of whoever acts as another account, their own. */
export async function logOut(c: LoggedInContext): Promise<void> {
  await endImpersonation(c)
  await recordWith(c, { action: 'session.ended' }, () => endSession(c))
}
