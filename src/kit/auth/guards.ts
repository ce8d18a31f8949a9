// Decides who may call a route: compares what the route declares with whoever asks.
//
//   requireRole('editor')                an account of this role or a higher one
//   requireRole('editor', { ability })   and of a program, with a personal access token, this ability
//   requireFresh()                       a password was given in this session a short while ago: never by those two
//   refuseTokens                         below a path: no program, unless the route names the ability
//   refuseImpersonators                  below a path: nobody who acts as another account, but for reading
//
// It is decided in the order of the functions here. `admit`: who asks, and whether a program may ask at all. Then the role
// that the session has, which costs no query. Then, for writes and for high roles, that of the account's row, and the row of
// whoever acts as it: the lower counts. Then freshness. Without `requireRole` a program and an impersonator are visitors.
import { createMiddleware } from 'hono/factory'
import type { MiddlewareHandler } from 'hono'
import { bodyArrival } from '../http/body.ts'
import { tag } from '../http/doc.ts'
import type { AnyContext, AnyProduct, AppEnv } from '../http/env.ts'
import { middleware } from '../http/factory.ts'
import type { Session } from '../http/live-session.ts'
import { isSafeMethod } from '../http/safe-methods.ts'
import { sentSession } from '../http/sent-session.ts'
import { accountDisabled, agentOf } from '../http/session.ts'
import { defaultAbility } from '../http/token-ability.ts'
import { defineError, type ErrorKind, loginRequired } from '../types/api-error.ts'
import type { Db } from '../types/db.ts'
import type { Roles } from '../types/roles.ts'
import { readAccount } from './account-row.ts'
import { provenAtOf } from '../types/sessions.ts'

export const tokenNotAllowed = defineError(
  403,
  'token_not_allowed',
  'Forbidden! A personal access token may not do this: log in',
)
export const impersonationNotAllowed = defineError(
  403,
  'impersonation_not_allowed',
  'Forbidden! Only the owner of the account does this: go back to your own',
)
export const insufficientAbility = defineError(
  403,
  'insufficient_ability',
  'Forbidden! The token lacks the ability for this',
)
export const freshLoginRequired = defineError(
  401,
  'fresh_login_required',
  'Unauthorized! Give your password again to do this',
)

/** What `requireRole` adds: a session that is never null, and the caller's account, read at most once per request. */
export type LoggedIn<P extends AnyProduct = AnyProduct> = AppEnv<P> & {
  Variables: { session: Session<P['Role']>; me: () => Promise<P['User']> }
}

/** Admits sessions with this role or a higher one. */
export interface RequireRole<P extends AnyProduct = AnyProduct> {
  /** @param options.ability that a personal access token needs here; by default `read` or `write`, by the method */
  (least: P['Role'], options?: { ability?: string }): MiddlewareHandler<LoggedIn<P>>
}

interface Options<P extends AnyProduct> {
  roles: Roles<P['Role']>
  findUser(this: void, db: Db, id: string): Promise<P['User'] | undefined>
  /** Routes of this role and above, which are for the few, ask the row for reading as well, and take no program. */
  readsRowFrom: P['Role']
  /** For accounts that have to do something first, such as verify their email: until then they have a lower role. */
  limited?: {
    /** The role that counts. */
    roleOf(this: void, user: P['User'], config: P['Config']): P['Role']
    /** Instead of the answer to a role that is too low: says what to do. */
    error: ErrorKind<[]>
  }
  /** What a role that is too low is answered with: 403, unless a contract with older clients wants 401. */
  tooLowStatus?: 401 | 403
}

