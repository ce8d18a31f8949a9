// Finds what a change of the tables does to processes that run the old code, and what the database has to be while both run.
import { ASKS } from './asks.ts'
import type { Notes } from './migration-files.ts'
import { type Column, keysOnlyIn, placeOf, type Snapshot, standsOn, type Table } from './snapshot.ts'
import { quoted } from './sql.ts'
import { bridgeName, filled, type Phase, renamed, replaced, required, type Steps } from './steps.ts'

/** What a person has said, by place: `bookings.note`, `films`, `genre.novel`. */
export interface Answers {
  /** The new name of a column. */
  renames: Map<string, string>
  drops: Set<string>
  /** SQL of what rows get that have none; the value that takes another's place. */
  fills: Map<string, string>
}

export interface Expansion {
  /** The schema when all steps are done: that of the tables, and what only older processes need. */
  target: Snapshot
  /** The same before the last step: what is being filled may be empty. */
  start: Snapshot
  /** What stands beside the statements of drizzle-kit. */
  steps: Steps
  /** What the database has still, and the code has not. */
  leaves: string[]
  /** What does not go on without an answer: a paragraph each. */
  refusals: string[]
}

interface Work extends Expansion {
  before: Snapshot
  after: Snapshot
  notes: Notes
  take: (answers: 'renames' | 'fills', place: string) => string | undefined
  isDropped: (place: string) => boolean
  add: (steps: Partial<Steps>) => void
  /** `target` and `start`. */
  sides: [Snapshot, Snapshot]
  /** Columns that get a trigger. */
  bridged: Set<string>
}

/** What leads from one schema to the other while processes of both run. */
export function expand(before: Snapshot, after: Snapshot, answers: Answers, notes: Notes): Expansion {
  const used = new Set<string>()
  const [target, start] = [structuredClone(after), structuredClone(after)]
  const steps: Steps = { values: [], expand: [], concurrently: [], finish: [] }
  const work: Work = {
    before,
    after,
    notes,
    target,
    start,
    steps,
    leaves: [],
    refusals: [],
    sides: [target, start],
    bridged: new Set(),
    take(kind, place) {
      used.add(place)
      return answers[kind].get(place)
    },
    isDropped(place) {
      used.add(place)
      return answers.drops.has(place) || notes.left.has(place)
    },
    add(more) {
      for (const [phase, statements] of Object.entries(more)) steps[phase as Phase].push(...statements)
    },
  }
  goneTables(work)
  for (const [key, table] of Object.entries(before.tables)) {
    const now = after.tables[key]
    if (now !== undefined) changedTable(work, key, table, now)
  }
  changedEnums(work)
  for (const place of [...answers.renames.keys(), ...answers.drops, ...answers.fills.keys()])
    if (!used.has(place)) work.refusals.push(ASKS.nothing(place))
  return work
}

function goneTables({ before, after, sides, leaves, refusals, isDropped }: Work): void {
  const shape = (table?: Table) =>
    Object.keys(table?.columns ?? {})
      .toSorted()
      .join()
  const added = keysOnlyIn(after.tables, before.tables)
  for (const key of keysOnlyIn(before.tables, after.tables)) {
    const place = placeOf(key)
    const twin = added.find((other) => shape(after.tables[other]) === shape(before.tables[key]))
    if (twin !== undefined && !isDropped(place)) refusals.push(ASKS.renamedTable(place, placeOf(twin)))
    for (const { tables } of sides) tables[key] = structuredClone(before.tables[key]) as Table
    leaves.push(place)
  }
}

function changedTable(work: Work, key: string, was: Table, is: Table): void {
  const { sides, refusals, leaves, take, isDropped } = work
  const gone = keysOnlyIn(was.columns, is.columns)
  const added = new Set(keysOnlyIn(is.columns, was.columns))
  /** The new name by the old one. */
  const names = new Map<string, string>()
  for (const name of gone) {
    const to = take('renames', placeOf(key, name))
    if (to === undefined) continue
    if (added.delete(to)) names.set(name, to)
    else refusals.push(ASKS.noNewColumn(placeOf(key, name), to))
  }
  for (const name of gone) {
    const [place, column] = [placeOf(key, name), was.columns[name] as Column]
    leaves.push(place)
    for (const { tables } of sides) (tables[key] as Table).columns[name] = structuredClone(column)
    const to = names.get(name)
    const like = [...added].find((other) => is.columns[other]?.type === column.type)
    const value = take('fills', place)
    if (to !== undefined) renamedColumn(work, key, column, is.columns[to] as Column)
    else if (like === undefined || value !== undefined || isDropped(place))
      goneColumn(work, key, column, value)
    else {
      added.delete(like)
      refusals.push(ASKS.renamedColumn(place, like))
    }
  }
  for (const name of added) {
    const column = is.columns[name] as Column
    if (isMissed(column) || isVolatile(column)) requiredColumn(work, key, column, undefined)
  }
  for (const [name, column] of Object.entries(was.columns)) {
    const now = is.columns[name]
    if (now !== undefined) changedColumn(work, key, column, now)
  }
  const twofold = gone.filter((name) => names.has(name) || isBridged(work, key, name))
  for (const { tables } of sides) keepForOlder(tables[key] as Table, was, gone, twofold)
}

