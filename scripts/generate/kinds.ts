// What a change of the tables does to processes that still run the old code, kind by kind: what is asked, and the steps that are
// right for both ages. ARCHITECTURE: migrations add; what only older processes need goes in a later deploy.
import { bridge, bridgeName, fill, filledBy, notNull, quoted, sameInBoth } from './bridge.ts'
import type { Phase, Steps } from './phases.ts'
import { type Column, keysOnlyIn, type Notes, type Snapshot, standsOn, type Table } from './snapshot.ts'

/** What a person has said, by place: `bookings.note`, `films`, `book_genre.novel`. */
export interface Answers {
  /** The new name of a column. */
  renames: Map<string, string>
  drops: Set<string>
  /** SQL of what rows get that have none. */
  fills: Map<string, string>
}

export interface Expansion {
  /** The schema when all steps are done: that of the tables, and what only older processes need. */
  target: Snapshot
  /** Before `finish`: columns that are filled may be empty. */
  start: Snapshot
  /** What stands beside the statements of drizzle-kit. */
  steps: Steps
  /** What the database has still, and the code has not. */
  leaves: string[]
  /** What cannot go on without an answer: a paragraph for each. */
  refusals: string[]
}

interface Work extends Expansion {
  before: Snapshot
  after: Snapshot
  answers: Answers
  notes: Notes
  /** Columns that get a trigger. */
  bridged: Set<string>
  /** Takes an answer: what is left of them at the end was about nothing. */
  take: <T>(from: Map<string, T>, place: string) => T | undefined
  isDropped: (place: string) => boolean
  add: (steps: Partial<Record<Phase, string | string[]>>) => void
}

/** What leads from one schema to the other while processes of both run. */
export function expand(before: Snapshot, after: Snapshot, answers: Answers, notes: Notes): Expansion {
  const used = new Set<string>()
  const [target, start] = [structuredClone(after), structuredClone(after)]
  const steps: Steps = { values: [], expand: [], concurrently: [], finish: [] }
  const work: Work = {
    ...{ before, after, answers, notes, target, start, steps, leaves: [], refusals: [], bridged: new Set() },
    take(from, place) {
      if (from.has(place)) used.add(place)
      return from.get(place)
    },
    isDropped(place) {
      if (answers.drops.has(place)) used.add(place)
      return answers.drops.has(place) || notes.left.has(place)
    },
    add(more) {
      for (const [phase, statements] of Object.entries(more))
        steps[phase as Phase].push(...[statements].flat())
    },
  }
  goneTables(work)
  for (const [key, table] of Object.entries(before.tables)) {
    const now = after.tables[key]
    if (now !== undefined) changedTable(work, key, table, now)
  }
  changedEnums(work)
  for (const place of [...answers.renames.keys(), ...answers.drops, ...answers.fills.keys()])
    if (!used.has(place)) work.refusals.push(`Nothing is to be said of ${place}: it did not change so.`)
  return work
}

const placeOf = (key: string, column?: string) =>
  [key.replace(/^public\./, ''), ...(column === undefined ? [] : [column])].join('.')

function goneTables({ before, after, target, start, leaves, refusals, isDropped }: Work): void {
  const added = keysOnlyIn(after.tables, before.tables)
  const shape = (table?: Table) =>
    Object.keys(table?.columns ?? {})
      .toSorted()
      .join()
  for (const key of keysOnlyIn(before.tables, after.tables)) {
    const place = placeOf(key)
    const twin = added.find((other) => shape(after.tables[other]) === shape(before.tables[key]))
    if (twin !== undefined && !isDropped(place))
      refusals.push(
        `The table ${place} is gone, and ${placeOf(twin)} is new with the same columns. If it is that one under another name: leave its ` +
          `name in Postgres, which no client sees, as pgTable('${place}', ...), and rename the variable alone; older processes would find no ` +
          `table else. If it is another one: --drop ${place}`,
      )
    for (const side of [target, start]) side.tables[key] = structuredClone(before.tables[key]) as Table
    leaves.push(place)
  }
}

