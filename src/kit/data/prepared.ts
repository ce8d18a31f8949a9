// Prepares queries: each is built once per database and then only executed, which saves the largest cost of a request.
import type { Db } from '../types/db.ts'
import { type Lane, inLane } from './lanes.ts'

/**
 * Memoises `build` per database handle. Inputs are `sql.placeholder('name')` in the query
 * and `{ name: value }` at `execute`. A transaction is a handle of its own and prepares again.
 * @param lane the connections to use; by default those of writes and everything else (see `lanes.ts`)
 */
export function prepared<Q extends object>(build: (db: Db) => Q, lane?: Lane): (db: Db) => Q {
  const built = new WeakMap<Db, Q>()
  return (db) => {
    let query = built.get(db)
    if (query === undefined) {
      query = build(inLane(db, lane))
      built.set(db, query)
    }
    return query
  }
}
