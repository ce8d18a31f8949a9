// Lists the sessions of the account that asks, and ends one.
import type { AnyContext } from '../kit/http/env.ts'
import { endOtherSessions, endSession } from '../kit/http/session.ts'
import { recordWith } from './audit.ts'
import type { LoggedInContext } from './product.ts'

/** Where the account is logged in, the latest first. */
export async function ownSessions(context: AnyContext) {
  const c: LoggedInContext = context
  const { session, sessions } = c.var
  const own = sessions.idOf(session.token)
  const all = await sessions.allOf(session.userId)
  return all
    .toSorted((a, b) => b.seenAt - a.seenAt)
    .map(({ id, ip, agent, loginAt, seenAt }) => ({
      id,
      current: id === own,
      created: new Date(loginAt),
      last_seen: new Date(seenAt),
      ip,
      agent,
    }))
}

/** False if the account has none of that id. */
export async function endOwnSession(context: AnyContext, id: string): Promise<boolean> {
  const c: LoggedInContext = context
  const { session, sessions } = c.var
  if (!(await sessions.allOf(session.userId)).some((one) => one.id === id)) return false
  const isThis = id === sessions.idOf(session.token)
  await recordWith<unknown>(c, { action: 'session.ended' }, () =>
    isThis ? endSession(c) : sessions.destroyOne(session.userId, id),
  )
  return true
}

/** Ends all but the one in which it is called. */
export const endMyOtherSessions = (c: AnyContext): Promise<void> =>
  recordWith(c, { action: 'sessions.ended' }, () => endOtherSessions(c))
