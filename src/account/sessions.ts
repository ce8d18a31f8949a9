// Serves over HTTP what an account does with its sessions: see them, end them, make this one fresh.
import { z } from 'zod'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { notFound } from '../kit/http/errors.ts'
import { rateLimit } from '../kit/http/rate-limit.ts'
import { issuedToken } from '../kit/http/session.ts'
import { validate } from '../kit/http/validate.ts'
import { invalidCredentials } from './errors.ts'
import { endMyOtherSessions, endOwnSession, ownSessions } from './own-sessions.ts'
import { factory, requireRole } from './product.ts'
import { reauthenticate } from './reauthenticate.ts'
import { Reauthentication, SessionResponse, TokenResponse } from './schema.ts'
import { reauthenticationLimit } from './throttles.ts'

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
    async (c) => {
      await reauthenticate(c, c.req.valid('json'))
      return c.var.respond(issuedToken(c))
    },
  )

  .get(
    '/me/sessions',
    doc('Lists where I am logged in, the latest first.', z.array(SessionResponse)),
    requireRole('readonly'),
    async (c) => c.var.respond(await ownSessions(c)),
  )

  .delete(
    '/me/sessions',
    doc('Ends all my sessions but this one.', z.object({})),
    requireRole('readonly'),
    async (c) => {
      await endMyOtherSessions(c)
      return c.var.respond({})
    },
  )

  .delete(
    '/me/sessions/:id',
    doc('Ends one of my sessions.', z.object({}), { errors: [notFound] }),
    requireRole('readonly'),
    validate('param', z.object({ id: z.string() })),
    async (c) => {
      if (!(await endOwnSession(c, c.req.valid('param').id))) throw notFound(c)
      return c.var.respond({})
    },
  )
