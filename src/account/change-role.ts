// Changes an account for somebody else than its owner, and its role: first in the database, then in every live session and token.
import { syncRole } from '../kit/auth/role-guard.ts'
import { retryConflict } from '../kit/data/transient.ts'
import type { Db } from '../kit/types/db.ts'
import { accessTokens } from './access-tokens.ts'
import { assertSessionOpen } from './end-sessions.ts'
import { lastSuperuser, roleAboveOwn } from './errors.ts'
import { requestNotice } from './mail-tasks.ts'
import { roleOf, type Deps, type LoggedInContext } from './product.ts'
import { findUser, lockWithRole, updateUser, type Managed, type User } from './queries.ts'
import { roles, type Role } from './roles.ts'

type Needed = Pick<Deps, 'config' | 'db' | 'enqueue' | 'sessions' | 'store'>

/** Who acts: a session, or somebody at a terminal, to whom no role is too high. */
export type By = Pick<LoggedInContext['var'], 'session'> | { command: string }

/** The role that manages accounts, and of which one account stays. */
export const MANAGES: Role = 'superuser'

/**
 * Keeps the last superuser: to be called before an account is deleted. It locks that account and every superuser in the order
 * of their ids, so it is the first lock of its transaction: then two who remove each other wait, and do not deadlock.
 * @throws lastSuperuser
 */
export async function assertNotLastSuperuser(tx: Db, userId: string): Promise<void> {
  refuseLast(await lockWithRole(tx, MANAGES, userId), userId)
}

type Locked = Awaited<ReturnType<typeof lockWithRole>>

function refuseLast(locked: Locked, userId: string): void {
  // One whose deletion is asked for does not stay.
  const superusers = locked.filter(({ role, deletes }) => role === MANAGES && deletes === null)
  if (superusers.length === 1 && superusers[0]?.id === userId) throw lastSuperuser()
}

/**
 * Locks an account that somebody else is about to change, as the first lock of a transaction, and reads it. Undefined if it is gone.
 * @param granted the role that it is to have
 * @throws roleAboveOwn, loginRequired if the session has ended, lastSuperuser
 */
export async function lockManaged(tx: Db, by: By, userId: string, granted?: Role): Promise<User | undefined> {
  const acting = 'session' in by ? by.session : undefined
  const locked = await lockWithRole(tx, MANAGES, userId, acting?.userId)
  const roleNow = (id: string) => locked.find((one) => one.id === id)?.role
  if (acting !== undefined) {
    await assertSessionOpen(acting)
    assertMayGrant(roleNow(acting.userId), MANAGES, roleNow(userId), granted)
  }
  if (granted !== undefined && granted !== MANAGES) refuseLast(locked, userId)
  return findUser(tx, userId)
}

/** Nobody grants a role above their own, nor manages an account that has one. @throws roleAboveOwn */
export function assertMayGrant(own: Role | undefined, ...others: (Role | undefined)[]): void {
  const isAbove = (role: Role | undefined) => role !== undefined && !(own && roles.atLeast(own, role))
  if (others.some(isAbove)) throw roleAboveOwn()
}

const MANAGED = ['role', 'tags', 'first_name', 'last_name', 'company'] as const

/**
 * Changes an account for a superuser or a command, tells its owner, and returns it; undefined if there is none. The role
 * `disabled` ends its tokens, and its sessions too: they are refused from their next request on, and do not come back with
 * another role. Live sessions have a new role from their next request on.
 * @throws lastSuperuser, roleAboveOwn, or an Error if some sessions could not be updated; a second call updates the rest
 */
export async function changeAccount(
  deps: Needed,
  userId: string,
  { role, ...rest }: Managed,
  by: By,
): Promise<User | undefined> {
  const user = await retryConflict(() =>
    deps.db.transaction(async (tx) => {
      const was = await lockManaged(tx, by, userId, role)
      if (was === undefined) return undefined
      const changed = await updateUser(tx, userId, { ...rest, role })
      if (role !== undefined && roles.isBarred(role)) await accessTokens.deleteAllOf(deps, tx, userId)
      else if (role !== undefined && roles.isBarred(was.role)) await deps.sessions.destroyAllOf(userId)
      const fields = MANAGED.filter((field) => changed && String(changed[field]) !== String(was[field]))
      if (fields.length > 0) {
        const notice = fields.includes('role') ? 'role_changed' : 'account_changed'
        await requestNotice({ enqueue: deps.enqueue }, tx, was.email, notice)
      }
      return changed
    }),
  )
  // Even if the role is the same: a change that was cut short may have left sessions behind.
  if (user !== undefined && role !== undefined) await syncSessionRole(deps, userId)
  return user
}

/** Changes the role alone. */
export const changeRole = (deps: Needed, userId: string, role: Role, by: By) =>
  changeAccount(deps, userId, { role }, by)

/**
 * Copies the role in the database to the account's live sessions and tokens. If the account is gone, its sessions end.
 * @throws Error if some sessions could not be updated; a second call updates the rest
 */
export async function syncSessionRole(
  deps: Pick<Deps, 'config' | 'db' | 'sessions' | 'store'>,
  userId: string,
): Promise<void> {
  await syncRole(deps.sessions, userId, async () => {
    const user = await findUser(deps.db, userId)
    return user && { role: roleOf(user, deps.config) }
  })
  await accessTokens.refreshAllOf(deps, userId)
}
