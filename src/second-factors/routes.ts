// Serves what second factors have in common: the step after the password, what an account has, the undoing of a change.
import { z } from 'zod'
import { MANAGES } from '../account/change-role.ts'
import { done, factory, found, requireRole, type Deps } from '../account/product.ts'
import { findUser } from '../account/queries.ts'
import { LoginResponse, OfAccount, TakeBackEmail } from '../account/schema.ts'
import { linkLimit, ownLimit, secondStepLimit } from '../account/throttles.ts'
import { requireFresh } from '../kit/auth/guards.ts'
import { tokenExpired } from '../kit/auth/one-time-tokens.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { rateLimit } from '../kit/http/rate-limit.ts'
import { issuedToken } from '../kit/http/session.ts'
import { validate } from '../kit/http/validate.ts'
import { answerChallenge, SECOND_ERRORS } from './challenge.ts'
import { keepFactors, mailVerification, olderFactorRequired, undoFactors } from './changes.ts'

const OwnFactors = z.array(z.object({ name: z.string(), since: z.iso.datetime() }).meta({ id: 'Factor' }))
const Nothing = z.object({})

type Answer = { challenge: string } & Record<string, unknown>

/** The challenge, and for one of the factors what it asks for. The compiler does not know which there are. */
function answerSchema({ secondStep }: Pick<Deps, 'secondStep'>): z.ZodType<Answer, Answer> {
  const asked = (secondStep?.factors ?? []).flatMap(({ answers }) => Object.entries(answers))
  const names = asked.map(([name]) => name)
  return z
    .object({
      challenge: z.string().max(100).describe('From the answer to the password.'),
      ...Object.fromEntries(asked.map(([name, schema]) => [name, schema.optional()])),
    })
    .refine((given) => names.filter((name) => name in given).length === 1, {
      message: `must have one of ${names.join(', ')}`,
    })
}

export const secondFactors = (deps: Pick<Deps, 'secondStep'>) =>
  factory
    .createApp()
    .use('/login/second', noStore)
    .use('/factors/*', noStore)
    .use('/me/factors/*', noStore)
    .use('/users/:id/factors', noStore)

    .post(
      '/login/second',
      doc(
        'Completes a login, or a proof that it is me, by a second factor. Returns the account.',
        LoginResponse,
        {
          errors: SECOND_ERRORS,
        },
      ),
      validate('json', answerSchema(deps)),
      rateLimit(secondStepLimit),
      async (c) => {
        const { challenge, ...given } = c.req.valid('json')
        const [[name, answer] = ['', undefined]] = Object.entries(given)
        const user = await answerChallenge(c, { challenge, name, answer })
        return c.var.respond({ ...user, ...issuedToken(c) })
      },
    )

    .get(
      '/me/factors',
      doc('Lists my second factors, and since when I have each.', OwnFactors),
      requireRole('readonly'),
      async (c) => c.var.respond((await c.var.secondStep?.factorsOf(c.var.db, c.var.session.userId)) ?? []),
    )

    .post(
      '/me/factors/mail',
      doc('Mails me a link, which shows in this session that the mailbox is mine.', Nothing, { status: 202 }),
      requireRole('readonly'),
      rateLimit(ownLimit),
      async (c) => c.var.respond(await done(mailVerification(c))),
    )

    .post(
      '/me/factors/keep',
      doc(
        'Voids the mailed links that undo a change of my factors. Needs a recent login by an older one.',
        Nothing,
        {
          errors: [olderFactorRequired],
        },
      ),
      requireRole('readonly'),
      requireFresh(),
      async (c) => c.var.respond(await done(keepFactors(c))),
    )

    .post(
      '/factors/undo',
      doc(
        'Undoes a change of second factors, by the link of its mail; ends every session and token.',
        Nothing,
        {
          errors: [tokenExpired],
        },
      ),
      validate('json', TakeBackEmail),
      rateLimit(linkLimit),
      async (c) => c.var.respond(await done(undoFactors(c, c.req.valid('json')))),
    )

    .get(
      '/users/:id/factors',
      doc('Lists the second factors of an account.', OwnFactors),
      requireRole(MANAGES),
      validate('param', OfAccount),
      async (c) => {
        const { id } = c.req.valid('param')
        await found(c, findUser(c.var.db, id))
        return c.var.respond((await c.var.secondStep?.factorsOf(c.var.db, id)) ?? [])
      },
    )
