// Lanes to Postgres: which connections a query takes, so that slow work never stands before quick work.
import type { Db } from '../types/db.ts'

/**
 * `accounts`: an account by its key. `fast`: rows by key, and bounded pages in the order of an index.
 * `search`: reads whose cost a client chooses; few run at once, each under a short timeout.
 * Everything else takes a place of the database handle itself: writes, transactions, filters, exports.
 */
export type Lane = 'accounts' | 'fast' | 'search'

const lanesOfDatabase = new WeakMap<Db, Record<Lane, Db>>()

/** Tells which handles a database's lanes have. */
export function registerLanes(db: Db, lanes: Record<Lane, Db>): void {
  lanesOfDatabase.set(db, lanes)
}

/** The handle for queries of this lane; a database without lanes, and a transaction, keep their own. */
export const laneOf = (db: Db, lane: Lane | undefined): Db => (lane && lanesOfDatabase.get(db)?.[lane]) ?? db
