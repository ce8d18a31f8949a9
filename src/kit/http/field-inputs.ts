// Reads the fields of a body that zod alone has no short word for: decimal numbers, days, moments, addresses, ids.
import { z } from 'zod'
import { Clock } from '../data/list-values.ts'
import { MAX_SERIAL } from './validate.ts'

/** The least and the most that is taken, in canonical form. Compared by value, not by letters. */
interface Bounds {
  min?: string
  max?: string
}

/** @param valueOf what is compared, of a value in any form that is taken */
function bounded<T extends z.ZodType<unknown, string>>(
  schema: T,
  { min, max }: Bounds,
  valueOf: (text: string) => string | number | bigint,
): T {
  const [least, most] = [min, max].map((bound) => bound && valueOf(bound))
  const check = z.superRefine<unknown>((text, { addIssue }) => {
    const value = valueOf(String(text))
    if (least !== undefined && value < least) addIssue(`must be at least ${min}`)
    if (most !== undefined && value > most) addIssue(`must be at most ${max}`)
  })
  const words = [min && `at least ${min}`, max && `at most ${max}`].filter(Boolean).join(', ')
  return words === '' ? schema : schema.check(check).describe(`Is ${words}.`)
}

/** How many units of the last place a decimal number has: of `-12.5` with two places -1250. */
export const unitsOf = (text: string, scale: number): bigint => {
  const [whole = '', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(scale, '0'))
}

/**
 * A decimal number in a text, as no number of JSON is exact: `"12.5"`, which answers have as `"12.50"`. No exponent, no leading
 * zeros, no more places than the column has, so that nothing is rounded.
 * @param precision digits in all
 * @param scale digits behind the point
 */
export function decimal(precision: number, scale: number, bounds: Bounds = {}) {
  const whole = precision > scale ? String.raw`(0|[1-9]\d{0,${precision - scale - 1}})` : '0'
  const fraction = scale > 0 ? String.raw`(\.\d{1,${scale}})?` : ''
  const example = `${'12'.slice(0, precision - scale) || '0'}${scale > 0 ? '.5'.padEnd(scale + 1, '0') : ''}`
  const digits = [
    precision > scale && `at most ${precision - scale} digits before the point`,
    scale > 0 ? `at most ${scale} behind it` : 'none behind it',
  ]
  const message = `must be a decimal number in a text, with ${digits.filter(Boolean).join(' and ')}: "${example}"`
  const text = z
    .string({ error: ({ input }) => (input === undefined ? undefined : message) })
    .max(precision + 3, { message, abort: true }) // a sign, a point, a zero before it
    .regex(new RegExp(`^-?${whole}${fraction}$`), { message, abort: true })
    .meta({ examples: [example] })
  return bounded(text, bounds, (each) => unitsOf(each, scale))
}

const YEARS = { message: 'must be of the years 1000 to 9999', abort: true }

/** A day of the years that Postgres, ISO 8601 and JavaScript write alike: `2026-01-31`. */
export const isoDate = (bounds: Bounds = {}) =>
  bounded(
    z.iso.date({ abort: true }).refine((day) => day > '1000', YEARS),
    bounds,
    String,
  )

/** A moment of these years, with its zone: `2026-01-31T12:00:00Z`; a Date for the column. */
export function isoTimestamp(bounds: Bounds = {}) {
  // The length first: a moment may have any number of digits after its seconds.
  const text = z
    .string()
    .max(40, { abort: true })
    .check(z.iso.datetime({ offset: true, abort: true }))
    .refine((moment) => isYear(new Date(moment).getUTCFullYear()), YEARS)
  return bounded(text, bounds, Date.parse).transform((moment) => new Date(moment))
}

const isYear = (year: number) => year >= 1000 && year <= 9999

/** A time of day in no zone: `18:30`, or as answers have it `18:30:00`. */
export const wallClock = (bounds: Bounds = {}) =>
  bounded(Clock.meta({ examples: ['18:30:00'] }), bounds, withSeconds)

/** `18:30` as `18:30:00`. */
export const withSeconds = (time: string): string => time.padEnd(8, ':00')

/** In lowercase, so that one address is one text. */
export const emailAddress = () =>
  z.string().max(254, { abort: true }).check(z.email('must be an email address')).toLowerCase()

const MAX_URL = 2000
/** No name and password before the host: they make one site look like another. */
const HTTP_URL = /^https?:\/\/[^\s@/?#\\]+([/?#]\S*)?$/i
const NO_URL = 'must be a URL that begins with https:// or http://'

/**
 * An address of the web, in the one form that browsers have for it: `https://example.com/`. Never a `javascript:`, which a link on
 * a page would run.
 */
export const httpUrl = () =>
  z
    .string()
    .max(MAX_URL, { abort: true })
    .refine((url) => HTTP_URL.test(url) && URL.canParse(url), { message: NO_URL, abort: true })
    .meta({ format: 'uri' })
    .transform((url) => new URL(url).href)
    .refine((url) => url.length <= MAX_URL, `must have at most ${MAX_URL} characters, percent-encoded`)

const NO_ID = 'must be an id: "7"'

/** The id of another row, a text as in answers. That the row is there, and for whom, `assertReferences` says. */
export const rowId = () =>
  z
    .string()
    .regex(/^[1-9]\d{0,9}$/, { message: NO_ID, abort: true })
    .refine((id) => Number(id) <= MAX_SERIAL, NO_ID)
    .meta({ examples: ['7'] })
    .transform(Number)
