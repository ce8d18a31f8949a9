// Defines the kinds of values that settings have: each parses a string, and its message says what is allowed.
import { z } from 'zod'
import { QUEUE_NAME } from '../types/queue-defaults.ts'

/** A message that shows the value too: only for kinds that are never secret. */
const shown = (allowed: string) => ({
  error: ({ input }: { input?: unknown }) => `=${JSON.stringify(input)} ${allowed}`,
})

/** A whole number in a range. */
export const integer = (min: number, max: number) =>
  z
    .string()
    .refine(
      (v) => /^-?\d+$/.test(v) && Number(v) >= min && Number(v) <= max,
      shown(`must be a whole number from ${min} to ${max}`),
    )
    .transform(Number)

export const flag = () =>
  z
    .string()
    .toLowerCase()
    .pipe(
      z.enum(
        ['1', '0', 'true', 'false', 'on', 'off', 'yes', 'no'],
        shown('must be on or off (1, true, yes; 0, false, no)'),
      ),
    )
    .transform((v) => ['1', 'true', 'on', 'yes'].includes(v))

/** `flag`, or a word that says more than on. */
export const flagOr = <const T extends string>(word: T) =>
  z.union([z.literal(word), flag()], shown(`must be on, off or ${word}`))

export const choice = <const T extends [string, ...string[]]>(...values: T) =>
  z.enum(values, shown(`must be one of: ${values.join(', ')}`))

/** Comma-separated; blanks around an entry and empty entries are dropped. */
export const list = (entry: (value: string) => boolean, allowed: string) =>
  z
    .string()
    .refine((v) => entriesOf(v).every(entry), shown(`must be a comma-separated list of ${allowed}`))
    .transform(entriesOf)

const entriesOf = (value: string) =>
  value
    .split(',')
    .map((s) => s.trim())
    .filter(Boolean)

/** Comma-separated queues, each `name`, `name:weight` or `name:weight:reserved`. */
export const queueShares = () =>
  z
    .string()
    .transform((v) => entriesOf(v).map((entry) => entry.split(':')))
    .refine(
      (entries) => entries.length > 0 && new Set(entries.map(([name]) => name)).size === entries.length,
      'must name each queue once, and at least one',
    )
    .refine(
      (entries) => entries.every(([name = '', ...numbers]) => QUEUE_NAME.test(name) && areShares(numbers)),
      'must be queues with a weight from 1 and reserved slots from 0, each up to 1000: default:4,mail:2:1',
    )
    .transform((entries) =>
      entries.map(([name = '', weight = 1, reserved]) => ({
        name,
        weight: Number(weight),
        ...(reserved !== undefined && { reserved: Number(reserved) }),
      })),
    )

const areShares = (numbers: string[]) =>
  numbers.length <= 2 &&
  numbers.every((n, i) => /^\d{1,4}$/.test(n) && Number(n) >= 1 - i && Number(n) <= 1000)

export const bytes = () =>
  z
    .string()
    .regex(/^[1-9]\d{0,9}(kb|mb)?$/i, shown('must be a number of bytes, or of kb or mb: 65536, 64kb, 1mb'))
    .transform((v) => parseInt(v, 10) * (/kb$/i.test(v) ? 1024 : /mb$/i.test(v) ? 1024 ** 2 : 1))
    .meta({ unit: 'bytes' }) // for who prints a default

/** 32 bytes in base64url. */
export const isSecretKey = (v: string) => /^[\w-]{43}$/.test(v)

/** Comma-separated. The message does not show them. */
export const secretKeys = () =>
  z
    .string()
    .transform(entriesOf)
    .refine(
      (keys) => keys.length > 0 && keys.every(isSecretKey),
      'must be keys of 32 random bytes in base64url, comma-separated: `npm run secrets -- key` makes one',
    )

export const isOrigin = (v: string) => v === '*' || (URL.canParse(v) && new URL(v).origin === v)
export const isHeaderName = (v: string) => /^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/i.test(v)
/** An IPv4 or IPv6 address, or a range of them. */
export function isNetwork(value: string): boolean {
  const [address = '', prefix = '0', ...more] = value.split('/')
  const isV4 =
    /^(\d{1,3}\.){3}\d{1,3}$/.test(address) && address.split('.').every((octet) => Number(octet) <= 255)
  const isV6 = address.includes(':') && URL.canParse(`http://[${address}]`)
  return (
    (isV4 || isV6) && more.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= (isV4 ? 32 : 128)
  )
}
