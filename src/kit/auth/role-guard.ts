// Guards routes by role, and gives handlers the caller's account.
import type { MiddlewareHandler } from 'hono'
import { createMiddleware } from 'hono/factory'
import { bodyArrival } from '../http/body.ts'
import { tag } from '../http/doc.ts'
import type { AnyContext, AnyProduct, AppEnv } from '../http/env.ts'
import { unauthorized } from '../http/errors.ts'
import type { Session } from '../http/live-session.ts'
import { isSafeMethod } from '../http/safe-methods.ts'
import { accountDisabled, endSession } from '../http/session.ts'
import { admitToken } from './abilities.ts'
import { defineError, type ErrorKind, loginRequired } from '../types/api-error.ts'
import type { Db } from '../types/db.ts'
import type { Roles } from '../types/roles.ts'
import type { Sessions } from '../types/sessions.ts'

/** What `requireRole` adds: a session that is never null, and the caller's account, read at most once per request. */
export type LoggedIn<P extends AnyProduct = AnyProduct> = AppEnv<P> & {
  Variables: { session: Session<P['Role']>; me: () => Promise<P['User']> }
}

/** Admits sessions with this role or a higher one. */
export interface RequireRole<P extends AnyProduct = AnyProduct> {
  /** @param options.ability that a personal access token needs here; by default `read` or `write`, by the method */
  (least: P['Role'], options?: { ability?: string }): MiddlewareHandler<LoggedIn<P>>
}

interface Options<P extends AnyProduct> {
  roles: Roles<P['Role']>
  findUser(this: void, db: Db, id: string): Promise<P['User'] | undefined>
  /**
   * Routes of this role and above, which are for the few, ask the account's row for reading as well, and take no personal
   * access token.
   */
  readsRowFrom: P['Role']
  /** For accounts that have to do something first, such as verify their email: until then they have a lower role. */
  limited?: {
    /** The role that counts. */
    roleOf(this: void, user: P['User'], config: P['Config']): P['Role']
    /** Instead of the answer to a role that is too low: says what to do. */
    error: ErrorKind<[]>
  }
  /** What a role that is too low is answered with: 403, unless a contract with older clients wants 401. */
  tooLowStatus?: 401 | 403
}

/**
 * Makes a product's `requireRole`: it answers 401 to those who are not logged in, and `tooLowStatus` to those
 * whose role is too low. The role comes from the session, so that no reading pays a query for it; a write asks the
 * account's row as well, and the lower of the two counts.
 */
export function roleGuard<P extends AnyProduct>({
  roles,
  findUser,
  readsRowFrom,
  limited,
  tooLowStatus = 403,
}: Options<P>): RequireRole<P> {
  const word = tooLowStatus === 401 ? 'Unauthorized' : 'Forbidden'
  const insufficientRole = defineError(tooLowStatus, 'insufficient_role', `${word}! It takes a higher role`)
  return (least, { ability } = {}) => {
    const isPrivileged = roles.atLeast(least, readsRowFrom)
    const isForAll = roles.admitted.every((role) => roles.atLeast(role, least))
    const ofRole = limited ? [insufficientRole, limited.error] : [insufficientRole]
    const errors = [loginRequired, accountDisabled, ...(isForAll ? [] : ofRole)]
    const tooLow = () => insufficientRole({ message: `${word}! It takes the role ${least} or above` })
    const handler = createMiddleware<LoggedIn<P>>(async (c, next) => {
      // The token first: a guard before this one may have admitted it to less.
      const session: Session<P['Role']> | null = admitToken(c, { ability, isPrivileged }) ?? c.get('session')
      if (session === null) throw loginRequired()
      const roleOf = (user: P['User']) => limited?.roleOf(user, c.get('config')) ?? user.role
      let row: Promise<P['User']> | undefined
      const me = () => (row ??= loadUser())
      const loadUser = async () => {
        const user = await findUser(c.get('db'), session.userId)
        if (user === undefined) {
          await endSession(c)
          throw unauthorized('This account no longer exists')
        }
        // A change of role is in progress, or has failed before it reached this session: the row counts.
        const role = roleOf(user)
        if (role !== session.role) {
          await syncRole(c.get('sessions'), user.id, async () => {
            const now = await findUser(c.get('db'), user.id)
            return now && { role: roleOf(now) }
          })
        }
        if (roles.isBarred(role)) throw accountDisabled()
        if (!roles.atLeast(role, least))
          throw limited && roles.atLeast(user.role, least) ? limited.error() : tooLow()
        return user
      }
      if (!roles.atLeast(session.role, least)) {
        if (limited === undefined) throw tooLow()
        await loadUser() // it may be limited no longer, which sessions learn here
      }
      const open: AnyContext = c // of what a product has of its own the compiler knows no names here
      open.set('me', me)
      const isWrite = !isSafeMethod(c.req.method)
      // Only then the row is read: a body that is sent slowly must not outlive a change of role.
      if (isWrite) await bodyArrival(c)
      // So a role that was changed by hand, in SQL, counts for writes, and for reads of high roles.
      if (isWrite || isPrivileged) await me()
      await next()
    })
    return tag(handler, { role: least, ability: ability ?? (isPrivileged ? null : undefined), errors })
  }
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
      {
        cause: error,
      },
    )
  }
}
