// Examples of the OpenAPI document: a value that a schema allows and a person might send. What tools make up is neither.
import type { JsonSchema } from './openapi-types.ts'

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

/** Finds the schema that a reference leads to. */
type Find = (ref: string) => JsonSchema

/**
 * An example of what the schema describes. A text of a pattern has to bring its own: `.meta({ examples: ['A-1'] })`.
 * Where a schema comes to itself again, nothing stands.
 * @param name of the field: a text says it
 */
export function exampleOf(schema: JsonSchema, find: Find, name = 'text', within: string[] = []): unknown {
  const deeper = (inner: unknown, field = name) =>
    typeof inner === 'object' ? exampleOf(inner as JsonSchema, find, field, within) : undefined
  const { $ref } = schema
  if ($ref !== undefined) {
    return within.includes($ref) ? undefined : exampleOf(find($ref), find, name, [...within, $ref])
  }
  const given = schema.examples?.[0] ?? schema.default ?? schema.const ?? schema.enum?.[0]
  if (given !== undefined) return given
  const [first] = schema.anyOf ?? schema.oneOf ?? []
  if (first !== undefined) return deeper(first)
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
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

const textOf = ({ format = '', minLength = 0, maxLength = Infinity }: JsonSchema, name: string) =>
  FORMATS[format] ?? name.padEnd(minLength, '.').slice(0, maxLength)

/** 1 where the bounds let it, else the number nearest to it. */
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
