// Loads the pages of a list, forwards and backwards, and counts its rows.
import { and, sql } from 'drizzle-orm'
import { inLane } from './lanes.ts'
import type { List, ListTypes } from './list.ts'
import { decodeCursor, encodeCursor, flip, type Order, rangesBehind } from './list-order.ts'
import { conditions, loadRows, matches, type Row, type RowsRequest } from './list-rows.ts'

/** A count goes no further. */
export const MAX_COUNT = 10_000

export interface ListRequest extends Partial<Pick<RowsRequest, 'given' | 'search'>> {
  /** By default the list's own. */
  sort?: string | undefined
}

export interface PageRequest extends ListRequest {
  limit: number
  /** Rows to skip; with a cursor none. */
  offset?: number
  /** The page begins behind this row. */
  cursor?: string | undefined
  /** The page ends before this row. */
  before?: string | undefined
}

/** Rows, and cursors for the pages around them, if there are any. */
export interface ListPage<T> {
  rows: T[]
  /** A `cursor`. */
  next: string | undefined
  /** A `before`. */
  prev: string | undefined
}

/** @throws ApiError `invalid_cursor` */
export async function readList<T extends ListTypes>(
  list: List<T>,
  scope: T['scope'],
  { sort = list.ownSort, search, given = {}, limit, offset = 0, cursor, before }: PageRequest,
): Promise<ListPage<T['row']>> {
  const isBack = cursor === undefined && before !== undefined
  const at = cursor ?? before
  const position = at === undefined ? undefined : decodeCursor(at, sort, list.ownSort, orderIn(list, sort))
  const along = isBack ? flip(sort) : sort
  const order = orderIn(list, along)
  const ranges = position === undefined ? 1 : rangesBehind(order, position, String).length
  let rows: Row[] = []
  // One row more than the page holds tells that there is another.
  for (let range = 0; range < ranges && rows.length <= limit; range++) {
    const missing = limit + 1 - rows.length
    const request = { sort: along, order, search, given, position, range, limit: missing, offset }
    const found = await loadRows(list, scope, request)
    rows = range === 0 ? found : [...rows, ...found]
  }
  const isMore = rows.length > limit
  const shown = rows.slice(0, limit)
  if (isBack) shown.reverse()
  const cursorOf = (row: Row | undefined) => row && encodeCursor(positionOf(row, order), sort, list.ownSort)
  const next = isBack || isMore ? cursorOf(shown.at(-1)) : undefined
  const prev = (isBack ? isMore : cursor !== undefined || offset > 0) ? cursorOf(shown[0]) : undefined
  for (const { name, exact } of order) if (exact !== name) for (const row of shown) delete row[exact]
  return { rows: shown, next, prev }
}

function orderIn(list: List, sort: string): Order {
  const order = list.orders.get(sort)
  if (order === undefined) throw new Error(`this list has no order ${sort}`)
  return order
}

const positionOf = (row: Row, order: Order) =>
  order.map(({ exact }) => {
    const value = row[exact] as string | number | boolean | null
    return value === null ? null : String(value)
  })

/** How many rows the list has: one more than `MAX_COUNT` if there are more. */
export function countList<T extends ListTypes>(
  list: List<T>,
  scope: T['scope'],
  { search, given = {} }: ListRequest,
): Promise<number> {
  const db = inLane(scope.db, 'search')
  const some = db
    .select({ one: sql`1`.as('one') })
    .from(list.fields.table)
    .where(and(conditions(list, scope, given), search === undefined ? undefined : matches(list, search)))
    .limit(MAX_COUNT + 1)
  return db.$count(some.as('counted'))
}
