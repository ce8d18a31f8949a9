// Declares exclusion constraints, which Drizzle does not know: no two rows of a table have ranges that overlap.
import { type SQL, sql } from 'drizzle-orm'
import { index, type PgColumn } from 'drizzle-orm/pg-core'

/**
 * Of two rows with the same values in `same` these ranges never overlap: the later one is refused. A null in `same` is the same
 * as nothing, a null in a range is an open end.
 *
 *   exclusion('bookings_court_overlap', [t.court], sql`tstzrange(${t.starts}, ${t.ends})`)
 *
 * To Drizzle it is an index, so that its snapshots know it. Of that index `npm run generate` makes the constraint; as drizzle-kit
 * itself writes it, Postgres refuses it: nothing is ever left without.
 */
export const exclusion = (name: string, same: Partial<PgColumn>[], range: SQL) =>
  index(name).using(
    'gist',
    sql.join([...same.map((column) => sql`${column} WITH =`), sql`${range} WITH &&`], sql`, `),
  )
