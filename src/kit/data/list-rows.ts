// Loads rows of a list: prepared along an index where one has the order, else as a search, whose cost the client determines.
import { and, getTableName, ilike, or, type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import type { Db } from '../types/db.ts'
import { inLane } from './lanes.ts'
import type { List, Statement } from './list.ts'
import { isMet } from './list-filter.ts'
import { isAlongIndex } from './list-index.ts'
import { type Order, orderBy, type Position, rangesBehind } from './list-order.ts'
import { microsecondsOf, opaque } from './list-values.ts'
import type { Sources } from './public-fields.ts'
import { ME, type Scope } from './scope.ts'
import { likePattern, searchPage } from './search.ts'

/** Skipped in a millisecond or two. A page that skips more is too slow for the fast lane. */
const SHALLOW_OFFSET = 10_000

export type Row = Record<string, unknown>
type Values = Record<string, unknown>
/** The value of that name in a query, or a placeholder for it; of one to which a column is equal, that column. */
type ValueOf = (name: string, column?: PgColumn) => unknown

export interface RowsRequest {
  /** What `sort` says, and what that means. */
  sort: string
  order: Order
  search: string | undefined
  /** The values of filters, and of the field that the path names. */
  given: Values
  /** The rows behind it, and which of their ranges. */
  position: Position | undefined
  range: number
  limit: number
  offset: number
}

export function loadRows(list: List, scope: { db: Db }, request: RowsRequest): Promise<Row[]> {
  const { given, position, limit, offset } = request
  const values: Values = { ...given, limit, offset, me: (scope as Scope).me }
  Object.assign(values, position)
  const query = request.search === undefined ? statement(list, scope, request) : undefined
  return query === undefined ? loadSlowly(list, scope, request, values) : query.execute(values)
}

/** A statement for each shape: one that decides at run time gets one plan, which is bad for each case. */
function statement(list: List, scope: { db: Db }, request: RowsRequest): Statement | undefined {
  const { sort, order, given, position, range, offset } = request
  const isDeep = offset > SHALLOW_OFFSET
  const names = Object.keys(given).filter((name) => given[name] !== undefined)
  const nulls = position?.map((value) => value === null).join() ?? ''
  const shape = `${(scope as Partial<Scope>).role} ${sort} ${names.join('&')} ${nulls} ${range} ${isDeep}`
  const known = list.statements(scope.db)
  const found = known.get(shape)
  if (found !== undefined) return found
  const rule = conditions(list, { ...scope, me: SOMEBODY } as Scope, given, placeholder)
  if (!isAlongIndex(list.fields.table, rule, order)) return undefined
  const db = inLane(scope.db, isDeep || names.length > 0 ? undefined : 'fast')
  const where = and(rangeOf(request, placeholder), rule)
  const made = select(list, db, order, where, placeholder).prepare(`${getTableName(list.fields.table)}_list`)
  known.set(shape, made)
  return made
}

/** The client determines what it costs. */
function loadSlowly(list: List, scope: { db: Db }, request: RowsRequest, values: Values): Promise<Row[]> {
  const db = inLane(scope.db, 'search')
  const where = and(rangeOf(request, valueIn(values)), conditions(list, scope, request.given))
  if (request.search === undefined) return select(list, db, request.order, where, valueIn(values))
  return searchRows(list, db, where, request)
}

/** Stands first: a scan begins at the first bound of a column, and if that were a filter's would read all up to the cursor. */
const rangeOf = ({ order, position, range }: RowsRequest, value: ValueOf) =>
  position && rangesBehind(order, position, (at) => value(String(at)))[range]

const placeholder: ValueOf = (name, column) =>
  column === undefined ? sql.placeholder(name) : opaque(column, sql.placeholder(name))
const SOMEBODY = sql`(select ${ME}::uuid)` as unknown as string

const valueIn =
  (values: Values): ValueOf =>
  (name) =>
    values[name]

/** Whose rows, of which parent, and what the query filters by. */
export function conditions(
  { visible, within, filters }: List,
  scope: { db: Db },
  given: Values,
  value: ValueOf = valueIn(given),
): SQL | undefined {
  // A statement is prepared once for all who have the role: what else this request's scope has must not get into it.
  const { db, me, role } = scope as Scope
  return and(
    visible?.({ db, me, role } as never),
    within && sql`${within.column} = ${value(within.name, within.column)}`,
    ...[...filters].map(([name, filter]) =>
      given[name] === undefined ? undefined : isMet(filter, (column) => value(name, column)),
    ),
  )
}

/** That a row has the text where the list's search looks. */
export const matches = ({ search }: List, text: string): SQL | undefined =>
  or(...search.map((each) => ilike(each, likePattern(text))))

function selection(list: List, order: Order): Sources {
  const moments = order.filter(({ name, exact }) => exact !== name)
  const exact = moments.map((part) => [part.exact, microsecondsOf(part.column).as(part.exact)])
  return { ...list.fields.columns, ...Object.fromEntries(exact) }
}

const select = (list: List, db: Db, order: Order, where: SQL | undefined, value: ValueOf) =>
  db
    .select(selection(list, order))
    .from(list.fields.table)
    .where(where)
    .orderBy(...orderBy(order))
    .limit(value('limit') as number)
    .offset(value('offset') as number)

function searchRows(
  list: List,
  db: Db,
  rest: SQL | undefined,
  { search = '', order, limit, offset }: RowsRequest,
): Promise<Row[]> {
  const { table } = list.fields
  const [first, ...others] = order
  const matching = matches(list, search)
  /** The next rows of the list, aliased as the table. */
  const next = (rows: number) => {
    const all = db.select().from(table).where(rest)
    return all
      .orderBy(...orderBy(order))
      .limit(rows)
      .as(getTableName(table))
  }
  const page = () => db.select(selection(list, order))
  return searchPage(
    { limit, offset },
    {
      sample: (rows) => db.$count(next(rows), matching),
      scan: (rows) =>
        page()
          .from(next(rows))
          .where(matching)
          .orderBy(...orderBy(order))
          .limit(limit)
          .offset(offset),
      searchAll: () =>
        page()
          .from(table)
          .where(and(matching, rest))
          // No index has the row: Postgres must not walk one.
          .orderBy(sql`row(${first?.column}) ${sql.raw(first?.desc ? 'desc' : 'asc')}`, ...orderBy(others))
          .limit(limit)
          .offset(offset),
    },
  )
}
