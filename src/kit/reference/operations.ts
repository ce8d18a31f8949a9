// Describes routes for the OpenAPI document and the API list: an id for each, and its zod schemas as JSON Schema.
import { z } from 'zod'
import type { ApiRoute, RouteInput } from '../http/doc.ts'

export type JsonSchema = z.core.JSONSchema.BaseSchema

export interface Field {
  name: string
  schema: JsonSchema
  required: boolean
}

type Part = RouteInput['target'] | 'response'
const SUFFIX: Record<Part, string> = {
  json: 'Request',
  form: 'Form',
  file: 'FileForm',
  query: 'Query',
  param: 'Path',
  response: 'Response',
}

/** The name of a part of an operation, for a schema that has none of its own: `PostLoginRequest`. */
export const named = (id: string, part: Part) => capitalize(id) + SUFFIX[part]

/** The beginning of a reference to a schema with a name. */
export const COMPONENTS = '#/components/schemas/'
/** A parameter of a path; its name is the first group. Its expression may have braces of its own: `{[0-9]{4}}`. */
export const PARAMETER = /:(\w+)(\{(?:[^{}]|\{[^{}]*\})*\})?\??/g

export type Api = ReturnType<typeof describeApi>
export type Operation = Api['operations'][number]

/**
 * Converts the inputs and the responses of all routes together, so that zod itself finds the schemas they share.
 * @param others further schemas of responses, by name
 * @throws if two different schemas have one name (`meta({ id })`)
 */
export function describeApi<R extends ApiRoute>(routes: R[], others: Record<string, z.ZodType> = {}) {
  const operations = withIds(routes)
  const inputs: Record<string, z.ZodType> = {}
  const responses = { ...others }
  for (const { id, inputs: own, doc } of operations) {
    for (const { target, schema } of own) inputs[named(id, target)] = schema
    const response = doc?.response ?? 'none'
    if (typeof response !== 'string') responses[named(id, 'response')] = response
  }
  const response = convert(responses, 'output')
  const request = convert(inputs, 'input', suffixIfDifferent(response.defs, convert(inputs, 'input').defs))
  // Behind a preprocessing step, zod shows a default on the output side only.
  const parsed = convert(inputs, 'output')
  const components = { ...request.defs, ...response.defs }
  return {
    operations,
    /** The schemas with a name of their own, to which the others refer. */
    components,
    /** The one that a `$ref` names. */
    find: (ref: string): JsonSchema => components[ref.replace(COMPONENTS, '')] ?? {},
    /** What a client sends in a part of an operation, by the name of that part. */
    request: (name: string): JsonSchema => request.roots[name] ?? {},
    response: (name: string): JsonSchema => response.roots[name] ?? {},
    /** The fields that a client sends in a part, with their defaults; none if it is no object, or there is no such part. */
    fields(name: string): Field[] {
      const defaults = propertiesOf(resolve(parsed.roots[name], parsed.defs))
      return fieldsOf(resolve(request.roots[name], request.defs)).map((field) => {
        const fallback = defaults[field.name]?.default
        return fallback === undefined ? field : { ...field, schema: { ...field.schema, default: fallback } }
      })
    },
  }
}

/** The fields of an object in order of declaration. */
export const fieldsOf = (schema: JsonSchema): Field[] =>
  Object.entries(propertiesOf(schema)).map(([name, inner]) => {
    return { name, schema: inner, required: schema.required?.includes(name) ?? false }
  })

const propertiesOf = (schema: JsonSchema): Record<string, JsonSchema> =>
  Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, inner]) => [name, plain(inner)]))

/** `true`, `false` and undefined are schemas too, which say nothing about the shape: returns an empty one for them. */
export const plain = (schema: JsonSchema | boolean | undefined): JsonSchema =>
  typeof schema === 'object' ? schema : {}

/** Adds the id of each route: unique, and a valid name in any language. */
function withIds<R extends ApiRoute>(routes: R[]): (R & { id: string })[] {
  const taken = new Set<string>()
  return routes.map((route) => {
    const short = operationId(route.method, route.path.replace(/^\/api\//, '/'))
    const id = taken.has(short) ? operationId(route.method, route.path) : short
    taken.add(id)
    return { ...route, id }
  })
}

/** `GET /books/:id` is `getBooksById`. */
function operationId(method: string, path: string): string {
  const words = path.replaceAll(PARAMETER, 'by-$1').split(/[^a-z0-9]+/i)
  return method.toLowerCase() + words.map(capitalize).join('')
}

export const capitalize = (word: string) => word.charAt(0).toUpperCase() + word.slice(1)

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
const tidy: Override = ({ zodSchema, jsonSchema }) => {
  const {
    _zod: { def },
  } = zodSchema
  if (def.type === 'date') Object.assign(jsonSchema, { type: 'string', format: 'date-time' })
  // zod drops those of what is transformed: here they are what one sends.
  const examples = z.globalRegistry.get(zodSchema)?.examples
  if (Array.isArray(examples)) jsonSchema.examples = examples
  // A format says more than its pattern does, and numbers in a query are matched as text.
  if (jsonSchema.format !== undefined || jsonSchema.type !== 'string') delete jsonSchema.pattern
  // A field that `partial()` lets out stays as it is: the default that the whole tells is not for it.
  const isOwn = z.globalRegistry.get(zodSchema)?.default !== undefined || parsesDefault(zodSchema)
  if (def.type === 'optional' && !isOwn) delete jsonSchema.default
  // Anything, or null.
  if (jsonSchema.anyOf?.some((branch) => Object.keys(branch).length === 0)) delete jsonSchema.anyOf
  // Clients must tolerate new fields; only a strict object never has any.
  if (def.type === 'object' && def.catchall === undefined) delete jsonSchema.additionalProperties
}

/** Whether the parser puts a default in the place of nothing. */
function parsesDefault(schema: z.core.$ZodType): boolean {
  const {
    _zod: { def },
  } = schema as { _zod: { def: { type: string; innerType?: z.core.$ZodType } } }
  return def.type === 'default' || (def.innerType !== undefined && parsesDefault(def.innerType))
}

/** A named schema that differs between requests and responses gets two names. */
function suffixIfDifferent(response: Record<string, JsonSchema>, request: Record<string, JsonSchema>) {
  const differs = Object.entries(request).some(
    ([name, schema]) => name in response && JSON.stringify(schema) !== JSON.stringify(response[name]),
  )
  return (name: string) => (differs && name in response ? `${name}Input` : name)
}

/** Resolves the reference that stands for a named schema. */
const resolve = (schema: JsonSchema | undefined, defs: Record<string, JsonSchema>): JsonSchema =>
  (schema?.$ref === undefined ? schema : defs[schema.$ref.replace(COMPONENTS, '')]) ?? {}
