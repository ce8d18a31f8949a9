// Serves the pages of one's own account: what it is, its name, email and password.
/** @jsxImportSource hono/jsx */
import { requireFresh } from '../../kit/auth/guards.ts'
import { weakPassword } from '../../kit/auth/password-rule.ts'
import { doc } from '../../kit/http/doc.ts'
import { middleware } from '../../kit/http/factory.ts'
import { formAction, formPage } from '../../kit/pages/form-page.tsx'
import { Line } from '../../kit/pages/record.tsx'
import { showPage } from '../../kit/pages/shell-page.tsx'
import { changeEmail, resendVerification } from '../email.ts'
import { invalidCredentials, nothingToVerify, sameEmail } from '../errors.ts'
import { changePassword } from '../password.ts'
import { factory, requireRole, type LoggedInContext } from '../product.ts'
import { editProfile } from '../profile.ts'
import { isPasswordSet } from '../queries.ts'
import { ChangeEmail, ChangePassword, EditProfile, Reauthentication } from '../schema.ts'
import { reauthenticate } from '../sessions.ts'
import { ownLimit, reauthenticationLimit } from '../throttles.ts'
import { DeletionBanner } from './delete.tsx'
import { NEW_PASSWORD, OtherWays } from './entry.tsx'
import { ACCOUNT, DELETE, FORGOT, goOn } from './paths.ts'

export const accountPage = factory.createApp()

const own = { guards: [requireRole('readonly')] }
const ownAndFresh = { guards: [requireRole('readonly'), requireFresh()], limit: ownLimit }

const link = (page: string, what: string, verb = 'Change') => (
  <a href={`${ACCOUNT}/${page}`} aria-label={`${verb} your ${what}`}>
    {verb}
  </a>
)

accountPage.get(
  '/account',
  doc('Shows my account.', 'text/html', { link: 'Account' }),
  requireRole('readonly'),
  async (c) => {
    const { fullname, company, email, verified, role, deletes } = await c.var.me()
    const hasPassword = await isPasswordSet(c.var.db, c.var.session.userId)
    const links = c.var.pageLinks().filter(({ linkFor }) => linkFor === 'account')
    return showPage(
      c,
      'Account',
      <>
        {deletes && <DeletionBanner deletes={deletes} />}
        <dl class="record">
          <Line name="Name" action={link('profile', 'name')}>
            {[fullname, company].filter(Boolean).join(', ')}
          </Line>
          <Line name="Email" action={link('email', 'email')}>
            {email}
            {!verified && (
              <form method="post" action={`${ACCOUNT}/resend`}>
                <span class="note">not confirmed yet</span> <button>Mail the link again</button>
              </form>
            )}
          </Line>
          <Line name="Password" action={link('password', 'password', hasPassword ? 'Change' : 'Choose')}>
            {hasPassword ? '••••••••' : 'none'}
          </Line>
          <Line name="Devices" action={link('sessions', 'devices', 'See')}>
            where you are signed in
          </Line>
          <Line name="Tokens" action={link('tokens', 'tokens', 'See')}>
            for programs
          </Line>
          <Line name="Activity" action={link('activity', 'activity', 'See')}>
            what happened, and from where
          </Line>
          {links.map(({ label, path }) => (
            <Line name={label} action={<a href={path}>See</a>} />
          ))}
          <Line name="Role">{role}</Line>
        </dl>
        {!deletes && <a href={DELETE}>Delete my account</a>}
      </>,
    )
  },
)

formAction(accountPage, '/account/resend', {
  ...own,
  summary: 'Mails the link again that confirms my email.',
  limit: ownLimit,
  errors: [nothingToVerify],
  run: resendVerification,
  next: ACCOUNT,
  notice: 'A mail with the link is on its way to you',
})

formPage(accountPage, '/account/profile', {
  ...own,
  title: 'Your name',
  summaries: ['Shows the form to change my names and company.', 'Changes them.'],
  schema: EditProfile.required({ first_name: true, last_name: true }),
  fields: {
    first_name: { label: 'First name', autocomplete: 'given-name' },
    last_name: { label: 'Last name', autocomplete: 'family-name' },
    company: { label: 'Company', autocomplete: 'organization' },
  },
  button: 'Save',
  values: (c) => c.get('me')(),
  run: (c: LoggedInContext, { company, ...names }) => editProfile(c, { ...names, company: company || null }),
  next: ACCOUNT,
  notice: 'Your changes are saved',
})

formPage(accountPage, '/account/email', {
  ...ownAndFresh,
  title: 'Your email',
  summaries: [
    'Shows the form to change my email.',
    'Mails a link to the new one, which counts once it is confirmed.',
  ],
  schema: ChangeEmail,
  fields: { email: { label: 'New email', autocomplete: 'email' } },
  button: 'Change the email',
  errors: [sameEmail],
  above: () => <p>It changes when you open the link that we mail to the new address.</p>,
  run: changeEmail,
  next: ACCOUNT,
  notice: ({ email }) => `A mail with a link is on its way to ${email}`,
})

formPage(accountPage, '/account/password', {
  ...ownAndFresh,
  title: 'Your password',
  summaries: ['Shows the form to change my password.', 'Changes it, and ends my other sessions.'],
  schema: ChangePassword.pick({ password: true }),
  fields: { password: { ...NEW_PASSWORD, label: 'New password' } },
  username: async (c) => (await c.get('me')()).email,
  button: 'Change the password',
  errors: [weakPassword],
  above: () => <p>Your other devices will be signed out.</p>,
  run: changePassword,
  next: ACCOUNT,
  notice: 'Your password is changed, and your other devices are signed out',
})

/** Of an account without a password. */
const showOtherWays = middleware(async (context, next) => {
  const c = context as unknown as LoggedInContext
  if (c.req.method !== 'GET' || (await isPasswordSet(c.var.db, c.var.session.userId))) return next()
  return showPage(
    c,
    CONFIRM_TITLE,
    <>
      <p>
        What you are about to do is for you alone, and your account has no password.{' '}
        <a href={FORGOT}>Have a link mailed to choose one</a>, or go on here:
      </p>
      <OtherWays c={c} page="confirm" />
    </>,
  )
})

const CONFIRM_TITLE = 'Confirm that it is you'

formPage(accountPage, '/confirm', {
  guards: [...own.guards, showOtherWays],
  title: CONFIRM_TITLE,
  summaries: ['Shows the form to give my password again.', 'Takes it, and leads to `next`.'],
  schema: Reauthentication,
  fields: { password: { label: 'Password', type: 'password', autocomplete: 'current-password' } },
  username: async (c) => (await c.get('me')()).email,
  button: 'Continue',
  limit: reauthenticationLimit,
  errors: [invalidCredentials],
  above: () => <p>Please give your password again: what you are about to do is for you alone.</p>,
  below: (c) => (
    <>
      <OtherWays c={c} page="confirm" />
      <a href={FORGOT}>Forgot your password?</a>
    </>
  ),
  run: reauthenticate,
  next: goOn,
})
