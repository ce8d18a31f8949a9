// Serves logins at other providers: where a browser is led, where it comes back, the same as JSON, and those that I have linked.
import { z } from 'zod'
import { invalidCredentials, emailTaken, lastWayIn, signupClosed } from '../account/errors.ts'
import { ACCOUNT, DOORS } from '../account/pages/paths.ts'
import { factory, found, type Deps, requireRole } from '../account/product.ts'
import { Login, LoginResponse } from '../account/schema.ts'
import { askLimit, ownLimit, secondStepLimit } from '../account/throttles.ts'
import { freshLoginRequired, requireFresh } from '../kit/auth/guards.ts'
import { tokenExpired } from '../kit/auth/one-time-tokens.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import type { RateLimit } from '../kit/http/quota.ts'
import { rateLimit } from '../kit/http/rate-limit.ts'
import { hideQuery } from '../kit/http/request-log.ts'
import { accountDisabled, issuedToken } from '../kit/http/session.ts'
import { validate } from '../kit/http/validate.ts'
import { type Oidc, providerRefused, providerUnavailable } from '../kit/oidc/provider.ts'
import { errorsAsPages } from '../kit/pages/error-page.tsx'
import { nextOf, NextQuery } from '../kit/pages/next.ts'
import { type ErrorKind, loginRequired } from '../kit/types/api-error.ts'
import { AIMS, begin, beginInBrowser, finish, finishInBrowser } from './flow.ts'
import { identityTaken, listIdentities, unlinkIdentity } from './identities.ts'
import { notLinked } from './log-in.ts'
import { IdentityResponse } from './table.ts'

export const beginLimit = askLimit('oidc')
const finishLimit: RateLimit = { ...secondStepLimit, name: 'oidc-finish' }

export const BEGIN_ERRORS: ErrorKind<[]>[] = [providerUnavailable, loginRequired, freshLoginRequired]
const FINISH_ERRORS = BEGIN_ERRORS.concat(
  [providerRefused, notLinked, identityTaken, accountDisabled, invalidCredentials],
  [signupClosed, emailTaken, tokenExpired],
)

/** With which the browser came back: what a provider may add besides is dropped. */
const Authorization = z.object({
  state: z.string().max(100),
  code: z.string().max(4000).optional(),
  iss: z.string().max(500).optional(),
  error: z.string().max(200).optional(),
})

export function oidcRoutes({ config }: Pick<Deps, 'config'>, oidc: Oidc) {
  const Provider = z.object({ provider: z.string().refine((name) => oidc.names.includes(name)) })
  const app = factory.createApp()
  if (config.authPages) app.use('/login/oidc/*', errorsAsPages(DOORS))

  return app
    .use('/login/oidc/*', noStore)
    .use('/login/oidc/:provider/callback', hideQuery)
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
        errors: FINISH_ERRORS,
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
      doc(
        'Returns the address of the provider to go to, and a secret to keep until the browser is back.',
        z.object({ url: z.string(), secret: z.string() }),
        { errors: BEGIN_ERRORS },
      ),
      validate('param', Provider),
      validate(
        'json',
        z.object({
          aim: z.enum(AIMS).default('login').describe('To link it to my account, or to show that it is me.'),
          remember: Login.shape.remember,
        }),
      ),
      rateLimit(beginLimit),
      async (c) => c.var.respond(await begin(c, oidc, { ...c.req.valid('param'), ...c.req.valid('json') })),
    )

    .post(
      '/login/oidc/:provider/callback',
      doc('Does what the login at the provider was for. Returns the account.', LoginResponse, {
        errors: FINISH_ERRORS,
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
        const { user } = await finish(c, oidc, { ...c.req.valid('param'), ...c.req.valid('json') })
        return c.var.respond({ ...user, ...issuedToken(c) })
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
      async (c) => {
        await found(c, unlinkIdentity(c, c.req.valid('param').id))
        return c.var.respond({})
      },
    )
}
