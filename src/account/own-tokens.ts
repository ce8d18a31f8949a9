// Makes and ends personal access tokens for the account that asks.
import type { z } from 'zod'
import type { AnyContext } from '../kit/http/env.ts'
import { notFound } from '../kit/http/errors.ts'
import { accessTokens, makeAccessToken } from './access-tokens.ts'
import { recordEvent } from './audit.ts'
import { assertSessionOpen } from './end-sessions.ts'
import { requestNotice } from './mail-tasks.ts'
import type { LoggedInContext } from './product.ts'
import type { NewAccessToken } from './schema.ts'

/** Makes one, whose text is shown this once, and mails its owner. @throws tooManyTokens, accountDisabled, loginRequired */
export async function makeOwnToken(context: AnyContext, input: z.output<typeof NewAccessToken>) {
  const c: LoggedInContext = context
  const { db, log, session } = c.var
  const { userId } = session
  const { email } = await c.var.me()
  const made = await db.transaction(async (tx) => {
    const token = await makeAccessToken(c, tx, { userId, ...input })
    // A reset that was under way has ended by now, and the session with it: no token survives it.
    await assertSessionOpen(session)
    await requestNotice(c.var, tx, email, 'token_made')
    return token
  })
  log.info('ACCESS TOKEN MADE', { user: userId, token: made.id })
  return made
}

/** @throws notFound if the account has none of that id */
export async function endOwnToken(context: AnyContext, id: string): Promise<void> {
  const c: LoggedInContext = context
  const { db, session } = c.var
  await db.transaction(async (tx) => {
    if (!(await accessTokens.delete(c.var, tx, session.userId, id))) throw notFound(c)
    await recordEvent(c, tx, { action: 'token.ended', account: session.userId, details: { token: id } })
  })
}
