// Signs up, if SIGNUP lets one: the one way to a new account, for JSON and for forms.
import type { z } from 'zod'
import type { Config } from '../config.ts'
import type { Author } from '../kit/audit/record.ts'
import { retryConflict } from '../kit/data/transient.ts'
import { tag } from '../kit/http/doc.ts'
import { agentOf } from '../kit/http/session.ts'
import type { Db } from '../kit/types/db.ts'
import { recordEvent } from './audit.ts'
import { emailTaken, signupClosed } from './errors.ts'
import { beginSession, byPassword } from './login.ts'
import { requestLink, sendWelcome } from './mail-tasks.ts'
import { tokens } from './one-time-tokens.ts'
import { assertPassword } from './password-rule.ts'
import { type AppContext, factory } from './product.ts'
import { createUser, type NewUser, type User } from './queries.ts'
import type { Signup } from './schema.ts'

/**
 * Creates an account, queues its mail and starts a session. `loggedIn: false`: the account is there, but no session could be
 * started.
 * @throws weakPassword, emailTaken
 */
export async function signUp(
  c: AppContext,
  { fname, lname, password, remember, token, ...input }: z.output<typeof Signup>,
): Promise<User & { loggedIn?: false }> {
  const { config, db, enqueue, passwords } = c.var
  const person = { ...input, first_name: fname, last_name: lname }
  await assertPassword(c.var, password, person)
  const hash = await passwords.hash(password, c.var.signal())
  const row = { ...person, password: hash, role: config.signupRole }
  // In one transaction: no account without its mail, no mail without an account.
  const create = async (tx: Db) => {
    const created = await createAccount(c, tx, row)
    const { id: userId, email } = created
    if (config.emailVerification === 'off') await enqueue(tx, sendWelcome, { userId })
    else await requestLink(c.var, tx, { userId, purpose: 'verify', email, welcome: true })
    c.var.signal().throwIfAborted() // a client that got a timeout will try again
    return created
  }
  const user = await retryConflict(() => db.transaction(create))
  c.var.log.info('SIGNUP OK', { user: user.id, agent: agentOf(c) })
  return beginFirstSession(c, user, { remember, token }, { hash, password })
}

/** Creates the account, unless its email is another's, or was until lately and may be taken back. @throws emailTaken */
export async function createAccount(by: Author, tx: Db, row: NewUser): Promise<User> {
  const created = await createUser(tx, row)
  // Asked after the insert, which has waited for a change of email that was about to free the address.
  const isTaken = !created || (await tokens.isReserved(tx, 'take_back', created.email, created.id))
  if (isTaken) throw emailTaken()
  const { id, role } = created
  await recordEvent(by, tx, { action: 'account.created', account: id, details: { role } })
  return created
}

/** Starts the session of an account that was just created; see `beginSession`. `loggedIn: false`: none could be started. */
export async function beginFirstSession(
  c: AppContext,
  user: User,
  kept: { remember: boolean; token?: boolean | undefined },
  proof: { hash: string; password: string },
): Promise<User & { loggedIn?: false }> {
  try {
    await beginSession(c, user, { ...kept, way: 'password' }, byPassword(c, proof))
  } catch (error) {
    // Reported as a failure it would be retried, and then the email is taken.
    c.var.log.error('the account was created, but no session could be started', { user: user.id, error })
    return { ...user, loggedIn: false }
  }
  return user
}

const NONE_COMES = 'Forbidden! Accounts come from whoever runs the service: ask there for one'

/** @throws signupClosed unless the policy is one of these */
export function assertSignup({ signup }: Config, ...policies: Config['signup'][]): void {
  if (policies.includes(signup)) return
  throw signup === 'off' ? signupClosed({ message: NONE_COMES }) : signupClosed()
}

/** The same for a route, before anything is looked at: the answer is one and the same for all. */
export const requireSignup = (...policies: Config['signup'][]) =>
  tag(
    factory.createMiddleware((c, next) => {
      assertSignup(c.var.config, ...policies)
      return next()
    }),
    { errors: [signupClosed] },
  )
