// Takes what Drizzle prepares on the way to the driver: its name is kept for the observers, and its rows are mapped at once.
import type { Db } from '../types/db.ts'
import { keepName } from './query-observer.ts'
import { rowMapper } from './row-mapper.ts'

/** Holds for this handle and for its transactions. */
export function tuneSession<T extends Db>(db: T): T {
  const { session } = db._
  const prepareQuery = session.prepareQuery.bind(session)
  const transaction = session.transaction.bind(session)
  session.prepareQuery = (query, fields, name, inArrays, mapper, ...more) => {
    if (name !== undefined) keepName(query.sql, name)
    return prepareQuery(query, fields, name, inArrays, mapper ?? rowMapper(fields), ...more)
  }
  session.transaction = (work, config) => transaction((tx) => work(tuneSession(tx)), config)
  return db
}
