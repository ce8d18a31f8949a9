// Reads the values of filters and cursors, which are texts, by the type of their column.
import { is, type SQL, sql } from 'drizzle-orm'
import { type AnyPgColumn, type PgColumn, PgEnumColumn } from 'drizzle-orm/pg-core'
import { z } from 'zod'

/** A column's timestamp as text, with Postgres's microseconds, which a Date would drop. */
export const microsecondsOf = (column: AnyPgColumn) =>
  sql<string>`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

/** What `microsecondsOf` returns, as a cursor brings it. */
export const Microseconds = z
  .string()
  .max(27, { abort: true })
  .check(z.iso.datetime({ precision: 6 }))
  .refine((moment) => moment > '0001')

const MOMENT = 'timestamp with time zone'

export const isMoment = (column: PgColumn) => typeOf(column) === MOMENT

const integer = (bits: number, least = -(2n ** BigInt(bits))) => {
  const most = 2n ** BigInt(bits) - 1n
  const message = `must be a whole number from ${least} to ${most}`
  return z
    .string()
    .regex(/^-?(0|[1-9]\d{0,18})$/, { message, abort: true })
    .refine((text) => BigInt(text) >= least && BigInt(text) <= most, message)
    .meta({ type: 'integer', minimum: Number(least), maximum: Number(most) })
}

const number = z
  .string()
  .max(100, { abort: true })
  .regex(/^(NaN|-?Infinity|-?\d+(\.\d+)?(e[+-]?\d{1,3})?)$/i, 'must be a number')
  .meta({ type: 'number' })

const CLOCK = 'must be a time of day: 18:30 or 18:30:00'

/** A time of day in no zone. There is no 24:00: midnight begins a day. */
export const Clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/, { message: CLOCK, abort: true })

export const Flag = z.enum(['true', 'false']).transform((word) => word === 'true')

/** By the type in SQL. A driver encodes booleans itself; all others are sent as they are written. */
const SCHEMAS: Record<string, z.ZodType> = {
  uuid: z.uuid(),
  text: z.string(),
  smallint: integer(15),
  integer: integer(31),
  bigint: integer(63),
  smallserial: integer(15, 1n),
  serial: integer(31, 1n),
  bigserial: integer(63, 1n),
  real: number,
  numeric: number,
  'double precision': number,
  date: z.iso.date().refine((date) => date > '0001'),
  time: Clock,
  boolean: Flag,
  // The length first: a moment may have any number of digits after its seconds.
  [MOMENT]: z
    .string()
    .max(40, { abort: true })
    .check(z.iso.datetime({ offset: true }))
    .refine((moment) => moment > '0001'),
}

/** `varchar(80)` is a text, and a precision changes nothing. */
const typeOf = (column: PgColumn) =>
  column
    .getSQLType()
    .replace(/ ?\(.*?\)/, '')
    .replace('varchar', 'text')

/** The schema of a column's values; undefined if lists cannot compare values of its type. */
export const valueOf = (column: PgColumn): z.ZodType | undefined =>
  column.enumValues?.length ? z.enum(column.enumValues) : SCHEMAS[typeOf(column)]

/** The schema of an element, of a column that is a list of texts. */
export const elementOf = (column: PgColumn): z.ZodType | undefined =>
  typeOf(column) === LIST_OF_TEXTS ? SCHEMAS.text : undefined

export const LIST_OF_TEXTS = 'text[]'

const PSEUDO_TYPES: Record<string, string> = {
  smallserial: 'smallint',
  serial: 'integer',
  bigserial: 'bigint',
}

/**
 * A value to which a column is equal, in a form that the planner does not see through. It would take a value that many rows
 * have for one that stands everywhere in an order, and walk that until it meets one, past the index that has both.
 */
export function opaque(column: PgColumn, value: unknown): SQL {
  const type = typeOf(column)
  const name = is(column, PgEnumColumn) ? sql.identifier(type) : sql.raw(PSEUDO_TYPES[type] ?? type)
  return sql`(select ${value}::${name})`
}
