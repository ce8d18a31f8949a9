// Maps rows to objects. Drizzle asks for each value of each row what its column is; here that is known once for the query.
import { Column, type DriverValueDecoder, is, noopDecoder, SQL } from 'drizzle-orm'
import type { PgSession } from 'drizzle-orm/pg-core'

type Fields = NonNullable<Parameters<PgSession['prepareQuery']>[1]>
type Field = Fields[number]['field']
type Decoder = DriverValueDecoder<unknown, unknown>

/**
 * The same objects as Drizzle's own. Undefined for what it has to do itself: subqueries as columns, and objects within a row,
 * which are null where an outer join has found nothing.
 */
export function rowMapper(fields: Fields | undefined): ((rows: unknown[][]) => object[]) | undefined {
  const columns: { name: string; decode: Decoder | undefined }[] = []
  for (const { path, field } of fields ?? []) {
    const [name, ...nested] = path
    const decoder = decoderOf(field)
    if (name === undefined || nested.length > 0 || decoder === undefined) return undefined
    const isPassedOn = PASSED_ON.includes(decoder.mapFromDriverValue)
    columns.push({ name, decode: isPassedOn ? undefined : decoder })
  }
  if (columns.length === 0) return undefined
  const map = (values: unknown[]) => {
    const row: Record<string, unknown> = {}
    for (let i = 0; i < columns.length; i++) {
      const { name, decode } = columns[i] as (typeof columns)[number]
      const value = values[i]
      row[name] = value === null || decode === undefined ? value : decode.mapFromDriverValue(value)
    }
    return row
  }
  return (rows) => rows.map(map)
}

const PASSED_ON = [Column.prototype.mapFromDriverValue, noopDecoder.mapFromDriverValue]

/** A column decodes itself. The decoder of an expression, or of one with a name, is not in Drizzle's types. */
function decoderOf(field: Field): Decoder | undefined {
  if (is(field, Column)) return field
  const expression = is(field, SQL) ? field : is(field, SQL.Aliased) ? field.sql : undefined
  return (expression as { decoder?: Decoder } | undefined)?.decoder
}
