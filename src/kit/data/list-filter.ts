// Declares what the query of a list can say of a field, and makes the conditions of it.
import { type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import type { z } from 'zod'
import { elementOf, LIST_OF_TEXTS, valueOf } from './list-values.ts'

/** A filter of the query. */
export interface Filter {
  column: PgColumn
  /** `has`: the column is a list, and has the value among its elements. */
  compare: '=' | '>=' | '<' | 'has'
  /** What the query may give. */
  value: z.ZodType
  /** The name of the field. */
  field: string
}

/**
 * By their name in the query: `court`, `starts[gte]`. Undefined if values of the column's type cannot be compared.
 * @param isRange an order of the list begins with it
 */
export function filtersOf(field: string, column: PgColumn, isRange: boolean): [string, Filter][] | undefined {
  const element = elementOf(column)
  if (element) return [[field, { field, column, compare: 'has', value: element }]]
  const value = valueOf(column)
  if (value === undefined) return undefined
  const equal: [string, Filter] = [field, { field, column, compare: '=', value }]
  if (!isRange) return [equal]
  return [
    equal,
    [`${field}[gte]`, { field, column, compare: '>=', value }],
    [`${field}[lt]`, { field, column, compare: '<', value }],
  ]
}

/** @param value of the filter; of one for equality it may be asked for by its column, see `opaque` */
export const isMet = ({ column, compare }: Filter, value: (column?: PgColumn) => unknown): SQL =>
  compare === 'has'
    ? sql`${column} @> array[${value()}]::${sql.raw(LIST_OF_TEXTS)}`
    : sql`${column} ${sql.raw(compare)} ${value(compare === '=' ? column : undefined)}`
