// Creates the examples of the OpenAPI document: values that a schema allows and a person might send.
import type { JsonSchema } from './operations.ts'

export const FORMATS: Record<string, string> = {
  email: 'ann@example.com',
  uuid: '7e0b1c52-1d3c-4c5f-9a58-3f1d2f0e6a01',
  'date-time': '2026-01-31T12:00:00.000Z',
  date: '2026-01-31',
  time: '12:00:00',
  duration: 'PT1H',
  uri: 'https://example.com',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
}

/** Of texts without a format, by the names that fields of their kind have in most APIs. */
const TEXTS = new Map(
  Object.entries({
    id: '1',
    email: 'ann@example.com',
    firstname: 'Ann',
    fname: 'Ann',
    lastname: 'Lee',
    lname: 'Lee',
    fullname: 'Ann Lee',
    url: 'https://example.com',
    uri: 'https://example.com',
    ip: '192.0.2.1',
    agent: 'curl/8.14.1',
    token: 'pX7mVq2LkT9sRb4d',
    secret: 'pX7mVq2LkT9sRb4d',
    challenge: 'pX7mVq2LkT9sRb4d',
    type: 'image/png',
  }),
)

/** Resolves a reference to its schema. */
type Find = (ref: string) => JsonSchema

/**
 * Returns an example for a schema. A text with a pattern needs its own: `.meta({ examples: ['A-1'] })`. A schema that
 * contains itself has none at that point.
 * @param name of the field, which is the example for a text
 */
export function exampleOf(schema: JsonSchema, find: Find, name = 'text', ancestors: string[] = []): unknown {
  const deeper = (inner: unknown, field = name) =>
    typeof inner === 'object' ? exampleOf(inner as JsonSchema, find, field, ancestors) : undefined
  const { $ref } = schema
  if ($ref !== undefined) {
    return ancestors.includes($ref) ? undefined : exampleOf(find($ref), find, name, [...ancestors, $ref])
  }
  if (schema.examples?.length) return schema.examples[0]
  const given = schema.default ?? schema.const ?? schema.enum?.[0]
  if (given !== undefined) return given
  const [first] = schema.anyOf ?? schema.oneOf ?? []
  if (first !== undefined) return deeper(first)
  switch (schema.type) {
    case 'object':
      return oneAfterTheOther(
        Object.entries(schema.properties ?? {}).map(([field, inner]) => [field, deeper(inner, field)]),
      )
    case 'array':
      return [deeper(schema.items)].filter((item) => item !== undefined)
    case 'string':
      return textOf(schema, name)
    case 'integer':
    case 'number':
      return numberOf(schema)
    case 'boolean':
      return true
    default:
      return null
  }
}

const HOUR_MS = 3_600_000

/** Of several moments in an object each is later than the one before, as beginnings and ends are mostly declared. */
function oneAfterTheOther(fields: [string, unknown][]): Record<string, unknown> {
  let before = 0
  const shift = (value: unknown) => {
    if (typeof value !== 'string') return value
    if (value === FORMATS.date) return iso(value, 24 * HOUR_MS * before++).slice(0, value.length)
    return value === FORMATS['date-time'] ? iso(value, HOUR_MS * before++) : value
  }
  return Object.fromEntries(fields.map(([name, value]) => [name, shift(value)]))
}

const iso = (text: string, laterMs: number) => new Date(Date.parse(text) + laterMs).toISOString()

/**
 * Returns what one sends: of an object the fields that are required, as others may do more than is wanted (a new password at the
 * login); if none is, all.
 */
export function requestExample(schema: JsonSchema, find: Find): unknown {
  if (schema.$ref !== undefined) return requestExample(find(schema.$ref), find)
  const { required = [], properties = {} } = schema
  if (required.length === 0) return exampleOf(schema, find)
  const kept = Object.entries(properties).filter(([name]) => required.includes(name))
  return exampleOf({ ...schema, properties: Object.fromEntries(kept) }, find)
}

function textOf({ format = '', minLength = 0, maxLength = Infinity }: JsonSchema, name: string): string {
  const text = TEXTS.get(name.replaceAll('_', '').toLowerCase()) ?? name
  return FORMATS[format] ?? text.padEnd(minLength, '.').slice(0, maxLength)
}

/** 1 if the bounds allow it, else the nearest number. */
function numberOf(schema: JsonSchema): number {
  const bound = (value: unknown, otherwise: number) => (typeof value === 'number' ? value : otherwise)
  const step = bound(schema.multipleOf, 1)
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema
  const least = Math.max(bound(minimum, -Infinity), bound(exclusiveMinimum, -Infinity) + step, step)
  const most = Math.min(bound(maximum, Infinity), bound(exclusiveMaximum, Infinity) - step)
  const whole = Math.min(Math.ceil(least / step) * step, Math.floor(most / step) * step)
  const [low, high] = [bound(minimum, bound(exclusiveMinimum, -Infinity)), bound(maximum, most)]
  return whole > low || whole === minimum ? whole : (low + high) / 2
}
