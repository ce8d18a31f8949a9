// Serves logins at other providers: where a browser is led, where it comes back, the same as JSON, and those that I have linked.
import { z } from 'zod'
import { invalidCredentials, emailTaken, lastWayIn, signupClosed } from '../account/errors.ts'
import { ACCOUNT, DOORS } from '../account/pages/paths.ts'
import { done, factory, found, type Deps, requireRole, withToken } from '../account/product.ts'
import { Login, LoginResponse } from '../account/schema.ts'
import { askLimit, ownLimit, secondStepLimit } from '../account/throttles.ts'
import { freshLoginRequired, requireFresh } from '../kit/auth/guards.ts'
import { tokenExpired } from '../kit/auth/one-time-tokens.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import type { RateLimit } from '../kit/http/quota.ts'
import { rateLimit } from '../kit/http/rate-limit.ts'
import { accountDisabled } from '../kit/http/session.ts'
import { validate } from '../kit/http/validate.ts'
import { type Oidc, providerRefused, providerUnavailable } from '../kit/oidc/provider.ts'
import { errorsAsPages } from '../kit/pages/error-page.tsx'
import { nextOf, NextQuery } from '../kit/pages/next.ts'
import { loginRequired } from '../kit/types/api-error.ts'
import { begin, beginInBrowser, finish, finishInBrowser } from './flow.ts'
import { identityTaken, listIdentities, unlinkIdentity } from './identities.ts'
import { notLinked } from './log-in.ts'
import { IdentityResponse } from './table.ts'

export const beginLimit = askLimit('oidc')
const finishLimit: RateLimit = { ...secondStepLimit, name: 'oidc-finish' }

const BEGIN = 'Returns the address of the provider to go to, and a secret to keep until the browser is back'
const Begun = z.object({ url: z.string(), secret: z.string() })
/** Of a login, of linking, and of any of them. */
const FINISH_ERRORS = [signupClosed, emailTaken, tokenExpired, invalidCredentials].concat(
  [identityTaken, loginRequired, freshLoginRequired],
  [providerRefused, notLinked, accountDisabled],
)

/** With which the browser came back: what a provider may add besides is dropped. */
const Authorization = z.object({
  state: z.string().max(100),
  code: z.string().max(4000).optional(),
  iss: z.string().max(500).optional(),
  error: z.string().max(200).optional(),
})

export function oidcRoutes({ config }: Pick<Deps, 'config'>, oidc: Oidc) {
  const isKnown = (name: string) => oidc.names.includes(name)
  const Provider = z.object({
    provider: z
      .string()
      .refine(isKnown)
      .meta({ examples: [...oidc.names] }),
  })
  const app = factory.createApp()
  if (config.authPages) app.use('/login/oidc/*', errorsAsPages(DOORS))

  return app
    .use('/login/oidc/*', noStore)
    .use('/me/identities/*', noStore)

    .get(
      '/login/oidc/:provider',
      doc('Leads a browser to the provider, to log in there and come back to `next`.', null, {
        status: 303,
        errors: [providerUnavailable],
      }),
      validate('param', Provider),
      validate('query', NextQuery.extend({ remember: z.literal('off').optional() })),
      rateLimit(beginLimit),
      async (c) => {
        const { provider } = c.req.valid('param')
        const remember = c.req.valid('query').remember !== 'off'
        const due = { aim: 'login', provider, remember, next: nextOf(c) } as const
        return c.redirect(await beginInBrowser(c, oidc, due), 303)
      },
    )

    .get(
      '/login/oidc/:provider/callback',
      doc('Takes a browser that comes back from the provider, and leads it to `next`.', null, {
        status: 303,
        errors: [providerUnavailable, ...FINISH_ERRORS],
      }),
      validate('param', Provider),
      validate('query', Authorization),
      rateLimit(finishLimit),
      async (c) => {
        const { next = ACCOUNT } = await finishInBrowser(c, oidc, c.req.valid('param').provider)
        return c.redirect(next, 303)
      },
    )

    .post(
      '/login/oidc/:provider',
      doc(`${BEGIN}, to log in there.`, Begun, { errors: [providerUnavailable] }),
      validate('param', Provider),
      validate('json', Login.pick({ remember: true })),
      rateLimit(beginLimit),
      async (c) => {
        const due = { aim: 'login', ...c.req.valid('param'), ...c.req.valid('json') } as const
        return c.var.respond(await begin(c, oidc, due))
      },
    )

    .post(
      '/reauthenticate/oidc/:provider',
      doc(`${BEGIN}, for what needs a fresh login.`, Begun, { errors: [providerUnavailable] }),
      requireRole('readonly'),
      validate('param', Provider),
      rateLimit(beginLimit),
      async (c) => c.var.respond(await begin(c, oidc, { aim: 'confirm', ...c.req.valid('param') })),
    )

    .post(
      '/me/identities/:provider/link',
      doc(`${BEGIN}, to link a login there. Needs a recent login.`, Begun, { errors: [providerUnavailable] }),
      requireRole('readonly'),
      requireFresh(),
      validate('param', Provider),
      rateLimit(beginLimit),
      async (c) => c.var.respond(await begin(c, oidc, { aim: 'link', ...c.req.valid('param') })),
    )

    .post(
      '/login/oidc/:provider/callback',
      doc('Does what the login at the provider was for. Returns the account.', LoginResponse, {
        errors: [providerUnavailable, ...FINISH_ERRORS],
      }),
      validate('param', Provider),
      validate(
        'json',
        z.object({
          secret: z.string().max(100),
          authorization: Authorization.describe('The query with which the browser came back.'),
          token: Login.shape.token,
        }),
      ),
      rateLimit(finishLimit),
      async (c) => {
        const finished = finish(c, oidc, { ...c.req.valid('param'), ...c.req.valid('json') })
        return c.var.respond(
          await withToken(
            c,
            finished.then(({ user }) => user),
          ),
        )
      },
    )

    .get(
      '/me/identities',
      doc('Lists the logins at other providers that open my account.', z.array(IdentityResponse)),
      requireRole('readonly'),
      async (c) => c.var.respond(await listIdentities(c.var.db, c.var.session.userId)),
    )

    .delete(
      '/me/identities/:id',
      doc('Unlinks one of them. Needs a recent login.', z.object({}), { errors: [lastWayIn] }),
      requireRole('readonly'),
      requireFresh(),
      validate('param', z.object({ id: z.uuid() })),
      rateLimit(ownLimit),
      async (c) => c.var.respond(await done(found(c, unlinkIdentity(c, c.req.valid('param').id)))),
    )
}
