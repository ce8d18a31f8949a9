// Offers logins at other providers on the pages where one signs in, signs up and confirms.
/** @jsxImportSource hono/jsx */
import { CONFIRM, goOn } from '../account/pages/paths.ts'
import type { AppContext } from '../account/product.ts'
import type { WayIn } from '../account/ways-in.ts'
import { withNext } from '../kit/pages/next.ts'
import { PostButton } from '../kit/pages/record.tsx'
import { identitiesOpen, listIdentities } from './identities.ts'

/** `acme_corp` is Acme corp. */
export const wordOf = (provider: string) =>
  provider.charAt(0).toUpperCase() + provider.slice(1).replaceAll('_', ' ')

export const oidcWayIn: WayIn = {
  ...identitiesOpen,
  asksFactorAt: ['/api/login/oidc/:provider/callback'],
  async offer(context, page) {
    const c = context as unknown as AppContext
    const { config, db, session } = c.var
    const next = goOn(c)
    const own = page === 'confirm' && session ? await listIdentities(db, session.userId) : undefined
    return Object.keys(config.oidc).map((provider) => {
      const words = `${page === 'confirm' ? 'Confirm' : 'Continue'} with ${wordOf(provider)}`
      if (own?.some((one) => one.provider === provider))
        return (
          <PostButton to={withNext(`${CONFIRM}/oidc`, next)} id={provider}>
            {words}
          </PostButton>
        )
      return (
        page !== 'confirm' && (
          <p>
            <a class="button" href={withNext(`/api/login/oidc/${provider}`, next)}>
              {words}
            </a>
          </p>
        )
      )
    })
  },
}
