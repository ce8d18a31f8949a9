// Chooses the connections to Postgres that a query uses, its lane, so that slow work never holds up quick work.
import type { Db } from '../types/db.ts'

/**
 * `accounts`: an account by its key. `fast`: rows by key, and bounded pages in index order.
 * `search`: reads whose cost the client determines; few run at once, each with a short timeout.
 * Everything else uses the database handle itself: writes, transactions, filters, exports.
 */
export type Lane = 'accounts' | 'fast' | 'search'

const lanesOfDatabase = new WeakMap<Db, Record<Lane, Db>>()

/** Registers the handles of a database's lanes. */
export function registerLanes(db: Db, lanes: Record<Lane, Db>): void {
  lanesOfDatabase.set(db, lanes)
}

/** Returns the handle for queries in this lane. A transaction, and a database without lanes, stay as they are. */
export const inLane = (db: Db, lane: Lane | undefined): Db => (lane && lanesOfDatabase.get(db)?.[lane]) ?? db
