// Who may call: roles on routes, the current user, and changes of role, read top-down in call order.
import { createMiddleware } from 'hono/factory'
import type { Deps, Role } from '../deps.ts'
import { bodyArrival } from '../web/body.ts'
import { tag } from '../web/doc.ts'
import { ROLE_TOO_LOW, roleTooLow, UNAUTHORIZED, unauthorized } from '../web/errors.ts'
import { factory, type AppEnv } from '../web/factory.ts'
import { accountDisabled, agentOf, endSession, type Session } from '../web/session.ts'
import { findUser, updateRole, type User } from './queries.ts'
import { atLeast } from './roles.ts'

/** What `requireRole` adds: a session for sure, and the caller's row, read at most once a request. */
type LoggedIn = AppEnv & { Variables: { session: Session; me: () => Promise<User> } }

/**
 * Lets in sessions of this role or above; the others get 401, or what `ROLE_TOO_LOW` says.
 * The role comes from the session, so that no reading pays a query for it; a write asks the account's row as well, and
 * the lower of the two counts.
 */
export function requireRole(least: Role) {
  const handler = createMiddleware<LoggedIn>(async (c, next) => {
    const session: Session | null = c.get('session')
    if (session === null) throw unauthorized('Log in first')
    if (!atLeast(session.role, least)) throw tooLow(least)

    let row: Promise<User> | undefined
    const me = () => (row ??= loadUser())
    const loadUser = async () => {
      const user = await findUser(c.get('db'), session.userId)
      if (user === undefined) {
        await endSession(c)
        throw unauthorized('This account no longer exists')
      }
      // A change of role is under way, or broke off before this session was told: what stands in the row counts.
      if (user.role !== session.role) await settleRole(c.var, user.id)
      if (user.role === 'disabled') throw accountDisabled()
      if (!atLeast(user.role, least)) throw tooLow(least)
      return user
    }
    c.set('me', me)
    const isWrite = !SAFE_METHODS.has(c.req.method)
    // Only then the row is read: a body that is sent slowly must not outlive a change of role.
    if (isWrite) await bodyArrival(c)
    // What was changed by hand, in SQL, counts for writing, and for reading what is for the few.
    if (isWrite || atLeast(least, 'admin')) await me()
    await next()
  })
  return tag(handler, { role: least, others: [UNAUTHORIZED, ROLE_TOO_LOW] })
}

const SAFE_METHODS = new Set(['GET', 'HEAD'])

const tooLow = (least: Role) => roleTooLow(`It takes the role ${least} or above`)

/**
 * For critical operations, after `requireRole`: the login must be this recent,
 * and the request must come from the same address and agent as the login did.
 */
export function requireFresh(maxAgeMinutes = 15) {
  const handler = factory.createMiddleware(async (c, next) => {
    const identity = c.get('session')?.identity
    const isFresh =
      identity !== undefined &&
      Date.now() - identity.loginAt <= maxAgeMinutes * 60_000 &&
      identity.ip === c.get('ip') &&
      identity.agent === agentOf(c)
    if (!isFresh) throw unauthorized('Log in again to do this')
    await next()
  })
  return tag(handler, { others: [UNAUTHORIZED] })
}

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
 * Tells live sessions the role that stands in the database until both agree: two changes at once must not part them.
 * Without an account its sessions end.
 * @throws Error if some could not be told; doing it again tells the rest
 */
export async function settleRole(
  { db, sessions }: Pick<Deps, 'db' | 'sessions'>,
  userId: string,
): Promise<void> {
  let told: Role | undefined
  try {
    for (;;) {
      const user = await findUser(db, userId)
      if (user === undefined) return await sessions.destroyAllOf(userId)
      if (user.role === told) return
      await sessions.setRole(userId, user.role)
      told = user.role
    }
  } catch (error) {
    throw new Error(`live sessions of account ${userId} may not know its role yet: set it once more`, {
      cause: error,
    })
  }
}
