// Opens the session of a request that comes with a personal access token, and limits how often one comes.
import type { Context, Next } from 'hono'
import { tag } from '../http/doc.ts'
import type { AppEnv } from '../http/env.ts'
import { middleware } from '../http/factory.ts'
import { Session } from '../http/live-session.ts'
import type { RateLimit } from '../http/quota.ts'
import { rateLimit } from '../http/rate-limit.ts'
import { accountDisabled, agentOf, bearerOf, invalidToken, session, SESSION_ERRORS } from '../http/session.ts'
import { BY_METHOD } from '../http/token-ability.ts'
import { rateLimitExceeded } from '../types/api-error.ts'
import { insufficientAbility, tokenNotAllowed } from './guards.ts'
import type { createAccessTokens, KnownToken } from './access-tokens.ts'

/** Opens a bearer token that is none of a session; undefined for any other, null for one that does not count. */
export type OpenToken = (c: Context<AppEnv>, token: string) => Promise<Session | null> | undefined

/** Makes of a product's tokens what `useKit` is handed as `openToken`. */
export const tokenOpener =
  ({ isToken, open }: Pick<ReturnType<typeof createAccessTokens>, 'isToken' | 'open'>): OpenToken =>
  (c, token) => {
    const { ip, roles } = c.var
    // A role of a newer release counts as none.
    const counts = (known?: KnownToken): known is KnownToken => roles.names.includes(known?.role ?? '')
    const currentRole = async () => {
      const known = await open(c.var, token)
      return counts(known) ? known.role : undefined
    }
    const openSession = async () => {
      const known = await open(c.var, token)
      if (!counts(known)) return null
      const { id, userId, role, abilities } = known
      // Never fresh, and of no login that could be listed or ended.
      const login = { ip, agent: agentOf(c), loginAt: 0, sentAt: Date.now(), remember: false, way: 'token' }
      return new Session(c.var, '', { userId, role, ...login }, true, { id, abilities, currentRole })
    }
    return isToken(token) ? openSession() : undefined
  }

const perToken: RateLimit = {
  name: 'access',
  quotas: ({ tokenRateLimit: limit }) => [
    { per: 'token', limit, seconds: 60, counts: 'requests', key: (c) => c.get('tokenSession').access.id },
  ],
}

/**
 * Does what `session` does, and more: a request with a token is that of a visitor, until `requireRole` finds that the token
 * may do what the route does. It never falls back to a cookie.
 */
export function tokenSession(openToken: OpenToken) {
  const limit = rateLimit(perToken)
  const handler = middleware((c, next) => {
    const bearer = bearerOf(c.req.header('authorization'))
    const opening = bearer === undefined ? undefined : openToken(c, bearer)
    return opening === undefined ? session(c, next) : useToken(c, next, opening)
  })
  const useToken = async (c: Context<AppEnv>, next: Next, opening: Promise<Session | null>) => {
    const opened = await opening
    if (opened === null) throw invalidToken()
    if (c.get('roles').isBarred(opened.role)) throw accountDisabled()
    c.set('tokenSession', opened)
    return limit(c, async () => void (await session(c, next)))
  }
  const errors = [...SESSION_ERRORS, rateLimitExceeded, tokenNotAllowed, insufficientAbility]
  return tag(handler, { ability: BY_METHOD, errors })
}
