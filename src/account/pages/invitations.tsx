// Serves the pages of invitations: to invite somebody, and to accept.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { freshIfLoggedIn, requireFresh } from '../../kit/auth/guards.ts'
import { tokenExpired } from '../../kit/auth/one-time-tokens.ts'
import { weakPassword } from '../../kit/auth/password-rule.ts'
import type { AnyContext } from '../../kit/http/env.ts'
import { Checkbox } from '../../kit/pages/form.tsx'
import { formAction, formPage } from '../../kit/pages/form-page.tsx'
import { takeLinkToken } from '../../kit/pages/link-token.ts'
import { withNext } from '../../kit/pages/next.ts'
import { Line, PostButton } from '../../kit/pages/record.tsx'
import { MANAGES } from '../change-role.ts'
import { accountExists, emailTaken, roleAboveOwn } from '../errors.ts'
import { acceptInvitation, invite, openInvitations, withdrawInvitation } from '../invitations.ts'
import { factory, requireRole, type AppContext, type LoggedInContext } from '../product.ts'
import { findUser } from '../queries.ts'
import { AcceptInvitation, Invite } from '../schema.ts'
import { requireSignup } from '../sign-up.ts'
import { inviteLimit, linkLimit } from '../throttles.ts'
import { NEW_PASSWORD, remember } from './entry.tsx'
import { spend } from './links.tsx'
import { ACCOUNT, INVITE, SIGN_IN } from './paths.ts'
import { dayOf } from '../../kit/pages/duration.ts'

export const invitationPages = factory.createApp()

const guards = [requireRole(MANAGES), requireFresh()]

formPage(invitationPages, '/invite', {
  title: 'Invite somebody',
  summaries: ['Shows the form to invite somebody.', 'Mails an invitation, which voids the one before it.'],
  guards: [...guards, requireSignup('open', 'invited')],
  schema: Invite,
  fields: {
    email: { label: 'Email' },
    role: { label: 'Role', required: true, hint: () => 'Not above your own.' },
  },
  values: async (c) => ({ role: c.get('config').signupRole }),
  button: 'Mail the invitation',
  limit: inviteLimit,
  errors: [roleAboveOwn],
  above: () => <p>The mail has a link, which works once, for seven days.</p>,
  below: (c) => <OpenInvitations c={c} />,
  run: (c: LoggedInContext, input) => invite(c.var, input, c),
  next: INVITE,
  notice: ({ email }) => `An invitation is on its way to ${email}`,
})

async function OpenInvitations({ c }: { c: AnyContext }) {
  const open = await openInvitations(c.get('db'))
  return (
    <>
      {open.length > 0 && <h2>Not answered yet</h2>}
      <dl class="record">
        {open.map(({ id, email, role, created }) => (
          <Line
            name={role}
            note={dayOf(created)}
            action={
              <PostButton to={`${INVITE}/withdraw`} id={id} label={`Withdraw the invitation of ${email}`}>
                Withdraw
              </PostButton>
            }
          >
            {email}
          </Line>
        ))}
      </dl>
    </>
  )
}

formAction(invitationPages, '/invite/withdraw', {
  summary: 'Withdraws an invitation.',
  guards,
  schema: z.object({ id: z.uuid() }),
  run: (c: LoggedInContext, { id }) => withdrawInvitation(c, id),
  next: INVITE,
  notice: (_, isDone) =>
    isDone ? 'The invitation is withdrawn' : 'That invitation was answered, replaced or withdrawn before',
})

formPage(invitationPages, '/invitation', {
  title: 'Accept the invitation',
  summaries: [
    'Shows the form of the link of an invitation.',
    'Makes an account and signs it in; of whoever is signed in, the account gets the role.',
  ],
  guards: [takeLinkToken, requireSignup('open', 'invited'), freshIfLoggedIn],
  schema: AcceptInvitation.omit({ company: true, token: true, bearer: true }).extend({ remember: Checkbox }),
  fields: (c) =>
    c.get('session') === null
      ? {
          fname: { label: 'First name', autocomplete: 'given-name', required: true },
          lname: { label: 'Last name', autocomplete: 'family-name', required: true },
          password: { ...NEW_PASSWORD, required: true },
          remember,
        }
      : {},
  button: 'Accept',
  limit: linkLimit,
  errors: [tokenExpired, weakPassword, accountExists, emailTaken],
  above: (c) => <Acceptance c={c} />,
  run: (c: AppContext, answer) => spend(c, (token) => acceptInvitation(c, { ...answer, token })),
  next: ACCOUNT,
  notice: 'You have accepted the invitation',
})

/** Which account is to be: a new one, or that of whoever is signed in. */
async function Acceptance({ c }: { c: AnyContext }) {
  const { pathname, search } = new URL(c.req.url)
  const elsewhere = withNext(SIGN_IN, pathname + search)
  const session: LoggedInContext['var']['session'] | null = c.get('session')
  if (session === null)
    return (
      <p>
        You get an account by the address to which we mailed this link. Do you have one already?{' '}
        <a href={elsewhere}>Sign in</a>
      </p>
    )
  const own = await findUser(c.get('db'), session.userId)
  return (
    <p>
      Your account {own?.email} gets the role of the invitation, if that is higher than its own. Is that not
      the right one? <a href={elsewhere}>Sign in with another</a>
    </p>
  )
}
