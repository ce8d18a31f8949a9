// The error that is an answer: its status and its words are for the client.
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

/** One fault of the input: where it is, and what is wrong with it. Never the input itself. */
export interface Issue {
  path: string
  message: string
}

/** An answer that is not a success. The message is for the client's eyes. */
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

/** Seconds after which a client may well try again when Postgres or Redis is away. */
export const RETRY_AFTER_S = 2

export const unavailable = (what: string) =>
  new ApiError(503, what, { headers: { 'Retry-After': String(RETRY_AFTER_S) } })
