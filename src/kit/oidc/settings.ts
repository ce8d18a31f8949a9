// Declares the settings of the providers by which one logs in.
import { z } from 'zod'
import { setting, settingOfEach } from '../config/setting.ts'
import { bareUrl } from '../config/urls.ts'
import { list } from '../config/values.ts'

const NAMED = 'is not set, though OIDC_PROVIDERS names its provider'

const isName = (value: string) => /^[a-z][a-z0-9_]{0,29}$/.test(value)

/** Microsoft's for whoever has an account anywhere. */
const OF_ALL = /^https:\/\/login\.microsoftonline\.com\/(common|organizations|consumers)\b/

/** Whether an issuer is on this machine: only such a one is asked without TLS. */
export const isLocal = (url: string) => /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/]/.test(`${url}/`)

export const oidcSettings = {
  oidc: settingOfEach('OIDC_PROVIDERS', list(isName, 'names (google, acme_2)').default([]), {
    about:
      'Providers of OpenID Connect by which one logs in, by names of yours: `google,acme`. Each has the variables below, its name in capitals',
    isPrintable: true,
    each: {
      issuer: setting(
        'OIDC_<NAME>_ISSUER',
        z
          .string(NAMED)
          .pipe(bareUrl()) // a slash at its end is a part of its name
          .refine((url) => url.startsWith('https:') || isLocal(url), 'must begin with https://')
          .refine((url) => !OF_ALL.test(url), 'must name one tenant: those of all vouch for any email'),
        {
          about: 'Where the provider says what it can do: this URL and `/.well-known/openid-configuration`',
          unset: 'must be set',
          example: 'https://accounts.google.com',
          isPrintable: true,
        },
      ),
      clientId: setting('OIDC_<NAME>_CLIENT_ID', z.string(NAMED), {
        about:
          'What the provider calls this service. Register `APP_URL` and `/api/login/oidc/<name>/callback` there',
        unset: 'must be set',
        isPrintable: true,
      }),
      clientSecret: setting('OIDC_<NAME>_CLIENT_SECRET', z.string(NAMED), {
        about: 'What the provider knows this service by',
        unset: 'must be set',
      }),
      scopes: setting(
        'OIDC_<NAME>_SCOPES',
        z
          .string()
          .refine((scopes) => scopes.split(' ').includes('openid'), 'must have openid among its words')
          .default('openid email profile'),
        { about: 'What is asked of the provider, by words with a blank between', isPrintable: true },
      ),
    },
  }),
}
