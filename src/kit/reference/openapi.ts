// Builds the OpenAPI document from the routes' own descriptions.
import type { ApiRoute, RouteDoc } from '../http/doc.ts'
import { SESSION_COOKIE } from '../http/session-cookies.ts'
import type { JsonSchema } from './json-schema.ts'
import { errorResponse, nameOf } from './openapi-errors.ts'
import { collectSchemas, named, type Schemas } from './openapi-schemas.ts'
import type { Operation } from './openapi-types.ts'
import { groupBySlice, type FirstGroups } from './route-groups.ts'

/** The document's description of the API as a whole. */
export interface ApiInfo {
  title: string
  version: string
  description: string
  /** An SPDX identifier: `MIT`. */
  license: string
  groups: FirstGroups
}

/**
 * Builds the document, without pages and whatever else is mounted at the root, such as probes.
 * @throws if two different schemas have one name (`meta({ id })`)
 */
export function openApi(routes: ApiRoute[], info: ApiInfo) {
  const operations = toOperations(routes)
  const schemas = collectSchemas(operations)
  const groups = groupBySlice(operations, info.groups, ({ base }) => base)
  const paths: Record<string, Record<string, object>> = {}
  for (const { title, members } of groups) {
    for (const operation of members) {
      const path = (paths[pathOf(operation)] ??= {})
      path[operation.method.toLowerCase()] = describe(operation, title, schemas)
    }
  }
  const errors = new Set(operations.flatMap(({ otherStatuses }) => otherStatuses.filter(isError)))
  const tooLowStatuses = new Set(operations.map(({ tooLowStatus }) => tooLowStatus))
  return {
    openapi: '3.1.1',
    info: {
      title: info.title,
      version: info.version,
      description: `${info.description}\n\n${CONVENTIONS}`,
      license: { name: info.license, identifier: info.license },
    },
    servers: [{ url: '/' }],
    tags: groups.map(({ title, prefix, note }) => ({ name: title, description: note ?? `Below ${prefix}.` })),
    paths,
    components: {
      schemas: schemas.components,
      responses: Object.fromEntries(
        [...errors]
          .toSorted((a, b) => a - b)
          .map((status) => [nameOf(status), errorResponse(status, tooLowStatuses.has(status))]),
      ),
      securitySchemes: {
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: SESSION_COOKIE,
          description: 'Login and signup set it. A browser sends it by itself.',
        },
      },
    },
  }
}

const CONVENTIONS =
  'JSON in, JSON out. Every error, even an unexpected 500, has a body with the key `err`, which begins ' +
  'with the status. `x-role` names the lowest role that may call.'

function toOperations(routes: ApiRoute[]): Operation[] {
  const taken = new Set<string>()
  return routes.flatMap(({ doc, ...route }) => {
    if (doc === undefined || route.base === '/' || isForPeople(doc)) return []
    const short = operationId(route.method, route.path.replace(/^\/api\//, '/'))
    const id = taken.has(short) ? operationId(route.method, route.path) : short
    taken.add(id)
    return { ...route, doc, id }
  })
}

/** Pages, and the redirects of their forms. */
const isForPeople = ({ response, status }: RouteDoc) => response === 'text/html' || status >= 300

const isError = (status: number) => status >= 400

const PARAMETER = /:(\w+)(\{[^}]*\})?\??/g

const pathOf = ({ path }: ApiRoute) => path.replaceAll(PARAMETER, '{$1}')

/** `GET /books/:id` is `getBooksById`. */
function operationId(method: string, path: string): string {
  const words = path.replaceAll(PARAMETER, 'by-$1').split(/[^a-z0-9]+/i)
  return method.toLowerCase() + words.map(capitalize).join('')
}

const capitalize = (word: string) => word.charAt(0).toUpperCase() + word.slice(1)

function describe(operation: Operation, tag: string, schemas: Schemas) {
  const { doc, id, role, otherStatuses, inputs } = operation
  const takesBody = inputs.some(({ target }) => target === 'json')
  return {
    operationId: id,
    tags: [tag],
    summary: doc.summary,
    ...(role !== undefined && { description: `For accounts of the role ${role} or above.`, 'x-role': role }),
    security: role === undefined ? [] : [{ session: [] }],
    ...nonEmpty('parameters', [
      ...pathParameters(operation, schemas),
      ...queryParameters(operation, schemas),
    ]),
    ...(takesBody && {
      requestBody: { required: true, content: json(schemas.request(named(id, 'json')), schemas) },
    }),
    responses: {
      [doc.status]: { description: 'Success.', ...headersOf(operation), ...contentOf(operation, schemas) },
      ...Object.fromEntries(otherStatuses.map((status) => [status, otherResponse(status)])),
    },
  }
}

const nonEmpty = (name: string, list: object[]) => (list.length > 0 ? { [name]: list } : {})

const json = (schema: JsonSchema, { example }: Schemas) => ({
  'application/json': { schema, example: example(schema) },
})

function headersOf({ doc: { headers = {} } }: Operation) {
  const described = Object.entries(headers).map(
    ([name, description]) => [name, { description, schema: { type: 'string' } }] as const,
  )
  return described.length > 0 ? { headers: Object.fromEntries(described) } : {}
}

function contentOf({ doc: { response }, id }: Operation, schemas: Schemas) {
  if (response === null) return {}
  return {
    content:
      typeof response === 'string'
        ? { [response]: {} }
        : json(schemas.response(named(id, 'response')), schemas),
  }
}

/** Every parameter of the path, whether it is validated or not. */
function pathParameters({ path, id }: Operation, schemas: Schemas) {
  const known = new Map(schemas.fields(named(id, 'param')).map((field) => [field.name, field]))
  return [...path.matchAll(PARAMETER)].map(([, name = '']) =>
    parameter('path', known.get(name) ?? { name, schema: { type: 'string' } }, true),
  )
}

const queryParameters = ({ id }: Operation, schemas: Schemas) =>
  schemas.fields(named(id, 'query')).map((field) => parameter('query', field, field.required))

function parameter(
  place: 'path' | 'query',
  { name, schema }: { name: string; schema: JsonSchema },
  required = false,
) {
  const { description, ...rest } = schema
  return { name, in: place, required, ...(description !== undefined && { description }), schema: rest }
}

const otherResponse = (status: number) =>
  isError(status)
    ? { $ref: `#/components/responses/${nameOf(status)}` }
    : { description: 'Success, without a body.' }
