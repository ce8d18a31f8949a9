// Changes an account's role: first in the database, then in every live session.
import { syncRole } from '../kit/auth/role-guard.ts'
import { roleOf, type Deps } from './product.ts'
import { findUser, updateRole, type User } from './queries.ts'
import type { Role } from './roles.ts'

/**
 * Changes an account's role; `disabled` is one. Live sessions have it from their next request on.
 * Undefined if there is no such account.
 */
export async function changeRole(
  { config, db, sessions }: Pick<Deps, 'config' | 'db' | 'sessions'>,
  userId: string,
  role: Role,
): Promise<User | undefined> {
  const user = await updateRole(db, userId, role)
  if (user !== undefined) await syncSessionRole({ config, db, sessions }, userId)
  return user
}

/**
 * Copies the role in the database to the account's live sessions. If the account is gone, its sessions end.
 * @throws Error if some sessions could not be updated; a second call updates the rest
 */
export const syncSessionRole = (
  { config, db, sessions }: Pick<Deps, 'config' | 'db' | 'sessions'>,
  userId: string,
): Promise<void> =>
  syncRole(sessions, userId, async () => {
    const user = await findUser(db, userId)
    return user && { role: roleOf(user, config) }
  })
