// Declares a list of a table's rows: whose rows, which orders and filters, where a search looks. All of it by names of public
// fields, so that no order, filter or search tells anything of a column that clients do not see.
import { getTableName, is, SQL } from 'drizzle-orm'
import { PgColumn } from 'drizzle-orm/pg-core'
import type { SelectResultFields } from 'drizzle-orm/query-builders/select.types'
import type { Db } from '../types/db.ts'
import { type Filter, filtersOf } from './list-filter.ts'
import { flip, type Order, orderOf } from './list-order.ts'
import { valueOf } from './list-values.ts'
import { keyOf } from './pages-by-key.ts'
import { prepared } from './prepared.ts'
import { columnBehind, type PublicFields, type Sources } from './public-fields.ts'

interface HasDb {
  readonly db: Db
}

/** The types that a list brings. */
export interface ListTypes {
  row: object
  /** What its queries take: a `Scope`, or of a list that is everybody's whatever has a `db`. */
  scope: HasDb
  sort: string
  filter: string
  /** Filters that take a range. */
  range: string
  isSearched: boolean
  within: string
  hasDeleted: boolean
}

/** The names of public fields that are columns, or are one as text: `sql`${bookings.court}::text``. */
type ColumnName<C extends Sources> = {
  [K in keyof C]: C[K] extends PgColumn | SQL.Aliased<string | null> ? K : never
}[keyof C] &
  string

type Flip<W extends string> = W extends `${infer A},${infer B}`
  ? `${Flip<A>},${Flip<B>}`
  : W extends `-${infer A}`
    ? A
    : `-${W}`
type First<W extends string> = W extends `-${infer A}` ? First<A> : W extends `${infer A},${string}` ? A : W

export interface ListOptions<
  Name extends string,
  S extends HasDb,
  O extends string,
  F extends Name,
  X,
  W extends Name,
  D,
> {
  /** Whose rows: a condition by `me` and `role` of the scope, which are all of it that the rule gets; undefined: all. */
  visible?: (scope: S) => SQL | undefined
  /** What the list shows instead with `deleted=true`: of soft-deleted rows. It reads them as a search. */
  deleted?: D & ((scope: S) => SQL | undefined)
  /** The list's own order; `id` by default. */
  sort?: O
  /** What else `sort` takes: `-created,title`. Each can be read backwards too, and `id` is always there. */
  orders?: readonly O[]
  /**
   * Fields that the query may name: equal to a value, and from one to another where an order begins with the field; of a list of
   * texts: it has that one.
   */
  filters?: readonly F[]
  /** Where `search` looks: names of fields, or what their columns are combined to; by the index of trigrams. */
  search?: X
  /** The field that a path names: `/api/courts/:court/bookings`. */
  within?: W
  /** Rows on a page, at most and if the client does not say. */
  pageSize?: { most: number; byDefault: number }
  /** What the query has besides is ignored, for clients that always sent more. Else it is refused: a filter that is none shows all. */
  ignoresOthers?: boolean
}

/** A prepared query of rows. */
export interface Statement {
  execute(values: Record<string, unknown>): Promise<Record<string, unknown>[]>
}

export class List<T extends ListTypes = ListTypes> {
  declare readonly types: T
  /** The prepared statements of a database, by their shape. Only pages along an index are prepared, so they are not many. */
  readonly statements = prepared(() => new Map<string, Statement>())

  constructor(
    readonly fields: PublicFields,
    readonly visible: ((scope: never) => SQL | undefined) | undefined,
    /** By what `sort` takes. */
    readonly orders: ReadonlyMap<string, Order>,
    /** By their name in the query: `court`, `starts[gte]`. */
    readonly filters: ReadonlyMap<string, Filter>,
    readonly search: readonly (PgColumn | SQL)[],
    readonly within: { name: string; column: PgColumn } | undefined,
    readonly pageSize: { most: number; byDefault: number },
    /** What `sort` is if the client does not say. */
    readonly ownSort: string,
    readonly ignoresOthers: boolean,
    /** The same of the rows that are deleted. */
    readonly ofDeleted?: List,
  ) {}
}