/** It has a trigger of an earlier change. */
const isBridged = ({ notes }: Work, key: string, name: string) =>
  notes.bridges.has(bridgeName(placeOf(key), name))

/** Who does not know it cannot write a row. */
const isMissed = ({ notNull, default: value, type, generated, identity }: Column) =>
  notNull && value === undefined && !generated && !identity && !type.endsWith('serial')

/** Its default is another one for each row: to add it would rewrite the table under a lock. */
const isVolatile = ({ default: value }: Column) =>
  /\b(gen_random_uuid|uuidv?\w*|random|nextval|clock_timestamp)\s*\(/.test(String(value))

/** It stays, for those who read and write it. */
function goneColumn(work: Work, key: string, column: Column, value: string | undefined): void {
  const place = placeOf(key, column.name)
  if (column.primaryKey) work.refusals.push(ASKS.otherKey(place))
  else if (value === undefined && isMissed(column) && !isBridged(work, key, column.name))
    work.refusals.push(ASKS.goneColumn(place))
  for (const side of work.sides) {
    const kept = columnOf(side, key, column.name)
    if (value?.toLowerCase() === 'null') kept.notNull = false
    else if (value !== undefined) kept.default = value
  }
}

const columnOf = ({ tables }: Snapshot, key: string, name: string) => tables[key]?.columns[name] as Column

function changedColumn(work: Work, key: string, was: Column, is: Column): void {
  const place = placeOf(key, is.name)
  if (was.typeSchema !== is.typeSchema || (was.type !== is.type && !isWider(was.type, is.type)))
    work.refusals.push(ASKS.otherType(place, was.type, is.type))
  if ((['primaryKey', 'generated', 'identity'] as const).some((part) => !Bun.deepEquals(was[part], is[part])))
    work.refusals.push(ASKS.otherKey(place))
  // Older processes leave it out, and rely on its default.
  if (is.default === undefined && was.default !== undefined)
    for (const side of work.sides) columnOf(side, key, is.name).default = was.default
  if (is.notNull && !was.notNull) requiredColumn(work, key, is, was)
}

/** Postgres neither rewrites nor reads the rows. */
function isWider(was: string, is: string): boolean {
  const parse = (type: string) => /^(varchar|numeric)\((\d+)(.*)\)$/.exec(type)?.slice(1) ?? []
  const [[name, from, scale], [same, to, sameScale]] = [parse(was), parse(is)]
  if (name === 'varchar' && is === 'text') return true
  return name !== undefined && name === same && scale === sameScale && Number(to) >= Number(from)
}

/** Rows that are there have none, and older processes write none. */
function requiredColumn(work: Work, key: string, column: Column, was: Column | undefined): void {
  const { name } = column
  const [place, table] = [placeOf(key, name), placeOf(key)]
  const value = work.take('fills', place) ?? column.default?.toString()
  if (value === undefined) work.refusals.push(ASKS.required(place, was === undefined))
  if (value === undefined || !mayBridge(work, key, name)) return
  const first = columnOf(work.start, key, name)
  if (column.notNull) first.notNull = false
  if (was === undefined && column.default !== undefined) {
    delete first.default // that of new rows comes once the column is there: the others are filled
    const set = `ALTER TABLE ${quoted(table)} ALTER COLUMN ${quoted(name)} SET DEFAULT ${column.default};`
    work.add({ expand: [set] })
  }
  work.add(filled(table, name, value, was !== undefined && isCounted(work, key)))
  if (column.notNull) work.add(required(table, name))
}

const isCounted = ({ after }: Work, key: string) => after.tables[key]?.columns.version?.type === 'integer'

/** Two names for the same, until no process knows the old one. */
function renamedColumn(work: Work, key: string, was: Column, is: Column): void {
  const place = placeOf(key, was.name)
  const isChanged = (is.notNull && !was.notNull) || was.default !== is.default
  if (isChanged || was.primaryKey || is.generated || is.identity)
    work.refusals.push(ASKS.renamedAndChanged(place))
  else if (isVolatile(was)) work.refusals.push(ASKS.renamedVolatile(place, is.name, was.name))
  else if (mayBridge(work, key, was.name)) {
    if (!is.notNull) for (const side of work.sides) columnOf(side, key, was.name).notNull = false
    work.add(renamed(placeOf(key), was, is))
    if (!isMissed(is)) return
    columnOf(work.start, key, is.name).notNull = false
    work.add(required(placeOf(key), is.name))
  }
}

/** One change after the other: the trigger of one would not know of the next. */
function mayBridge(work: Work, key: string, column: string): boolean {
  const { before, refusals, bridged } = work
  const place = placeOf(key, column)
  const isOpen = Object.keys(before.tables[key]?.columns ?? {}).some((name) => isBridged(work, key, name))
  const why = bridged.has(place)
    ? ASKS.twoWays(place)
    : isOpen
      ? ASKS.betweenSteps(placeOf(key))
      : key.startsWith('public.')
        ? undefined
        : ASKS.otherSchema(place)
  bridged.add(place)
  if (why !== undefined && !refusals.includes(why)) refusals.push(why)
  return why === undefined
}

/** Of what stands on columns that are gone: what rows are found by, and what guards a column that has two names. */
function keepForOlder(table: Table, was: Table, gone: string[], names: string[]): void {
  const some = (columns: string[], of: string[]) => columns.some((name) => of.includes(name))
  for (const [name, index] of Object.entries(was.indexes)) {
    const isRule = index.isUnique || index.columns.some(({ expression }) => expression.endsWith(' WITH &&'))
    if (standsOn(index, isRule ? names : gone)) table.indexes[name] ??= structuredClone(index)
  }
  for (const [name, key] of Object.entries(was.foreignKeys))
    if (some(key.columnsFrom, gone)) table.foreignKeys[name] ??= structuredClone(key)
  for (const [name, unique] of Object.entries(was.uniqueConstraints))
    if (some(unique.columns, names)) table.uniqueConstraints[name] ??= structuredClone(unique)
}

/** A type keeps the values that are gone: Postgres takes none out without rewriting tables. */
function changedEnums(work: Work): void {
  for (const [key, was] of Object.entries(work.before.enums)) {
    const is = work.after.enums[key]
    const values = union(was.values, is?.values ?? [])
    for (const side of work.sides) side.enums[key] = { ...structuredClone(was), values }
    if (is === undefined) continue
    const instead = new Map<string, string>()
    const known = is.values.filter((value) => was.values.includes(value))
    const fresh = is.values.find((value) => !was.values.includes(value))
    for (const value of was.values.filter((each) => !is.values.includes(each))) {
      const place = placeOf(key, value)
      const other = work.take('fills', place)
      work.leaves.push(place)
      if (other !== undefined && known.includes(other)) instead.set(value, other)
      else if (other !== undefined || !work.notes.left.has(place))
        work.refusals.push(
          [
            ASKS.goneValue(place, known[0]),
            ...(fresh === undefined ? [] : [ASKS.renamedValue(place, fresh)]),
          ].join('\n'),
        )
    }
    if (instead.size > 0) replacedValues(work, was.name, instead)
  }
}

/** The old order, and the new ones where the code has them. */
function union(was: string[], is: string[]): string[] {
  const all = [...was]
  for (const [i, value] of is.entries()) {
    if (all.includes(value)) continue
    const next = is.slice(i + 1).find((each) => all.includes(each))
    all.splice(next === undefined ? all.length : all.indexOf(next), 0, value)
  }
  return all
}

function replacedValues(work: Work, type: string, instead: Map<string, string>): void {
  for (const [key, { columns }] of Object.entries(work.before.tables)) {
    for (const { name, type: of } of Object.values(columns)) {
      if (of.startsWith(`${type}[`)) work.refusals.push(ASKS.listOfValues(placeOf(key, name), type))
      if (of === type && mayBridge(work, key, name))
        work.add(replaced(placeOf(key), name, instead, isCounted(work, key)))
    }
  }
}
