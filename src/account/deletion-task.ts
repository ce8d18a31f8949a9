// Defines the tasks that delete accounts whose time has come, with all that belongs to them.
import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { clearReferences } from '../kit/data/clear-references.ts'
import type { Schema } from '../kit/data/owned-rows.ts'
import { defineTask, FOR_DAYS } from '../kit/jobs/task.ts'
import { accessTokens } from './access-tokens.ts'
import { recordEvent } from './audit.ts'
import { mailNotice, mailReset } from './mail-tasks.ts'
import type { Deps } from './product.ts'
import { deleteDueUser, findDueUsers, findUser, isEmailTaken } from './queries.ts'
import { users } from './table.ts'

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
