// Speaks OpenID Connect with the providers of the settings: where a browser is sent, and who came back from there.
import * as client from 'openid-client'
import { z } from 'zod'
import { digestOf } from '../auth/token-text.ts'
import type { ConfigFrom } from '../config/settings.ts'
import { defineError, isOfKind, RETRY_AFTER_S } from '../types/api-error.ts'
import type { Log } from '../types/log.ts'
import { isLocal, type oidcSettings } from './settings.ts'

type Providers = ConfigFrom<typeof oidcSettings>['oidc']

/** It is away, slow, or says of itself what cannot be. The log says more. */
export const providerUnavailable = defineError(
  503,
  'provider_unavailable',
  'The provider does not answer right now: try again, or another way',
  () => ({ headers: { 'Retry-After': String(RETRY_AFTER_S) } }),
)

/** Whatever was wrong, or the person has declined there. The log says more. */
export const providerRefused = defineError(
  400,
  'provider_refused',
  'The provider has not confirmed who you are, or for another browser, or too long ago: begin anew',
)

/** What the provider says of itself is asked again after so long, and at once after what went wrong. */
const DISCOVERED_MS = 10 * 60_000
/** For each of the up to four calls of a login. */
const CALL_S = 4
/** Of an answer, where 20 KB are usual. */
const MAX_BYTES = 512 * 1024
/** How old a login at the provider may be where it was asked for anew, with the time that it took. */
const FRESH_S = 10 * 60

/** A login that was begun: the secret is known to its browser alone, and all that others see is made from it. */
export interface Flow {
  secret: string
  redirectUri: string
  /** The provider asks for the password, or what it has instead, though it knows the person already. */
  isFresh: boolean
}

export const stateOf = (secret: string) => digestOf(`state ${secret}`)
const nonceOf = ({ secret }: Flow) => digestOf(`nonce ${secret}`)
const verifierOf = ({ secret }: Flow) => digestOf(`verifier ${secret}`)

const name = z
  .string()
  .transform((text) =>
    text
      .replaceAll(/\p{Cc}/gu, ' ')
      .trim()
      .slice(0, 100),
  )
  .catch('')

/** What counts of a provider's claims; what it may leave out, and what is no such thing, is undefined or empty. */
const Claims = z.object({
  iss: z.string(),
  sub: z.string().regex(/^[ -~]{1,255}$/),
  email: z.string().max(254).pipe(z.email()).optional().catch(undefined),
  email_verified: z
    .unknown()
    .optional()
    .transform((said) => said === true || said === 'true'),
  given_name: name,
  family_name: name,
  name,
  auth_time: z.number().optional().catch(undefined),
})

/** Who came back: `iss` and `sub` name them for ever, all else may change. */
export type Claimed = z.output<typeof Claims>

/** No call to a provider waits longer, or reads more; what it cannot answer is told from what it refuses. */
const boundedFetch: client.CustomFetch = async (url, options) => {
  try {
    const response = await fetch(url, options)
    if (response.status >= 500 || response.status === 429) throw new Error(`it answers ${response.status}`)
    const parts: Uint8Array<ArrayBuffer>[] = []
    let size = 0
    for await (const part of response.body ?? []) {
      parts.push(part)
      if ((size += part.length) > MAX_BYTES) throw new Error(`it answers more than ${MAX_BYTES} bytes`)
    }
    return new Response(size === 0 ? null : new Blob(parts), response)
  } catch (cause) {
    throw Object.assign(providerUnavailable(), { cause })
  }
}

export type Oidc = ReturnType<typeof createOidc>

export function createOidc(providers: Providers, log: Log) {
  const known = new Map<string, { until: number; found: Promise<client.Configuration> }>()

  function discover({ issuer, clientId, clientSecret }: Providers[string]): Promise<client.Configuration> {
    const [post, basic] = [client.ClientSecretPost(clientSecret), client.ClientSecretBasic(clientSecret)]
    const auth: client.ClientAuth = (as, ...more) =>
      (as.token_endpoint_auth_methods_supported?.includes('client_secret_post') ? post : basic)(as, ...more)
    const execute = [client.enableNonRepudiationChecks] // the signature, too
    if (isLocal(issuer)) execute.push(client.allowInsecureRequests)
    const options = { [client.customFetch]: boundedFetch, timeout: CALL_S, execute }
    return client.discovery(new URL(issuer), clientId, undefined, auth, options)
  }

  /** Acts by what the provider says of itself: all that wait for it at once ask once. */
  async function using<T>(
    provider: string,
    failed: typeof providerUnavailable | typeof providerRefused,
    act: (configuration: client.Configuration, scope: string) => Promise<T>,
  ): Promise<T> {
    const settings = providers[provider] as Providers[string]
    let one = known.get(provider)
    if (one === undefined || one.until < Date.now()) {
      one = { until: Date.now() + DISCOVERED_MS, found: discover(settings) }
      known.set(provider, one)
    }
    try {
      return await act(await one.found, settings.scopes)
    } catch (error) {
      known.delete(provider) // it may be another by now than it was, or have other keys
      const { message, code, error: refusal, cause } = error as Error & { code?: string; error?: string }
      const isAway = isOfKind(cause, providerUnavailable)
      // Not the error itself, which may hold tokens.
      const why = isAway ? String(cause.cause) : [message, code, refusal].filter(Boolean).join(', ')
      log.warn(failed.code.replace('_', ' ').toUpperCase(), { provider, why })
      throw isAway ? cause : failed()
    }
  }

  return {
    /** In the order of the settings. */
    names: Object.keys(providers),

    /** The address to which the browser is to go. @throws providerUnavailable */
    begin: (provider: string, flow: Flow): Promise<string> =>
      using(provider, providerUnavailable, async (configuration, scope) => {
        const parameters = {
          redirect_uri: flow.redirectUri,
          scope,
          state: await stateOf(flow.secret),
          nonce: await nonceOf(flow),
          code_challenge: await client.calculatePKCECodeChallenge(await verifierOf(flow)),
          code_challenge_method: 'S256',
          ...(flow.isFresh && { prompt: 'login', max_age: '0' }),
        }
        return client.buildAuthorizationUrl(configuration, parameters).href
      }),

    /** Who came back from there. @param query with which they did @throws providerUnavailable, providerRefused */
    finish: (provider: string, flow: Flow, query: Record<string, string>): Promise<Claimed> =>
      using(provider, providerRefused, async (configuration) => {
        const url = new URL(`${flow.redirectUri}?${new URLSearchParams(query).toString()}`)
        const tokens = await client.authorizationCodeGrant(configuration, url, {
          expectedState: await stateOf(flow.secret),
          expectedNonce: await nonceOf(flow),
          pkceCodeVerifier: await verifierOf(flow),
          idTokenExpected: true,
          ...(flow.isFresh && { maxAge: FRESH_S }),
        })
        const claims = tokens.claims()
        if (claims === undefined) throw new Error('there is no id_token')
        // Some keep to the letter, and say an email at their other endpoint alone.
        const asksMore = claims.email === undefined && configuration.serverMetadata().userinfo_endpoint
        const more = asksMore && (await client.fetchUserInfo(configuration, tokens.access_token, claims.sub))
        // Of an email and whether it is verified, one of them says both.
        return Claims.parse({
          ...claims,
          ...more,
          iss: claims.iss,
          sub: claims.sub,
          auth_time: claims.auth_time,
        })
      }),
  }
}
