// The schemas of the OpenAPI document: zod's, as JSON Schema, each under a name of its own.
import { z } from 'zod'
import type { RouteInput } from '../http/doc.ts'
import { ErrorBody } from '../http/errors.ts'
import { exampleOf } from './openapi-examples.ts'
import type { JsonSchema, Operation } from './openapi-types.ts'

type Part = RouteInput['target'] | 'response'
const SUFFIX: Record<Part, string> = {
  json: 'Request',
  form: 'Form',
  query: 'Query',
  param: 'Path',
  response: 'Response',
}

/** The name of a part of an operation: `PostLoginRequest`. A schema that has none of its own goes by it. */
export const named = (id: string, part: Part) => id.charAt(0).toUpperCase() + id.slice(1) + SUFFIX[part]

export interface Schemas {
  /** By name, for `components.schemas`. */
  components: Record<string, JsonSchema>
  /** What stands in the place of a body: a reference, or a list of them. */
  sent(name: string): JsonSchema
  answered(name: string): JsonSchema
  /** A value that such a schema allows. */
  example(schema: JsonSchema): unknown
  /** The fields of a query or of a path's parameters, with their defaults; empty if there is no such part. */
  fields(name: string): { name: string; schema: JsonSchema; required: boolean }[]
}

/**
 * Converts what the operations send and response, all at once, so that zod itself finds the schemas that they share.
 * @throws if two different schemas have one name (`meta({ id })`)
 */
export function collectSchemas(operations: Operation[]): Schemas {
  const inputs: Record<string, z.ZodType> = {}
  const responses: Record<string, z.ZodType> = { Error: ErrorBody }
  for (const { id, inputs: own, doc } of operations) {
    for (const { target, schema } of own) inputs[named(id, target)] = schema
    if (doc.response !== null && typeof doc.response === 'object')
      responses[named(id, 'response')] = doc.response
  }
  const answered = convert(responses, 'output')
  const sent = convert(inputs, 'input', suffixIfDifferent(answered.defs, convert(inputs, 'input').defs))
  // Zod names a default that stands behind a preprocessing step on the output side only.
  const parsed = convert(inputs, 'output')

  const components = { ...sent.defs, ...answered.defs }
  /** A schema without a name gets that of its place; lists and the like are written out. */
  const place = (schema: JsonSchema | undefined, name: string): JsonSchema => {
    if (schema?.type !== 'object') return schema ?? {}
    components[name] = schema
    return { $ref: `${COMPONENTS}${name}` }
  }
  return {
    components,
    sent: (name) => place(sent.roots[name], name),
    answered: (name) => place(answered.roots[name], name),
    example: (schema) => exampleOf(schema, (ref) => components[ref.replace(COMPONENTS, '')] ?? {}),
    fields(name) {
      const schema = resolve(sent.roots[name], sent.defs)
      const defaults = propertiesOf(resolve(parsed.roots[name], parsed.defs))
      return Object.entries(propertiesOf(schema)).map(([field, inner]) => {
        const fallback = defaults[field]?.default
        return {
          name: field,
          schema: fallback === undefined ? inner : { ...inner, default: fallback },
          required: schema.required?.includes(field) ?? false,
        }
      })
    },
  }
}

const COMPONENTS = '#/components/schemas/'

/** All schemas as one object's properties, and what they refer to by name; `rename` gives the names. */
function convert(
  schemas: Record<string, z.ZodType>,
  io: 'input' | 'output',
  rename = (name: string) => name,
) {
  const whole = z.toJSONSchema(z.object(schemas), { io, unrepresentable: 'any', override: tidy })
  const linked = JSON.parse(JSON.stringify(whole), (key, value: unknown) =>
    key === '$ref' && typeof value === 'string' ? COMPONENTS + rename(value.replace('#/$defs/', '')) : value,
  ) as JsonSchema
  const defs = Object.entries(linked.$defs ?? {}).map(
    ([name, schema]) => [rename(name), plain(schema)] as const,
  )
  return { roots: propertiesOf(linked), defs: Object.fromEntries(defs) }
}

type Override = NonNullable<NonNullable<Parameters<typeof z.toJSONSchema>[1]>['override']>

/** Says of a schema what a client has to know, and no more. */
const tidy: Override = ({ zodSchema: { _zod }, jsonSchema }) => {
  const { def } = _zod
  if (def.type === 'date') Object.assign(jsonSchema, { type: 'string', format: 'date-time' })
  // A format says more than its pattern does, and numbers in a query are matched as text.
  if (jsonSchema.format !== undefined || jsonSchema.type !== 'string') delete jsonSchema.pattern
  // Clients must bear a field that is new; only a strict object has none.
  if (def.type === 'object' && def.catchall === undefined) delete jsonSchema.additionalProperties
}

/** A named schema that is sent in one form and answered in another goes by two names. */
function suffixIfDifferent(answered: Record<string, JsonSchema>, sent: Record<string, JsonSchema>) {
  const differs = Object.entries(sent).some(
    ([name, schema]) => name in answered && JSON.stringify(schema) !== JSON.stringify(answered[name]),
  )
  return (name: string) => (differs && name in answered ? `${name}Input` : name)
}

const plain = (schema: JsonSchema | boolean | undefined): JsonSchema =>
  typeof schema === 'object' ? schema : {}

const propertiesOf = (schema: JsonSchema): Record<string, JsonSchema> =>
  Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, inner]) => [name, plain(inner)]))

/** A schema that has a name is only referred to where it is used: this is the schema itself. */
const resolve = (schema: JsonSchema | undefined, defs: Record<string, JsonSchema>): JsonSchema =>
  (schema?.$ref === undefined ? schema : defs[schema.$ref.replace(COMPONENTS, '')]) ?? {}
