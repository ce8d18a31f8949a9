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
  readonly issues: Issue[] | undefined
  readonly headers: Record<string, string>

  constructor(
    status: ContentfulStatusCode,
    message: string,
    more: { issues?: Issue[] | undefined; headers?: Record<string, string> } = {},
  ) {
    super(status, { message })
    this.issues = more.issues
    this.headers = more.headers ?? {}
  }
}

/** Seconds after which a client should try again while Postgres or Redis is away. */
export const RETRY_AFTER_S = 2

export const unavailable = (what: string) =>
  new ApiError(503, what, { headers: { 'Retry-After': String(RETRY_AFTER_S) } })
