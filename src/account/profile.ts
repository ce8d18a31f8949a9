// Changes what an account says of itself.
import type { z } from 'zod'
import { unauthorized } from '../kit/http/errors.ts'
import { recordEvent } from './audit.ts'
import type { LoggedInContext } from './product.ts'
import { updateUser, type User } from './queries.ts'
import type { EditProfile } from './schema.ts'

/** Sets the names and the company as far as they are given, and returns the account. */
export async function editProfile(c: LoggedInContext, given: z.output<typeof EditProfile>): Promise<User> {
  if (Object.keys(given).length === 0) return c.var.me()
  const { db, session } = c.var
  return db.transaction(async (tx) => {
    const user = await updateUser(tx, session.userId, given)
    if (user === undefined) throw unauthorized('This account no longer exists')
    const details = { fields: Object.keys(given).join(', ') }
    await recordEvent(c, tx, { action: 'profile.edited', account: user.id, details })
    return user
  })
}
