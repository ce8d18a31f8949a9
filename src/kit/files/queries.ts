// Holds the SQL about files: each change of state names the state before it, so that of two at once one does it.
import { and, count, eq, inArray, type SQL, sql, sum } from 'drizzle-orm'
import { NOBODY } from '../data/scope.ts'
import type { EnqueueInTransaction } from '../jobs/outbox/enqueue.ts'
import type { Task } from '../jobs/task.ts'
import { defineError } from '../types/api-error.ts'
import type { Db } from '../types/db.ts'
import type { FileRow, FilesTable, FileState } from './files-table.ts'
import type { Purpose } from './purposes.ts'

export const fileQuotaExceeded = defineError(
  409,
  'file_quota_exceeded',
  'There are as many files for this purpose as an account may have: delete one first',
)

/** Rows whose bytes one job deletes: its input has to stay below JOB_MAX_BYTES. */
const BATCH = 500

type NewFile = Pick<FilesTable['$inferInsert'], 'purpose' | 'name' | 'type' | 'size' | 'sha256'>

export function fileQueries(table: FilesTable) {
  const isIn = (id: string, state: FileState) => and(eq(table.id, id), eq(table.state, state))

  return {
    async find(db: Db, id: string): Promise<FileRow | undefined> {
      const [row] = await db.select().from(table).where(eq(table.id, id))
      return row
    },

    /** Makes the row, which takes its place and its bytes of what the account may have. @throws fileQuotaExceeded */
    reserve(db: Db, account: string, file: NewFile, { maxCount, maxTotalBytes }: Purpose): Promise<FileRow> {
      const { purpose, size } = file
      return db.transaction(async (tx) => {
        // One after the other: or two would take the last place.
        await tx.execute(
          sql`select pg_advisory_xact_lock(hashtextextended(${`files ${account} ${purpose}`}, 0))`,
        )
        const [taken] = await tx
          .select({ files: count(), bytes: sum(table.size).mapWith(Number) })
          .from(table)
          .where(and(eq(table.account, account), eq(table.purpose, purpose)))
        if ((taken?.files ?? 0) >= maxCount || (taken?.bytes ?? 0) + size > maxTotalBytes)
          throw fileQuotaExceeded()
        const [row] = await tx
          .insert(table)
          .values({ account, ...file })
          .returning()
        if (row === undefined) throw new Error('insert returned no row')
        return row
      })
    },

    /** Undefined if it is no longer in the state before. */
    async move(
      db: Db,
      id: string,
      [from, to]: readonly [FileState, FileState],
      more: { object?: string | null; sha256?: string } = {},
    ): Promise<FileRow | undefined> {
      const change = { ...more, state: to, changed: sql`now()` }
      const [row] = await db.update(table).set(change).where(isIn(id, from)).returning()
      return row
    },

    /**
     * Deletes rows, and their bytes by a job that commits with it: whatever dies, no bytes are left for good.
     * @throws what Postgres refuses because a row refers to one of them
     */
    remove(
      { db, enqueue }: { db: Db; enqueue: EnqueueInTransaction },
      job: Task,
      where: SQL | undefined,
    ): Promise<number> {
      return db.transaction(async (tx) => {
        // Locked first, and deleted by key: in one statement Postgres may compare each overdue row with each of the batch, where
        // its statistics are older than most of the rows.
        const files = await tx
          .select({ id: table.id, object: table.object })
          .from(table)
          .where(where)
          .limit(BATCH)
          .for('update', { of: table })
        if (files.length === 0) return 0
        const ids = files.map(({ id }) => id)
        await tx.delete(table).where(inArray(table.id, ids))
        await enqueue(tx, job, { files })
        return files.length
      })
    },

    /** A file that a row of this account may refer to: its own, ready, and for this purpose. */
    async usable(db: Db, me: string, purpose: string, id: string): Promise<{ id: string } | undefined> {
      const isOwn = and(eq(table.account, me), eq(table.purpose, purpose), isIn(id, 'ready'))
      const [row] = me === NOBODY ? [] : await db.select({ id: table.id }).from(table).where(isOwn)
      return row
    },
  }
}

export type FileQueries = ReturnType<typeof fileQueries>
