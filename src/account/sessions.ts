// What an account does with its sessions: see them, end them, make this one fresh.
import { z } from 'zod'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { notFound } from '../kit/http/errors.ts'
import { rateLimit } from '../kit/http/rate-limit.ts'
import { agentOf, endOtherSessions, endSession, refreshSession } from '../kit/http/session.ts'
import { validate } from '../kit/http/validate.ts'
import { recordWith } from './audit.ts'
import { invalidCredentials } from './errors.ts'
import { done, factory, found, type LoggedInContext, requireRole, withToken } from './product.ts'
import { findUserWithHashById } from './queries.ts'
import { Reauthentication, SessionResponse, TokenResponse } from './schema.ts'
import { reauthenticationLimit } from './throttles.ts'

/** Where an account is logged in, the latest first: the one that asks, if no other is named. */
export async function listSessions(c: LoggedInContext, userId?: string) {
  const { session, sessions } = c.var
  const own = sessions.idOf(session.token)
  const all = await sessions.allOf(userId ?? session.userId)
  return all
    .toSorted((a, b) => b.seenAt - a.seenAt)
    .map(({ id, ip, agent, loginAt, seenAt, way }) => ({
      id,
      current: id === own,
      created: new Date(loginAt),
      last_seen: new Date(seenAt),
      ip,
      agent,
      way,
    }))
}

/** False if the account has none of that id. */
export async function endOwnSession(c: LoggedInContext, id: string): Promise<boolean> {
  const { session, sessions } = c.var
  if (!(await sessions.allOf(session.userId)).some((one) => one.id === id)) return false
  const isThis = id === sessions.idOf(session.token)
  await recordWith(c, { action: 'session.ended' }, async () => {
    if (isThis) return endSession(c)
    // It goes on under another id by now, or has ended: neither may be told for done, here or in the trail.
    if (!(await sessions.destroyOne(session.userId, id))) throw notFound(c)
  })
  return true
}

/** Ends all but the one in which it is called. */
export const endMyOtherSessions = (c: LoggedInContext): Promise<void> =>
  recordWith(c, { action: 'sessions.ended' }, () => endOtherSessions(c))

/**
 * Takes the password again: the session is fresh from then on, under a new id. Place it behind `requireRole` and `reauthenticationLimit`.
 * @throws invalidCredentials
 */
export async function reauthenticate(c: LoggedInContext, { password }: { password: string }): Promise<void> {
  const { db, passwords, session } = c.var
  const owner = await findUserWithHashById(db, session.userId)
  const isRight = await passwords.verify(owner?.hash ?? null, password, c.var.signal())
  if (!isRight || !owner?.hash) throw invalidCredentials()
  const { hash, user } = owner
  await c.var.secondStep?.demand(c, { userId: user.id, hash, email: user.email, way: 'password' }, 'refresh')
  await confirmSession(c, 'password')
}

/**
 * @param given what the audit trail says it was confirmed by
 * @param way of the session from now on; undefined: that of its login
 */
export async function confirmSession(c: LoggedInContext, given: string, way?: string): Promise<void> {
  const details = { way: given }
  await recordWith(c, { action: 'session.confirmed', details }, () => refreshSession(c, way))
  c.var.log.info('REAUTHENTICATED', { user: c.var.session.userId, agent: agentOf(c) })
}

export const accountSessions = factory
  .createApp()
  .use('/me/sessions/*', noStore)

  .post(
    '/reauthenticate',
    doc(
      'Takes my password again, for what needs a fresh login. The session goes on under a new id.',
      TokenResponse,
      { errors: [invalidCredentials] },
    ),
    requireRole('readonly'),
    validate('json', Reauthentication),
    rateLimit(reauthenticationLimit),
    async (c) => c.var.respond(await withToken(c, done(reauthenticate(c, c.req.valid('json'))))),
  )

  .get(
    '/me/sessions',
    doc('Lists where I am logged in, the latest first.', z.array(SessionResponse)),
    requireRole('readonly'),
    async (c) => c.var.respond(await listSessions(c)),
  )

  .delete(
    '/me/sessions',
    doc('Ends all my sessions but this one.', z.object({})),
    requireRole('readonly'),
    async (c) => c.var.respond(await done(endMyOtherSessions(c))),
  )

  .delete(
    '/me/sessions/:id',
    doc('Ends one of my sessions.', z.object({}), { errors: [notFound] }),
    requireRole('readonly'),
    validate('param', z.object({ id: z.string() })),
    async (c) => c.var.respond(await done(found(c, endOwnSession(c, c.req.valid('param').id)))),
  )
