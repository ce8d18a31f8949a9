// Writes values of a field as code: those of factories, and those just outside of its bounds.
import type { Field } from './fields.ts'

/** Its place among the fields of its type: the values of one row ascend in this order. */
interface Place {
  at: number
  of: number
}

const placeOf = ({ name, type }: Field, all: Field[]): Place => {
  const alike = all.filter((field) => field.type === type)
  return { at: alike.findIndex((field) => field.name === name), of: alike.length }
}

/** How the values of a type with an order follow each other. */
interface Steps {
  /** From the least value to the most, in steps; undefined: more than there will be rows. */
  room: number | undefined
  /** The code of the value that is so many steps above the least. */
  at: (steps: string) => string
}

const [DAY_MS, MINUTE_MS, SECOND_MS] = [86_400_000, 60_000, 1000]
/** Steps to a bound from the values of factories, where the other bound is open. */
const FAR = 10_000

/** Of numbers: counted in units, such as cents. */
function numbers({ min, max }: Field, units: number, most: number, write: (value: string) => string): Steps {
  const [low, high] = [min, max].map((bound) => bound && Math.round(Number(bound) * units))
  const start = Number(low ?? (high === undefined ? 0 : Math.max(-most, Math.min(0, Number(high) - FAR))))
  const room = Number(high ?? most) - start
  return {
    room: room > FAR ? undefined : room,
    at: (steps) => write(start === 0 ? steps : `${start} + ${steps}`),
  }
}

/** Of days and times. @param read makes a moment of a bound */
function moments({ min, max }: Field, unit: number, read: (bound: string) => string, cut: string): Steps {
  const [low, high] = [min, max].map((bound) => bound && Date.parse(read(bound)))
  const start = Number(low ?? (high === undefined ? Date.UTC(2026) : Number(high) - FAR * unit))
  const room = high === undefined ? undefined : Math.floor((Number(high) - start) / unit)
  const from = new Date(start).toISOString()
  return { room, at: (steps) => `new Date(Date.parse('${from}') + (${steps}) * ${unit}).toISOString()${cut}` }
}

/** Undefined for types without an order that matters to factories. */
function stepsOf(field: Field): Steps | undefined {
  const { type, args, min = '00:00:00', max = '23:59:59' } = field
  switch (type) {
    case 'int':
      return numbers(field, 1, 2 ** 31 - 1, (value) => value)
    case 'number':
      return numbers(field, 100, Infinity, (value) => `(${value}) / 100`)
    case 'decimal': {
      const [precision = 0, scale = 0] = args.map(Number)
      const write = (value: string) => `((${value}) / ${10 ** scale}).toFixed(${scale})`
      return numbers(field, 10 ** scale, 10 ** precision - 1, write)
    }
    case 'date':
      return moments(field, DAY_MS, String, '.slice(0, 10)')
    case 'timestamp':
      return moments(field, MINUTE_MS, String, '')
    case 'time':
      return moments({ ...field, min, max }, MINUTE_MS, clock, '.slice(11, 19)')
    default:
      return undefined
  }
}

export const isOrdered = (field: Field) => stepsOf(field) !== undefined

const clock = (time: string) => `2026-01-01T${time}Z`

/** How many rows have different values, each with room for another above it before that of the next field; at least 1. */
const rowsOf = ({ room }: Steps, { of }: Place) =>
  room === undefined ? Infinity : Math.max(1, Math.floor((room + 1) / (2 * of)))

/** That the values of so many rows in a row differ. */
export function differIn(rows: number, field: Field, all: Field[]): boolean {
  const steps = stepsOf(field)
  return steps === undefined || rowsOf(steps, placeOf(field, all)) >= rows
}

/** The code of the nth value in a factory; undefined: as the template has it. */
export function nth(field: Field, all: Field[]): string | undefined {
  const { name, type, min, max, args } = field
  const place = placeOf(field, all)
  const isFree = min === undefined && max === undefined
  if (isFree && place.of === 1 && (type !== 'decimal' || hasRoom(args))) return undefined
  if (isFree && type === 'timestamp' && place.of < 24)
    return `new Date(Date.UTC(2026, 0, n, ${place.at})).toISOString()`
  const steps = stepsOf(field)
  if (steps) {
    const [rows, stride, above] = [rowsOf(steps, place), 2 * place.of, 2 * place.at]
    const row = rows === Infinity ? 'n' : `(n % ${rows})`
    return steps.at(`${stride} * ${row}${above > 0 ? ` + ${above}` : ''}`)
  }
  if (type === 'string[]')
    return Number(min) > 1 ? `Array.from({ length: ${min} }, (_, i) => \`${name} \${n} \${i}\`)` : undefined
  if (isFree || (type !== 'string' && type !== 'text')) return undefined
  if (Number(max) < name.length + 8) return `String(n).padStart(${max}, '0').slice(-${max})`
  return `\`${name} \${n}\`.padEnd(${min ?? 1}, '.')`
}

/** Whether a search for a text of this length can find it. */
export const takesLength = (length: number, { min = '0', max = 'Infinity' }: Field) =>
  Number(min) <= length && length <= Number(max)

/** A decimal of which `n + 0.5` is always one. */
const hasRoom = ([precision, scale]: string[]) => Number(scale) > 0 && Number(precision) - Number(scale) >= 6

/** The code of a value that is just too small, or just too large. */
export function outside({ type, min, max }: Field, side: 'min' | 'max'): string {
  const [bound = '', by] = side === 'min' ? [min, -1] : [max, 1]
  const next = (ms: number, read = bound) => new Date(Date.parse(read) + by * ms).toISOString()
  switch (type) {
    case 'string':
    case 'text':
      return `'x'.repeat(${Number(bound) + by})`
    case 'string[]':
      return `Array(${Number(bound) + by}).fill('x')`
    case 'decimal': {
      const places = bound.split('.')[1]?.length ?? 0
      const units = (BigInt(bound.replace('.', '')) + BigInt(by)).toString()
      const digits = units.replace('-', '').padStart(places + 1, '0')
      const point = digits.length - places
      const text = `${digits.slice(0, point)}${places > 0 ? `.${digits.slice(point)}` : ''}`
      return `'${units.startsWith('-') ? '-' : ''}${text}'`
    }
    case 'date':
      return `'${next(DAY_MS).slice(0, 10)}'`
    case 'timestamp':
      return `'${next(1)}'`
    case 'time':
      return /^00:00:00|23:59:59$/.test(bound)
        ? `'24:00:00'`
        : `'${next(SECOND_MS, clock(bound)).slice(11, 19)}'`
    default:
      return String(Number(bound) + by)
  }
}
