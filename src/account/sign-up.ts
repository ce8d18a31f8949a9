// Signs up: the one way to a new account, for JSON and for forms.
import type { Context } from 'hono'
import type { z } from 'zod'
import { retryConflict } from '../kit/data/transient.ts'
import type { AnyContext, AppEnv } from '../kit/http/env.ts'
import { agentOf } from '../kit/http/session.ts'
import type { Db } from '../kit/types/db.ts'
import { recordEvent } from './audit.ts'
import { emailTaken } from './errors.ts'
import { beginSession } from './login.ts'
import { requestLink, sendWelcome } from './mail-tasks.ts'
import { tokens } from './one-time-tokens.ts'
import { assertPassword } from './password-rule.ts'
import type { Product } from './product.ts'
import { createUser, type User } from './queries.ts'
import type { Signup } from './schema.ts'

/**
 * Creates an account, queues its mail and starts a session. `loggedIn: false`: the account is there, but no session could be
 * started.
 * @throws weakPassword, emailTaken
 */
export async function signUp(
  context: AnyContext,
  { fname, lname, password, remember, token, ...input }: z.output<typeof Signup>,
): Promise<User & { loggedIn?: false }> {
  const c: Context<AppEnv<Product>> = context
  const { config, db, enqueue, passwords } = c.var
  const person = { ...input, first_name: fname, last_name: lname }
  await assertPassword(c.var, password, person)
  const hash = await passwords.hash(password, c.var.signal())
  const row = { ...person, password: hash }
  // In one transaction: no account without its mail, no mail without an account.
  const create = async (tx: Db) => {
    const created = await createUser(tx, row)
    // Asked after the insert, which has waited for a change of email that was about to free the address.
    const isTaken = !created || (await tokens.isReserved(tx, 'take_back', created.email, created.id))
    if (isTaken) throw emailTaken()
    const { id: userId, email } = created
    if (config.emailVerification === 'off') await enqueue(tx, sendWelcome, { userId })
    else await requestLink(c.var, tx, { userId, purpose: 'verify', email, welcome: true })
    await recordEvent(c, tx, { action: 'account.created', account: userId })
    c.var.signal().throwIfAborted() // a client that got a timeout will try again
    return created
  }
  const user = await retryConflict(() => db.transaction(create))
  c.var.log.info('SIGNUP OK', { user: user.id, agent: agentOf(c) })
  try {
    await beginSession(c, user, { remember, token }, { hash, password })
  } catch (error) {
    // Reported as a failure it would be retried, and then the email is taken.
    c.var.log.error('the account was created, but no session could be started', { user: user.id, error })
    return { ...user, loggedIn: false }
  }
  return user
}
