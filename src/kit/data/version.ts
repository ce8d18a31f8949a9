// Counts the changes of a row, so that a write can say which state of it it goes by.
import { inArray, sql, type SQL } from 'drizzle-orm'
import { integer, type PgColumn } from 'drizzle-orm/pg-core'

/** The column `version`: 1 in a new row, and one more by each update through Drizzle. What else updates a row counts it up itself. */
export const version = () =>
  integer()
    .notNull()
    .default(1)
    .$onUpdate((): SQL => sql`version + 1`)

/** Those in which a client has read a row: of `If-Match`. Undefined: it goes by none. */
export type Versions = readonly number[] | undefined

/** The condition of an update or a delete: the row is in one of these states, or in any if none is named. */
export const isVersion = (column: PgColumn, versions: Versions): SQL | undefined =>
  versions && inArray(column, [...versions])
