// Makes the lines of one field from those that the template has for its type.
import { nth, outside } from './examples.ts'
import type { Field } from './fields.ts'
import { camel, capital, parseNames, rename } from './names.ts'
import { TYPES } from './types.ts'

/** What the field `$ref` of the template refers to. */
export const REFERRED = parseNames('toy-maker')

/** What the list has of a field that is optional, and of one with a default. */
interface Shown {
  optional: string
  fallback: string
}

/** @param all the fields of the resource */
export function entryOf(entry: string, field: Field, shown: Shown, all: Field[]): string {
  const isInput = shown.fallback.includes('.meta(')
  const steps = [withArgs, isInput ? withBounds : same, withValues, withCheck]
  const made = steps.reduce((text, step) => step(text, field, all), entry)
  return named(withDefault(withNull(made, field, shown), field, shown), field)
}

type Step = (entry: string, field: Field, all: Field[]) => string
const same: Step = (entry) => entry

/** What stands in the brackets of the type. */
const withArgs: Step = (entry, { type, args, values, refersTo }) => {
  if (type === 'decimal') {
    const [precision, scale] = args
    return entry
      .replace('precision: 10, scale: 2', `precision: ${precision}, scale: ${scale}`)
      .replace('decimal(10, 2', `decimal(${precision}, ${scale}`)
      .replace('0.01', String(10 ** -Number(scale)))
      .replace('toFixed(2)', `toFixed(${scale})`)
  }
  if (refersTo) {
    const rule = entry.replace(/onDelete: '.*'/, `onDelete: '${refersTo.onDelete}'`)
    if (type === 'ref') return rename(rule, [REFERRED], [refersTo.names])
    return rule
      .replaceAll('`image`', `\`${args[0]}\``)
      .replace("'image'", `'${args[0]}'`)
      .replace('/public', `/${refersTo.bytesAt}`)
  }
  const quoted = values.map((value) => `'${value}'`)
  return entry.replaceAll(/'first', 'second'|'(?:first|second)'/g, (found) => {
    if (values.length === 0) return found
    return found.includes(',') ? quoted.join(', ') : (quoted[found === `'first'` ? 0 : 1] ?? found)
  })
}

/** At the door. */
const withBounds: Step = (entry, { type, min, max }) => {
  if (min === undefined && max === undefined) return entry
  const calls = `${min === undefined ? '' : `.min(${min})`}${max === undefined ? '' : `.max(${max})`}`
  if (type === 'int' || type === 'number') return entry.replace(/(z\.\w+\(\))/, `$1${calls}`)
  if (TYPES[type]?.lengths === undefined) {
    const bounds = [min && `min: '${min}'`, max && `max: '${max}'`].filter(Boolean).join(', ')
    return entry.replace(
      /(\w+)\((.*)\)/,
      (_, make: string, args: string) => `${make}(${args && `${args}, `}{ ${bounds} })`,
    )
  }
  // The last one is the list's, or the text's own.
  const bounded = max === undefined ? entry : entry.replace(/\.max\([\d_]+\)(?=[^)]*$)/, `.max(${max})`)
  if (min === undefined) return bounded
  return type === 'string'
    ? bounded.replace(/\.min\(.*?'\)/, `.min(${min})`)
    : bounded.replace(/(?=\.max\([\d_]+\)[^)]*$)/, `.min(${min})`)
}

/** In factories and tests. */
const withValues: Step = (entry, field, all) => {
  const value = /: .*\bn\b/.test(entry) ? nth(field, all) : undefined
  const made =
    value === undefined ? entry : entry.replace(/^( *\S+): [^]*/, `$1: ${value.replaceAll('$', '$$$$')},\n`)
  return made.replace('BELOW', () => outside(field, 'min')).replace('ABOVE', () => outside(field, 'max'))
}

/** In the table. */
const withCheck: Step = (entry, { name, type, min, max }) => {
  if (!/^ *check\(/.test(entry)) return entry
  const kind = TYPES[type]
  const column = `\${t.${name}}`
  const compared =
    kind?.lengths === undefined
      ? column
      : type === 'string[]'
        ? `cardinality(${column})`
        : `char_length(${column})`
  const isNumber = kind?.lengths !== undefined || ['int', 'number', 'decimal'].includes(type)
  const [low, high] = [min, max].map((bound) => (isNumber ? bound : bound && `'${bound}'`))
  const condition =
    low && high
      ? `${compared} between ${low} and ${high}`
      : low
        ? `${compared} >= ${low}`
        : `${compared} <= ${high}`
  return entry.replace(/sql`.*`/, () => `sql\`${condition}\``)
}

function withNull(entry: string, { optional }: Field, shown: Shown): string {
  if (!optional) return entry
  const [tail = ''] = /\.null\w+\(\)(?=,\n$)/.exec(shown.optional) ?? []
  return entry.replace('.notNull()', '').replace('<string>', '<string | null>').replace(/,\n$/, `${tail},\n`)
}

/** `now` is Postgres's. */
function withDefault(entry: string, field: Field, { fallback: shown }: Shown): string {
  const { type, fallback, optional } = field
  if (fallback === undefined) return entry
  const isText = !['int', 'number', 'bool', 'json', 'string[]'].includes(type)
  const value = isText ? JSON.stringify(fallback) : fallback
  const isNow = fallback === 'now' && (type === 'timestamp' || type === 'date')
  if (shown.includes('.meta(')) {
    const about = isNow ? ".describe('Now if it is left out.')" : `.meta({ default: ${value} })`
    return entry.replace(/,\n$/, () => `${optional ? '' : '.optional()'}${about},\n`)
  }
  if (shown.includes('.default(')) {
    const column = type === 'timestamp' ? `sql\`'${fallback}'\`` : value
    return entry.replace(/,\n$/, () => `${isNow ? '.defaultNow()' : `.default(${column})`},\n`)
  }
  return entry.replace("'none'", () => (isNow ? 'expect.any(String)' : value))
}

/** `$enum` is `genre`, `book_$enum` is `book_genre`, and `book$enum` is `bookGenre`. */
const named = (entry: string, { name }: Field): string =>
  entry.replaceAll(/([a-zA-Z0-9]?)\$([a-z]+)(?![a-zA-Z{])/g, (_, before: string) =>
    before === '' ? name : before + capital(camel(name)),
  )