function changedTable(work: Work, key: string, was: Table, is: Table): void {
  const { target, start, refusals, leaves } = work
  const [goal, first] = [target.tables[key], start.tables[key]] as [Table, Table]
  const renamed = new Map<string, string>()
  const asked = new Set<string>()
  const added = keysOnlyIn(is.columns, was.columns)
  const gone = keysOnlyIn(was.columns, is.columns)
  for (const name of gone) {
    const place = placeOf(key, name)
    const to = work.take(work.answers.renames, place)
    if (to === undefined) continue
    if (added.includes(to) && ![...renamed.values()].includes(to)) renamed.set(name, to)
    else refusals.push(`--rename ${place}:${to}: the table has no new column "${to}".`)
  }
  for (const name of gone) {
    const [place, column] = [placeOf(key, name), was.columns[name] as Column]
    leaves.push(place)
    for (const side of [goal, first]) side.columns[name] = structuredClone(column)
    const to = renamed.get(name)
    if (to !== undefined) {
      renamedColumn(work, key, column, is.columns[to] as Column)
      continue
    }
    const isFilled = work.answers.fills.has(place)
    const like = added.find(
      (other) => is.columns[other]?.type === column.type && ![...renamed.values()].includes(other),
    )
    if (like !== undefined && !isFilled && !work.isDropped(place)) {
      asked.add(like)
      refusals.push(
        `The column ${place} is gone, and "${like}" is new with the same type. Nobody can tell which it is:\n` +
          `  "${note(place)}" under another name, with its values: --rename ${place}:${like}\n` +
          `  another one, and ${place} is to be dropped: --drop ${place}`,
      )
    } else goneColumn(work, key, column)
  }
  for (const [name, column] of Object.entries(is.columns)) {
    const old = was.columns[name]
    if (old === undefined) {
      const isTarget = asked.has(name) || [...renamed.values()].includes(name)
      if (!isTarget && needsValue(column)) filledColumn(work, key, column, undefined)
    } else changedColumn(work, key, old, column)
  }
  keepForOlder([goal, first], was, gone, renamed)
}

const note = (place: string) => place.slice(place.indexOf('.') + 1)

/** What a writer that does not know it leaves empty. */
const needsValue = ({ notNull: isRequired, default: value, type, generated, identity }: Column) =>
  isRequired && (value === undefined || isVolatile(value)) && !generated && !identity && !/serial$/.test(type)

