// Serves what second factors have in common: the step after the password, what an account has, and the undoing of a change.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { MANAGES } from '../account/change-role.ts'
import { FACTORS } from '../account/pages/paths.ts'
import {
  type Deps,
  done,
  factory,
  found,
  type LoggedInContext,
  requireRole,
  withToken,
} from '../account/product.ts'
import { findUser } from '../account/queries.ts'
import { LoginResponse, OfAccount, TakeBackEmail } from '../account/schema.ts'
import { factorsOf } from '../account/second-step.ts'
import { linkLimit, ownLimit, secondStepLimit } from '../account/throttles.ts'
import { requireFresh } from '../kit/auth/guards.ts'
import { tokenExpired } from '../kit/auth/one-time-tokens.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { rateLimit } from '../kit/http/rate-limit.ts'
import { validate } from '../kit/http/validate.ts'
import { dayOf } from '../kit/pages/duration.ts'
import { formAction } from '../kit/pages/form-page.tsx'
import { Line, PostButton } from '../kit/pages/record.tsx'
import { showPage } from '../kit/pages/shell-page.tsx'
import { answerChallenge, SECOND_ERRORS } from './challenge.ts'
import { keepFactors, mailVerification, needsMailbox, olderFactorRequired, undoFactors } from './changes.ts'

const OwnFactors = z.array(z.object({ name: z.string(), since: z.iso.datetime() }).meta({ id: 'Factor' }))
const Nothing = z.object({})

type Answer = { challenge: string } & Record<string, unknown>

/** The challenge, and for one of the factors what it asks for. The compiler does not know which there are. */
function answerSchema({ secondStep }: Pick<Deps, 'secondStep'>): z.ZodType<Answer, Answer> {
  const asked = (secondStep?.factors ?? []).flatMap(({ answers }) => Object.entries(answers))
  const names = asked.map(([name]) => name)
  const [example] = asked.flatMap(([name, schema]) => {
    const examples = schema.meta()?.examples
    const [answer] = Array.isArray(examples) ? (examples as unknown[]) : []
    return answer === undefined ? [] : { challenge: 'pX7mVq2LkT9sRb4d', [name]: answer }
  })
  return z
    .object({
      challenge: z.string().max(100).describe('From the answer to the password.'),
      ...Object.fromEntries(asked.map(([name, schema]) => [name, schema.optional()])),
    })
    .refine((given) => names.filter((name) => name in given).length === 1, {
      message: `must have one of ${names.join(', ')}`,
    })
    .meta(example ? { examples: [example] } : {})
}

export const secondFactors = (deps: Pick<Deps, 'secondStep'>) =>
  factory
    .createApp()
    .use('/login/second', noStore)
    .use('/factors/*', noStore)

    .post(
      '/login/second',
      doc(
        'Completes a login, or a proof that it is me, by a second factor. Returns the account.',
        LoginResponse,
        { errors: SECOND_ERRORS },
      ),
      validate('json', answerSchema(deps)),
      rateLimit(secondStepLimit),
      async (c) => {
        const { challenge, ...given } = c.req.valid('json')
        const [[name, answer] = ['', undefined]] = Object.entries(given)
        return c.var.respond(await withToken(c, answerChallenge(c, { challenge, name, answer })))
      },
    )

    .get(
      '/me/factors',
      doc('Lists my second factors, and since when I have each.', OwnFactors),
      requireRole('readonly'),
      async (c) => c.var.respond(await factorsOf(c.var, c.var.db, c.var.session.userId)),
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
        { errors: [olderFactorRequired] },
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
        { errors: [tokenExpired] },
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
        return c.var.respond(await factorsOf(c.var, c.var.db, id))
      },
    )

export const factorsPage = factory
  .createApp()
  .get(
    '/account/factors',
    doc('Shows my second factors.', 'text/html', { link: 'Second factor', linkFor: 'account' }),
    requireRole('readonly'),
    async (c) => {
      const { db, secondStep, session } = c.var
      const own = await factorsOf(c.var, db, session.userId)
      return showPage(
        c,
        'Your second factor',
        <>
          <p>With a second factor nobody logs in by your password alone.</p>
          <dl class="record">
            {secondStep?.factors.map(({ page: { path, label }, answers }) => {
              const names = own.filter(({ name }) => Object.hasOwn(answers, name))
              return (
                <Line name={label} action={<a href={path}>{names.length > 0 ? 'See' : 'Set up'}</a>}>
                  {names[0] ? `since ${dayOf(names[0].since)}` : 'none'}
                </Line>
              )
            })}
          </dl>
          {(await needsMailbox(c)) && (
            <>
              <p>To set one up, show first that your mailbox is yours:</p>
              <PostButton to={`${FACTORS}/mail`}>Mail me a link</PostButton>
            </>
          )}
          {own.length > 0 && (
            <>
              <p>
                A change can be undone for seven days by the link of its mail. If your mailbox may be
                another&apos;s, void these links:
              </p>
              <PostButton to={`${FACTORS}/keep`}>My changes stay</PostButton>
            </>
          )}
        </>,
      )
    },
  )

formAction(factorsPage, '/account/factors/keep', {
  summary: 'Voids the mailed links that undo a change of my factors.',
  guards: [requireRole('readonly'), requireFresh()],
  errors: [olderFactorRequired],
  run: (c: LoggedInContext) => keepFactors(c),
  next: FACTORS,
  notice: 'Your changes stay',
})

formAction(factorsPage, '/account/factors/mail', {
  summary: 'Mails me a link, which shows that the mailbox is mine.',
  guards: [requireRole('readonly')],
  limit: ownLimit,
  run: (c: LoggedInContext) => mailVerification(c),
  next: FACTORS,
  notice: 'A mail with a link is on its way to you: open it in this browser',
})
