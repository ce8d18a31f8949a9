// Clears what refers to rows that are about to be deleted, in batches, by the rule that each foreign key declares.
import { getTableName, is, type SQL, sql, type SQLChunk } from 'drizzle-orm'
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core'
import type { Db } from '../types/db.ts'
import type { Schema } from './owned-rows.ts'

/** Rows of one statement: it holds their locks no longer than a moment. */
const BATCH = 1000

interface Doomed {
  table: PgTable
  where: SQL
  /** The condition leaves out what is referred to by another rule, or none. */
  leavesOutHeld?: boolean
}

/**
 * Deletes the rows that refer to these (`onDelete: 'cascade'`), and what refers to those before them, or takes the reference
 * out of them (`'set null'`); each of these keys wants an index. What comes in meanwhile, and what refers in a circle, is left to
 * the rows' own deletion. Broken half way it can be run again.
 * @param schema every table of the service
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
    const names = columns.map(({ name }) => sql.identifier(name))
    const refers = sql`(${list(columns)}) in (select ${list(foreignColumns)} from ${table} where ${where})`
    if (rule === 'cascade')
      await clearReferences(db, schema, { table: from, where: refers }, signal, [...behind, table])
    const cleared = list(names.map((name) => sql`${name} = null`))
    const change = rule === 'cascade' ? sql`delete from ${from}` : sql`update ${from} set ${cleared}`
    // Asked twice: a row may have become another's since it was found.
    const batch = sql`${change} where ctid = any(array(select ctid from ${from} where ${refers} limit ${BATCH})) and ${refers} returning 1`
    do signal.throwIfAborted()
    while ((await db.execute(batch)).length > 0)
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

function undeclared({ from, columns }: Reference, table: PgTable): Error {
  const name = `${getTableName(from)}.${columns.map((column) => column.name).join(', ')}`
  return new Error(
    `${name} refers to ${getTableName(table)}, and does not say what becomes of its rows when those are deleted: ` +
      `declare { onDelete: 'cascade' } beside it, and they go too, or 'set null', and they stay without`,
  )
}
