// The fields of a new resource, from what is typed: `year:int?`
import { RESERVED } from '../../src/kit/data/list.ts'
import { hint } from '../../src/kit/types/nearest.ts'
import type { Names } from './names.ts'

export interface Field {
  name: string
  /** One of TYPES. */
  type: string
  optional: boolean
  /** `own`: within the rows that stand in one list, an owner's or a parent's; `all`: within the table. */
  unique: 'own' | 'all' | undefined
  /** Lists filter by it, and sort by it if the type has an order. */
  indexed: boolean
  sorted: boolean
  searched: boolean
  /** What stands in the brackets of the type: `['10', '2']` of decimal(10,2), the values of an enum. */
  args: string[]
  /** The values of an enum, empty for other types. */
  values: string[]
  /** The least and the most, in canonical form: of values, or of the length of texts and lists. */
  min: string | undefined
  max: string | undefined
  /** What it is where a creation leaves it out, in canonical form; `now` of moments and days. */
  fallback: string | undefined
  /** Of `ref(court)` and `account`. */
  refersTo: Reference | undefined
}

/** A row of another table. */
export interface Reference {
  names: Names
  /** Who sees such rows: those whom the row may refer to. */
  seenBy: 'owner' | 'accounts' | 'everybody'
  /** What becomes of the row when the one that it refers to is deleted; restrict: that is refused. */
  onDelete: 'cascade' | 'set null' | 'restrict'
}

interface Kind {
  about: string
  searched?: true
  canBeUnique?: true
  /** What `:index` is good for. */
  index?: 'filter' | 'sort'
}

/** What a field can be, in words; the template has one of each. */
export const TYPES: Record<string, Kind> = {
  string: {
    about: 'a line of text, 1 to 500 characters, searched',
    searched: true,
    canBeUnique: true,
    index: 'sort',
  },
  text: { about: 'a long text, up to 50000 characters, searched', searched: true },
  int: { about: 'a whole number of 32 bits', canBeUnique: true, index: 'sort' },
  number: { about: 'a number, perhaps with a fraction', canBeUnique: true, index: 'sort' },
  bool: { about: 'true or false', index: 'filter' },
  date: { about: 'a day: 2026-01-31', canBeUnique: true, index: 'sort' },
  timestamp: { about: 'a moment: 2026-01-31T12:00:00Z', canBeUnique: true, index: 'sort' },
  uuid: { about: 'an id of something elsewhere', canBeUnique: true, index: 'filter' },
  enum: { about: 'one of these words', index: 'filter' },
}

/** What others call a type, where its letters point at no type or at a wrong one. */
const OTHER_NAMES: Record<string, string> = {
  datetime: 'timestamp',
  varchar: 'string',
  float: 'number',
  double: 'number',
  decimal: 'number',
}

const hintOfType = (word: string) => {
  const known = Object.hasOwn(OTHER_NAMES, word) ? OTHER_NAMES[word] : undefined
  return known === undefined ? hint(word, Object.keys(TYPES)) : `: did you mean ${known}?`
}

/** One line for each type, for the usage. */
export const typesUsage = Object.entries(TYPES)
  .map(([name, { about }]) => `${(name === 'enum' ? 'enum(a,b)' : name).padEnd(14)}${about}`)
  .join('\n')

/** What may stand behind a type: what it makes of the field, or why it cannot. */
const MODIFIERS: Record<
  string,
  (field: Field, kind: Kind, inBrackets: string | undefined) => string | undefined
> = {
  index(field, { index }, inBrackets) {
    if (inBrackets !== undefined) return 'takes no brackets'
    if (index === undefined) return `is for no ${field.type}`
    if (RESERVED.includes(field.name))
      return `would be a filter, and a list's query has "${field.name}" for something else`
    field.indexed = true
    field.sorted = index === 'sort'
    return undefined
  },
  unique(field, { canBeUnique }, inBrackets = 'own') {
    if (!canBeUnique) return `is for no ${field.type}`
    if (inBrackets !== 'own' && inBrackets !== 'all') return 'is unique or unique(all)'
    field.unique = inBrackets
    return undefined
  },
}

const BRACKETS = String.raw`(?:\(([^)]*)\))?`
const MODIFIER = new RegExp(String.raw`:([a-z]+)${BRACKETS}`, 'g')
const FIELD = new RegExp(String.raw`^([^:]*):([a-z]+)${BRACKETS}(\?)?((?::[a-z]+(?:\([^)]*\))?)*)$`)
const NAME = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/
const MAX_LENGTH = 40
const OWN_COLUMNS = ['id', 'creator', 'created', 'modified', 'version', 'constructor'] // of every object

/**
 * @param resource `book_review`, for messages
 * @throws Error that names the field, what is wrong with it and what is allowed
 */
export function parseFields(specs: string[], resource: string): Field[] {
  if (specs.length === 0)
    throw new Error(`"${resource}" has no fields: name at least one, such as title:string`)
  const fields = specs.map(parseField)
  for (const [i, { name }] of fields.entries()) {
    if (fields.findIndex((field) => field.name === name) < i)
      throw new Error(`The field "${name}" stands twice`)
  }
  return fields
}

function parseField(spec: string): Field {
  const [, name, type, inBrackets, optional, modifiers = ''] = FIELD.exec(spec) ?? []
  if (name === undefined || type === undefined) {
    throw new Error(`"${spec}" is no field: it is name:type or name:type?, and :index or :unique behind that`)
  }
  if (!NAME.test(name) || name.length > MAX_LENGTH) {
    throw new Error(
      `"${name}" is no name of a field: it takes lowercase letters, digits and single underscores, ` +
        `a letter first, at most ${MAX_LENGTH} characters, such as first_name`,
    )
  }
  if (OWN_COLUMNS.includes(name))
    throw new Error(`The field "${name}" is there already: every resource has it`)
  const kind = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined
  if (kind === undefined) throw new Error(`"${spec}": there is no type "${type}"${hintOfType(type)}`)
  const args = inBrackets?.split(/[,|]/).map((arg) => arg.trim()) ?? []
  if (type !== 'enum' && inBrackets !== undefined)
    throw new Error(`The type ${type} of "${name}" takes no brackets`)
  const field: Field = {
    name,
    type,
    optional: optional !== undefined,
    unique: undefined,
    indexed: false,
    sorted: false,
    searched: kind.searched === true,
    args,
    values: type === 'enum' ? parseValues(name, args) : [],
    min: undefined,
    max: undefined,
    fallback: undefined,
    refersTo: undefined,
  }
  for (const [, word = '', argument] of modifiers.matchAll(MODIFIER)) {
    const modify = Object.hasOwn(MODIFIERS, word) ? MODIFIERS[word] : undefined
    if (modify === undefined)
      throw new Error(`"${spec}": there is no :${word}${hint(word, Object.keys(MODIFIERS))}`)
    const fault = modify(field, kind, argument)
    if (fault !== undefined) throw new Error(`"${spec}": :${word} ${fault}`)
  }
  return field
}

function parseValues(name: string, values: string[]): string[] {
  if (values.length < 2) {
    throw new Error(
      `The enum "${name}" has fewer than two values, parted by commas: '${name}:enum(draft,published)'`,
    )
  }
  const odd = values.find((value) => !NAME.test(value) || value.length > MAX_LENGTH)
  if (odd !== undefined) {
    throw new Error(
      `The enum "${name}" cannot have the value "${odd}": it takes what the name of a field takes, such as on_hold`,
    )
  }
  const twice = values.find((value, i) => values.indexOf(value) < i)
  if (twice !== undefined) throw new Error(`The enum "${name}" has the value "${twice}" twice`)
  return values
}
