// Converts zod schemas for the OpenAPI document, each under a name of its own.
import { z } from 'zod'
import type { RouteInput } from '../http/doc.ts'
import { ErrorBody } from '../http/errors.ts'
import { type JsonSchema, plain } from './json-schema.ts'
import { exampleOf } from './openapi-examples.ts'
import type { Operation } from './openapi-types.ts'

type Part = RouteInput['target'] | 'response'
const SUFFIX: Record<Part, string> = {
  json: 'Request',
  form: 'Form',
  query: 'Query',
  param: 'Path',
  response: 'Response',
}

/** The name of a part of an operation, for a schema that has none of its own: `PostLoginRequest`. */
export const named = (id: string, part: Part) => id.charAt(0).toUpperCase() + id.slice(1) + SUFFIX[part]

export interface Schemas {
  /** By name, for `components.schemas`. */
  components: Record<string, JsonSchema>
  /** The schema of a body: a reference, or a list of them. */
  request(name: string): JsonSchema
  response(name: string): JsonSchema
  /** A value that such a schema allows. */
  example(schema: JsonSchema): unknown
  /** The fields of a query or of a path's parameters, with their defaults; empty if there is no such part. */
  fields(name: string): { name: string; schema: JsonSchema; required: boolean }[]
}

/**
 * Converts the inputs and the responses of all operations together, so that zod itself finds the schemas they share.
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
  const response = convert(responses, 'output')
  const request = convert(inputs, 'input', suffixIfDifferent(response.defs, convert(inputs, 'input').defs))
  // Behind a preprocessing step, zod shows a default on the output side only.
  const parsed = convert(inputs, 'output')

  const components = { ...request.defs, ...response.defs }
  /** A schema without a name gets that of its place, but only an object: lists and the like stay inline. */
  const place = (schema: JsonSchema | undefined, name: string): JsonSchema => {
    if (schema?.type !== 'object') return schema ?? {}
    components[name] = schema
    return { $ref: `${COMPONENTS}${name}` }
  }
  return {
    components,
    request: (name) => place(request.roots[name], name),
    response: (name) => place(response.roots[name], name),
    example: (schema) => exampleOf(schema, (ref) => components[ref.replace(COMPONENTS, '')] ?? {}),
    fields(name) {
      const schema = resolve(request.roots[name], request.defs)
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

/** Converts all schemas, as the properties of one object, and those that they refer to; `rename` names the latter. */
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

/** Reduces a schema to what a client has to know. */
const tidy: Override = ({ zodSchema: { _zod }, jsonSchema }) => {
  const { def } = _zod
  if (def.type === 'date') Object.assign(jsonSchema, { type: 'string', format: 'date-time' })
  // A format says more than its pattern does, and numbers in a query are matched as text.
  if (jsonSchema.format !== undefined || jsonSchema.type !== 'string') delete jsonSchema.pattern
  // Clients must tolerate new fields; only a strict object never has any.
  if (def.type === 'object' && def.catchall === undefined) delete jsonSchema.additionalProperties
}

/** A named schema that differs between requests and responses gets two names. */
function suffixIfDifferent(response: Record<string, JsonSchema>, request: Record<string, JsonSchema>) {
  const differs = Object.entries(request).some(
    ([name, schema]) => name in response && JSON.stringify(schema) !== JSON.stringify(response[name]),
  )
  return (name: string) => (differs && name in response ? `${name}Input` : name)
}

const propertiesOf = (schema: JsonSchema): Record<string, JsonSchema> =>
  Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, inner]) => [name, plain(inner)]))

/** Resolves the reference that stands for a named schema. */
const resolve = (schema: JsonSchema | undefined, defs: Record<string, JsonSchema>): JsonSchema =>
  (schema?.$ref === undefined ? schema : defs[schema.$ref.replace(COMPONENTS, '')]) ?? {}
