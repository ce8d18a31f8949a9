// Lets a route read what may be a moment old, and notes which accounts write: they see their own writes.
import type { AnyContext, AppEnv } from './env.ts'
import { middleware } from './factory.ts'
import { isSafeMethod } from './safe-methods.ts'
import type { Context } from 'hono'
import type { Db } from '../types/db.ts'

/** Whoever asks, though the route may not ask who it is. */
const accountOf = ({ var: { session, tokenSession, impersonation } }: Context<AppEnv>) =>
  (session ?? tokenSession ?? impersonation)?.userId ?? null

/**
 * A handle for queries whose answer may be as old as `STALE_MAX_LAG_MS`, for a list that many read for example. It takes a
 * replica if `DATABASE_REPLICA_URL` names a good one, unless the account of this request has just written. It refuses
 * what writes and has no transactions. Do not decide by it what somebody may do.
 */
export const staleDb = (c: AnyContext): Promise<Db> => {
  const open: Context<AppEnv> = c
  return open.var.stale.for(accountOf(open))
}

/** To be used where there are replicas, behind the session. Before the answer goes, so that the next request finds the mark. */
export const noteWrites = middleware(async (c, next) => {
  const before = accountOf(c)
  await next()
  if (isSafeMethod(c.req.method)) return
  const accounts = [...new Set([before, accountOf(c)])].filter((account) => account !== null)
  await Promise.all(accounts.map((account) => c.var.stale.wrote(account)))
})
