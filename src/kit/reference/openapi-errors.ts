// The errors of the OpenAPI document: what each status means, and how its body looks.
import type { z } from 'zod'
import { type ErrorBody, ROLE_TOO_LOW } from '../http/errors.ts'
import { FORMATS } from './openapi-examples.ts'

const lowRole = (status: number) => (status === ROLE_TOO_LOW ? ', or the role is too low' : '')

const ERRORS: Record<number, [name: string, description: string]> = {
  400: ['BadRequest', 'The input is not valid, as `issues` tells, or the account is disabled.'],
  401: ['Unauthorized', `Not logged in${lowRole(401)}.`],
  403: ['Forbidden', `A page of this origin may not act for a logged-in user${lowRole(403)}.`],
  404: ['NotFound', 'There is nothing of that name.'],
  409: ['Conflict', 'It goes against what is there.'],
  413: ['ContentTooLarge', 'The body is too large.'],
  415: ['UnsupportedMediaType', 'The body is not JSON.'],
  429: ['TooManyRequests', 'Too many calls: try again later.'],
  503: ['ServiceUnavailable', 'It took too long, or Postgres or Redis is away: try again.'],
}

/** Of the response that an error status refers to. */
export const nameOf = (status: number) => ERRORS[status]?.[0] ?? `Error${status}`

export const errorResponse = (status: number) => ({
  description: ERRORS[status]?.[1] ?? `An error of the status ${status}.`,
  ...((status === 429 || status === 503) && {
    headers: {
      'Retry-After': { description: 'Seconds to wait, where they are known.', schema: { type: 'integer' } },
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
