// Keeps deleted rows for some days, in which they can be restored, and then deletes them for good.
//
//   table.ts     deleted: timestamp({ withTimezone: true }),
//                export const deletedBooks = new SoftDelete(books, { days: 30 })     exported: so the purge finds it
//   queries.ts   isNull(books.deleted) in the rule of what is visible, deletedBooks.isRestorable() in that of what can be restored
//
// `purgeDeleted` (src/kit/jobs/purge-deleted.ts) is the task for a cron.
import { type SQL, sql } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'
import type { Db } from '../types/db.ts'
import { deleteWithReferences, isCleared, isFreeOf, referencesTo } from './clear-references.ts'
import type { Schema } from './owned-rows.ts'

export class SoftDelete {
  readonly days: number

  /** @param options.days for how long a deleted row can be restored */
  constructor(
    readonly table: PgTable & { deleted: PgColumn },
    { days }: { days: number },
  ) {
    this.days = days
  }

  /** The row is deleted, and its days are not over. */
  isRestorable = (): SQL => sql`${this.table.deleted} > ${this.#end()}`

  /** The row is deleted, and its days are over. Never the same row as above, so that none is restored while it goes. */
  isOver = (): SQL => sql`${this.table.deleted} <= ${this.#end()}`

  #end = () => sql`now() - make_interval(days => ${this.days})`
}

/**
 * Deletes, in batches, the rows whose days are over, in every table that has a `SoftDelete`; what refers to them goes by the rule
 * of its foreign key. A row that others refer to without such a rule, or by `restrict`, stays until they go. An index that
 * begins with `deleted` finds them. Broken half way it can be run again.
 * @param schema every table of the service
 */
export async function deleteOver(db: Db, schema: Schema, signal: AbortSignal): Promise<number> {
  let count = 0
  for (const soft of Object.values(schema)) {
    if (!(soft instanceof SoftDelete)) continue
    const { table } = soft
    const held = referencesTo(schema, table).filter((reference) => !isCleared(reference))
    const where = sql.join([soft.isOver(), ...held.map(isFreeOf)], sql` and `)
    count += await deleteWithReferences(db, schema, { table, where, leavesOutHeld: true }, signal)
  }
  return count
}