/** What a list's query means itself: no field of such a name can be a filter. */
export const RESERVED = 'page limit size cursor before sort search count offset me'.split(' ')

/**
 * Declares a list. Its key is the field `id`, or ends with it.
 * @throws Error if a field is not public, or is none that can be compared
 */
export function defineList<
  C extends Sources,
  S extends HasDb = HasDb,
  const O extends ColumnName<C> | `-${ColumnName<C>}` | `${string},${string}` | 'id' | '-id' = 'id',
  const F extends ColumnName<C> = never,
  const X extends readonly (ColumnName<C> | SQL)[] | undefined = undefined,
  const W extends ColumnName<C> = never,
  D = undefined,
>(
  fields: PublicFields<C>,
  {
    visible,
    deleted,
    sort = 'id' as never,
    orders: words = [],
    filters = [],
    search = [] as never,
    within,
    pageSize = { most: 200, byDefault: 50 },
    ignoresOthers = false,
  }: ListOptions<ColumnName<C>, S, O, F, X, W, D>,
): List<{
  row: SelectResultFields<C>
  scope: S
  sort: O | Flip<O> | 'id' | '-id'
  filter: F
  range: F & First<O>
  isSearched: X extends readonly unknown[] ? true : false
  within: W
  hasDeleted: D extends undefined ? false : true
}> {
  const { table, columns } = fields
  const fail = (name: string, why: string): never => {
    throw new Error(`The list of ${getTableName(table)}: ${name} ${why}`)
  }
  const columnOf = (name: string): PgColumn => {
    const column = columnBehind(columns[name])
    if (column?.table !== table) return fail(name, 'is no column among its public fields')
    return column
  }
  const uncompared = (name: string, column: PgColumn) =>
    fail(name, `is ${column.getSQLType()}: lists cannot compare that`)
  const part = (name: string) => {
    const column = columnOf(name)
    return { column, value: valueOf(column) ?? uncompared(name, column) }
  }
  if (columnBehind(columns.id) !== keyOf(table).at(-1)) fail('id', 'is not its key and a public field')

  const orders = new Map<string, Order>()
  for (const word of [sort, ...words, 'id']) {
    for (const each of [word, flip(word)]) if (!orders.has(each)) orders.set(each, orderOf(each, part))
  }
  const leading = [...orders.values()].map(([first]) => first?.name)
  const params = new Map<string, Filter>()
  const names: readonly string[] = within === undefined ? filters : [...filters, within]
  const reserved = names.find((name) => RESERVED.includes(name) || (deleted && name === 'deleted'))
  if (reserved !== undefined) fail(reserved, 'is a word of the query itself: it can be no filter')
  for (const field of filters) {
    const column = columnOf(field)
    const found = filtersOf(field, column, leading.includes(field)) ?? uncompared(field, column)
    for (const [name, filter] of found) params.set(name, filter)
  }
  const shown = Object.values(columns)
  const looksIn = (search as readonly (string | SQL)[]).map((each) => {
    if (typeof each === 'string') return columnOf(each)
    for (const column of columnsIn(each))
      if (!shown.includes(column)) fail(column.name, 'is no public field: a search cannot look there')
    return each
  })
  const parent = within && { name: within, column: columnOf(within) }
  const of = (rule: typeof visible, ofDeleted?: List) =>
    new List(fields, rule, orders, params, looksIn, parent, pageSize, sort, ignoresOthers, ofDeleted)
  return of(visible, deleted && of(deleted)) as never
}

/** The columns of an expression. */
export const columnsIn = (chunk: unknown): PgColumn[] =>
  is(chunk, PgColumn) ? [chunk] : is(chunk, SQL) ? chunk.queryChunks.flatMap(columnsIn) : []
