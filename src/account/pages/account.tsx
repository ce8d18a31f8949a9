// Serves the pages of one's own account: what it is, its name, email and password.
/** @jsxImportSource hono/jsx */
import type { PropsWithChildren } from 'hono/jsx'
import { z } from 'zod'
import { freshLoginRequired, requireFresh } from '../../kit/auth/guards.ts'
import { weakPassword } from '../../kit/auth/password-rule.ts'
import { noStore } from '../../kit/http/caching.ts'
import { doc } from '../../kit/http/doc.ts'
import { formAction, formPage } from '../../kit/pages/form-page.tsx'
import { ShellPage } from '../../kit/pages/shell-page.tsx'
import { nextOf } from '../../kit/pages/next.ts'
import { leaveNotice, takeNotice } from '../../kit/pages/notice.ts'
import { changeEmail, resendVerification } from '../email.ts'
import { invalidCredentials, nothingToVerify, sameEmail } from '../errors.ts'
import { changePassword } from '../password.ts'
import { factory, requireRole } from '../product.ts'
import { editProfile } from '../profile.ts'
import { reauthenticate } from '../reauthenticate.ts'
import { ChangeEmail, ChangePassword, EditProfile, Reauthentication } from '../schema.ts'
import { ownLimit, reauthenticationLimit } from '../throttles.ts'
import { DeletionBanner } from './delete.tsx'
import { NEW_PASSWORD } from './entry.tsx'
import { ACCOUNT, DELETE } from './paths.ts'

export const accountPage = factory.createApp()

const own = { guards: [requireRole('readonly')] }
const ownAndFresh = { guards: [requireRole('readonly'), requireFresh()], limit: ownLimit }

accountPage.get(
  '/account',
  noStore,
  doc('Shows my account.', 'text/html', { link: 'Account' }),
  requireRole('readonly'),
  async (c) => {
    const [{ fullname, company, email, verified, role, deletes }, notice] = await Promise.all([
      c.var.me(),
      takeNotice(c),
    ])
    return c.html(
      <ShellPage c={c} title="Account" notice={notice}>
        {deletes && <DeletionBanner deletes={deletes} />}
        <dl class="record">
          <Fact name="Name" page="profile">
            {[fullname, company].filter(Boolean).join(', ')}
          </Fact>
          <Fact name="Email" page="email">
            {email}
            {!verified && (
              <form method="post" action={`${ACCOUNT}/resend`}>
                <span class="note">not confirmed yet</span> <button>Mail the link again</button>
              </form>
            )}
          </Fact>
          <Fact name="Password" page="password">
            ••••••••
          </Fact>
          <Fact name="Devices" page="sessions" verb="See">
            where you are signed in
          </Fact>
          <Fact name="Tokens" page="tokens" verb="See">
            for programs
          </Fact>
          <Fact name="Activity" page="activity" verb="See">
            what happened, and from where
          </Fact>
          <Fact name="Role">{role}</Fact>
        </dl>
        {!deletes && <a href={DELETE}>Delete my account</a>}
      </ShellPage>,
    )
  },
)

interface FactProps {
  name: string
  /** The last part of the path of its page, and what one does there. */
  page?: string
  verb?: string
  /** The account that it is of, by its path; by default one's own. */
  path?: string
}

/** A line of a `record`. */
export const Fact = ({
  name,
  page,
  verb = 'Change',
  path = ACCOUNT,
  children,
}: PropsWithChildren<FactProps>) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
    {page !== undefined && (
      <dd>
        <a
          href={`${path}/${page}`}
          aria-label={`${verb} ${path === ACCOUNT ? 'your' : 'the'} ${name.toLowerCase()}`}
        >
          {verb}
        </a>
      </dd>
    )}
  </div>
)

formAction(accountPage, '/account/resend', {
  ...own,
  summary: 'Mails the link again that confirms my email.',
  schema: z.object({}),
  limit: ownLimit,
  errors: [nothingToVerify],
  run: async (c) => {
    await resendVerification(c)
    await leaveNotice(c, 'A mail with the link is on its way to you')
    return ACCOUNT
  },
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
  run: async (c, { company, ...names }) => {
    await editProfile(c, { ...names, company: company || null })
    await leaveNotice(c, 'Your changes are saved')
    return ACCOUNT
  },
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
  errors: [freshLoginRequired, sameEmail],
  above: () => <p>It changes when you open the link that we mail to the new address.</p>,
  run: async (c, input) => {
    await changeEmail(c, input)
    await leaveNotice(c, `A mail with a link is on its way to ${input.email}`)
    return ACCOUNT
  },
})

formPage(accountPage, '/account/password', {
  ...ownAndFresh,
  title: 'Your password',
  summaries: ['Shows the form to change my password.', 'Changes it, and ends my other sessions.'],
  schema: ChangePassword.pick({ password: true }),
  fields: { password: { ...NEW_PASSWORD, label: 'New password' } },
  username: async (c) => (await c.get('me')()).email,
  button: 'Change the password',
  errors: [freshLoginRequired, weakPassword],
  above: () => <p>Your other devices will be signed out.</p>,
  run: async (c, input) => {
    await changePassword(c, input)
    await leaveNotice(c, 'Your password is changed, and your other devices are signed out')
    return ACCOUNT
  },
})

formPage(accountPage, '/confirm', {
  ...own,
  title: 'Confirm that it is you',
  summaries: ['Shows the form to give my password again.', 'Takes it, and leads to `next`.'],
  schema: Reauthentication,
  fields: { password: { label: 'Password', type: 'password', autocomplete: 'current-password' } },
  username: async (c) => (await c.get('me')()).email,
  button: 'Go on',
  limit: reauthenticationLimit,
  errors: [invalidCredentials],
  above: () => <p>Please give your password again: what you are about to do is for you alone.</p>,
  run: async (c, input) => {
    await reauthenticate(c, input)
    return nextOf(c) ?? ACCOUNT
  },
})
