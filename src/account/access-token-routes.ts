// Serves over HTTP what an account does with its personal access tokens: see them, make one, end one.
import { z } from 'zod'
import { tooManyTokens } from '../kit/auth/access-tokens.ts'
import { requireFresh } from '../kit/auth/fresh.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { validate } from '../kit/http/validate.ts'
import { accessTokens } from './access-tokens.ts'
import { endOwnToken, makeOwnToken } from './own-tokens.ts'
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
    async (c) => c.var.respond(await makeOwnToken(c, c.req.valid('json'))),
  )

  .delete(
    '/me/tokens/:id',
    doc('Ends one of my personal access tokens.', z.object({})),
    requireRole('readonly'),
    validate('param', z.object({ id: z.uuid() })),
    async (c) => {
      await endOwnToken(c, c.req.valid('param').id)
      return c.var.respond({})
    },
  )
