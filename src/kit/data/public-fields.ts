// Limits what leaves the service of a table's rows to the fields that the schema of a response names.
import { getTableColumns, is, SQL } from 'drizzle-orm'
import { PgColumn, type PgTable } from 'drizzle-orm/pg-core'
import type { z } from 'zod'
import { microsecondsOf } from './list-values.ts'
import { textOf } from './sql-text.ts'

/** The sources of fields, by name. */
export type Sources = Record<string, PgColumn | SQL | SQL.Aliased>

/** How the export of an owner's data shows the rows. */
interface Exported {
  /** The column that refers to the owner: needed if several do. */
  owner?: PgColumn
  /** Instead of the fields of the response. */
  columns?: Sources
}

export class PublicFields<C extends Sources = Sources> {
  constructor(
    readonly table: PgTable,
    /** For every `select` and `returning` for clients: nothing else leaves Postgres. */
    readonly columns: C,
    readonly exported: Exported | false,
    /** The schema of the fields. */
    readonly response: z.ZodObject,
  ) {}
}

type Columns<T extends PgTable> = T['_']['columns']
/** Sources: required for fields that are no columns, optional for the others. */
type Others<T extends PgTable, Name> = {
  [K in Exclude<Name, keyof Columns<T>> & string]: Sources[string]
} & {
  [K in Name & keyof Columns<T>]?: Sources[string]
}
type Chosen<T extends PgTable, Name extends PropertyKey, O> = {
  [K in Name]: K extends keyof O ? O[K] : K extends keyof Columns<T> ? Columns<T>[K] : never
}

/**
 * Declares what a client sees of a table's rows. Queries select its `columns`; if the table refers to an owner, the
 * export of that owner's data holds the same.
 * @param response the schema that the routes document
 * @param others the sources of fields that are no columns, or that are sent in another form
 * @param options how an export shows the rows; `exported: false`: not at all
 */
export function publicFields<
  T extends PgTable,
  A extends z.ZodObject,
  const O extends Others<T, keyof A['shape']>,
>(table: T, response: A, others: O, { exported = {} }: { exported?: Exported | false } = {}) {
  const all: Sources = { ...getTableColumns(table), ...others }
  const names = Object.keys(response.shape)
  const columns = Object.fromEntries(names.map((name) => [name, all[name]]))
  return new PublicFields(table, columns as Chosen<T, keyof A['shape'] & string, O>, exported, response)
}

/** The column that a field is, or is as text: an id, or a moment with its microseconds. */
export function columnBehind(source: Sources[string] | undefined): PgColumn | undefined {
  if (is(source, PgColumn)) return source
  if (!is(source, SQL.Aliased)) return undefined
  const { text, columns } = textOf(source.sql)
  const [column] = columns
  return column && ['#0::text', textOf(microsecondsOf(column)).text].includes(text) ? column : undefined
}
