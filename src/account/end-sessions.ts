// Ends every session of an account together with a change in the database.
import type { Context } from 'hono'
import { retryConflict } from '../kit/data/transient.ts'
import type { AnyContext, AppEnv } from '../kit/http/env.ts'
import type { Db } from '../kit/types/db.ts'
import type { Product } from './product.ts'

/**
 * Runs `change` in a transaction and ends the account's sessions before it commits: while Redis is away nothing changes. They
 * end once more behind it, for logins that saw the state of before; `beginSession` refuses those that come later.
 */
export async function endSessionsWith<T>(
  context: AnyContext,
  userId: string,
  change: (tx: Db) => Promise<T>,
): Promise<T> {
  const c: Context<AppEnv<Product>> = context
  const { db, log, sessions } = c.var
  const changed = await retryConflict(() =>
    db.transaction(async (tx) => {
      const result = await change(tx)
      await sessions.destroyAllOf(userId)
      return result
    }),
  )
  await sessions.destroyAllOf(userId).catch((error: unknown) => {
    log.error(
      'a session that began during this change may be left: the next change of the password ends it',
      {
        user: userId,
        error,
      },
    )
  })
  return changed
}
