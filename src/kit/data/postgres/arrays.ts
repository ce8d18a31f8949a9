// Reads and writes arrays of Postgres's own types as JavaScript arrays, without asking the server for their oids.
import { parse } from 'postgres-array'

/** From the oid of an array type to that of its elements, as in pg_type; they are the same in every Postgres. */
const ELEMENTS: Record<number, number> = {
  199: 114, // json
  651: 650, // cidr
  1000: 16, // boolean
  1001: 17, // bytea
  1003: 19, // name
  1005: 21, // smallint
  1007: 23, // integer
  1009: 25, // text
  1014: 1042, // char
  1015: 1043, // varchar
  1016: 20, // bigint
  1021: 700, // real
  1022: 701, // double precision
  1028: 26, // oid
  1040: 829, // macaddr
  1041: 869, // inet
  1183: 1083, // time
  1187: 1186, // interval
  1231: 1700, // numeric
  2951: 2950, // uuid
  3807: 3802, // jsonb
}

type Parser = (text: string) => unknown

/** Parsers by oid. An array of another type, such as an enum of the app, stays a text, which Drizzle's columns parse. */
export const arrayParsers = (elements: Record<number, Parser | undefined>): Record<number, Parser> =>
  Object.fromEntries(
    Object.entries(ELEMENTS).map(([array, element]) => [
      array,
      (text: string) => parse(text, elements[element] ?? ((item: string) => item)),
    ]),
  )

type Serializer = (value: unknown) => unknown

/** Serializers by oid, for arrays that are passed to the driver: texts of Drizzle's columns stay unchanged. */
export const arraySerializers = (
  elements: Record<number, Serializer | undefined>,
): Record<number, Serializer> =>
  Object.fromEntries(
    Object.entries(ELEMENTS).map(([array, element]) => [
      array,
      (value: unknown) => (Array.isArray(value) ? literal(value, elements[element] ?? String) : value),
    ]),
  )

function literal(value: unknown, serialize: Serializer): string {
  if (Array.isArray(value)) return `{${value.map((item) => literal(item, serialize)).join()}}`
  if (value === null || value === undefined) return 'null'
  return `"${String(serialize(value)).replace(/["\\]/g, '\\$&')}"`
}
