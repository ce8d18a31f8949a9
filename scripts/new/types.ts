// What a field of a new resource can be: the types, in words, and how values of them are written on the command line.
import { z } from 'zod'
import {
  decimal,
  emailAddress,
  httpUrl,
  isoDate,
  isoTimestamp,
  wallClock,
} from '../../src/kit/http/field-inputs.ts'
import { jsonValue } from '../../src/kit/http/json-input.ts'
import { attempt } from '../../src/kit/types/attempt.ts'
import { hint } from '../../src/kit/types/nearest.ts'
import type { Field } from './shape.ts'

export interface Kind {
  about: string
  /** What stands in its brackets, as the usage shows it. */
  inBrackets?: string
  searched?: true
  canBeUnique?: true
  /** What `:index` is good for. */
  index?: 'filter' | 'sort'
  /** How long values are at least and at most, for `:min` and `:max`; of other types these are about the values. */
  lengths?: [number, number]
  /** Makes it comparable; types without it have no `:min` and `:max`. */
  rank?: (value: string) => bigint | number | string
  /** The canonical form of what is typed, of an input as the door takes it; types without it have no `:default`. */
  read?: (typed: string, field: Pick<Field, 'args' | 'values'>) => unknown
}

/** A field's type as it is written: `decimal(10,2)`. */
export const writtenOf = ({ type, args }: Pick<Field, 'type' | 'args'>) =>
  args.length === 0 ? type : `${type}(${args.join()})`

const number = z.string().regex(/^-?\d{1,15}(\.\d{1,15})?$/)
const parse = (schema: z.ZodType) => (typed: string) => {
  const { success, data } = schema.safeParse(typed)
  return success ? data : undefined
}
const parseJson = (typed: string): unknown =>
  attempt(() => JSON.stringify(jsonValue().parse(JSON.parse(typed))))

/** With all its places: `12.50`. */
function canonicalDecimal(typed: string, { args: [precision, scale] }: Pick<Field, 'args'>) {
  const value = parse(decimal(Number(precision), Number(scale)))(typed)
  if (typeof value !== 'string') return undefined
  const [whole = '', fraction = ''] = value.split('.')
  return scale === '0' ? whole : `${whole}.${fraction.padEnd(Number(scale), '0')}`
}

/** Of one field all have as many places. */
const unitsOf = (value: string) => BigInt(value.replace('.', ''))

export const TYPES: Record<string, Kind> = {
  string: {
    about: 'a line of text, 1 to 500 characters, searched',
    searched: true,
    canBeUnique: true,
    index: 'sort',
    lengths: [1, 500],
    read: parse(z.string().min(1)),
  },
  text: {
    about: 'a long text, up to 50000 characters, searched',
    searched: true,
    lengths: [0, 50_000],
    read: parse(z.string()),
  },
  int: {
    about: 'a whole number of 32 bits',
    canBeUnique: true,
    index: 'sort',
    rank: Number,
    read: parse(number.transform(Number).pipe(z.int32()).transform(String)),
  },
  number: {
    about: 'a number, perhaps with a fraction',
    canBeUnique: true,
    index: 'sort',
    rank: Number,
    read: parse(number.transform(Number).transform(String)),
  },
  decimal: {
    about: 'an exact number, such as a price, of 10 digits, 2 behind the point: a text, "12.50"',
    inBrackets: '10,2',
    canBeUnique: true,
    index: 'sort',
    rank: unitsOf,
    read: canonicalDecimal,
  },
  bool: { about: 'true or false', index: 'filter', read: parse(z.enum(['true', 'false'])) },
  date: {
    about: 'a day: 2026-01-31',
    canBeUnique: true,
    index: 'sort',
    rank: String,
    read: parse(isoDate()),
  },
  timestamp: {
    about: 'a moment: 2026-01-31T12:00:00Z',
    canBeUnique: true,
    index: 'sort',
    rank: Date.parse,
    read: parse(isoTimestamp().transform((moment) => moment.toISOString())),
  },
  time: {
    about: 'a time of day, in no zone: 18:30',
    canBeUnique: true,
    index: 'sort',
    rank: String,
    read: parse(wallClock().transform((time) => time.padEnd(8, ':00'))),
  },
  uuid: {
    about: 'an id of something elsewhere',
    canBeUnique: true,
    index: 'filter',
    read: parse(z.uuid().toLowerCase()),
  },
  email: {
    about: 'an email address, kept in lowercase',
    canBeUnique: true,
    index: 'sort',
    read: parse(emailAddress()),
  },
  url: { about: 'an address of the web: https://...', canBeUnique: true, read: parse(httpUrl()) },
  enum: {
    about: 'one of these words',
    inBrackets: 'a,b',
    index: 'filter',
    read: (typed, { values }) => values.find((value) => value === typed),
  },
  'string[]': {
    about: 'up to 50 lines of text, of 1 to 100 characters each',
    index: 'filter',
    lengths: [0, 50],
    read: (typed) =>
      JSON.stringify(typed === '' ? [] : typed.split(',').map((each) => each.trim() || undefined)),
  },
  json: { about: 'any JSON, up to 16 KiB', read: parseJson },
  ref: {
    about: 'a court that the writer sees, by its id',
    inBrackets: 'court',
    index: 'filter',
  },
  account: { about: 'an account, by its id', index: 'filter' },
  file: { about: "a file of the writer's for this purpose, by its id", inBrackets: 'image', index: 'filter' },
}

/** What others call a type, where its letters point at no type or at a wrong one. */
const OTHER_NAMES = {
  timestamp: 'datetime timestamptz instant',
  date: 'day',
  time: 'clock',
  string: 'varchar char',
  url: 'link uri',
  email: 'mail',
  'number, or decimal(10,2), which is exact': 'float double real',
  'decimal(10,2)': 'money price currency numeric',
  'int, of 32 bits, or decimal(19,0)': 'bigint',
  json: 'jsonb object',
  'string[]': 'array list tags strings',
  account: 'user owner',
  'file(image)': 'image photo picture upload attachment blob',
  'ref(court)': 'reference references foreign belongs',
}

export const hintOfType = (word: string) => {
  const [known] = Object.entries(OTHER_NAMES).find(([, names]) => names.split(' ').includes(word)) ?? []
  return known === undefined ? hint(word, Object.keys(TYPES)) : `: did you mean ${known}?`
}

/** One line for each type, for the usage. */
export const typesUsage = Object.entries(TYPES)
  .map(([type, { about, inBrackets }]) => {
    const args = inBrackets === undefined ? [] : [inBrackets]
    return `${writtenOf({ type, args }).padEnd(15)}${about}`
  })
  .join('\n')
