// Clears what refers to rows that are about to be deleted, in batches, by the rule that each foreign key declares.
import { getTableName, is, type SQL, sql, type SQLChunk } from 'drizzle-orm'
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core'
import type { Db } from '../types/db.ts'
import { BATCH, inBatch } from './batches.ts'
import type { Schema } from './owned-rows.ts'
import { isOneOf, someByKey, textsOf } from './pages-by-key.ts'

interface Doomed {
  table: PgTable
  where: SQL
  /** The condition leaves out what is referred to by another rule, or none. */
  leavesOutHeld?: boolean | undefined
}

/**
 * Deletes the rows that refer to these (`onDelete: 'cascade'`), and what refers to those before them, or takes the reference
 * out of them (`'set null'`); each of these keys wants an index. What comes in meanwhile, and what refers in a circle, is left to
 * the rows' own deletion. Broken half way it can be run again.
 * @param schema every table of the service
 * @param doomed the condition holds for a batch of rows at the most
 * @throws Error that names a foreign key with another rule, or none, before a row of its table is changed
 */
export async function clearReferences(
  db: Db,
  schema: Schema,
  { table, where, leavesOutHeld = false }: Doomed,
  signal: AbortSignal,
  behind: PgTable[] = [],
): Promise<void> {
  const references = referencesTo(schema, table)
  const other = references.find((reference) => !isCleared(reference))
  if (other !== undefined && !leavesOutHeld) throw undeclared(other, table)
  for (const { from, columns, foreignColumns, rule } of references.filter(isCleared)) {
    if ([...behind, table].includes(from)) continue
    // Their values, and not a query for them: whatever the statistics say, what refers to them is found by its own index.
    const to = await db.select(textsOf(foreignColumns)).from(table).where(where)
    if (to.length === 0) return
    const refers = isOneOf(columns, to.map(Object.values))
    if (rule === 'cascade')
      await deleteWithReferences(db, schema, { table: from, where: refers }, signal, [...behind, table])
    else {
      const cleared = list(columns.map(({ name }) => sql`${sql.identifier(name)} = null`))
      const batch = sql`update ${from} set ${cleared} where ${inBatch(from, refers)} returning 1`
      do signal.throwIfAborted()
      while ((await db.execute(batch)).length > 0)
    }
  }
}

/** Deletes rows in batches, each once what refers to its rows is cleared. */
export async function deleteWithReferences(
  db: Db,
  schema: Schema,
  { table, where, leavesOutHeld }: Doomed,
  signal: AbortSignal,
  behind: PgTable[] = [],
): Promise<number> {
  for (let count = 0; ;) {
    signal.throwIfAborted()
    const those = await someByKey(db, table, where, BATCH)
    if (those === undefined) return count
    await clearReferences(db, schema, { table, where: those, leavesOutHeld }, signal, behind)
    // `is true` hides the condition from an index that finds more than those.
    const batch = inBatch(table, sql`${those} and (${where}) is true`)
    const { length } = await db.execute(sql`delete from ${table} where ${batch} returning 1`)
    if (length === 0) return count
    count += length
  }
}

const list = (parts: SQLChunk[]) => sql.join(parts, sql`, `)

/** The foreign keys to a table. */
export function referencesTo(schema: Schema, table: PgTable) {
  const tables = new Set(Object.values(schema).filter((value) => is(value, PgTable)))
  return [...tables].flatMap((from) =>
    getTableConfig(from).foreignKeys.flatMap(({ reference, onDelete: rule }) => {
      const { columns, foreignColumns, foreignTable } = reference()
      return foreignTable === table ? [{ from, columns, foreignColumns, rule }] : []
    }),
  )
}

export type Reference = ReturnType<typeof referencesTo>[number]

/** It says what becomes of its rows. */
export const isCleared = ({ rule }: Pick<Reference, 'rule'>) => rule === 'cascade' || rule === 'set null'

/**
 * That none of its rows refers to the row. `is true`: a look at its index for each row; as a join it may be a walk through all of it,
 * where statistics are old.
 */
export function isFreeOf({ from, columns, foreignColumns }: Reference): SQL {
  const equal = columns.map(({ name }, i) => sql`holder.${sql.identifier(name)} = ${foreignColumns[i]}`)
  return sql`(not exists (select from ${from} as holder where ${sql.join(equal, sql` and `)})) is true`
}

function undeclared({ from, columns }: Reference, table: PgTable): Error {
  const name = `${getTableName(from)}.${columns.map((column) => column.name).join(', ')}`
  return new Error(
    `${name} refers to ${getTableName(table)}, and does not say what becomes of its rows when those are deleted: ` +
      `declare { onDelete: 'cascade' } beside it, and they go too, or 'set null', and they stay without`,
  )
}
