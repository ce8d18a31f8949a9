// Puts JSON Schemas into words for the API list: types, limits, patterns, the parts of a request.
import type { RouteInput } from '../http/doc.ts'
import { COMPONENTS, fieldsOf, plain, type JsonSchema } from './operations.ts'

/** The parts of a request. */
export const LABELS: Record<RouteInput['target'], string> = {
  param: 'Path',
  query: 'Query',
  json: 'Body',
  form: 'Form',
  file: 'Form with a file',
}

/** A part of a type's description: plain words, or the name of a schema with an entry of its own (`meta({ id })`). */
export type TypePart = string | { named: string }

/** The type: `string or null`, `array of User`, `{ counter: number }`. */
export function typeOf(schema: JsonSchema): TypePart[] {
  const { $ref, const: constant, enum: values, anyOf, oneOf, type, format, items } = schema
  if ($ref !== undefined) return [{ named: $ref.replace(COMPONENTS, '') }]
  if (constant !== undefined) return [JSON.stringify(constant)]
  if (values !== undefined) return [values.map((v) => JSON.stringify(v)).join(' | ')]
  const branches = anyOf ?? oneOf
  if (branches !== undefined) return join(branches.map(plain).map(typeOf), ' or ')
  if (Array.isArray(type)) return [type.join(' or ')]
  if (type === 'array') return ['array of ', ...(Array.isArray(items) ? ['any'] : typeOf(plain(items)))]
  if (type === 'object') return objectType(schema)
  return [format ?? type ?? 'any']
}

function objectType(schema: JsonSchema): TypePart[] {
  const members = fieldsOf(schema).map(({ name, schema: inner, required }) =>
    join([[required ? name : `${name}?`], typeOf(inner)], ': '),
  )
  if (members.length > 0) return ['{ ', ...join(members, ', '), ' }']
  const extra = schema.additionalProperties
  return typeof extra === 'object' ? ['object of ', ...typeOf(extra)] : ['{}']
}

/** `1 to 500 characters`. */
export function limitsOf(schema: JsonSchema): string[] {
  const { minLength, maxLength, minimum, maximum, minItems, maxItems } = schema
  const own = [
    range(minLength, maxLength, ' characters'),
    range(bound(minimum), bound(maximum), ''),
    range(minItems, maxItems, ' items'),
    schema.default === undefined ? undefined : `default ${JSON.stringify(schema.default)}`,
  ].filter((limit) => limit !== undefined)
  return [...own, ...branchesOf(schema).flatMap(limitsOf)]
}

/** Regular expressions. */
export const patternsOf = (schema: JsonSchema): string[] => [
  ...(schema.pattern === undefined ? [] : [schema.pattern]),
  ...branchesOf(schema).flatMap(patternsOf),
]

const branchesOf = ({ anyOf = [], oneOf = [], allOf = [] }: JsonSchema) =>
  [...anyOf, ...oneOf, ...allOf].map(plain)

function range(min: number | undefined, max: number | undefined, unit: string): string | undefined {
  if (min === undefined && max === undefined) return undefined
  if (min === undefined) return `at most ${max}${unit}`
  return max === undefined ? `${min} or more${unit}` : `${min} to ${max}${unit}`
}

/** Drops the bounds of a double's exact integers, which zod gives to every whole number. */
const bound = (n: number | undefined) => (Math.abs(n ?? 0) < Number.MAX_SAFE_INTEGER ? n : undefined)

const join = (lists: TypePart[][], separator: string): TypePart[] =>
  lists.flatMap((parts, i) => (i === 0 ? parts : [separator, ...parts]))
