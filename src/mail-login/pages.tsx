// Serves the pages of login by a mailed code, and of the mailed code that makes a session fresh.
/** @jsxImportSource hono/jsx */
import { remember } from '../account/pages/entry.tsx'
import { ACCOUNT, CONFIRM, SIGN_IN } from '../account/pages/paths.ts'
import { type AppContext, factory, type LoggedInContext, requireRole } from '../account/product.ts'
import { findUserWithHashById } from '../account/queries.ts'
import { ForgotPassword } from '../account/schema.ts'
import { ownLimit } from '../account/throttles.ts'
import type { WayIn } from '../account/ways-in.ts'
import type { AnyContext } from '../kit/http/env.ts'
import { Checkbox } from '../kit/pages/form.tsx'
import { formAction, formPage } from '../kit/pages/form-page.tsx'
import { nextOf, withNext } from '../kit/pages/next.ts'
import { pageCookie } from '../kit/pages/page-cookie.ts'
import { PostButton } from '../kit/pages/record.tsx'
import { askForCode, CODE_S, MailedCode, wrongCode } from './codes.ts'
import { askToConfirm, confirmByCode, hasPassword, logInByCode } from './log-in.ts'
import { askLimit, codeLimit, LOGIN_ERRORS, requireMailLogin } from './routes.ts'

const [BY_SIGN_IN, BY_CONFIRM] = [`${SIGN_IN}/mail`, `${CONFIRM}/mail`]

const goOn = (c: AnyContext) => nextOf(c) ?? ACCOUNT

/** Of the page that asks for a code and of the one below it, which takes it. */
const pathOf = (c: AnyContext) => c.req.path.replace(/\/code$/, '')
const toCode = (c: AnyContext) => withNext(`${pathOf(c)}/code`, goOn(c))

/** Holds the challenge: no page and no address shows it. */
const cookie = pageCookie('mailed_code', CODE_S, pathOf)
const keep = async (c: AnyContext, asked: Promise<{ challenge: string }>) =>
  cookie.set(c, (await asked).challenge)

/** Takes the code together with the challenge of this browser. */
async function take<G extends object>(
  c: AnyContext,
  given: G,
  act: (given: G & { challenge: string }) => Promise<unknown>,
) {
  await act({ challenge: cookie.get(c) ?? '', ...given })
  cookie.delete(c)
}

export const mailLogin: WayIn = {
  asksFactorAt: ['/api/login/mail/code', '/api/reauthenticate/mail/code'].concat(
    `${BY_SIGN_IN}/code`,
    `${BY_CONFIRM}/code`,
  ),
  async offer(c, page) {
    const { config, db, session } = (c as AppContext).var
    if (page === 'sign-in' && config.mailLogin)
      return (
        <p>
          <a href={withNext(BY_SIGN_IN, goOn(c))}>Sign in by a mailed code</a>
        </p>
      )
    if (page !== 'confirm' || (await findUserWithHashById(db, session?.userId ?? ''))?.hash) return undefined
    return <PostButton to={withNext(BY_CONFIRM, goOn(c))}>Mail me a code</PostButton>
  },
}

export const mailLoginPages = factory.createApp()

formPage(mailLoginPages, '/sign-in/mail', {
  guards: [requireMailLogin],
  title: 'Sign in by a code',
  summaries: ['Shows the form to have a code mailed.', 'Mails it, if there is such an account.'],
  schema: ForgotPassword,
  fields: { email: { label: 'Email', autocomplete: 'username' } },
  button: 'Mail me a code',
  limit: askLimit,
  run: (c: AppContext, asked) => keep(c, askForCode(c, asked)),
  next: toCode,
  notice: ({ email }) => `If ${email} has an account here, a mail with a code is on its way to it`,
})

formAction(mailLoginPages, '/confirm/mail', {
  summary: 'Mails me a code, for what needs a fresh login, if my account has no password.',
  guards: [requireRole('readonly')],
  limit: ownLimit,
  errors: [hasPassword],
  run: (c: LoggedInContext) => keep(c, askToConfirm(c)),
  next: toCode,
  notice: 'A mail with a code is on its way to you',
})

const Code = MailedCode.pick({ one_time_password: true })
const code = { label: 'Code', autocomplete: 'one-time-code' } as const
const ofCode = {
  title: 'The code from the mail',
  button: 'Go on',
  limit: codeLimit,
  next: goOn,
  below: (c: AnyContext) => (
    <p>
      <a href={withNext(c.req.path.startsWith(CONFIRM) ? CONFIRM : BY_SIGN_IN, goOn(c))}>Ask for another</a>
    </p>
  ),
}

formPage(mailLoginPages, '/sign-in/mail/code', {
  ...ofCode,
  guards: [requireMailLogin],
  summaries: ['Shows the form for the code.', 'Signs in, and leads to `next`.'],
  schema: Code.extend({ remember: Checkbox }),
  fields: { one_time_password: code, remember },
  errors: LOGIN_ERRORS,
  run: (c: AppContext, given) => take(c, given, (all) => logInByCode(c, all)),
})

formPage(mailLoginPages, '/confirm/mail/code', {
  ...ofCode,
  guards: [requireRole('readonly')],
  summaries: ['Shows the form for the code.', 'Takes it, and leads to `next`.'],
  schema: Code,
  fields: { one_time_password: code },
  errors: [wrongCode, hasPassword],
  run: (c: LoggedInContext, given) => take(c, given, (all) => confirmByCode(c, all)),
})
