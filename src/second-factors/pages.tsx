// Serves the pages of second factors: the step after the password, and the undoing of a change.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { spend } from '../account/pages/links.tsx'
import { FACTORS, goOn, PAGES, SIGN_IN } from '../account/pages/paths.ts'
import { factory, type AppContext, type LoggedInContext } from '../account/product.ts'
import { linkLimit, secondStepLimit } from '../account/throttles.ts'
import { tokenExpired } from '../kit/auth/one-time-tokens.ts'
import { tag } from '../kit/http/doc.ts'
import type { AnyContext } from '../kit/http/env.ts'
import { wantsPage } from '../kit/http/errors.ts'
import { middleware } from '../kit/http/factory.ts'
import type { FieldLook } from '../kit/pages/form.tsx'
import { formPage } from '../kit/pages/form-page.tsx'
import { takeLinkToken } from '../kit/pages/link-token.ts'
import { withNext } from '../kit/pages/next.ts'
import { pageCookie } from '../kit/pages/page-cookie.ts'
import { isOfKind } from '../kit/types/api-error.ts'
import {
  answerChallenge,
  CHALLENGE_S,
  findChallenge,
  SECOND_ERRORS,
  secondFactorRequired,
} from './challenge.ts'
import { mailboxProofRequired, needsMailbox, undoFactors } from './changes.ts'
import { seeOther } from './required.ts'
import { factorsPage } from './routes.tsx'

const SECOND = `${PAGES}/second`

/** Holds the challenge: no page and no address shows it. */
const cookie = pageCookie('second', CHALLENGE_S, () => SECOND)

/** Completes the login that goes on in this browser. @throws those of `SECOND_ERRORS` */
export async function answerOnPage(c: AppContext, given: { name: string; answer: unknown }): Promise<void> {
  await answerChallenge(c, { challenge: cookie.get(c) ?? '', ...given })
  cookie.delete(c)
}

/** For `firstSteps`: tells that a second factor may be asked for, and leads browsers to the page that does. */
export const askForFactor = tag(
  middleware(async (c, next) => {
    await next()
    const { error } = c
    if (!isOfKind(error, secondFactorRequired)) return
    if (!wantsPage(c) || !(c as unknown as AppContext).var.config.authPages) return
    c.res = seeOther(c, withNext(SECOND, goOn(c)))
    if (typeof error.body.challenge === 'string') cookie.set(c, error.body.challenge)
  }),
  { errors: [secondFactorRequired] },
)

export const secondFactorPages = factory.createApp().route('/', factorsPage)

const CODE: FieldLook = {
  label: 'Code',
  autocomplete: 'one-time-code',
  hint: () => 'From your app; or one of your recovery codes.',
}
const factorsIn = (c: AnyContext) => (c as AppContext).var.secondStep?.factors ?? []
const takesCodes = (c: AnyContext) => factorsIn(c).some(({ nameOf }) => nameOf)

formPage(secondFactorPages, '/second', {
  title: 'Your second factor',
  summaries: ['Shows the form for the second factor.', 'Takes it, and leads to `next`.'],
  schema: z.object({ one_time_password: z.string().trim().min(1, 'must not be empty').max(100) }),
  fields: (c) => (takesCodes(c) ? { one_time_password: CODE } : {}),
  button: (c) => (takesCodes(c) ? 'Continue' : undefined),
  limit: secondStepLimit,
  errors: SECOND_ERRORS,
  above: (c) => <Prompts c={c} />,
  below: (c) => (
    <p>
      <a href={withNext(SIGN_IN, goOn(c))}>Begin anew</a>
    </p>
  ),
  run: (c: AppContext, { one_time_password: answer }) => {
    const [name = ''] = factorsIn(c).flatMap(({ nameOf }) => nameOf?.(answer) ?? [])
    return answerOnPage(c, { name, answer })
  },
  next: goOn,
})

/** What factors bring that no code answers. */
async function Prompts({ c }: { c: AnyContext }) {
  const challenge = cookie.get(c) ?? ''
  const due = await findChallenge(c as AppContext, challenge).catch(() => undefined)
  if (!due) return <p>This login took too long: begin it anew.</p>
  const asked = { userId: due.userId, challenge }
  return <>{await Promise.all(factorsIn(c).map(async (factor) => factor.prompt?.(c, asked)))}</>
}

/** Leads to where the link is mailed. */
export const requireMailbox = tag(
  middleware(async (c, next) => {
    const isForm = c.req.method === 'GET' // what it sends is asked again
    if (!isForm || !(await needsMailbox(c as unknown as LoggedInContext))) return next()
    if (wantsPage(c)) return c.redirect(FACTORS, 303)
    throw mailboxProofRequired()
  }),
  { otherStatuses: [303], errors: [mailboxProofRequired] },
)

formPage(secondFactorPages, '/factor-undo', {
  guards: [takeLinkToken],
  limit: linkLimit,
  title: 'Undo the change',
  summaries: ['Shows the form of the link to undo a change of second factors.', 'Undoes it.'],
  schema: z.object({}),
  fields: {},
  button: 'Undo it',
  errors: [tokenExpired],
  above: () => (
    <p>
      What was changed of your second factors is undone, with each such change since. Everybody is signed out,
      and tokens end. Then choose a new password.
    </p>
  ),
  run: (c: AppContext) => spend(c, (token) => undoFactors(c, { token })),
  next: SIGN_IN,
  notice: 'The change is undone, and everybody is signed out',
})
