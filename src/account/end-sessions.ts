// Ends every session of an account together with a change in the database.
import { retryConflict } from '../kit/data/transient.ts'
import { unauthorized } from '../kit/http/errors.ts'
import type { Db } from '../kit/types/db.ts'
import type { AppContext, LoggedInContext } from './product.ts'
import { lockUser } from './queries.ts'

/**
 * Locks the caller's account until the transaction ends, and makes sure that its session has not ended since the request
 * began. Whatever ends sessions holds that lock: so nothing is done in a session that a reset or a take-back has ended.
 * @throws loginRequired
 */
export async function lockOwnAccount(c: LoggedInContext, tx: Db): Promise<void> {
  await lockUser(tx, c.var.session.userId)
  await assertSessionOpen(c.var.session)
}

/** To be asked behind the lock of the account's row. @throws loginRequired */
export async function assertSessionOpen(session: LoggedInContext['var']['session']): Promise<void> {
  if (!(await session.isOpen())) throw sessionEnded()
}

export const sessionEnded = () => unauthorized('This session has ended')

/**
 * Runs `change` in a transaction and ends the account's sessions before it commits: while Redis is away nothing changes. They
 * end once more behind it, for logins that saw the state of before; `beginSession` refuses those that come later.
 */
export async function endSessionsWith<T>(
  c: AppContext,
  userId: string,
  change: (tx: Db) => Promise<T>,
): Promise<T> {
  const { db, log, sessions } = c.var
  const changed = await retryConflict(() =>
    db.transaction(async (tx) => {
      const result = await change(tx)
      await sessions.destroyAllOf(userId)
      return result
    }),
  )
  await sessions.destroyAllOf(userId).catch((error: unknown) => {
    const left = 'a session that began during this change may be left'
    log.error(`${left}: the next change of the password ends it`, { user: userId, error })
  })
  return changed
}
