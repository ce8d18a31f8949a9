// Limits what a personal access token may do: each route takes an ability of it, and some take none.
import { tag } from '../http/doc.ts'
import type { AnyContext } from '../http/env.ts'
import { middleware } from '../http/factory.ts'
import type { Session } from '../http/live-session.ts'
import { defaultAbility } from '../http/token-ability.ts'
import { defineError } from '../types/api-error.ts'

export const tokenNotAllowed = defineError(
  403,
  'token_not_allowed',
  'Forbidden! A personal access token may not do this: log in',
)

export const insufficientAbility = defineError(
  403,
  'insufficient_ability',
  'Forbidden! The token lacks the ability for this',
)

const refuse = middleware((c, next) => {
  const admitted: Session | null = c.get('session') // by a guard before this
  if (admitted?.access !== undefined) throw tokenNotAllowed()
  c.set('refusesTokens', true)
  return next()
})

/** For the paths below which a token may do nothing but what a route names as its `ability`: `app.use('/api/me/*', ...)`. */
export const refuseTokens = tag(refuse, { ability: null })

/**
 * The session of a request with a token, if that has the ability; null without a token.
 * @param ability that the route names; undefined: none
 * @param isPrivileged whether the route takes no token unless it names an ability
 * @throws tokenNotAllowed, insufficientAbility
 */
export function admitToken(
  c: AnyContext,
  { ability, isPrivileged }: { ability: string | undefined; isPrivileged: boolean },
): Session | null {
  const session = c.get('tokenSession') as Session | undefined
  if (session?.access === undefined) return null
  const refuses = isPrivileged || c.get('refusesTokens') === true
  const needed = ability ?? (refuses ? undefined : defaultAbility(c.req.method))
  if (needed === undefined) throw tokenNotAllowed()
  if (!session.access.abilities.includes(needed))
    throw insufficientAbility({ message: `Forbidden! The token lacks the ability ${needed}` })
  c.set('session', session)
  return session
}
