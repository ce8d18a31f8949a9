// Serves codes by an app: add, confirm, renew the recovery codes, remove.
import { z } from 'zod'
import { factory, requireRole } from '../account/product.ts'
import { SixDigits, TokenResponse } from '../account/schema.ts'
import { ownLimit } from '../account/throttles.ts'
import { requireFresh } from '../kit/auth/guards.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { rateLimit } from '../kit/http/rate-limit.ts'
import { issuedToken } from '../kit/http/session.ts'
import { validate } from '../kit/http/validate.ts'
import { wrongFactor } from '../second-factors/challenge.ts'
import { lastFactor, mailboxProofRequired } from '../second-factors/changes.ts'
import {
  beginTotp,
  confirmTotp,
  factorClosed,
  factorExists,
  noSuchFactor,
  removeTotp,
  renewRecoveryCodes,
} from './enrol.ts'

const Seed = z.object({
  secret: z.string().describe('For an app that takes no picture.'),
  uri: z.string().describe('What the picture says: `otpauth://totp/...`.'),
  qr: z.string().describe('The picture, as SVG.'),
})

const RecoveryCodes = TokenResponse.extend({
  recovery_codes: z.array(z.string()).describe('Shown this once; each counts once instead of a code.'),
})

export const totpRoutes = factory
  .createApp()
  .use('/me/factors/*', noStore)

  .post(
    '/me/factors/totp',
    doc('Begins to add an app as my second factor. Needs a recent login.', Seed, {
      errors: [mailboxProofRequired, factorExists, factorClosed],
    }),
    requireRole('readonly'),
    requireFresh(),
    async (c) => c.var.respond(await beginTotp(c)),
  )

  .post(
    '/me/factors/totp/confirm',
    doc('Adds it by a code that the app shows; a login takes one from then on.', RecoveryCodes, {
      errors: [mailboxProofRequired, factorExists, wrongFactor],
    }),
    requireRole('readonly'),
    requireFresh(),
    validate('json', z.object({ totp: SixDigits })),
    rateLimit(ownLimit),
    async (c) => {
      const recovery_codes = await confirmTotp(c, c.req.valid('json'))
      return c.var.respond({ recovery_codes, ...issuedToken(c) })
    },
  )

  .post(
    '/me/factors/totp/recovery-codes',
    doc('Makes ten recovery codes; those of before end. Needs a recent login.', RecoveryCodes, {
      errors: [noSuchFactor],
    }),
    requireRole('readonly'),
    requireFresh(),
    rateLimit(ownLimit),
    async (c) => c.var.respond({ recovery_codes: await renewRecoveryCodes(c) }),
  )

  .delete(
    '/me/factors/totp',
    doc('Removes the app, and the recovery codes. Needs a recent login.', TokenResponse, {
      errors: [noSuchFactor, lastFactor],
    }),
    requireRole('readonly'),
    requireFresh(),
    rateLimit(ownLimit),
    async (c) => {
      await removeTotp(c)
      return c.var.respond(issuedToken(c))
    },
  )
