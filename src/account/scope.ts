// Tells queries who asks, and with which role: what rows that belong to accounts are read and changed by.
import type { SQL } from 'drizzle-orm'
import { NOBODY, type Scope as ScopeOf } from '../kit/data/scope.ts'
import type { AnyContext } from '../kit/http/env.ts'
import { type AppContext, roleOf } from './product.ts'
import { findUser, type User } from './queries.ts'
import { isAdmin, type Role, roles } from './roles.ts'

/** Of this product's roles; see `scopeOf`. */
export type Scope = ScopeOf<Role>

/** Whose rows: a condition for every query about them, undefined for all. It stands beside the queries, in plain words. */
export type Rule = (scope: Scope) => SQL | undefined

/**
 * Who makes this request. Behind `requireRole` it is whom that has admitted; on a route for everybody an account that comes
 * with its session, else a visitor. An admin is asked for in the account's row, so that a role that was lowered counts at once.
 */
export async function scopeOf(c: AppContext): Promise<Scope> {
  const { config, db, session } = c.var
  if (session === null) return { db, me: NOBODY, role: null }
  const { access, role, userId: me } = session
  if (!isAdmin(role)) return { db, me, role }
  // What reaches everybody's rows is for the few: a program has its own account's.
  if (access !== undefined) return { db, me, role: roles.admitted.findLast((each) => !isAdmin(each)) ?? null }
  const open: AnyContext = c
  const readOnce: (() => Promise<User>) | undefined = open.get('me') // behind `requireRole`
  const user = await (readOnce?.() ?? findUser(db, me))
  if (user === undefined) return { db, me: NOBODY, role: null }
  const counts = roleOf(user, config)
  return { db, me, role: roles.atLeast(counts, role) ? role : counts }
}
