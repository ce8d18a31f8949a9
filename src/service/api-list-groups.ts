// What the API list says of the routes: grouped by slice, their schemas in words.
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
const LABELS: Record<RouteInput['target'], string> = {
  param: 'Path',
  query: 'Query',
  json: 'Body',
  form: 'Form',
}

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
  const result = { groups: groupBySlice(entries), types: [...types.values()] }
  described.set(routes, result)
  return result
}

/** What is mounted at these paths is no resource: the account's calls come first, the server's own last. */
const KNOWN: Record<string, { title: string; rank: number; note?: string }> = {
  '/api': { title: 'Account', rank: 0 },
  '/': { title: 'Service', rank: 2 },
  '/apitest': {
    title: 'Development',
    rank: 3,
    note: 'Only in development: in production these do not exist.',
  },
}
const RESOURCE_RANK = 1

/** One group for each path under which slices are mounted; resources in order of declaration. */
function groupBySlice(entries: Entry[]): Group[] {
  const groups = [...Map.groupBy(entries, ({ route }) => route.base)].map(([prefix, members]) => {
    const { title, rank, note } = KNOWN[prefix] ?? { title: titleOf(prefix), rank: RESOURCE_RANK }
    return { title, prefix, note, rank, entries: members }
  })
  return groups.toSorted((a, b) => a.rank - b.rank)
}

/** `/api/film-reels` is about film reels. */
function titleOf(prefix: string): string {
  const name = prefix.slice(prefix.lastIndexOf('/') + 1).replaceAll('-', ' ')
  return name.charAt(0).toUpperCase() + name.slice(1)
}
