// The fields of a new resource, from what is typed: `year:int?`
import { type Kind, KINDS } from './kinds.ts'
import { refuseReserved } from './names.ts'

export interface Field extends Kind {
  name: string
  optional: boolean
  unique: boolean
  /** The values of an enum, empty for other types. */
  values: string[]
}

/** One line for each type, for the usage. */
export const typesUsage = [
  ...Object.entries(KINDS).map(([name, kind]) => `${name.padEnd(14)}${kind('x').about}`),
  `${'enum(a|b)'.padEnd(14)}one of these words`,
].join('\n')

const FIELD = /^([^:]*):([a-z]+)(?:\(([^)]*)\))?(\?)?(:unique)?$/
const NAME = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/
const MAX_LENGTH = 40
const OWN_COLUMNS = ['id', 'creator', 'created', 'modified']

/**
 * @param resource `book_review`, which begins the names of enums
 * @throws Error that names the field, what is wrong with it and what is allowed
 */
export function parseFields(specs: string[], resource: string): Field[] {
  if (specs.length === 0)
    throw new Error(`"${resource}" has no fields: name at least one, such as title:string`)
  const fields = specs.map((spec) => parseField(spec, resource))
  for (const [i, { name }] of fields.entries()) {
    if (fields.findIndex((field) => field.name === name) < i)
      throw new Error(`The field "${name}" stands twice`)
  }
  return fields
}

function parseField(spec: string, resource: string): Field {
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
  refuseReserved(name)
  const values = inBrackets === undefined ? [] : inBrackets.split('|')
  const kind = type === 'enum' ? enumKind(name, values, resource) : kindOf(type, name)
  if (kind === undefined) {
    throw new Error(`The field "${name}" has no type that is called "${type}"`)
  }
  if (type !== 'enum' && inBrackets !== undefined)
    throw new Error(`The type ${type} of "${name}" takes no brackets`)
  if (unique !== undefined && kind.nth === undefined) {
    throw new Error(`The field "${name}" cannot be unique: ${type} is no type for that`)
  }
  return { name, optional: optional !== undefined, unique: unique !== undefined, values, ...kind }
}

const kindOf = (type: string, name: string) => (Object.hasOwn(KINDS, type) ? KINDS[type]?.(name) : undefined)

function enumKind(name: string, values: string[], resource: string): Kind {
  const [first, second] = values
  if (first === undefined || second === undefined) {
    throw new Error(`The enum "${name}" has fewer than two values: ${name}:enum(draft|published)`)
  }
  const odd = values.find(
    (value, i) => !NAME.test(value) || value.length > MAX_LENGTH || values.indexOf(value) < i,
  )
  if (odd !== undefined) throw new Error(`The enum "${name}" cannot have the value "${odd}", or not twice`)
  const constant = enumOf(resource, name)
  return {
    about: 'one of these words',
    column: `${constant}()`,
    input: `z.enum(${constant}.enumValues)`,
    answer: `z.enum(${constant}.enumValues)`,
    type: values.map((value) => `'${value}'`).join(' | '),
    sample: `'${first}'`,
    other: `'${second}'`,
    wrong: `'none of these'`,
  }
}

/** The constant that holds the enum of a field: `bookGenre`. */
export const enumOf = (resource: string, field: string) =>
  `${resource}_${field}`.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase())

/** `Part of the title, the author or the blurb, in any case.` */
export function searchWords(fields: Field[]): string {
  const words = fields.map(({ name }) => `the ${name.replaceAll('_', ' ')}`)
  return `Part of ${[words.slice(0, -1).join(', '), words.at(-1)].filter(Boolean).join(' or ')}, in any case.`
}
