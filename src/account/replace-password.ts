// Sets another password for whoever has given the one before it.
import type { Db } from '../kit/types/db.ts'
import { recordEvent } from './audit.ts'
import { requestNotice } from './mail-tasks.ts'
import { tokens } from './one-time-tokens.ts'
import type { AppContext } from './product.ts'
import { updateUser, type User } from './queries.ts'

/**
 * Voids the links to choose a password and a change of email that waits, and tells the owner. Takes a transaction. Undefined if
 * the hash is not `was` any more.
 */
export async function replacePassword(
  c: AppContext,
  tx: Db,
  userId: string,
  hash: string,
  was: string | null,
): Promise<User | undefined> {
  const changed = await updateUser(tx, userId, { password: hash }, { was })
  if (changed === undefined) return undefined
  await tokens.revoke(tx, userId, { but: ['take_back', 'verify', 'invitation'] })
  await requestNotice(c.var, tx, changed.email, 'password_changed')
  await recordEvent(c, tx, { action: 'password.changed', account: userId })
  return changed
}
