// Tells in which session a request has come, before a route has said whom it admits.
import type { AnyContext } from './env.ts'
import type { Session } from './live-session.ts'

/** One's own, or that in which one acts as another account. Null or undefined: a visitor's, or an error came first. */
export const sentSession = (c: AnyContext): Session | null | undefined =>
  c.get('session') ?? c.get('impersonation')
