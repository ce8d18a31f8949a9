// Describes the errors of the OpenAPI document: for each status of a route its codes, as a response that routes share.
import { z } from 'zod'
import type { ApiRoute } from '../http/doc.ts'
import type { ErrorBody } from '../http/errors.ts'
import { type ErrorKind, invalidRequest } from '../types/api-error.ts'
import { FORMATS } from './openapi-examples.ts'
import { COMPONENTS } from './operations.ts'

/** The responses of a route's errors by status; `shared` collects those that they refer to. */
export function errorResponses({ commonErrors, errors }: ApiRoute, shared: Record<string, object>) {
  const statuses = new Set([...commonErrors, ...errors].map(({ status }) => status))
  return Object.fromEntries(
    [...statuses].map((status) => {
      const common = commonErrors.filter((kind) => kind.status === status)
      const own = errors.filter((kind) => kind.status === status)
      // Several that all routes have go by one name.
      const names = common.length > 1 ? [`Error${status}`] : common.map(nameOf)
      const name = [...names, ...own.map(nameOf)].toSorted().join('Or')
      shared[name] ??= errorResponse([...own, ...common])
      return [status, { $ref: `#/components/responses/${name}` }]
    }),
  )
}

/** `email_taken` is `EmailTaken`. */
const nameOf = ({ code }: ErrorKind) =>
  code.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** Of one status. */
function errorResponse(kinds: ErrorKind[]) {
  const waits = kinds.some(({ status }) => status === 429 || status === 503)
  const description = kinds.map(({ code, message }) => `- \`${code}\`: ${message}.`).join('\n')
  const code = { type: 'string', enum: kinds.map((kind) => kind.code) }
  // Of several kinds each may leave out what only another has.
  const more = kinds.map(({ body }) => body && z.toJSONSchema(body, { io: 'input' }).properties)
  return {
    description,
    ...(waits && {
      headers: {
        'Retry-After': { description: 'Seconds to wait, if known.', schema: { type: 'integer' } },
      },
    }),
    content: {
      'application/json': {
        schema: {
          allOf: [
            { $ref: `${COMPONENTS}Error` },
            { type: 'object', properties: Object.assign({ code }, ...more) },
          ],
        },
        example: exampleOf(kinds),
      },
    },
  }
}

function exampleOf([kind]: ErrorKind[]): z.output<typeof ErrorBody> | undefined {
  if (kind === undefined) return undefined
  const { status, code, message } = kind
  const example = { err: `${status}: ${message}`, code, requestId: FORMATS.uuid ?? '' }
  if (kind !== invalidRequest) return example
  const issue = { path: 'title', message: 'must not be empty' }
  return { ...example, err: '400: title: must not be empty', issues: [issue] }
}
