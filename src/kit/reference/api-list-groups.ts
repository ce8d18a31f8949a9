// Prepares the routes for the API list: grouped by slice, their schemas in words.
import type { ApiRoute, RouteInput } from '../http/doc.ts'
import {
  fieldsOf,
  inputFields,
  namedSchemas,
  toJsonSchema,
  typeOf,
  type Field,
  type TypePart,
} from './api-list-schema.ts'
import type { JsonSchema } from './json-schema.ts'
import { groupBySlice, type FirstGroups, type Group } from './route-groups.ts'

export interface Entry {
  route: ApiRoute
  inputs: { label: string; fields: Field[]; type: TypePart[] }[]
  response: TypePart[]
}

export interface NamedType {
  name: string
  fields: Field[]
  type: TypePart[]
}

const described = new WeakMap<ApiRoute[], { groups: Group<Entry>[]; types: NamedType[] }>()
const LABELS: Record<RouteInput['target'], string> = {
  param: 'Path',
  query: 'Query',
  json: 'Body',
  form: 'Form',
}

/** Prepares the contents of the page; once for each array of routes. */
export function describeApi(routes: ApiRoute[], first: FirstGroups) {
  const cached = described.get(routes)
  if (cached !== undefined) return cached

  const types = new Map<string, NamedType>()
  const collect = (schema: JsonSchema) => {
    for (const [name, inner] of namedSchemas(schema)) {
      if (!types.has(name)) types.set(name, { name, fields: fieldsOf(inner), type: typeOf(inner) })
    }
    return schema
  }
  const entries = routes.map((route): Entry => {
    const response = route.doc?.response ?? 'no body'
    return {
      route,
      response: typeof response === 'string' ? [response] : typeOf(collect(toJsonSchema(response, 'output'))),
      inputs: route.inputs.map(({ target, schema }) => ({
        label: LABELS[target],
        fields: inputFields(schema),
        type: typeOf(collect(toJsonSchema(schema, 'input'))),
      })),
    }
  })
  const result = {
    groups: groupBySlice(entries, first, ({ route }) => route.base),
    types: [...types.values()],
  }
  described.set(routes, result)
  return result
}
