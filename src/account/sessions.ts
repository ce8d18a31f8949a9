// Serves over HTTP what an account does with its sessions.
import { z } from 'zod'
import { doc } from '../kit/http/doc.ts'
import { rateLimit } from '../kit/http/rate-limit.ts'
import { validate } from '../kit/http/validate.ts'
import { invalidCredentials } from './errors.ts'
import { factory, requireRole } from './product.ts'
import { reauthenticate } from './reauthenticate.ts'
import { Reauthentication } from './schema.ts'
import { reauthenticationLimit } from './throttles.ts'

export const accountSessions = factory
  .createApp()

  .post(
    '/reauthenticate',
    doc(
      'Takes my password again, for what needs a fresh login. The session goes on under a new id.',
      z.object({}),
      { errors: [invalidCredentials] },
    ),
    requireRole('readonly'),
    validate('json', Reauthentication),
    rateLimit(reauthenticationLimit),
    async (c) => {
      await reauthenticate(c, c.req.valid('json'))
      return c.var.respond({})
    },
  )
