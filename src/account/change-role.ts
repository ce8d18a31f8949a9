// Changes an account's role: first in the database, then in every live session and token.
import { syncRole } from '../kit/auth/account-row.ts'
import { accessTokens } from './access-tokens.ts'
import { roleOf, type Deps } from './product.ts'
import { findUser, updateRole, type User } from './queries.ts'
import { roles, type Role } from './roles.ts'

type Needed = Pick<Deps, 'config' | 'db' | 'sessions' | 'store'>

/**
 * Changes an account's role; `disabled` is one, and ends its tokens. Live sessions have it from their next request on.
 * Undefined if there is no such account.
 */
export async function changeRole(deps: Needed, userId: string, role: Role): Promise<User | undefined> {
  const user = await deps.db.transaction(async (tx) => {
    const changed = await updateRole(tx, userId, role)
    if (roles.isBarred(role)) await accessTokens.deleteAllOf(deps, tx, userId)
    return changed
  })
  if (user !== undefined) await syncSessionRole(deps, userId)
  return user
}

/**
 * Copies the role in the database to the account's live sessions and tokens. If the account is gone, its sessions end.
 * @throws Error if some sessions could not be updated; a second call updates the rest
 */
export async function syncSessionRole(deps: Needed, userId: string): Promise<void> {
  await syncRole(deps.sessions, userId, async () => {
    const user = await findUser(deps.db, userId)
    return user && { role: roleOf(user, deps.config) }
  })
  await accessTokens.refreshAllOf(deps, userId)
}
