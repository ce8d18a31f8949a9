// Binds the kit's types to this product's roles, accounts and settings, and makes what its routes need of them.
import type { Config } from '../config.ts'
import { type LoggedIn, roleGuard } from '../kit/auth/guards.ts'
import type { Publish } from '../kit/channels/publish.ts'
import type { KitDeps } from '../kit/deps.ts'
import type { AnyContext, AppEnv, ContextWith } from '../kit/http/env.ts'
import { notFound } from '../kit/http/errors.ts'
import { appFactory } from '../kit/http/factory.ts'
import { createIdempotency } from '../kit/http/idempotency.ts'
import { issuedToken } from '../kit/http/session.ts'
import { emailNotVerified } from './errors.ts'
import { findUser, type User } from './queries.ts'
import { ADMIN, roles, type Role } from './roles.ts'
import type { SecondStep } from './second-step.ts'
import type { WayIn } from './ways-in.ts'
import { idempotencyKeys } from './table.ts'

/** What `openOwn` in `manifest.ts` opens for handlers and tasks beside the kit's: `{ payments: Payments }`. */
export interface Own {
  waysIn?: readonly WayIn[]
  secondStep?: SecondStep
  /** Called when a session of an account has begun. */
  tellLogin?: (deps: Deps, userId: string, ip: string) => Promise<void>
  publish: Publish
}

export interface Product {
  Role: Role
  User: User
  Config: Config
  Own: Own
}

export type Deps = KitDeps<Config, Role> & Own

/** Of any route: `c.var.session` is null for visitors. */
export type AppContext = ContextWith<AppEnv<Product>>

/** Behind `requireRole`. */
export type LoggedInContext = ContextWith<LoggedIn<Product>>

/** Creates the app and the app of each slice. */
export const factory = appFactory<Product>()

/** The role that counts: while EMAIL_VERIFICATION=required waits for the email, the lowest that may log in. */
export const roleOf = ({ role, verified }: User, { emailVerification }: Config): Role =>
  emailVerification === 'required' && !verified && !roles.isBarred(role) ? 'readonly' : role

/** Lets in sessions of a role or above; the handler finds the account in `c.var.me()`. */
export const requireRole = roleGuard<Product>({
  roles,
  findUser,
  limited: { roleOf, error: emailNotVerified },
  readsRowFrom: ADMIN,
  tooLowStatus: 401, // the clients of the API that this one replaces know no 403; a new API leaves this line out
})

/** `idempotent()` on a route: what is sent again with one `Idempotency-Key` is done once. */
export const { idempotent, deleteExpired: deleteExpiredKeys } = createIdempotency(idempotencyKeys)

/** The answer of a call that returns nothing: `c.var.respond(await done(logOut(c)))`. */
export const done = async (work: Promise<unknown>): Promise<Record<never, never>> => {
  await work
  return {}
}

/** The answer of a call that begins or refreshes a session: what it returns, and the session's token if no cookie carries that. */
export const withToken = async <T extends object>(c: AnyContext, work: Promise<T>) => ({
  ...(await work),
  ...issuedToken(c),
})

/** What a call has found, or done. @throws notFound */
export async function found<T>(c: AnyContext, work: Promise<T | false | undefined>): Promise<T> {
  const result = await work
  if (result === undefined || result === false) throw notFound(c)
  return result
}
