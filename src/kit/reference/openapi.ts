// Builds the OpenAPI document from the routes' own descriptions.
import type { z } from 'zod'
import type { ApiRoute, RequestHeader, RouteDoc, RouteInput } from '../http/doc.ts'
import { ErrorBody } from '../http/errors.ts'
import { errorResponses } from './openapi-errors.ts'
import { exampleOf, requestExample } from './openapi-examples.ts'
import { describeWebhooks } from './openapi-webhooks.ts'
import { COMPONENTS, describeApi, named, PARAMETER } from './operations.ts'
import type { Api, Field, JsonSchema } from './operations.ts'
import { groupBySlice, type NamedGroups } from './route-groups.ts'

/** What describes the operations, and puts the schema of a body in its place. */
interface Parts extends Pick<Api, 'request' | 'response' | 'fields'> {
  /** The responses to which those of operations refer. */
  shared: Record<string, object>
  json(schema: JsonSchema, name: string, type?: string, isRequest?: boolean): object
}

/** The document's description of the API as a whole. */
export interface ApiInfo {
  title: string
  version: string
  description: string
  /** An SPDX identifier: `MIT`. */
  license: string
  groups: NamedGroups
  /** What the service sends to others: the schemas of the bodies, by their names. */
  webhookBodies?: Record<string, z.ZodType>
  /** The name of the session's cookie. */
  cookie: string
}

/**
 * Builds the document, without pages and whatever else is mounted at the root, such as probes.
 * @throws if two different schemas have one name (`meta({ id })`)
 */
export function openApi(routes: ApiRoute[], info: ApiInfo) {
  const { operations, components, ...api } = describeApi(routes.filter(isForPrograms), {
    Error: ErrorBody,
    ...info.webhookBodies,
  })
  /** A schema without a name gets that of its place, but only an object: lists and the like stay inline. */
  const json = (given: JsonSchema, name: string, type = 'application/json', isRequest = false) => {
    if (given.type === 'object') components[name] = given
    const schema = given.type === 'object' ? { $ref: COMPONENTS + name } : given
    return { [type]: { schema, example: (isRequest ? requestExample : exampleOf)(schema, api.find) } }
  }
  const groups = groupBySlice(operations, info.groups, ({ base }) => base)
  const paths: Record<string, Record<string, object>> = {}
  const shared: Record<string, object> = {}
  for (const { title, members } of groups) {
    for (const operation of members) {
      const path = (paths[pathOf(operation)] ??= {})
      path[operation.method.toLowerCase()] = describe(operation, title, { ...api, json, shared })
    }
  }
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
    ...(info.webhookBodies && {
      webhooks: describeWebhooks(Object.keys(info.webhookBodies), api.response, json),
    }),
    components: {
      schemas: components,
      responses: shared,
      securitySchemes: {
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: info.cookie,
          description: 'Login and signup set it. A browser sends it by itself.',
        },
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description:
            'Login and signup answer it as `token` if they are sent `"token": true`. It wins over the cookie.',
        },
        ...(operations.some(({ ability, role }) => role && ability) && {
          accessToken: {
            type: 'http',
            scheme: 'bearer',
            description:
              'A personal access token, for programs. It needs the ability that the operation names.',
          },
        }),
      },
    },
  }
}

const CONVENTIONS =
  'JSON in, JSON out. Every error, even an unexpected 500, has a body with the key `err`, which begins ' +
  'with the status, and `code`, by which programs decide; a later version may bring new codes. `x-role` names the lowest role that may call.'

const WITHOUT_BODY: Record<number, string> = {
  302: '`Location` leads to it: no body.',
  304: 'It is as the client has it already: no body.',
}

type Documented = ApiRoute & { doc: RouteDoc }
type Operation = Documented & { id: string }

/** Not pages and the redirects of their forms (303), nor what stands at the root. */
const isForPrograms = (route: ApiRoute): route is Documented =>
  route.base !== '/' &&
  route.doc !== undefined &&
  route.doc.response !== 'text/html' &&
  (route.doc.status < 300 || route.doc.status === 302)

const pathOf = ({ path }: ApiRoute) => path.replaceAll(PARAMETER, '{$1}')

function describe(operation: Operation, tag: string, parts: Parts) {
  const { ability, doc, id, role, otherStatuses, inputs, requestHeaders = [] } = operation
  const body = inputs.find(({ target }) => target === 'json' || target === 'file')
  return {
    operationId: id,
    tags: [tag],
    summary: doc.summary,
    ...(role !== undefined && { description: `For accounts of the role ${role} or above.`, 'x-role': role }),
    security:
      role === undefined
        ? []
        : [{ session: [] }, { bearer: [] }, ...(ability ? [{ accessToken: [ability] }] : [])],
    ...nonEmpty('parameters', [
      ...pathParameters(operation, parts),
      ...queryParameters(operation, parts),
      ...requestHeaders.map(headerParameter),
    ]),
    ...(body && { requestBody: { required: true, content: requestOf(id, body, parts) } }),
    responses: {
      [doc.status]: {
        description: WITHOUT_BODY[doc.status] ?? 'Success.',
        ...headersOf(operation),
        ...contentOf(operation, parts),
      },
      ...Object.fromEntries(
        otherStatuses.map((status) => [
          status,
          status === 206
            ? { description: 'The bytes that `Range` asks for.', ...contentOf(operation, parts) }
            : { description: WITHOUT_BODY[status] ?? 'Success, without a body.' },
        ]),
      ),
      ...errorResponses(operation, parts.shared),
    },
  }
}

const nonEmpty = (name: string, list: object[]) => (list.length > 0 ? { [name]: list } : {})

function requestOf(id: string, { target }: RouteInput, { json, request }: Parts) {
  const name = named(id, target)
  return json(request(name), name, target === 'file' ? 'multipart/form-data' : undefined, true)
}

function headersOf({ doc: { headers = {} } }: Operation) {
  const described = Object.entries(headers).map(
    ([name, description]) => [name, { description, schema: { type: 'string' } }] as const,
  )
  return described.length > 0 ? { headers: Object.fromEntries(described) } : {}
}

function contentOf({ doc, id }: Operation, { json, response }: Parts) {
  if (doc.response === null) return {}
  const name = named(id, 'response')
  return { content: typeof doc.response === 'string' ? { [doc.response]: {} } : json(response(name), name) }
}

/** Every parameter of the path, whether it is validated or not. */
function pathParameters({ path, id }: Operation, { fields }: Parts) {
  const known = new Map(fields(named(id, 'param')).map((field) => [field.name, field]))
  return [...path.matchAll(PARAMETER)].map(([, name = '']) =>
    parameter('path', known.get(name) ?? { name, schema: { type: 'string' } }, true),
  )
}

const queryParameters = ({ id }: Operation, { fields }: Parts) =>
  fields(named(id, 'query')).map((field) => parameter('query', field, field.required))

const headerParameter = ({ name, about, required = false }: RequestHeader) =>
  parameter('header', { name, schema: { type: 'string', description: about } }, required)

function parameter(
  place: 'path' | 'query' | 'header',
  { name, schema }: Omit<Field, 'required'>,
  required: boolean,
) {
  const { description, ...rest } = schema
  return { name, in: place, required, ...(description !== undefined && { description }), schema: rest }
}
