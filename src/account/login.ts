// Logging in with email and password: the one way, whether JSON or a form asks for it.
import type { Context } from 'hono'
import type { AnyContext, AppEnv } from '../kit/http/env.ts'
import { accountDisabled, agentOf, endSession, startSession } from '../kit/http/session.ts'
import { ApiError } from '../kit/types/api-error.ts'
import { settleRole } from './change-role.ts'
import type { Product } from './product.ts'
import { findUser, findUserWithHash, replaceHash, type User } from './queries.ts'
import { roles } from './roles.ts'

/**
 * Checks the password, starts a session and answers the account.
 * @throws ApiError 400, for a wrong password as for an unknown email, and for a disabled account
 */
export async function logIn(
  context: AnyContext,
  { email, password, remember }: { email: string; password: string; remember: boolean },
): Promise<User> {
  const c: Context<AppEnv<Product>> = context
  const { db, passwords } = c.var
  const found = await findUserWithHash(db, email)
  // Checked even where there is no account: neither the answer nor its time tells which was wrong.
  const isRight = await passwords.verify(found?.hash ?? null, password, c.var.signal())
  if (found === undefined || !isRight) throw new ApiError(400, 'Invalid login credentials')
  const { user, hash } = found
  if (roles.isBarred(user.role)) {
    c.var.log.warn('LOGIN REFUSED: account disabled', { user: user.id, agent: agentOf(c) })
    throw accountDisabled()
  }
  if (passwords.outdated(hash)) await renewHash(c, user.id, hash, password)
  await beginSession(c, user, remember)
  c.var.log.info('LOGIN OK', { user: user.id, agent: agentOf(c) })
  return user
}

/** A login that succeeds must not fail for it: where too many wait for a hash, the next login tries again. */
async function renewHash(
  c: Context<AppEnv<Product>>,
  userId: string,
  was: string,
  password: string,
): Promise<void> {
  const { db, log, passwords } = c.var
  try {
    await replaceHash(db, userId, was, await passwords.hash(password, c.var.signal()))
  } catch (error) {
    log.warn('the hash of older parameters was not replaced', { user: userId, error })
  }
}

/**
 * Starts the session, then reads the role once more: a change of role that ran beside the login
 * either sees the new session or is seen by this read. Where it cannot be read there is no session.
 */
export async function beginSession(context: AnyContext, user: User, remember: boolean): Promise<void> {
  const c: Context<AppEnv<Product>> = context
  await startSession(c, user, remember)
  try {
    const now = await findUser(c.var.db, user.id)
    if (now !== undefined && now.role !== user.role) await settleRole(c.var, user.id)
  } catch (error) {
    await endSession(c).catch(() => {})
    throw error
  }
}
