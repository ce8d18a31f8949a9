// What the API list says of the routes: grouped by path, their schemas in words.
import type { ApiRoute, RouteInput } from '../web/doc.ts'
import {
  fieldsOf,
  inputFields,
  namedSchemas,
  toJsonSchema,
  typeOf,
  type Field,
  type JsonSchema,
  type TypePart,
} from './api-list-schema.ts'

export interface Group {
  title: string
  /** Where the group's paths begin; its anchor too. */
  prefix: string
  note?: string
  entries: Entry[]
}

export interface Entry {
  route: ApiRoute
  inputs: { label: string; fields: Field[]; type: TypePart[] }[]
  answer: TypePart[]
}

export interface NamedType {
  name: string
  fields: Field[]
  type: TypePart[]
}

const described = new WeakMap<ApiRoute[], { groups: Group[]; types: NamedType[] }>()
const LABELS: Record<RouteInput['target'], string> = { param: 'Path', query: 'Query', json: 'Body' }

/** Works out what the page says of the routes; once for each array of them. */
export function describe(routes: ApiRoute[]) {
  const known = described.get(routes)
  if (known !== undefined) return known

  const types = new Map<string, NamedType>()
  const collect = (schema: JsonSchema) => {
    for (const [name, inner] of namedSchemas(schema)) {
      if (!types.has(name)) types.set(name, { name, fields: fieldsOf(inner), type: typeOf(inner) })
    }
    return schema
  }
  const entries = routes.map((route): Entry => {
    const answer = route.doc?.answer ?? 'no body'
    return {
      route,
      answer: typeof answer === 'string' ? [answer] : typeOf(collect(toJsonSchema(answer, 'output'))),
      inputs: route.inputs.map(({ target, schema }) => ({
        label: LABELS[target],
        fields: inputFields(schema),
        type: typeOf(collect(toJsonSchema(schema, 'input'))),
      })),
    }
  })
  const result = { groups: groupByPath(entries), types: [...types.values()] }
  described.set(routes, result)
  return result
}

/**
 * Groups by path: a name under /api that several routes share is a resource, the single calls there are
 * the account's; what serves the server itself comes after them, what exists only in development last.
 */
function groupByPath(entries: Entry[]): Group[] {
  const account: Group = { title: 'Account', prefix: '/api', entries: [] }
  const service: Group = { title: 'Service', prefix: '/', entries: [] }
  const development: Group = {
    title: 'Development',
    prefix: '/apitest',
    note: 'Only in development: in production these do not exist.',
    entries: [],
  }
  const resources = new Map<string, Group>()
  const shared = Map.groupBy(entries, ({ route }) => route.path.split('/', 3).join('/'))

  for (const entry of entries) {
    const [, top, name = ''] = entry.route.path.split('/')
    const prefix = `/${top}/${name}`
    if (top === 'apitest') development.entries.push(entry)
    else if (top !== 'api' || name === 'list') service.entries.push(entry)
    else if (name === '' || shared.get(prefix)?.length === 1) account.entries.push(entry)
    else {
      const resource = resources.get(name) ?? { title: titleOf(name), prefix, entries: [] }
      resources.set(name, resource)
      resource.entries.push(entry)
    }
  }
  return [account, ...resources.values(), service, development].filter((g) => g.entries.length > 0)
}

const titleOf = (name: string) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll('-', ' ')
