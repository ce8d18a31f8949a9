// Describes the errors of the OpenAPI document: what each status means, and its body.
import type { z } from 'zod'
import { type ErrorBody, ROLE_TOO_LOW } from '../http/errors.ts'
import { FORMATS } from './openapi-examples.ts'

const lowRole = (status: number) => (status === ROLE_TOO_LOW ? ', or the role is too low' : '')

const ERRORS: Record<number, [name: string, description: string]> = {
  400: ['BadRequest', 'The input is not valid (see `issues`), or the account is disabled.'],
  401: ['Unauthorized', `Not logged in${lowRole(401)}.`],
  403: ['Forbidden', `A page of this origin may not act for a logged-in user${lowRole(403)}.`],
  404: ['NotFound', 'It does not exist.'],
  409: ['Conflict', 'It conflicts with what exists.'],
  413: ['ContentTooLarge', 'The body is too large.'],
  415: ['UnsupportedMediaType', 'The body is not JSON.'],
  429: ['TooManyRequests', 'Too many requests: try again later.'],
  503: ['ServiceUnavailable', 'It took too long, or the service is overloaded or not available: try again.'],
}

/** The name of the response to which an error status refers. */
export const nameOf = (status: number) => ERRORS[status]?.[0] ?? `Error${status}`

export const errorResponse = (status: number) => ({
  description: ERRORS[status]?.[1] ?? `An error with the status ${status}.`,
  ...((status === 429 || status === 503) && {
    headers: {
      'Retry-After': { description: 'Seconds to wait, if known.', schema: { type: 'integer' } },
    },
  }),
  content: {
    'application/json': {
      schema: { $ref: '#/components/schemas/Error' },
      example: exampleOfError(status),
    },
  },
})

const exampleOfError = (status: number): z.output<typeof ErrorBody> =>
  status === 400
    ? {
        err: '400: title: must not be empty',
        issues: [{ path: 'title', message: 'must not be empty' }],
        requestId: FORMATS.uuid,
      }
    : { err: `${status}: ${ERRORS[status]?.[1] ?? 'What was wrong.'}`, requestId: FORMATS.uuid }