/** Makes a product's `requireRole`: it answers 401 to visitors, and `tooLowStatus` to a role that is too low. */
export function roleGuard<P extends AnyProduct>({
  roles,
  findUser,
  readsRowFrom,
  limited,
  tooLowStatus = 403,
}: Options<P>): RequireRole<P> {
  const word = tooLowStatus === 401 ? 'Unauthorized' : 'Forbidden'
  const insufficientRole = defineError(tooLowStatus, 'insufficient_role', `${word}! It takes a higher role`)
  return (least, { ability } = {}) => {
    const isPrivileged = roles.atLeast(least, readsRowFrom)
    const tooLow = () => insufficientRole({ message: `${word}! It takes the role ${least} or above` })
    const handler = createMiddleware<LoggedIn<P>>(async (c, next) => {
      const session: Session<P['Role']> | null = admit(c, { ability, isPrivileged })
      if (session === null) throw loginRequired()
      const find = (id: string) => findUser(c.get('db'), id)
      const roleOf = (user: P['User']): P['Role'] => limited?.roleOf(user, c.get('config')) ?? user.role
      const askRow = async () => {
        const user = await readAccount(c, session, find, roleOf)
        const role = roleOf(user)
        if (roles.isBarred(role)) throw accountDisabled()
        if (role !== session.role) assertFinished(c, role)
        if (roles.atLeast(role, least)) return user
        throw limited && roles.atLeast(user.role, least) ? limited.error() : tooLow()
      }
      if (!roles.atLeast(session.role, least)) {
        if (limited === undefined) throw tooLow()
        await askRow() // it may be limited no longer, which sessions learn here
      }
      let row: Promise<P['User']> | undefined
      const open: AnyContext = c // of what a product has of its own the compiler knows no names here
      open.set('me', () => (row ??= askRow()))
      const isWrite = !isSafeMethod(c.req.method)
      // Only then the row is read: a body that is sent slowly must not outlive a change of role.
      if (isWrite) await bodyArrival(c)
      // So a role that was changed by hand, in SQL, counts for writes, and for reads of high roles.
      if (isWrite || isPrivileged) await c.get('me')()
      await next()
    })
    const isForAll = roles.admitted.every((role) => roles.atLeast(role, least))
    const ofRole = limited ? [insufficientRole, limited.error] : [insufficientRole]
    const errors = [loginRequired, accountDisabled, ...(isForAll ? [] : ofRole)]
    return tag(handler, { role: least, ability: ability ?? (isPrivileged ? null : undefined), errors })
  }
}

/**
 * The session of whoever asks; null for a visitor. A program is asked first: a guard before this one may have admitted it to
 * less.
 * @throws tokenNotAllowed, insufficientAbility
 */
function admit(
  c: AnyContext,
  { ability, isPrivileged }: { ability: string | undefined; isPrivileged: boolean },
): Session | null {
  assertFinished(c)
  const program: Session | undefined = c.get('tokenSession')
  if (program?.access === undefined) {
    const sent = sentSession(c) ?? null
    c.set('session', sent)
    return sent
  }
  const isRefused = isPrivileged || c.get('refusesTokens') === true
  const needed = ability ?? (isRefused ? undefined : defaultAbility(c.req.method))
  if (needed === undefined) throw tokenNotAllowed()
  if (!program.access.abilities.includes(needed))
    throw insufficientAbility({ message: `Forbidden! The token lacks the ability ${needed}` })
  c.set('session', program)
  return program
}

function assertFinished(c: AnyContext, role?: string): void {
  const lacks: ErrorKind<[]> | undefined = c.get('unfinished')?.(role)
  if (lacks !== undefined) throw lacks()
}

const refuse = middleware((c, next) => {
  if (c.get('session')?.access !== undefined) throw tokenNotAllowed() // admitted by a guard before this
  c.set('refusesTokens', true)
  return next()
})

/** For the paths below which a token may do nothing but what a route names as its `ability`: `app.use('/api/me/*', ...)`. */
export const refuseTokens = tag(refuse, { ability: null })

const refuseActing = middleware((c, next) => {
  if (c.get('impersonation') !== undefined && !isSafeMethod(c.req.method)) throw impersonationNotAllowed()
  return next()
})

/** For the paths below which whoever acts as an account may read, and change nothing: `app.use('/api/me/*', ...)`. */
export const refuseImpersonators = tag(refuseActing, { errors: [impersonationNotAllowed], changesOnly: true })

/** Place it after `requireRole`: a password was given in this session within these minutes, at the login or since. */
export function requireFresh(minutes = 15) {
  const handler = middleware(async (c, next) => {
    assertFresh(c, minutes)
    await next()
  })
  return tag(handler, { ability: null, errors: [freshLoginRequired, impersonationNotAllowed] })
}

/** For what visitors may do as well: only whoever is logged in needs a fresh login. */
export const freshIfLoggedIn = tag(
  middleware(async (c, next) => {
    if (c.get('session') !== null) assertFresh(c)
    await next()
  }),
  { errors: [freshLoginRequired] },
)

/** The same inside a handler, for what only some inputs need. @throws freshLoginRequired, impersonationNotAllowed */
export function assertFresh(c: AnyContext, minutes = 15): void {
  const { access, identity } = (c.get('session') ?? {}) as Partial<Session>
  if (access !== undefined) throw tokenNotAllowed()
  if (identity?.impersonation !== undefined) throw impersonationNotAllowed()
  if (identity === undefined) throw freshLoginRequired()
  const { agent, ip } = identity
  const isSameClient = ip === c.get('ip') && agent === agentOf(c)
  const isRecent = Date.now() - provenAtOf(identity) <= minutes * 60_000
  if (!isRecent || (c.get('config').freshSameClient && !isSameClient)) throw freshLoginRequired()
}
