// The fields of a new resource: `year:int?` as it is typed, and what each type is in Postgres, zod, TypeScript and a test.
import { refuseReserved } from './names.ts'

/** What a type is made of. All are TypeScript source. */
interface Kind {
  about: string
  /** Drizzle's function for the column. */
  column: string
  /** What a client sends, and what it gets. */
  input: string
  answer: string
  /** In the types of queries. */
  type: string
  /** Values for the test: a good one, another one, one that is refused. */
  sample: string
  other: string
  wrong: string
  /** A good value that is another one for each `n`; absent: the type cannot be unique. */
  nth?: string
  searchable?: true
}

export interface Field extends Kind {
  name: string
  optional: boolean
  unique: boolean
  /** The values of an enum, empty for other types. */
  values: string[]
}

const SINCE = `.refine((v) => v > '1000', 'must be after the year 1000')`

const text = (name: string) => ({
  column: 'text()',
  answer: 'z.string()',
  type: 'string',
  sample: `'some ${name}'`,
  other: `'another ${name}'`,
  wrong: '5',
  searchable: true as const,
})

/** By the name of the type, for a field of this name. */
const KINDS: Record<string, (name: string) => Kind> = {
  string: (name) => ({
    ...text(name),
    about: 'a line of text, 1 to 500 characters, searched',
    input: `z.string().min(1, 'must not be empty').max(500)`,
    wrong: `''`,
    nth: `\`${name} \${n}\``,
  }),
  text: (name) => ({
    ...text(name),
    about: 'a long text, up to 50000 characters, searched',
    input: 'z.string().max(50_000)',
  }),
  int: () => ({
    about: 'a whole number of 32 bits',
    column: 'integer()',
    input: 'z.int32()',
    answer: 'z.int()',
    type: 'number',
    sample: '7',
    other: '8',
    wrong: '1.5',
    nth: 'n',
  }),
  number: () => ({
    about: 'a number, perhaps with a fraction',
    column: 'doublePrecision()',
    input: 'z.number()',
    answer: 'z.number()',
    type: 'number',
    sample: '1.5',
    other: '2.25',
    wrong: `'many'`,
    nth: 'n + 0.5',
  }),
  bool: () => ({
    about: 'true or false',
    column: 'boolean()',
    input: 'z.boolean()',
    answer: 'z.boolean()',
    type: 'boolean',
    sample: 'true',
    other: 'false',
    wrong: `'yes'`,
  }),
  date: () => ({
    about: 'a day: 2026-01-31',
    column: 'date()',
    input: `z.iso.date()${SINCE}`,
    answer: 'z.iso.date()',
    type: 'string',
    sample: `'2026-01-31'`,
    other: `'2026-02-28'`,
    wrong: `'2026-02-30'`,
    nth: 'new Date(n * 86_400_000).toISOString().slice(0, 10)',
  }),
  timestamp: () => ({
    about: 'a moment: 2026-01-31T12:00:00Z',
    column: 'timestamp({ withTimezone: true })',
    input: `z.iso.datetime({ offset: true })${SINCE}.transform((v) => new Date(v))`,
    answer: 'z.iso.datetime()',
    type: 'Date',
    sample: `'2026-01-31T12:00:00.000Z'`,
    other: `'2026-02-28T00:00:00.000Z'`,
    wrong: `'yesterday'`,
    nth: 'new Date(n).toISOString()',
  }),
  uuid: () => ({
    about: 'an id of something elsewhere',
    column: 'uuid()',
    input: 'z.uuid()',
    answer: 'z.uuid()',
    type: 'string',
    sample: `'7e0b1c52-1d3c-4c5f-9a58-3f1d2f0e6a01'`,
    other: `'0d9f0b5a-52a7-4a52-8a3c-6c1c0a3b7e02'`,
    wrong: `'7e0b1c52'`,
    nth: 'crypto.randomUUID()',
  }),
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
