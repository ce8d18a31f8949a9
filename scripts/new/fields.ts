// The fields of a new resource, from what is typed: `year:int?`
import { hint } from '../../src/kit/types/nearest.ts'

export interface Field {
  name: string
  /** One of TYPES. */
  type: string
  optional: boolean
  unique: boolean
  searched: boolean
  /** The values of an enum, empty for other types. */
  values: string[]
}

/** What a field can be, in words; the template has one of each. */
export const TYPES: Record<string, { about: string; searched?: true; canBeUnique?: true }> = {
  string: { about: 'a line of text, 1 to 500 characters, searched', searched: true, canBeUnique: true },
  text: { about: 'a long text, up to 50000 characters, searched', searched: true },
  int: { about: 'a whole number of 32 bits', canBeUnique: true },
  number: { about: 'a number, perhaps with a fraction', canBeUnique: true },
  bool: { about: 'true or false' },
  date: { about: 'a day: 2026-01-31', canBeUnique: true },
  timestamp: { about: 'a moment: 2026-01-31T12:00:00Z', canBeUnique: true },
  uuid: { about: 'an id of something elsewhere', canBeUnique: true },
  enum: { about: 'one of these words' },
}

/** One line for each type, for the usage. */
export const typesUsage = Object.entries(TYPES)
  .map(([name, { about }]) => `${(name === 'enum' ? 'enum(a|b)' : name).padEnd(14)}${about}`)
  .join('\n')

const FIELD = /^([^:]*):([a-z]+)(?:\(([^)]*)\))?(\?)?(:unique)?$/
const NAME = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/
const MAX_LENGTH = 40
const OWN_COLUMNS = ['id', 'creator', 'created', 'modified', 'constructor'] // of every object

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
  const [, name, type, inBrackets, optional, unique] = FIELD.exec(spec) ?? []
  if (name === undefined || type === undefined) {
    throw new Error(`"${spec}" is no field: it is name:type, name:type? or name:type:unique`)
  }
  if (!NAME.test(name) || name.length > MAX_LENGTH) {
    throw new Error(
      `"${name}" is no name of a field: it takes lowercase letters, digits and single underscores, ` +
        `a letter first, at most ${MAX_LENGTH} characters: first_name`,
    )
  }
  if (OWN_COLUMNS.includes(name))
    throw new Error(`The field "${name}" is there already: every resource has it`)
  const kind = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined
  if (kind === undefined)
    throw new Error(`"${spec}": there is no type "${type}"${hint(type, Object.keys(TYPES))}`)
  if (type !== 'enum' && inBrackets !== undefined)
    throw new Error(`The type ${type} of "${name}" takes no brackets`)
  if (unique !== undefined && !kind.canBeUnique) {
    throw new Error(`The field "${name}" cannot be unique: ${type} is no type for that`)
  }
  return {
    name,
    type,
    optional: optional !== undefined,
    unique: unique !== undefined,
    searched: kind.searched === true,
    values: type === 'enum' ? parseValues(name, inBrackets) : [],
  }
}

function parseValues(name: string, inBrackets = ''): string[] {
  const values = inBrackets.split('|')
  if (values.length < 2) {
    throw new Error(`The enum "${name}" has fewer than two values: ${name}:enum(draft|published)`)
  }
  const odd = values.find(
    (value, i) => !NAME.test(value) || value.length > MAX_LENGTH || values.indexOf(value) < i,
  )
  if (odd !== undefined) throw new Error(`The enum "${name}" cannot have the value "${odd}", or not twice`)
  return values
}
