// Signs up: the one way to a new account, for JSON and for forms.
import type { Context } from 'hono'
import type { z } from 'zod'
import { retryConflict } from '../kit/data/transient.ts'
import type { AnyContext, AppEnv } from '../kit/http/env.ts'
import { agentOf } from '../kit/http/session.ts'
import { ApiError } from '../kit/types/api-error.ts'
import type { Db } from '../kit/types/db.ts'
import { sendWelcome } from '../tasks.ts'
import { beginSession } from './login.ts'
import type { Product } from './product.ts'
import { createUser, type User } from './queries.ts'
import type { Signup } from './schema.ts'

const emailTaken = () =>
  new ApiError(400, 'This email is taken', { issues: [{ path: 'email', message: 'is taken' }] })

/**
 * Creates the account, logs it in and returns it; `loggedIn` is false where no session could be started.
 * @throws ApiError 400 if the email is taken
 */
export async function signUp(
  context: AnyContext,
  { fname, lname, password, remember, ...input }: z.output<typeof Signup>,
): Promise<User & { loggedIn?: false }> {
  const c: Context<AppEnv<Product>> = context
  const { db, enqueue, passwords } = c.var
  const hash = await passwords.hash(password, c.var.signal())
  const row = { ...input, first_name: fname, last_name: lname, password: hash }
  // In one transaction: no account without its mail, no mail without an account.
  const create = async (tx: Db) => {
    const created = await createUser(tx, row)
    if (created === undefined) throw emailTaken()
    await enqueue(tx, sendWelcome, { userId: created.id })
    c.var.signal().throwIfAborted() // a client that got a timeout will try again
    return created
  }
  const user = await retryConflict(() => db.transaction(create))
  c.var.log.info('SIGNUP OK', { user: user.id, agent: agentOf(c) })
  try {
    await beginSession(c, user, remember)
  } catch (error) {
    // Reported as a failure it would be retried, and then the email is taken.
    c.var.log.error('the account was created, but no session could be started', { user: user.id, error })
    return { ...user, loggedIn: false as const }
  }
  return user
}
