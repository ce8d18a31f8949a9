// Arrays of Postgres's own types: read into JavaScript arrays, without asking the server for their numbers.
import { parse } from 'postgres-array'

/** The oid of an array type, and of its elements, as in pg_type: fixed numbers of every Postgres. */
const ELEMENTS: Record<number, number> = {
  199: 114, // json
  1000: 16, // boolean
  1005: 21, // smallint
  1007: 23, // integer
  1009: 25, // text
  1015: 1043, // varchar
  1016: 20, // bigint
  1021: 700, // real
  1022: 701, // double precision
  1231: 1700, // numeric
  2951: 2950, // uuid
  3807: 3802, // jsonb
}

type Parser = (text: string) => unknown

/** By oid. An array of another type, an enum of the app's for example, stays a text, which Drizzle's columns read. */
export const arrayParsers = (elements: Record<number, Parser | undefined>): Record<number, Parser> =>
  Object.fromEntries(
    Object.entries(ELEMENTS).map(([array, element]) => [
      array,
      (text: string) => parse(text, elements[element] ?? ((item: string) => item)),
    ]),
  )
