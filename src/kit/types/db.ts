// Declares the database as queries see it.
import type { PgDatabase } from 'drizzle-orm/pg-core'
import type { PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js'

/** A Drizzle database or transaction: queries take either. */
export type Db = PgDatabase<PostgresJsQueryResultHKT>
