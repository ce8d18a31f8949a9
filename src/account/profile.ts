// Changes what an account says of itself.
import type { z } from 'zod'
import { unauthorized } from '../kit/http/errors.ts'
import type { AnyContext } from '../kit/http/env.ts'
import type { LoggedInContext } from './product.ts'
import { updateUser, type User } from './queries.ts'
import type { EditProfile } from './schema.ts'

/** Sets the names and the company as far as they are given, and returns the account. */
export async function editProfile(context: AnyContext, given: z.output<typeof EditProfile>): Promise<User> {
  const c: LoggedInContext = context
  if (Object.keys(given).length === 0) return c.var.me()
  const user = await updateUser(c.var.db, c.var.session.userId, given)
  if (user === undefined) throw unauthorized('This account no longer exists')
  return user
}
