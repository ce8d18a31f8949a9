// Changes of role: in the database first, then in every live session.
import { syncRole } from '../kit/auth/role-guard.ts'
import type { Deps } from './product.ts'
import { findUser, updateRole, type User } from './queries.ts'
import type { Role } from './roles.ts'

/**
 * Changes an account's role, `disabled` included: in the database first, then in every live session,
 * which honours it from its next request on. Undefined if there is no such account.
 */
export async function changeRole(
  { db, sessions }: Pick<Deps, 'db' | 'sessions'>,
  userId: string,
  role: Role,
): Promise<User | undefined> {
  const user = await updateRole(db, userId, role)
  if (user !== undefined) await settleRole({ db, sessions }, userId)
  return user
}

/**
 * Tells live sessions the role that stands in the database. Without an account its sessions end.
 * @throws Error if some could not be told; doing it again tells the rest
 */
export const settleRole = ({ db, sessions }: Pick<Deps, 'db' | 'sessions'>, userId: string): Promise<void> =>
  syncRole(sessions, userId, () => findUser(db, userId))
