// Takes away what only older processes needed: columns, tables, defaults and triggers that an expansion has left.
import { hint } from '../../src/kit/types/nearest.ts'
import { UsageError } from '../command.ts'
import type { Migration, Notes } from './migration-files.ts'
import { isDone, type Plan } from './plan.ts'
import { diff, keysOnlyIn, placeOf, type Snapshot, standsOn, type Table } from './snapshot.ts'
import { quoted } from './sql.ts'
import { bridgeName } from './steps.ts'

interface Leftover {
  place: string
  about: string
  /** Its triggers. */
  bridges: string[]
}

/** What the database has and the code does not need. @param before the schema as migrations leave it */
export function findLeftovers(before: Snapshot, after: Snapshot, { bridges }: Notes): Leftover[] {
  return Object.entries(before.tables).flatMap(([key, table]) => {
    const is = after.tables[key]
    const bridgesOf = (names: string[]) =>
      names.map((name) => bridgeName(placeOf(key), name)).filter((name) => bridges.has(name))
    if (is === undefined)
      return [{ place: placeOf(key), about: 'a table', bridges: bridgesOf(Object.keys(table.columns)) }]
    return Object.values(table.columns).flatMap(({ name, default: value }) => {
      const now = is.columns[name]
      const triggers = bridgesOf([name])
      const about = [
        ...(now === undefined ? ['a column'] : []),
        ...(now && value !== undefined && now.default === undefined ? ['its default'] : []),
        ...triggers.map(() => 'a trigger'),
      ].join(', ')
      return about === '' ? [] : [{ place: placeOf(key, name), about, bridges: triggers }]
    })
  })
}

/** With their triggers. */
export const dropBridges = (bridges: Iterable<string>): string[] =>
  [...bridges].map((name) => `DROP FUNCTION ${quoted(name)}() CASCADE;`)

/**
 * @param only some of the places; all if it is empty
 * @throws UsageError if nothing is left, or not that; Error if the tables have changes besides
 */
export async function contractionOf(name: string, plan: Plan, only: string[]): Promise<Migration> {
  const { before, after, notes, target } = plan
  if (!isDone(plan))
    throw new Error(
      'The tables in src have changes that no migration has yet: first npm run generate without --contract, or put them aside (git stash)',
    )
  const leftovers = findLeftovers(before, after, notes)
  const places = leftovers.map(({ place }) => place)
  const unknown = only.find((place) => !places.includes(place))
  if (places.length === 0) throw new UsageError('Nothing is left to contract')
  if (unknown !== undefined)
    throw new UsageError(`${unknown} is not left from before${hint(unknown, places)}`)

  const chosen = leftovers.filter(({ place }) => only.length === 0 || only.includes(place))
  const isChosen = (place: string) => chosen.some((leftover) => leftover.place === place)
  const snapshot = structuredClone(target)
  for (const [key, table] of Object.entries(snapshot.tables)) {
    const is = after.tables[key]
    if (is === undefined && isChosen(placeOf(key))) delete snapshot.tables[key]
    if (is !== undefined)
      contractTable(
        table,
        is,
        (column) => isChosen(placeOf(key, column)),
        (column) => places.includes(placeOf(key, column)),
      )
  }
  const columns = Object.values(snapshot.tables).flatMap((table) => Object.values(table.columns))
  for (const key of keysOnlyIn(snapshot.enums, after.enums)) {
    const type = snapshot.enums[key]?.name
    if (columns.every((column) => column.type.replace(/\[.*/, '') !== type)) delete snapshot.enums[key]
  }
  return {
    name,
    opening: [
      `-- Contract, of ${chosen.map(({ place }) => place).join(', ')}: only once no process runs, or comes back by a rollback, that is older`,
      '-- than the migrations which left it.',
    ],
    statements: [...dropBridges(chosen.flatMap(({ bridges }) => bridges)), ...(await diff(before, snapshot))],
    snapshot,
  }
}

/** Makes of a table what it is without the columns, defaults and triggers that are chosen. */
function contractTable(
  table: Table,
  is: Table,
  isChosen: (column: string) => boolean,
  isLeft: (column: string) => boolean,
): void {
  const chosen = Object.keys(table.columns).filter(isChosen)
  if (chosen.length === 0) return
  for (const name of Object.keys(table.columns)) {
    const column = is.columns[name]
    if (column === undefined && isChosen(name)) delete table.columns[name]
    if (column !== undefined && (isChosen(name) || !isLeft(name))) table.columns[name] = column
  }
  const named = (columns: string[]) => columns.some((name) => chosen.includes(name))
  for (const name of keysOnlyIn(table.indexes, is.indexes)) {
    const index = table.indexes[name]
    if (index !== undefined && standsOn(index, chosen)) delete table.indexes[name]
  }
  for (const name of keysOnlyIn(table.foreignKeys, is.foreignKeys))
    if (named(table.foreignKeys[name]?.columnsFrom ?? [])) delete table.foreignKeys[name]
  for (const name of keysOnlyIn(table.uniqueConstraints, is.uniqueConstraints))
    if (named(table.uniqueConstraints[name]?.columns ?? [])) delete table.uniqueConstraints[name]
}
