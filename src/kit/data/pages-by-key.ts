// Walks through a table's rows in the order of its primary key, a page at a time.
import { and, type SQL, sql } from 'drizzle-orm'
import { getTableConfig, type PgColumn, type PgTable } from 'drizzle-orm/pg-core'
import type { Db } from '../types/db.ts'
import type { Sources } from './public-fields.ts'

const PAGE_SIZE = 200

/** The columns of the primary key; none if the table has no key. */
export function keyOf(table: PgTable): PgColumn[] {
  const { columns, primaryKeys } = getTableConfig(table)
  // A key of several columns has copies of them, which cannot tell their types.
  const names = primaryKeys[0]?.columns.map(({ name }) => name)
  if (names === undefined) return columns.filter((column) => column.primary)
  return names.flatMap((name) => columns.filter((column) => column.name === name))
}

interface Walk {
  table: PgTable
  columns: Sources
  key: PgColumn[]
  where: SQL | undefined
}

/** Yields each row that is there throughout, and where it stands: its key, each column as text. */
export async function* pagesByKey(db: Db, { table, columns, key, where }: Walk) {
  const at = textsOf(key)
  let after: string[] | undefined
  do {
    const page = await db
      .select({ row: columns, at })
      .from(table)
      .where(and(where, after && sql`${tuple(key)} > ${valuesOf(key, after)}`))
      .orderBy(...key)
      .limit(PAGE_SIZE)
    const rows = page.map(({ row, at: texts }) => ({ row, at: Object.values(texts) }))
    yield rows
    after = page.length < PAGE_SIZE ? undefined : rows.at(-1)?.at
  } while (after !== undefined)
}

/**
 * Some of the rows that a condition holds for, as a condition that names their keys; undefined if there are none. Of a table without
 * a key all of them.
 */
export async function someByKey(db: Db, table: PgTable, where: SQL, limit: number): Promise<SQL | undefined> {
  const key = keyOf(table)
  if (key.length === 0) return where
  const rows = await db.select(textsOf(key)).from(table).where(where).limit(limit)
  return rows.length === 0 ? undefined : isOneOf(key, rows.map(Object.values))
}

/** The condition that a row has the values of one of these in those columns. */
export const isOneOf = (columns: PgColumn[], texts: string[][]): SQL =>
  sql`${tuple(columns)} in ${tuple(texts.map((row) => valuesOf(columns, row)))}`

/** As text: a Date would lose microseconds. */
export const textsOf = (key: PgColumn[]) =>
  Object.fromEntries(key.map((column, i) => [i, sql<string>`${column}::text`]))

/** The condition that a row stands there. */
export const isAt = (key: PgColumn[], at: string[]): SQL => sql`${tuple(key)} = ${valuesOf(key, at)}`

const tuple = (parts: (SQL | PgColumn)[]) =>
  sql`(${sql.join(
    parts.map((part) => sql`${part}`),
    sql`, `,
  )})`

const valuesOf = (key: PgColumn[], texts: string[]) =>
  tuple(
    texts.map((text, i) => {
      const type = key[i]?.getSQLType() ?? ''
      // The driver would encode the text of these again.
      return type === 'boolean' || type === 'bytea' ? sql`${text}::text::${sql.raw(type)}` : sql`${text}`
    }),
  )
