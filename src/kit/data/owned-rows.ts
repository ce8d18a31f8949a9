// Finds the tables that refer to an owner, and reads that owner's rows.
import { eq, is } from 'drizzle-orm'
import { getTableConfig, type PgColumn, PgTable } from 'drizzle-orm/pg-core'
import type { Db } from '../types/db.ts'
import { keyOf, pagesByKey } from './pages-by-key.ts'
import { PublicFields, type Sources } from './public-fields.ts'

/** The exports of all table files, by name. */
export type Schema = Record<string, unknown>

/** A table whose rows have owners. */
interface OwnedTable {
  table: PgTable
  columns: Sources
  owner: PgColumn
  key: PgColumn[]
}

/**
 * Finds the tables that refer to `owners`, by name. A table with an incomplete declaration is not exported: `leftOut`
 * says what it lacks. One that declares `exported: false` appears in neither.
 */
export function findOwnedTables(schema: Schema, owners: PgTable) {
  const declared = Object.values(schema).filter((value) => value instanceof PublicFields)
  const owned: Record<string, OwnedTable> = {}
  const leftOut: string[] = []
  for (const [name, table] of Object.entries(schema)) {
    if (!is(table, PgTable) || table === owners || !refersTo(owners, table)) continue
    const ofTable = declared.filter((fields) => fields.table === table)
    const [fields, another] = ofTable.filter(({ exported }) => exported !== false)
    if (fields === undefined && ofTable.length > 0) continue
    const { owner = ownerIn(table, owners), columns = fields?.columns } = fields?.exported || {}
    const key = keyOf(table)
    if (columns === undefined) leftOut.push(`${name} declares no publicFields`)
    else if (another !== undefined) leftOut.push(`${name} declares publicFields for an export more than once`)
    else if (owner === undefined) leftOut.push(`${name} does not declare which column is the owner`)
    else if (key.length === 0) leftOut.push(`${name} has no primary key`)
    else owned[name] = { table, columns, owner, key }
  }
  return { owned, leftOut }
}

const referencesOf = (table: PgTable) => getTableConfig(table).foreignKeys.map((key) => key.reference())

const refersTo = (owners: PgTable, table: PgTable) =>
  referencesOf(table).some(({ foreignTable }) => foreignTable === owners)

/** The only column that refers to the key of `owners`; undefined if there are several. */
function ownerIn(table: PgTable, owners: PgTable): PgColumn | undefined {
  const found = referencesOf(table)
    .filter(({ foreignTable }) => foreignTable === owners)
    .flatMap(({ columns, foreignColumns }) => columns.filter((_, i) => foreignColumns[i]?.primary))
  return found.length === 1 ? found[0] : undefined
}

/** Reads an owner's rows in key order: fast if an index begins with the owner and continues with the key. */
export async function* ownedRows(
  db: Db,
  { table, columns, owner, key }: OwnedTable,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<object> {
  for await (const page of pagesByKey(db, { table, columns, key, where: eq(owner, id) })) {
    signal.throwIfAborted()
    for (const { row } of page) yield row
  }
}

/** JSON has no bigint: it becomes a text, as clients get ids. */
const toJson = (row: object) =>
  JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))

const bytesOf = (json: string) => new TextEncoder().encode(`${json},`).length

/**
 * Collects rows, as JSON values, from one source after the other until they reach `maxBytes` in total. `incomplete` names
 * the sources that have more rows.
 * @param job receives the progress, 0 to 1
 */
export async function collectUpTo(
  maxBytes: number,
  sources: Record<string, Iterable<object> | AsyncIterable<object>>,
  job: { progress(fraction: number): void },
) {
  const collected: Record<string, object[]> = {}
  const incomplete: string[] = []
  const all = Object.entries(sources)
  let room = maxBytes
  for (const [i, [name, source]] of all.entries()) {
    const rows: object[] = []
    for await (const row of source) {
      const json = toJson(row)
      const size = bytesOf(json)
      if (size > room) {
        incomplete.push(name)
        break
      }
      room -= size
      rows.push(JSON.parse(json))
    }
    collected[name] = rows
    job.progress((i + 1) / all.length)
  }
  return { collected, incomplete }
}
