// What of a table's rows leaves the service: the fields that the schema of an response names, and no column besides.
import { getTableColumns, type SQL } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'
import type { z } from 'zod'

/** What fields are read from, by name. */
export type Sources = Record<string, PgColumn | SQL | SQL.Aliased>

/** How the rows stand in the export of their owner's data. */
interface Exported {
  /** Refers to the owner: needed where several columns of the table do. */
  owner?: PgColumn
  /** In place of the fields of the response. */
  columns?: Sources
}

export class PublicFields<C extends Sources = Sources> {
  constructor(
    readonly table: PgTable,
    /** For every `select` and `returning` of what clients get: nothing else leaves Postgres. */
    readonly columns: C,
    readonly exported: Exported | false,
  ) {}
}

type Columns<T extends PgTable> = T['_']['columns']
/** Those of fields that are no columns, and of any others. */
type Others<T extends PgTable, Name> = {
  [K in Exclude<Name, keyof Columns<T>> & string]: Sources[string]
} & {
  [K in Name & keyof Columns<T>]?: Sources[string]
}
type Chosen<T extends PgTable, Name extends PropertyKey, O> = {
  [K in Name]: K extends keyof O ? O[K] : K extends keyof Columns<T> ? Columns<T>[K] : never
}

/**
 * Declares beside a table what a client sees of its rows. Its columns are for queries; an export of what belongs to an
 * owner holds the same, where the table refers to that owner.
 * @param response the schema that the routes document, field by field
 * @param others the sources of fields that are no columns, or that are sent in another form
 * @param options how the rows stand in an export; `exported: false`: in none
 */
export function publicFields<
  T extends PgTable,
  A extends z.ZodObject,
  const O extends Others<T, keyof A['shape']>,
>(table: T, response: A, others: O, { exported = {} }: { exported?: Exported | false } = {}) {
  const all: Sources = { ...getTableColumns(table), ...others }
  const names = Object.keys(response.shape)
  const columns = Object.fromEntries(names.map((name) => [name, all[name]]))
  return new PublicFields(table, columns as Chosen<T, keyof A['shape'] & string, O>, exported)
}
