// Describes zod schemas in words for the API list: fields, types and limits, from zod's own JSON Schema.
import { z } from 'zod'
import { type JsonSchema, plain } from './json-schema.ts'

/** A part of a type's description: plain words, or the name of a schema with an entry of its own (`meta({ id })`). */
export type TypePart = string | { named: string }

export interface Field {
  name: string
  required: boolean
  type: TypePart[]
  /** In words: `1 to 500 characters`. */
  limits: string[]
  /** Regular expressions, unless a description replaces them. */
  patterns: string[]
  description: string | undefined
}

/** Converts to JSON Schema: what a client may send (`input`) or gets (`output`). */
export function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  return z.toJSONSchema(schema, { io, unrepresentable: 'any' })
}

/** The named schemas that a schema refers to. */
export const namedSchemas = (schema: JsonSchema): [string, JsonSchema][] =>
  Object.entries(schema.$defs ?? {}).map(([name, inner]) => [name, plain(inner)])

/** The fields of an object schema in order of declaration; empty for any other schema. */
export function fieldsOf(schema: JsonSchema, defaults: Record<string, unknown> = {}): Field[] {
  return properties(schema).map(([name, inner]) => ({
    name,
    required: schema.required?.includes(name) ?? false,
    type: typeOf(inner),
    limits: limitsOf({ default: defaults[name], ...inner }),
    patterns: inner.description === undefined ? patternsOf(inner) : [],
    description: inner.description,
  }))
}

/** The fields that a client may send. */
export function inputFields(schema: z.ZodType): Field[] {
  const parsed = resolve(toJsonSchema(schema, 'output'))
  // Behind a preprocessing step, zod shows a default on the output side only.
  const defaults = properties(parsed).map(([name, inner]) => [name, inner.default])
  return fieldsOf(resolve(toJsonSchema(schema, 'input')), Object.fromEntries(defaults))
}

/** The type in words: `string or null`, `array of User`, `{ counter: number }`. */
export function typeOf(schema: JsonSchema): TypePart[] {
  const { $ref, const: constant, enum: values, anyOf, oneOf, type, format, items } = schema
  if ($ref !== undefined) return [{ named: $ref.replace(DEFS, '') }]
  if (constant !== undefined) return [JSON.stringify(constant)]
  if (values !== undefined) return [values.map((v) => JSON.stringify(v)).join(' | ')]
  const branches = anyOf ?? oneOf
  if (branches !== undefined) return join(branches.map(plain).map(typeOf), ' or ')
  if (Array.isArray(type)) return [type.join(' or ')]
  if (type === 'array') return ['array of ', ...(Array.isArray(items) ? ['any'] : typeOf(plain(items)))]
  if (type === 'object') return objectType(schema)
  return [format ?? type ?? 'any']
}

const DEFS = /^#\/(\$defs\/)?/

function objectType(schema: JsonSchema): TypePart[] {
  const inner = properties(schema)
  const extra = schema.additionalProperties
  if (inner.length > 0) {
    const members = inner.map(([name, s]): TypePart[] => {
      const mark = schema.required?.includes(name) ? '' : '?'
      return join([[`${name}${mark}`], typeOf(s)], ': ')
    })
    return ['{ ', ...join(members, ', '), ' }']
  }
  return typeof extra === 'object' ? ['object of ', ...typeOf(extra)] : ['{}']
}

function limitsOf(schema: JsonSchema): string[] {
  const { minLength, maxLength, minimum, maximum, minItems, maxItems } = schema
  const own = [
    range(minLength, maxLength, ' characters'),
    range(bound(minimum), bound(maximum), ''),
    range(minItems, maxItems, ' items'),
    schema.default === undefined ? undefined : `default ${JSON.stringify(schema.default)}`,
  ].filter((limit) => limit !== undefined)
  return [...own, ...branchesOf(schema).flatMap(limitsOf)]
}

// The pattern of a format says no more than its name, and only text is matched.
function patternsOf(schema: JsonSchema): string[] {
  const { pattern, format, type = 'string' } = schema
  const own = pattern !== undefined && format === undefined && type === 'string' ? [pattern] : []
  return [...own, ...branchesOf(schema).flatMap(patternsOf)]
}

const branchesOf = ({ anyOf = [], oneOf = [], allOf = [] }: JsonSchema) =>
  [...anyOf, ...oneOf, ...allOf].map(plain)

function range(min: number | undefined, max: number | undefined, unit: string): string | undefined {
  if (min === undefined && max === undefined) return undefined
  if (min === undefined) return `at most ${max}${unit}`
  return max === undefined ? `${min} or more${unit}` : `${min} to ${max}${unit}`
}

/** Drops the bounds of a double's exact integers, which zod gives to every whole number. */
const bound = (n: number | undefined) => (Math.abs(n ?? 0) < Number.MAX_SAFE_INTEGER ? n : undefined)

const properties = (schema: JsonSchema): [string, JsonSchema][] =>
  Object.entries(schema.properties ?? {}).map(([name, inner]) => [name, plain(inner)])

/** Resolves the reference that stands for a named schema. */
const resolve = (schema: JsonSchema): JsonSchema =>
  schema.$ref === undefined ? schema : plain(schema.$defs?.[schema.$ref.replace(DEFS, '')])

const join = (lists: TypePart[][], separator: string): TypePart[] =>
  lists.flatMap((parts, i) => (i === 0 ? parts : [separator, ...parts]))
