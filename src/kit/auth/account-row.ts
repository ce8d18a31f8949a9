// Reads the account of a session, and tells its live sessions a role that they do not have yet.
import type { AnyContext } from '../http/env.ts'
import { unauthorized } from '../http/errors.ts'
import type { Session } from '../http/live-session.ts'
import { endSession } from '../http/session.ts'
import type { Sessions } from '../types/sessions.ts'

/**
 * A change of role is in progress, or has failed before it reached this session: the row counts. Whoever acts as the account is
 * read as well.
 * @throws ApiError 401 if the account is gone: its session ends
 */
export async function readAccount<User, Role extends string>(
  c: AnyContext,
  session: Session<Role>,
  find: (id: string) => Promise<User | undefined>,
  roleOf: (user: User) => Role,
): Promise<User> {
  const differs = (found: User | undefined, known: Role) => found === undefined || roleOf(found) !== known
  const sync = (id: string) =>
    syncRole(c.get('sessions'), id, async () => {
      const now = await find(id)
      return now && { role: roleOf(now) }
    })
  const user = await find(session.userId)
  if (differs(user, session.role)) await sync(session.userId)
  const by = session.identity.impersonation?.by
  if (by !== undefined) {
    if (differs(await find(by.userId), by.role)) await sync(by.userId)
    if (!(await session.isOpen())) throw unauthorized('This session has ended')
  }
  if (user !== undefined) return user
  await endSession(c)
  throw unauthorized('This account no longer exists')
}

/**
 * Copies the role in the database to the account's live sessions until both agree, even with concurrent changes. If the
 * account is gone, its sessions end.
 * @param find reads the account again
 * @throws Error if some sessions could not be updated; a second call updates the rest
 */
export async function syncRole<Role extends string>(
  sessions: Pick<Sessions<Role>, 'setRole' | 'destroyAllOf'>,
  userId: string,
  find: () => Promise<{ role: Role } | undefined>,
): Promise<void> {
  let copied: Role | undefined
  try {
    for (;;) {
      const user = await find()
      if (user === undefined) return await sessions.destroyAllOf(userId)
      if (user.role === copied) return
      await sessions.setRole(userId, user.role)
      copied = user.role
    }
  } catch (error) {
    throw new Error(
      `some live sessions of account ${userId} may still have its previous role: set the role again`,
      { cause: error },
    )
  }
}
