// Describes the errors of the OpenAPI document: what each status means, and its body.
import type { z } from 'zod'
import type { ErrorBody } from '../http/errors.ts'
import { FORMATS } from './openapi-examples.ts'

const ERRORS: Record<number, [name: string, description: string]> = {
  400: ['BadRequest', 'The input is not valid, as `issues` tells, or the account is disabled.'],
  401: ['Unauthorized', 'Not logged in, or the bearer token is not valid.'],
  403: ['Forbidden', 'A page of this origin may not act for a logged-in user.'],
  404: ['NotFound', 'There is nothing of that name.'],
  409: ['Conflict', 'It goes against what is there.'],
  413: ['ContentTooLarge', 'The body is too large.'],
  415: ['UnsupportedMediaType', 'The body is not JSON.'],
  429: ['TooManyRequests', 'Too many requests: try again later.'],
  503: ['ServiceUnavailable', 'It took too long, or the service is overloaded or not available: try again.'],
}

/** The name of the response to which an error status refers. */
export const nameOf = (status: number) => ERRORS[status]?.[0] ?? `Error${status}`

/** @param isTooLow whether a role that is too low gets it, too */
export const errorResponse = (status: number, isTooLow = false) => ({
  description: describe(status, isTooLow),
  ...((status === 429 || status === 503) && {
    headers: {
      'Retry-After': { description: 'Seconds to wait, if known.', schema: { type: 'integer' } },
    },
  }),
  content: {
    'application/json': {
      schema: { $ref: '#/components/schemas/Error' },
      example: exampleOfError(status, isTooLow),
    },
  },
})

const describe = (status: number, isTooLow: boolean) =>
  (ERRORS[status]?.[1] ?? `An error with the status ${status}.`).replace(
    /\.$/,
    isTooLow ? ', or the role is too low.' : '.',
  )

const exampleOfError = (status: number, isTooLow: boolean): z.output<typeof ErrorBody> =>
  status === 400
    ? {
        err: '400: title: must not be empty',
        issues: [{ path: 'title', message: 'must not be empty' }],
        requestId: FORMATS.uuid,
      }
    : { err: `${status}: ${describe(status, isTooLow)}`, requestId: FORMATS.uuid }
