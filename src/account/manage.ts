// Acts on an account for a superuser or a command: finds it, ends its sessions, sets another password.
import { z } from 'zod'
import type { Author } from '../kit/audit/record.ts'
import { requireFresh } from '../kit/auth/guards.ts'
import { doc } from '../kit/http/doc.ts'
import { validate } from '../kit/http/validate.ts'
import { accessTokens } from './access-tokens.ts'
import { recordEvent } from './audit.ts'
import { changeAccount, manage, MANAGES } from './change-role.ts'
import { lastSuperuser, roleAboveOwn } from './errors.ts'
import { requestNotice } from './mail-tasks.ts'
import { tokens, UNDOES } from './one-time-tokens.ts'
import { done, factory, found, requireRole, type Deps } from './product.ts'
import { findUser, updateUser, type AccountChange } from './queries.ts'
import { AccountResponse, ChangeAccount, OfAccount, SessionResponse } from './schema.ts'
import { factorsOf } from './second-step.ts'
import { listSessions } from './sessions.ts'
import { UserResponse } from './table.ts'
import { removeWaysIn } from './ways-in.ts'

/** The account, with its number of sessions and the last request in one of them; undefined if there is none. */
export async function findAccount({ db, sessions }: Pick<Deps, 'db' | 'sessions'>, id: string) {
  const user = await findUser(db, id)
  if (user === undefined) return undefined
  const seen = (await sessions.allOf(id)).map(({ seenAt }) => seenAt)
  const last_seen = seen.length === 0 ? null : new Date(Math.max(...seen))
  return { ...user, sessions: seen.length, last_seen }
}

/**
 * Ends every session of an account, or the one of this id, and tells its owner. False if there is no such account or session.
 * @throws what `manage` does
 */
export async function endSessionsOf(
  deps: Pick<Deps, 'db' | 'enqueue' | 'sessions'>,
  { userId, id }: { userId: string; id?: string | undefined },
  by: Author,
): Promise<boolean> {
  const ended = await manage(deps, userId, { by }, async (tx, { email }) => {
    if (id === undefined) await deps.sessions.destroyAllOf(userId)
    else if (!(await deps.sessions.destroyOne(userId, id))) return false
    await recordEvent(by, tx, {
      action: id === undefined ? 'sessions.ended' : 'session.ended',
      account: userId,
    })
    await requestNotice({ enqueue: deps.enqueue }, tx, email, 'sessions_ended')
    return true
  })
  return ended === true
}

/**
 * Sets another password, for an owner who cannot: every session, token, other way in, link and change that waits ends.
 * @throws what `manage` does
 */
export async function setPassword(
  deps: Pick<Deps, 'db' | 'enqueue' | 'sessions' | 'store' | 'waysIn'>,
  userId: string,
  secret: Pick<AccountChange, 'password' | 'temporary_password'>,
  by: Author,
): Promise<void> {
  await manage(deps, userId, { by }, async (tx, { email }) => {
    await updateUser(tx, userId, secret)
    await removeWaysIn(deps, tx, userId)
    await tokens.revoke(tx, userId, { but: [...UNDOES, 'invitation'] })
    await accessTokens.deleteAllOf(deps, tx, userId)
    await deps.sessions.destroyAllOf(userId)
    await recordEvent(by, tx, { action: 'password.changed', account: userId })
    await requestNotice({ enqueue: deps.enqueue }, tx, email, 'password_changed')
  })
  await deps.sessions.destroyAllOf(userId) // of a login that saw the one of before
}

/**
 * Ends the second factors of an account whose owner has lost them, and its sessions. False if there are none.
 * @throws what `manage` does
 */
export async function resetFactors(
  deps: Pick<Deps, 'db' | 'enqueue' | 'secondStep' | 'sessions'>,
  userId: string,
  by: Author,
): Promise<boolean> {
  const reset = await manage(deps, userId, { by }, async (tx, { email }) => {
    const own = await factorsOf(deps, tx, userId)
    if (own.length === 0) return false
    await deps.secondStep?.removeAll(tx, userId)
    await deps.sessions.destroyAllOf(userId)
    await recordEvent(by, tx, { action: 'factor.reset', account: userId })
    await requestNotice({ enqueue: deps.enqueue }, tx, email, 'factors_reset')
    return true
  })
  if (reset !== true) return false
  await deps.sessions.destroyAllOf(userId) // of a login that had them
  return true
}

export const admin = factory
  .createApp()

  .get(
    '/users/:id',
    doc('Returns an account, and how many sessions it has.', AccountResponse),
    requireRole(MANAGES),
    validate('param', OfAccount),
    async (c) => c.var.respond(await found(c, findAccount(c.var, c.req.valid('param').id))),
  )

  .patch(
    '/users/:id',
    doc(
      'Changes the role, tags, names and company of an account; what is not named stays. Needs a recent login.',
      UserResponse,
      { errors: [lastSuperuser, roleAboveOwn] },
    ),
    requireRole(MANAGES),
    requireFresh(),
    validate('param', OfAccount),
    validate('json', ChangeAccount),
    async (c) => {
      const changed = changeAccount(c.var, c.req.valid('param').id, c.req.valid('json'), c)
      return c.var.respond(await found(c, changed))
    },
  )

  .get(
    '/users/:id/sessions',
    doc('Lists where an account is logged in, the latest first.', z.array(SessionResponse)),
    requireRole(MANAGES),
    validate('param', OfAccount),
    async (c) => {
      const { id } = c.req.valid('param')
      await found(c, findUser(c.var.db, id))
      return c.var.respond(await listSessions(c, id))
    },
  )

  .delete(
    '/users/:id/sessions',
    doc('Ends all sessions of an account. Needs a recent login.', z.object({}), { errors: [roleAboveOwn] }),
    requireRole(MANAGES),
    requireFresh(),
    validate('param', OfAccount),
    async (c) => {
      const { id: userId } = c.req.valid('param')
      return c.var.respond(await done(found(c, endSessionsOf(c.var, { userId }, c))))
    },
  )

  .delete(
    '/users/:id/sessions/:session',
    doc('Ends one session of an account. Needs a recent login.', z.object({}), { errors: [roleAboveOwn] }),
    requireRole(MANAGES),
    requireFresh(),
    validate('param', OfAccount.extend({ session: z.string() })),
    async (c) => {
      const { id: userId, session: id } = c.req.valid('param')
      return c.var.respond(await done(found(c, endSessionsOf(c.var, { userId, id }, c))))
    },
  )
