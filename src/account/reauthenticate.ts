// Takes the password again: the session is fresh from then on, under a new id.
import type { Context } from 'hono'
import type { LoggedIn } from '../kit/auth/role-guard.ts'
import type { AnyContext } from '../kit/http/env.ts'
import { agentOf, refreshSession } from '../kit/http/session.ts'
import { ApiError } from '../kit/types/api-error.ts'
import type { Product } from './product.ts'
import { findUserWithHash } from './queries.ts'

/**
 * Place it behind `requireRole` and `reauthenticationLimit`.
 * @throws ApiError 400 for a wrong password
 */
export async function reauthenticate(context: AnyContext, { password }: { password: string }): Promise<void> {
  const c: Context<LoggedIn<Product>> = context
  const { db, log, me, passwords, session } = c.var
  const { email } = await me()
  const found = await findUserWithHash(db, email)
  const isOwn = found?.user.id === session.userId // not where the email was changed just now
  const isRight = await passwords.verify(isOwn ? found.hash : null, password, c.var.signal())
  if (!isRight) throw new ApiError(400, 'Invalid login credentials', { code: 'invalid_credentials' })
  await refreshSession(c)
  log.info('REAUTHENTICATED', { user: session.userId, agent: agentOf(c) })
}