/** Another one for each row: to add it rewrites the table under a lock. */
const isVolatile = (value: unknown) =>
  /\b(gen_random_uuid|uuidv?\w*|random|nextval|clock_timestamp)\s*\(/.test(String(value))

/** It stays, with its constraints, until no process reads or writes it. */
function goneColumn(work: Work, key: string, column: Column): void {
  const place = placeOf(key, column.name)
  const sides = [work.target, work.start].map(({ tables }) => tables[key]?.columns[column.name]) as Column[]
  if (column.primaryKey) {
    work.refusals.push(
      `${place} is a primary key: what takes its place is written by hand, in steps (drizzle/README.md).`,
    )
    return
  }
  const value = work.take(work.answers.fills, place)
  const isRight = work.notes.bridges.has(bridgeName(placeOf(key), column.name)) // under its new name
  if (value === undefined && !isRight && needsValue(column))
    work.refusals.push(
      `The column ${place} is gone. Processes of the new code write none, and older ones, which run beside them or come back, expect ` +
        `one. Say which they find in new rows: --fill "${place}=''", in SQL; or null, if the older code bears that.`,
    )
  for (const side of sides) {
    if (value !== undefined && /^null$/i.test(value)) side.notNull = false
    else if (value !== undefined) side.default = value
  }
}

function changedColumn(work: Work, key: string, was: Column, is: Column): void {
  const place = placeOf(key, is.name)
  const isAnother = (part: 'primaryKey' | 'generated' | 'identity') => !Bun.deepEquals(was[part], is[part])
  if (was.typeSchema !== is.typeSchema || (was.type !== is.type && !isWider(was.type, is.type)))
    work.refusals.push(
      `The type of ${place} changes from ${was.type} to ${is.type}. Older processes would read and write it as it was, and the table would be ` +
        `rewritten under a lock. Give the new one another name in table.ts; then --rename ${place}:<that name> keeps both, each ` +
        `in its type, while processes of both ages run.`,
    )
  if (isAnother('primaryKey') || isAnother('generated') || isAnother('identity'))
    work.refusals.push(
      `${place} becomes, or is no longer, a primary key, generated or an identity: that is written by hand, in steps (drizzle/README.md).`,
    )
  if (was.default !== undefined && is.default === undefined)
    for (const { tables } of [work.target, work.start])
      (tables[key]?.columns[is.name] as Column).default = was.default // older processes leave it out
  if (is.notNull && !was.notNull) filledColumn(work, key, is, was)
}

/** Postgres neither rewrites nor reads the rows. */
function isWider(was: string, is: string): boolean {
  const [, name = was, ...from] = /^(\w+)\((\d+)(?:, (\d+))?\)$/.exec(was) ?? []
  const [, same = is, ...to] = /^(\w+)\((\d+)(?:, (\d+))?\)$/.exec(is) ?? []
  if (name === 'varchar' && is === 'text') return true
  return (
    ['varchar', 'numeric'].includes(name) &&
    name === same &&
    Number(to[0]) >= Number(from[0]) &&
    to[1] === from[1]
  )
}

/** A column that is required from now on: rows have none, and older processes write none. */
function filledColumn(work: Work, key: string, column: Column, was: Column | undefined): void {
  const [place, table] = [placeOf(key, column.name), placeOf(key)]
  const value = work.take(work.answers.fills, place) ?? column.default
  if (value === undefined) {
    work.refusals.push(
      `The column ${place} is ${was ? 'NOT NULL now' : 'new and NOT NULL'}. Rows that are there have none, and older processes write none. Give it a ` +
        `.default(...) in table.ts; or leave .notNull() away; or say what such rows get: --fill "${place}=0", in SQL, which may name other columns.`,
    )
    return
  }
  if (isBridged(work, key, column.name)) return
  const c = quoted(column.name)
  ;(work.start.tables[key]?.columns[column.name] as Column).notNull = false
  if (!was) delete (work.start.tables[key]?.columns[column.name] as Column).default
  const about = `Older processes write rows without "${column.name}": they get ${String(value)}.`
  const required = notNull(table, column.name)
  const setDefault =
    was || column.default === undefined
      ? []
      : [`ALTER TABLE ${quoted(table)} ALTER COLUMN ${c} SET DEFAULT ${String(column.default)};`]
  work.add({
    expand: [
      ...setDefault,
      bridge(table, column.name, about, filledBy(table, column.name, String(value))),
      required.expand,
    ],
    concurrently: [
      fill(table, `${c} = ${String(value)}${was ? counted(work, key) : ''}`, `${c} IS NULL`),
      required.concurrently,
    ],
    finish: required.finish,
  })
}

/** What a client has read of a row is another state then. */
const counted = ({ after }: Work, key: string) =>
  after.tables[key]?.columns.version?.type === 'integer' ? ', "version" = "version" + 1' : ''

/** Two names for the same, until no process knows the old one. */
function renamedColumn(work: Work, key: string, was: Column, is: Column): void {
  const [place, table] = [placeOf(key, was.name), placeOf(key)]
  const sides = [work.target, work.start].map(({ tables }) => tables[key]) as [Table, Table]
  if (
    was.primaryKey ||
    is.generated ||
    is.identity ||
    (is.notNull && !was.notNull) ||
    !Bun.deepEquals(was.default, is.default)
  ) {
    work.refusals.push(
      `${place} gets another name and is changed besides (NOT NULL, default), or is a key or generated: one after the other. ` +
        'First the name alone, and when that is contracted the rest.',
    )
    return
  }
  if (was.default !== undefined && !was.notNull) {
    work.refusals.push(
      `${place} is optional and has a default: whether a process leaves it out or empties it cannot be told under two names. ` +
        'Keep its name in Postgres and rename the property alone: remark: text("note").',
    )
    return
  }
  if (isBridged(work, key, was.name)) return
  for (const side of sides) {
    const [old, next] = [side.columns[was.name], side.columns[is.name]] as [Column, Column]
    delete next.default // the old one's holds for both
    if (!is.notNull) old.notNull = false
  }
  const [from, to] = [quoted(was.name), quoted(is.name)]
  const cast =
    was.type === is.type ? '' : `::${is.typeSchema ? `${quoted(is.typeSchema)}.${quoted(is.type)}` : is.type}`
  const compared = is.type === 'json' ? '::text' : ''
  const about = `Older processes read and write "${was.name}", newer ones "${is.name}": both are the same in every row.`
  work.add({
    expand: bridge(table, was.name, about, sameInBoth(was.name, is.name, is.type)),
    concurrently: fill(
      table,
      `${to} = ${from}${cast}`,
      `${to}${compared} IS DISTINCT FROM ${from}${cast}${compared}`,
    ),
  })
  if (!is.notNull) return
  ;(sides[1].columns[is.name] as Column).notNull = false
  work.add(notNull(table, is.name))
}

/** One after the other: a trigger of one change would not know of the next. Else the column has one from now on. */
function isBridged({ before, notes, refusals, bridged }: Work, key: string, column: string): boolean {
  const [table, place] = [placeOf(key), placeOf(key, column)]
  if (bridged.has(place)) {
    refusals.push(
      `${place} changes in two ways at once: one after the other, each with its own npm run generate.`,
    )
    return true
  }
  bridged.add(place)
  if (!key.startsWith('public.')) {
    refusals.push(`${place} is in a schema of its own: its steps are written by hand (--custom).`)
    return true
  }
  const open = Object.keys(before.tables[key]?.columns ?? {}).find((name) =>
    notes.bridges.has(bridgeName(table, name)),
  )
  if (open === undefined) return false
  const text = `The table ${table} is between two steps already: first end those, by npm run generate -- --name what --contract, once no older process runs.`
  if (!refusals.includes(text)) refusals.push(text)
  return true
}

/** Of what stands on a column that is gone: what older processes find rows by, and what guards a name that both have. */
function keepForOlder(sides: Table[], was: Table, gone: string[], renamed: Map<string, string>): void {
  const names = (columns: string[]) => columns.some((name) => gone.includes(name))
  const isRenamed = (columns: string[]) => columns.some((name) => renamed.has(name))
  for (const side of sides) {
    for (const name of keysOnlyIn(was.indexes, side.indexes)) {
      const index = was.indexes[name] as Table['indexes'][string]
      const isRule = index.isUnique || index.columns.some(({ expression }) => expression.endsWith(' WITH &&'))
      if (standsOn(index, isRule ? [...renamed.keys()] : gone)) side.indexes[name] = structuredClone(index)
    }
    for (const name of keysOnlyIn(was.foreignKeys, side.foreignKeys)) {
      const reference = was.foreignKeys[name] as Table['foreignKeys'][string]
      if (names(reference.columnsFrom)) side.foreignKeys[name] = structuredClone(reference)
    }
    for (const name of keysOnlyIn(was.uniqueConstraints, side.uniqueConstraints)) {
      const unique = was.uniqueConstraints[name] as Table['uniqueConstraints'][string]
      if (isRenamed(unique.columns)) side.uniqueConstraints[name] = structuredClone(unique)
    }
  }
}

/** A type keeps the values that are gone: Postgres takes none out without rewriting its tables. */
function changedEnums(work: Work): void {
  const { before, after, target, start, refusals, answers, take, notes, leaves } = work
  for (const [key, was] of Object.entries(before.enums)) {
    const is = after.enums[key]
    const values = is === undefined ? was.values : union(was.values, is.values)
    for (const side of [target, start]) side.enums[key] = { ...structuredClone(was), values }
    if (is === undefined) continue
    const changes = new Map<string, string>()
    for (const value of was.values.filter((each) => !is.values.includes(each))) {
      const place = placeOf(key, value)
      const instead = take(answers.fills, place)
      leaves.push(place)
      if (instead === undefined && notes.left.has(place)) continue
      if (instead !== undefined && is.values.includes(instead) && was.values.includes(instead)) {
        changes.set(value, instead)
        continue
      }
      const fresh = is.values.filter((each) => !was.values.includes(each))
      refusals.push(
        `The value "${value}" of ${placeOf(key)} is gone. Rows hold it, and older processes write it. Say which they get instead, of those that ` +
          `were there before: --fill ${place}=${is.values.find((each) => was.values.includes(each)) ?? '...'}` +
          (fresh.length === 0
            ? ''
            : `\n  If "${fresh[0]}" is "${value}" under another name: have both in a first release, whose code understands both, and take ` +
              `"${value}" out in the next, by --fill ${place}=${fresh[0]}.`),
      )
    }
    if (changes.size > 0) replacedValues(work, was.name, changes)
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

function replacedValues(work: Work, type: string, changes: Map<string, string>): void {
  for (const [key, { columns }] of Object.entries(work.after.tables)) {
    if (work.before.tables[key] === undefined) continue
    for (const { name, type: of } of Object.values(columns)) {
      if (of.startsWith(`${type}[`))
        work.refusals.push(
          `${placeOf(key, name)} is a list of ${type}: a value is taken out of it by hand (--custom).`,
        )
      if (of !== type || isBridged(work, key, name)) continue
      const table = placeOf(key)
      const c = quoted(name)
      const pairs = [...changes].map((pair) =>
        pair.map((value) => `'${value.replaceAll("'", "''")}'`).join(' THEN '),
      )
      const cases = (of_: string) => `CASE ${of_} WHEN ${pairs.join(' WHEN ')} ELSE ${of_} END`
      const olds = [...changes.keys()].map((value) => `'${value.replaceAll("'", "''")}'`).join(', ')
      const about = `Older processes write ${olds} into "${name}": it becomes ${[...changes.values()].join(', ')}.`
      work.add({
        expand: bridge(table, name, about, `NEW.${c} := ${cases(`NEW.${c}`)};`),
        concurrently: fill(table, `${c} = ${cases(c)}${counted(work, key)}`, `${c} IN (${olds})`),
      })
    }
  }
}
