// The statements for databases that no older process uses: all at once, as drizzle-kit has them, renames included.
import { UsageError } from '../command.ts'
import type { Answers } from './expand.ts'
import { diff, keysOnlyIn, type Snapshot, type Table } from './snapshot.ts'
import { quoted } from './sql.ts'

/** @throws UsageError if a column that is renamed is not gone, or its new name is not new */
export async function undeployed(before: Snapshot, after: Snapshot, { renames }: Answers): Promise<string[]> {
  const from = structuredClone(before)
  const statements = [...renames].map(([place, to]) => {
    const at = place.lastIndexOf('.')
    const [table, column] = [place.slice(0, at), place.slice(at + 1)]
    const [was, is] = [from.tables[`public.${table}`], after.tables[`public.${table}`]]
    if (
      was?.columns[column] === undefined ||
      is?.columns[to] === undefined ||
      is.columns[column] ||
      was.columns[to]
    )
      throw new UsageError(
        `--rename ${place}:${to}: "${column}" has to be gone from the table, and "${to}" to be new`,
      )
    rename(was, column, to)
    return `ALTER TABLE ${quoted(table)} RENAME COLUMN ${quoted(column)} TO ${quoted(to)};`
  })
  const both = structuredClone(after)
  for (const key of keysOnlyIn(from.enums, after.enums)) Object.assign(both.enums, { [key]: from.enums[key] })
  for (const [key, table] of Object.entries(from.tables)) {
    const into = (both.tables[key] ??= structuredClone(table))
    for (const name of keysOnlyIn(table.columns, into.columns))
      Object.assign(into.columns, { [name]: table.columns[name] })
  }
  return [...statements, ...(await diff(from, both)), ...(await diff(both, after))]
}

function rename(table: Table, column: string, to: string): void {
  const change = (name: string) => (name === column ? to : name)
  const { [column]: old, ...columns } = table.columns
  if (old !== undefined) table.columns = { ...columns, [to]: { ...old, name: to } }
  for (const index of Object.values(table.indexes))
    for (const part of index.columns) part.expression = change(part.expression)
  for (const unique of Object.values(table.uniqueConstraints)) unique.columns = unique.columns.map(change)
  for (const key of Object.values(table.compositePrimaryKeys)) key.columns = key.columns.map(change)
  for (const reference of Object.values(table.foreignKeys))
    reference.columnsFrom = reference.columnsFrom.map(change)
}
