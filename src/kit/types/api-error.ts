// Defines the error that a client gets to see: its status and its message become the response.
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

/** One problem of the input: where it is and what is wrong. Never the input itself. */
export interface Issue {
  path: string
  message: string
}

/** A response that is not a success. The client sees the message. */
export class ApiError extends HTTPException {
  override name = 'ApiError'
  /** What a program decides by; the message is for people and may change. */
  readonly code: string | undefined
  readonly issues: Issue[] | undefined
  readonly headers: Record<string, string>

  constructor(status: ContentfulStatusCode, message: string, more: ErrorDetails & { code?: string } = {}) {
    super(status, { message })
    this.code = more.code
    this.issues = more.issues
    this.headers = more.headers ?? {}
  }
}

interface ErrorDetails {
  issues?: Issue[] | undefined
  headers?: Record<string, string>
}

/** A kind of error: called, it makes one to throw; `doc` lists it by the same value in `errors`. */
export interface ErrorKind {
  (more?: ErrorDetails & { message?: string }): ApiError
  readonly status: ContentfulStatusCode
  readonly code: string
  readonly message: string
}

/**
 * Defines a kind of error once, for the throw, for the route's description and for clients.
 * @param code what programs decide by, unique in the API and never changed: `token_expired`
 * @param message what was wrong and what to do; a throw may say it more precisely
 */
export function defineError(status: ContentfulStatusCode, code: string, message: string): ErrorKind {
  const create = ({ message: precise = message, ...more }: Parameters<ErrorKind>[0] = {}) =>
    new ApiError(status, precise, { ...more, code })
  return Object.assign(create, { status, code, message })
}

/** Seconds after which a client should try again while Postgres or Redis is away. */
export const RETRY_AFTER_S = 2

export const unavailable = (what: string) =>
  new ApiError(503, what, { headers: { 'Retry-After': String(RETRY_AFTER_S) } })
