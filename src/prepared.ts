// Prepared queries: built once for each database and then only executed, which saves a request its largest single cost.
import type { Db } from './deps.ts'

/**
 * Memoises `build` for each database handle. Inputs are `sql.placeholder('name')` in the query
 * and `{ name: value }` at `execute`. A transaction is a handle of its own, and prepares anew.
 */
export function prepared<Q extends object>(build: (db: Db) => Q): (db: Db) => Q {
  const built = new WeakMap<Db, Q>()
  return (db) => {
    let query = built.get(db)
    if (query === undefined) {
      query = build(db)
      built.set(db, query)
    }
    return query
  }
}
