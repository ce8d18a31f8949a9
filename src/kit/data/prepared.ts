// Prepared queries: built once for each database and then only executed, which saves a request its largest single cost.
import type { Db } from '../types/db.ts'
import { type Lane, laneOf } from './lanes.ts'

/**
 * Memoises `build` for each database handle. Inputs are `sql.placeholder('name')` in the query
 * and `{ name: value }` at `execute`. A transaction is a handle of its own, and prepares anew.
 * @param lane the connections it runs on; without one, those for writes and all else (see `lanes.ts`)
 */
export function prepared<Q extends object>(build: (db: Db) => Q, lane?: Lane): (db: Db) => Q {
  const built = new WeakMap<Db, Q>()
  return (db) => {
    let query = built.get(db)
    if (query === undefined) {
      query = build(laneOf(db, lane))
      built.set(db, query)
    }
    return query
  }
}
