// Personal access tokens: what begins them, how many an account has, and what it does with them.
import { z } from 'zod'
import type { Author } from '../kit/audit/record.ts'
import { createAccessTokens, tooManyTokens } from '../kit/auth/access-tokens.ts'
import { requireFresh } from '../kit/auth/guards.ts'
import { tokenOpener } from '../kit/auth/token-session.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { notFound } from '../kit/http/errors.ts'
import { accountDisabled } from '../kit/http/session.ts'
import { validate } from '../kit/http/validate.ts'
import type { Db } from '../kit/types/db.ts'
import { recordEvent } from './audit.ts'
import { assertSessionOpen } from './end-sessions.ts'
import { passwordChangeRequired } from './errors.ts'
import { requestNotice } from './mail-tasks.ts'
import { done, factory, requireRole, roleOf, type Deps, type LoggedInContext } from './product.ts'
import { findUser, findUserWithHashById } from './queries.ts'
import { roles } from './roles.ts'
import { NewAccessToken } from './schema.ts'
import { AccessTokenResponse, accessTokens as table, users } from './table.ts'

export const accessTokens = createAccessTokens(table, {
  users,
  prefix: 'rbpat', // tell it those who scan for secrets; with another one the tokens of before end
  perAccount: 50,
  async roleOf({ config, db }: Pick<Deps, 'config' | 'db'>, userId) {
    const user = await findUser(db, userId)
    return user && roleOf(user, config)
  },
})

export const openToken = tokenOpener(accessTokens)

/**
 * Makes one for an account that may log in. Takes a transaction.
 * @throws tooManyTokens, accountDisabled, passwordChangeRequired
 */
export async function makeAccessToken(by: Author, tx: Db, input: Parameters<typeof accessTokens.create>[1]) {
  const made = await accessTokens.create(tx, input)
  // Asked behind the lock of `create`, which has waited for a change that was about to disable the account.
  const owner = await findUserWithHashById(tx, input.userId)
  if (owner === undefined || roles.isBarred(owner.user.role)) throw accountDisabled()
  if (owner.isTemporary) throw passwordChangeRequired()
  await recordEvent(by, tx, { action: 'token.made', account: input.userId, details: { token: made.id } })
  return made
}

/** Makes one, whose text is shown this once, and mails its owner. @throws tooManyTokens, accountDisabled, loginRequired */
export async function makeOwnToken(c: LoggedInContext, input: z.output<typeof NewAccessToken>) {
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
export async function endOwnToken(c: LoggedInContext, id: string): Promise<void> {
  const { db, session } = c.var
  await db.transaction(async (tx) => {
    if (!(await accessTokens.delete(c.var, tx, session.userId, id))) throw notFound(c)
    await recordEvent(c, tx, { action: 'token.ended', account: session.userId, details: { token: id } })
  })
}

const MadeToken = AccessTokenResponse.extend({
  token: z.string().describe('Shown this once; sent as `Authorization: Bearer`.'),
}).meta({ id: 'NewAccessToken' })

export const accountTokens = factory
  .createApp()
  .use('/me/tokens/*', noStore)

  .get(
    '/me/tokens',
    doc('Lists my personal access tokens, newest first.', z.array(AccessTokenResponse)),
    requireRole('readonly'),
    async (c) => c.var.respond(await accessTokens.list(c.var.db, c.var.session.userId)),
  )

  .post(
    '/me/tokens',
    doc('Makes a personal access token for a program. Needs a recent login.', MadeToken, {
      status: 201,
      errors: [tooManyTokens],
    }),
    requireRole('readonly'),
    requireFresh(),
    validate('json', NewAccessToken),
    async (c) => c.var.respond(await makeOwnToken(c, c.req.valid('json'))),
  )

  .delete(
    '/me/tokens/:id',
    doc('Ends one of my personal access tokens.', z.object({})),
    requireRole('readonly'),
    validate('param', z.object({ id: z.uuid() })),
    async (c) => c.var.respond(await done(endOwnToken(c, c.req.valid('param').id))),
  )
