// Serves over HTTP what an account does with its personal access tokens: see them, make one, end one.
import { z } from 'zod'
import { tooManyTokens } from '../kit/auth/access-tokens.ts'
import { requireFresh } from '../kit/auth/guards.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { notFound } from '../kit/http/errors.ts'
import { validate } from '../kit/http/validate.ts'
import { accessTokens, makeAccessToken } from './access-tokens.ts'
import { recordEvent } from './audit.ts'
import { assertSessionOpen } from './end-sessions.ts'
import { requestNotice } from './mail-tasks.ts'
import { factory, requireRole } from './product.ts'
import { NewAccessToken } from './schema.ts'
import { AccessTokenResponse } from './table.ts'

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
    async (c) => {
      const { db, log, session } = c.var
      const { userId } = session
      const { email } = await c.var.me()
      const made = await db.transaction(async (tx) => {
        const token = await makeAccessToken(c, tx, { userId, ...c.req.valid('json') })
        // A reset that was under way has ended by now, and the session with it: no token survives it.
        await assertSessionOpen(session)
        await requestNotice(c.var, tx, email, 'token_made')
        return token
      })
      log.info('ACCESS TOKEN MADE', { user: userId, token: made.id })
      return c.var.respond(made)
    },
  )

  .delete(
    '/me/tokens/:id',
    doc('Ends one of my personal access tokens.', z.object({})),
    requireRole('readonly'),
    validate('param', z.object({ id: z.uuid() })),
    async (c) => {
      const { db, session } = c.var
      const { id } = c.req.valid('param')
      await db.transaction(async (tx) => {
        if (!(await accessTokens.delete(c.var, tx, session.userId, id))) throw notFound(c)
        await recordEvent(c, tx, { action: 'token.ended', account: session.userId, details: { token: id } })
      })
      return c.var.respond({})
    },
  )
