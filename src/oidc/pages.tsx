// Serves the page of the logins at other providers that are linked to an account, and leads to a provider from our forms.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { lastWayIn } from '../account/errors.ts'
import { ACCOUNT } from '../account/pages/paths.ts'
import { type AppContext, factory, found, type LoggedInContext, requireRole } from '../account/product.ts'
import { ownLimit } from '../account/throttles.ts'
import { requireFresh } from '../kit/auth/guards.ts'
import { doc } from '../kit/http/doc.ts'
import { notFound } from '../kit/http/errors.ts'
import { type Oidc, providerUnavailable } from '../kit/oidc/provider.ts'
import { dayOf } from '../kit/pages/duration.ts'
import { formAction } from '../kit/pages/form-page.tsx'
import { nextOf } from '../kit/pages/next.ts'
import { Line, PostButton } from '../kit/pages/record.tsx'
import { showPage } from '../kit/pages/shell-page.tsx'
import { beginInBrowser, type Due } from './flow.ts'
import { listIdentities, unlinkIdentity } from './identities.ts'
import { beginLimit } from './routes.ts'
import { wordOf } from './way-in.tsx'

const IDENTITIES = `${ACCOUNT}/identities`

export function oidcPages(oidc: Oidc) {
  const OfProvider = z.object({ id: z.string().refine((name) => oidc.names.includes(name)) })
  const pages = factory.createApp().get(
    '/account/identities',
    doc('Shows the logins at other providers that open my account.', 'text/html', {
      link: 'Other logins',
      linkFor: 'account',
    }),
    requireRole('readonly'),
    async (c) => {
      const own = await listIdentities(c.var.db, c.var.session.userId)
      return showPage(
        c,
        'Other logins',
        <>
          <p>Whoever signs in there by one of these gets into your account.</p>
          <dl class="record">
            {own.map(({ id, provider, email, created, last_used }) => (
              <Line
                name={wordOf(provider)}
                note={`since ${dayOf(created)}, ${last_used ? `used on ${dayOf(last_used)}` : 'never used'}`}
                action={
                  <PostButton to={`${IDENTITIES}/unlink`} id={id} label={`Unlink ${wordOf(provider)}`}>
                    Unlink
                  </PostButton>
                }
              >
                {email}
              </Line>
            ))}
          </dl>
          {oidc.names
            .filter((name) => own.every(({ provider }) => provider !== name))
            .map((provider) => (
              <PostButton to={`${IDENTITIES}/link`} id={provider}>
                Link {wordOf(provider)}
              </PostButton>
            ))}
        </>,
      )
    },
  )

  formAction(pages, '/account/identities/unlink', {
    summary: 'Unlinks one of my logins at other providers.',
    guards: [requireRole('readonly'), requireFresh()],
    schema: z.object({ id: z.uuid() }),
    limit: ownLimit,
    errors: [notFound, lastWayIn],
    run: (c: LoggedInContext, { id }) => found(c, unlinkIdentity(c, id)),
    next: IDENTITIES,
    notice: 'That login is unlinked',
  })

  /** The browser goes on by itself: led there by a redirect, it would hold the policy for forms against the provider. */
  const lead = (path: string, aim: Due['aim'], summary: string) =>
    formAction(pages, path, {
      summary,
      guards: [requireRole('readonly'), ...(aim === 'link' ? [requireFresh()] : [])],
      schema: OfProvider,
      limit: beginLimit,
      errors: [providerUnavailable],
      answersPage: true,
      async run(c: AppContext, { id: provider }) {
        const next = aim === 'link' ? IDENTITIES : nextOf(c)
        const url = await beginInBrowser(c, oidc, { aim, provider, next })
        return { url, provider }
      },
      next(c, { url, provider }) {
        c.header('Refresh', `0; url=${url}`)
        return showPage(c, 'Continue', <a href={url}>Continue with {wordOf(provider)}</a>)
      },
    })
  lead('/account/identities/link', 'link', 'Leads to a provider, to link a login there to my account.')
  lead('/confirm/oidc', 'confirm', 'Leads to a provider, to show there again that it is me.')
  return pages
}
