// Has the account that asks deleted, after a time in which its owner can undo it.
import { sql } from 'drizzle-orm'
import type { Author } from '../kit/audit/record.ts'
import type { AnyContext } from '../kit/http/env.ts'
import { unauthorized } from '../kit/http/errors.ts'
import { agentOf, endSession } from '../kit/http/session.ts'
import type { Db } from '../kit/types/db.ts'
import { accessTokens } from './access-tokens.ts'
import { recordEvent } from './audit.ts'
import { assertNotLastSuperuser, manage } from './change-role.ts'
import { assertSessionOpen, endSessionsWith, lockOwnAccount } from './end-sessions.ts'
import { requestNotice } from './mail-tasks.ts'
import { TAKE_BACK_MS, tokens } from './one-time-tokens.ts'
import type { Deps, LoggedInContext } from './product.ts'
import { updateUser, type User } from './queries.ts'

type Needed = Pick<Deps, 'config' | 'enqueue' | 'store'> & { ip?: string }

const gone = () => unauthorized('This account no longer exists')

/** Takes a transaction that has locked the account, which may go. */
async function markDeleted(deps: Needed, tx: Db, userId: string, by: Author): Promise<User> {
  const { deletionDays: days } = deps.config
  await accessTokens.deleteAllOf(deps, tx, userId)
  await tokens.revoke(tx, userId, { but: ['take_back', 'invitation'] })
  const takeBack = await tokens.latest(tx, userId, 'take_back')
  const ends = takeBack && (takeBack.expires ?? new Date(Date.now() + TAKE_BACK_MS)).toISOString()
  const deletes = sql`greatest(now() + make_interval(days => ${days}), ${ends ?? null}::timestamptz)`
  const marked = await updateUser(tx, userId, { deletes })
  if (!marked?.deletes) throw gone()
  const isDue = days === 0 && takeBack === undefined
  await requestNotice(deps, tx, marked.email, 'deletion_asked', isDue ? undefined : marked.deletes)
  await recordEvent(by, tx, { action: 'account.deletion_asked', account: userId, details: { days } })
  return marked
}

/**
 * Ends the account's sessions, tokens and links, and sets when it is deleted: no earlier than the mailbox of before may take it
 * back. Until then it can log in, and do what it could. Place it behind `requireFresh`.
 * @throws lastSuperuser
 */
export async function requestDeletion(context: AnyContext): Promise<User> {
  const c: LoggedInContext = context
  const { userId } = c.var.session
  const user = await endSessionsWith(c, userId, async (tx) => {
    await assertNotLastSuperuser(tx, userId) // which locks the account
    await assertSessionOpen(c.var.session)
    return markDeleted(c.var, tx, userId, c)
  })
  c.var.log.warn('ACCOUNT DELETION ASKED', { user: userId, agent: agentOf(c) })
  await endSession(c)
  return user
}

/** The same for a command. Undefined if there is no such account. @throws lastSuperuser */
export async function deleteFor(deps: Deps, userId: string, by: Author): Promise<User | undefined> {
  // No role at all, as far as the last superuser goes.
  const user = await manage(deps, userId, { by, granted: 'disabled' }, async (tx) => {
    await deps.sessions.destroyAllOf(userId)
    return markDeleted(deps, tx, userId, by)
  })
  await deps.sessions.destroyAllOf(userId) // of a login that came meanwhile
  return user
}

/** The account stays; nothing is done if it was to. */
export async function undoDeletion(context: AnyContext): Promise<User> {
  const c: LoggedInContext = context
  const me = await c.var.me()
  if (me.deletes === null) return me
  const user = await c.var.db.transaction(async (tx) => {
    await lockOwnAccount(c, tx)
    const kept = await updateUser(tx, me.id, { deletes: null })
    if (kept === undefined) throw gone() // its time has come meanwhile
    await requestNotice(c.var, tx, kept.email, 'deletion_undone')
    await recordEvent(c, tx, { action: 'account.deletion_undone', account: me.id })
    return kept
  })
  c.var.log.warn('ACCOUNT DELETION UNDONE', { user: me.id, agent: agentOf(c) })
  return user
}
