// Deletes rows in batches: each statement holds its locks no longer than a moment, and stays below its timeout.
import { type SQL, sql } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import type { Db } from '../types/db.ts'

/** Rows of one statement. */
export const BATCH = 1000

/**
 * The condition of a statement that changes a batch of rows. They are found once, and locked, and then taken by where they lie.
 * With `in (select ...)`, or with the condition once more beside it, Postgres finds them anew for each row of the table, where its
 * statistics are of a time when that was almost empty.
 */
export const inBatch = (table: PgTable, which: SQL): SQL =>
  sql`ctid = any(array(select ctid from ${table} where ${which} limit ${BATCH} for update))`

/** Deletes all such rows; what comes in meanwhile, too. Broken off it can be run again. */
export async function deleteInBatches(
  db: Db,
  table: PgTable,
  which: SQL,
  signal?: AbortSignal,
): Promise<number> {
  const batch = sql`delete from ${table} where ${inBatch(table, which)} returning 1`
  for (let count = 0; ;) {
    signal?.throwIfAborted()
    const { length } = await db.execute(batch)
    if (length === 0) return count
    count += length
  }
}
