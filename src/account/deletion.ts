// Deletes the account that asks, with all that belongs to it, after a time in which its owner can undo that.
import { eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Author } from '../kit/audit/record.ts'
import { requireFresh } from '../kit/auth/guards.ts'
import { clearReferences } from '../kit/data/clear-references.ts'
import type { Schema } from '../kit/data/owned-rows.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { unauthorized } from '../kit/http/errors.ts'
import { agentOf, endSession } from '../kit/http/session.ts'
import { defineTask, FOR_DAYS } from '../kit/jobs/task.ts'
import type { Db } from '../kit/types/db.ts'
import { accessTokens } from './access-tokens.ts'
import { recordEvent } from './audit.ts'
import { assertNotLastSuperuser, manage } from './change-role.ts'
import { assertSessionOpen, endSessionsWith, lockOwnAccount } from './end-sessions.ts'
import { lastSuperuser } from './errors.ts'
import { mailNotice, mailReset, requestNotice, type Asker } from './mail-tasks.ts'
import { TAKE_BACK_MS, tokens, UNDOES } from './one-time-tokens.ts'
import { factory, requireRole, type Deps, type LoggedInContext } from './product.ts'
import { deleteDueUser, findDueUsers, findUser, isEmailTaken, updateUser, type User } from './queries.ts'
import { UserResponse, users } from './table.ts'

type Needed = Pick<Deps, 'config' | 'store'> & Asker

const gone = () => unauthorized('This account no longer exists')

/** Takes a transaction that has locked the account, which may go. */
async function markDeleted(deps: Needed, tx: Db, userId: string, by: Author): Promise<User> {
  const { deletionDays: days } = deps.config
  await accessTokens.deleteAllOf(deps, tx, userId)
  await tokens.revoke(tx, userId, { but: [...UNDOES, 'invitation'] })
  const takeBack = await tokens.latest(tx, userId, 'take_back')
  // Its mail may leave as late as a week from now, and its time begins then.
  const ends = takeBack && (takeBack.expires ?? new Date(Date.now() + 2 * TAKE_BACK_MS)).toISOString()
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
export async function requestDeletion(c: LoggedInContext): Promise<User> {
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
export async function undoDeletion(c: LoggedInContext): Promise<User> {
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

/** Deletes what an account has beside its rows. It may run twice; the account goes once none of them throws. */
type DeleteBesideRows = (deps: Deps, userId: string) => Promise<unknown>

/** @param beside rows are found by themselves: this is for files, or what another service holds */
export function defineAccountDeletion(beside: DeleteBesideRows[]) {
  const deleteAccount = defineTask({
    name: 'deleteAccount',
    input: z.object({ userId: z.uuid() }),
    unique: ({ userId }) => userId,
    ...FOR_DAYS,
    async run({ userId }, job, deps: Deps & { schema: Schema }) {
      const { db, schema, sessions } = deps
      if (await findUser(db, userId)) return job.log.info('the account stays: its deletion was undone')
      // All this again where a run before has broken off, even if that has deleted the account.
      await sessions.destroyAllOf(userId)
      await db.transaction((tx) => accessTokens.deleteAllOf(deps, tx, userId))
      for (const deleteOwn of beside) await deleteOwn(deps, userId)
      await clearReferences(db, schema, { table: users, where: eq(users.id, userId) }, job.signal)
      await db.transaction(async (tx) => {
        if (!(await deleteDueUser(tx, userId))) return
        await recordEvent({ job: 'deleteAccount' }, tx, { action: 'account.deleted', account: userId })
      })
      await deps.enqueue(dropDeadOfNobody, {})
      job.log.warn('ACCOUNT DELETED', { user: userId })
    },
  })

  const deleteDueAccounts = defineTask({
    name: 'deleteDueAccounts',
    input: z.object({}),
    async run(_input, _job, deps: Deps) {
      for (const { id } of await findDueUsers(deps.db)) await deps.enqueue(deleteAccount, { userId: id })
    },
  })
  return { deleteAccount, deleteDueAccounts }
}

/** Drops dead jobs that name an account which is gone, or mail to an address that is no account's. */
export const dropDeadOfNobody = defineTask({
  name: 'dropDeadOfNobody',
  input: z.object({}),
  unique: () => '',
  async run(_input, _job, { db, queueAdmin }: Deps) {
    await queueAdmin.dropDead(async ({ task, by, data }) => {
      const { userId = by, to, email = to } = Object(data) as Record<string, unknown>
      const id = z.uuid().safeParse(userId).data
      if (id !== undefined && !(await findUser(db, id))) return true
      return [mailNotice.name, mailReset.name].includes(task) && !(await isEmailTaken(db, String(email)))
    })
  },
})

export const accountDeletion = factory
  .createApp()
  .use('/me/deletion', noStore)

  .delete(
    '/me',
    noStore,
    doc(
      'Has my account deleted, with my data: export that first. Logs out everywhere; `deletes` says until when I can log in and undo it. Needs a recent login.',
      UserResponse,
      { status: 202, errors: [lastSuperuser] },
    ),
    requireRole('readonly'),
    requireFresh(),
    async (c) => c.var.respond(await requestDeletion(c)),
  )

  .delete(
    '/me/deletion',
    doc('Undoes it: my account stays.', UserResponse),
    requireRole('readonly'),
    async (c) => c.var.respond(await undoDeletion(c)),
  )
