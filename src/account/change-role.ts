// Changes an account for somebody else than its owner, and its role: first in the database, then in every live session and token.
import type { z } from 'zod'
import type { Author } from '../kit/audit/record.ts'
import { syncRole } from '../kit/auth/account-row.ts'
import { retryConflict } from '../kit/data/transient.ts'
import type { Db } from '../kit/types/db.ts'
import { accessTokens } from './access-tokens.ts'
import { recordEvent } from './audit.ts'
import { assertSessionOpen } from './end-sessions.ts'
import { lastSuperuser, roleAboveOwn } from './errors.ts'
import { requestNotice } from './mail-tasks.ts'
import { roleOf, type Deps, type LoggedInContext } from './product.ts'
import { findUser, lockWithRole, updateUser, type User } from './queries.ts'
import { roles, type Role } from './roles.ts'
import type { ChangeAccount } from './schema.ts'

type Managed = z.output<typeof ChangeAccount>
type Needed = Pick<Deps, 'config' | 'db' | 'enqueue' | 'sessions' | 'store'>

/** The role that manages accounts, and of which one account stays. */
export const MANAGES: Role = 'superuser'

/**
 * Keeps the last superuser: to be called before an account is deleted. It locks that account, and every superuser if it is one, in the
 * order of their ids, so it is the first lock of its transaction: then two who remove each other wait, and do not deadlock.
 * @throws lastSuperuser
 */
export async function assertNotLastSuperuser(tx: Db, userId: string): Promise<void> {
  refuseLast(await lockWithRole(tx, MANAGES, userId), userId)
}

function refuseLast(locked: { id: string; role: Role; deletes: Date | null }[], userId: string): void {
  // One whose deletion is asked for does not stay.
  const superusers = locked.filter(({ role, deletes }) => role === MANAGES && deletes === null)
  if (superusers.length === 1 && superusers[0]?.id === userId) throw lastSuperuser()
}

/** Nobody grants a role above their own, nor manages an account that has one. @throws roleAboveOwn */
export function assertMayGrant(own: Role | undefined, ...others: (Role | undefined)[]): void {
  const isAbove = (role: Role | undefined) => role !== undefined && !(own && roles.atLeast(own, role))
  if (others.some(isAbove)) throw roleAboveOwn()
}

/**
 * Runs `work` on an account in a transaction that locks it, for a superuser or a command. Undefined if there is none.
 * @param granted the role that it is to have
 * @throws lastSuperuser, roleAboveOwn, or loginRequired if the session has ended
 */
export const manage = <T>(
  { db }: Pick<Deps, 'db'>,
  userId: string,
  { by, granted }: { by: Author; granted?: Role | undefined },
  work: (tx: Db, was: User) => Promise<T>,
): Promise<T | undefined> =>
  retryConflict(() =>
    db.transaction(async (tx) => {
      const own: LoggedInContext['var']['session'] | undefined = 'get' in by ? by.get('session') : undefined
      const locked = await lockWithRole(tx, MANAGES, userId, own?.userId ?? userId)
      const roleNow = (id: string) => locked.find((one) => one.id === id)?.role
      if (own !== undefined) {
        await assertSessionOpen(own)
        assertMayGrant(roleNow(own.userId), MANAGES, roleNow(userId), granted)
      }
      if (granted !== undefined && granted !== MANAGES) refuseLast(locked, userId)
      const was = await findUser(tx, userId)
      return was && work(tx, was)
    }),
  )

/**
 * Changes what differs of an account, tells its owner, and returns it. The role `disabled` ends its tokens, and its sessions
 * too: they are refused from their next request on, and another role does not bring them back. Live sessions have a new role from
 * their next request on.
 * @throws what `manage` does, or an Error if some sessions could not be updated; a second call updates the rest
 */
export async function changeAccount(
  deps: Needed,
  userId: string,
  change: Managed,
  by: Author,
): Promise<User | undefined> {
  const { role } = change
  const user = await manage(deps, userId, { by, granted: role }, async (tx, was) => {
    const differs = (f: keyof Managed) => change[f] !== undefined && String(change[f]) !== String(was[f])
    const fields = (Object.keys(change) as (keyof Managed)[]).filter(differs)
    if (fields.length === 0) return was
    const isRole = role !== undefined && fields.includes('role')
    if (isRole && roles.isBarred(role)) await accessTokens.deleteAllOf(deps, tx, userId)
    if (isRole && roles.isBarred(was.role)) await deps.sessions.destroyAllOf(userId)
    const action = isRole ? 'role.changed' : 'account.changed'
    const details = { fields: fields.join(', '), ...(isRole && { was: was.role, now: role }) }
    await recordEvent(by, tx, { action, account: userId, details })
    const notice = isRole ? 'role_changed' : 'account_changed'
    await requestNotice({ enqueue: deps.enqueue }, tx, was.email, notice)
    return updateUser(tx, userId, change)
  })
  // Even if the role is the same: a change that was cut short may have left sessions behind.
  if (user !== undefined && role !== undefined) await syncSessionRole(deps, userId)
  return user
}

/** Changes the role alone. */
export const changeRole = (deps: Needed, userId: string, role: Role, by: Author) =>
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
