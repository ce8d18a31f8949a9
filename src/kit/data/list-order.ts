// Reads the words for the orders of a list, and continues an order behind the row that a cursor names.
import { and, isNotNull, isNull, type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import type { z } from 'zod'
import { defineError } from '../types/api-error.ts'
import { attempt } from '../types/attempt.ts'
import { isMoment } from './list-values.ts'

export interface Part {
  /** The name of the field. */
  name: string
  /** Where a row has its value exactly: of a moment beside the field, with its microseconds. */
  exact: string
  column: PgColumn
  value: z.ZodType
  desc: boolean
}
/** Ends with the key, so that no two rows are at the same place. */
export type Order = readonly Part[]

/** Each column of the row's position as text, a flag as such. Of a column that may be null: or null. */
export type Position = (string | boolean | null)[]

export const invalidCursor = defineError(
  400,
  'invalid_cursor',
  'The cursor is none of this list in this order',
  () => {
    const message = 'must be one from the Link header of this list in this order'
    return { message: `cursor: ${message}`, issues: [{ path: 'cursor', message }] }
  },
)

/** @param part what a field is. @param word JSON:API's: `-created,title` is the newest first, and by title at one moment */
export function orderOf(word: string, part: (name: string) => Omit<Part, 'desc' | 'name' | 'exact'>): Order {
  const names = word.split(',')
  const desc = names.at(-1)?.startsWith('-')
  const all = names.some((name) => name.replace('-', '') === 'id') ? names : [...names, desc ? '-id' : 'id']
  return all.map((each) => {
    const name = each.replace('-', '')
    const found = part(name)
    return { ...found, name, exact: isMoment(found.column) ? `$${name}` : name, desc: name !== each }
  })
}

/** The word for the same order, read backwards. */
export const flip = (word: string) =>
  word
    .split(',')
    .map((name) => (name.startsWith('-') ? name.slice(1) : `-${name}`))
    .join()

/** As a plain index sorts, which serves both directions: nulls stand after the largest. */
export const orderBy = (order: Order): SQL[] =>
  order.map(({ column, desc }) => (desc ? sql`${column} desc` : sql`${column}`))

/**
 * The conditions of the rows behind a position, in the order of the rows: each is one range of the order's index. There is one,
 * unless columns may be null or have different directions.
 * @param value the value of the column of that number, to compare with
 */
export function rangesBehind(
  order: Order,
  position: Position,
  value: (at: number) => unknown,
  from = 0,
): SQL[] {
  const [part, ...rest] = order.slice(from)
  if (part === undefined) return []
  const { column, desc } = part
  const isBehind = sql.raw(desc ? '<' : '>')
  if (position[from] !== null && rest.every((next) => next.column.notNull && next.desc === desc)) {
    const columns = order.slice(from).map((each) => sql`${each.column}`)
    const values = columns.map((_, i) => sql`${value(from + i)}`)
    const row = sql`(${sql.join(columns, sql`, `)}) ${isBehind} (${sql.join(values, sql`, `)})`
    return desc || column.notNull ? [row] : [row, isNull(column)]
  }
  const isNullHere = position[from] === null
  const same = isNullHere ? isNull(column) : sql`${column} = ${value(from)}`
  const within = rangesBehind(order, position, value, from + 1).map((range) => sql`${and(same, range)}`)
  if (isNullHere) return desc ? [...within, isNotNull(column)] : within
  const beyond = sql`${column} ${isBehind} ${value(from)}`
  return desc || column.notNull ? [...within, beyond] : [...within, beyond, isNull(column)]
}

/**
 * Of a position: opaque to clients, of ASCII. In the list's own order it is the position alone; in another it
 * names that.
 */
export function encodeCursor(position: Position, sort: string, own: string): string {
  const content = sort === own ? (position.length === 1 ? position[0] : position) : { [sort]: position }
  return writeCursor(content)
}

/** @throws ApiError `invalid_cursor` if it is none of this list in this order */
export function decodeCursor(cursor: string, sort: string, own: string, order: Order): Position {
  const content = parseCursor(cursor)
  const isOwn = typeof content === 'string' || Array.isArray(content)
  const position: unknown = isOwn ? [content].flat() : Object(content)[sort]
  if (isOwn !== (sort === own) || !Array.isArray(position) || position.length !== order.length)
    throw invalidCursor()
  return order.map(({ value, column }, i) => {
    const at: unknown = position[i]
    if (at === null && !column.notNull) return null
    const read = typeof at === 'string' && isStorable(at) ? value.safeParse(at) : undefined
    if (!read?.success) throw invalidCursor()
    return read.data as string | boolean
  })
}

const isStorable = (text: string) => text.isWellFormed() && !text.includes('\0')

/** The content of a cursor as text that an address can hold. */
export function writeCursor(content: unknown): string {
  const json = JSON.stringify(content).replaceAll(
    /[^\0-\x7f]/g,
    (unit) => String.raw`\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return btoa(json).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** Undefined if it is none. */
export const parseCursor = (cursor: string): unknown =>
  attempt(() => JSON.parse(atob(cursor.replaceAll('-', '+').replaceAll('_', '/'))) as unknown)
