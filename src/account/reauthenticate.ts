// Takes the password again: the session is fresh from then on, under a new id.
import type { AnyContext } from '../kit/http/env.ts'
import { agentOf, refreshSession } from '../kit/http/session.ts'
import { recordWith } from './audit.ts'
import { invalidCredentials } from './errors.ts'
import type { LoggedInContext } from './product.ts'
import { findUserWithHashById } from './queries.ts'

/**
 * Place it behind `requireRole` and `reauthenticationLimit`.
 * @throws invalidCredentials
 */
export async function reauthenticate(context: AnyContext, { password }: { password: string }): Promise<void> {
  const c: LoggedInContext = context
  const { db, log, passwords, session } = c.var
  const found = await findUserWithHashById(db, session.userId)
  const isRight = await passwords.verify(found?.hash ?? null, password, c.var.signal())
  if (!isRight) throw invalidCredentials()
  await recordWith(c, { action: 'session.confirmed' }, () => refreshSession(c))
  log.info('REAUTHENTICATED', { user: session.userId, agent: agentOf(c) })
}
