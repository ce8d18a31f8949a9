// Declares a statement as it is sent to Postgres, and the rows that come back.
import type postgres from 'postgres'

export interface Statement {
  text: string
  parameters?: readonly unknown[]
  prepare?: boolean | undefined
  /** Rows as arrays of values, as Drizzle wants them, instead of objects. */
  asValues?: boolean
  /** What it, or the transaction that it begins, has waited for a place in its lane. */
  waitedMs?: number
  /** The host that it went to, if that is a replica. */
  replica?: string
}

export type Rows = postgres.RowList<postgres.Row[]>
