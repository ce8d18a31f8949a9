// Defines the errors that a client gets to see: status, code and message become the response. The kinds here are for any route.
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { z } from 'zod'
import type { Json } from './json.ts'

/** One problem of the input: where it is and what is wrong. Never the input itself. */
export interface Issue {
  path: string
  message: string
}

/** A response that is not a success. The client sees the message. */
export class ApiError extends HTTPException {
  override name = 'ApiError'
  /** What a program decides by; the message is for people and may change. */
  readonly code: string
  readonly issues: Issue[] | undefined
  readonly headers: Record<string, string>
  /** What its body has more, as its kind declares by `body`. */
  readonly body: Record<string, Json>
  /** Whether a rate limit counts it as a failure. */
  readonly isFailure: boolean

  /** Without a code it is of its status's common kind: another 400 is an `invalid_request`. */
  constructor(status: ContentfulStatusCode, message: string, more: ErrorDetails & { code?: string } = {}) {
    super(status, { message })
    this.code = more.code ?? kindOf(status).code
    this.issues = more.issues
    this.headers = more.headers ?? {}
    this.body = more.body ?? {}
    this.isFailure = more.isFailure ?? true
  }
}

interface ErrorDetails {
  issues?: Issue[] | undefined
  headers?: Record<string, string>
  body?: Record<string, Json>
  isFailure?: boolean
}

type Details = ErrorDetails & { message?: string }

/** A kind of error: called, it makes one to throw; `doc` lists it by the same value in `errors`. */
export interface ErrorKind<Args extends unknown[] = never> {
  (...args: Args): ApiError
  readonly status: ContentfulStatusCode
  readonly code: string
  readonly message: string
  /** What its body has more than every error's. */
  readonly body?: z.ZodObject
}

/**
 * Defines a kind of error once, for the throw, for the route's description and for clients.
 * @param code what programs decide by, unique in the API and never changed: `token_expired`
 * @param message what was wrong and what to do; a throw may say it more precisely
 * @param detailsOf makes the details of one from what a throw passes, if it does not pass them as they are
 */
export function defineError<Args extends unknown[] = [more?: Details]>(
  status: ContentfulStatusCode,
  code: string,
  message: string,
  detailsOf: (...args: Args) => Details = (...[more]: unknown[]) => more ?? {},
): ErrorKind<Args> {
  const create = (...args: Args) => {
    const { message: precise = message, ...more } = detailsOf(...args)
    return new ApiError(status, precise, { ...more, code })
  }
  return Object.assign(create, { status, code, message })
}

/** Whether something that was thrown is an error of this kind. */
export const isOfKind = (thrown: unknown, { code }: Pick<ErrorKind, 'code'>): thrown is ApiError =>
  thrown instanceof ApiError && thrown.code === code

export const invalidRequest = defineError(
  400,
  'invalid_request',
  'The input is not valid: `issues` says where, if it is a field',
)
export const loginRequired = defineError(401, 'login_required', 'Unauthorized! Log in first')
export const forbidden = defineError(403, 'forbidden', 'This may not be done')
/** Says the path. */
export const notFound = defineError(404, 'not_found', 'There is nothing of that name', (c: Context) => ({
  message: c.req.path,
}))
export const methodNotAllowed = defineError(
  405,
  'method_not_allowed',
  'The path has no such method: `Allow` lists those that it has',
)
export const conflict = defineError(409, 'conflict', 'It goes against what is there')
export const contentTooLarge = defineError(413, 'content_too_large', 'The body is too large')
export const unsupportedMediaType = defineError(
  415,
  'unsupported_media_type',
  'The body has the wrong type, charset or coding',
)
export const rateLimitExceeded = defineError(
  429,
  'rate_limit_exceeded',
  'Too many attempts: try again after `Retry-After` seconds',
)
export const internalError = defineError(500, 'internal_error', 'Internal server error')

/** Seconds after which a client should try again while Postgres or Redis is away. */
export const RETRY_AFTER_S = 2

export const unavailable = defineError(
  503,
  'unavailable',
  'Too busy, or a service is away: try again after `Retry-After` seconds',
  (what: string) => ({ message: what, headers: { 'Retry-After': String(RETRY_AFTER_S) } }),
)

const COMMON: readonly ErrorKind[] = [
  invalidRequest,
  loginRequired,
  forbidden,
  notFound,
  methodNotAllowed,
  conflict,
  contentTooLarge,
  unsupportedMediaType,
  rateLimitExceeded,
  internalError,
  unavailable,
]

/** The common kind of a status, or of its class: an unusual 4xx counts as a 400. */
export const kindOf = (status: number): ErrorKind =>
  COMMON.find((kind) => kind.status === status) ?? (status < 500 ? invalidRequest : internalError)
