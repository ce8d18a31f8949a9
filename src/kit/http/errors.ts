// Turns anything thrown into a response `{ "err": "400: ..." }`.
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { routePath } from 'hono/route'
import { z } from 'zod'
import { driverCode, isTransient } from '../data/transient.ts'
import { traceIdOf } from '../log/request-context.ts'
import { currentTrace } from '../log/trace.ts'
import type { UnexpectedContext } from '../log/unexpected.ts'
import {
  ApiError,
  internalError,
  invalidRequest,
  loginRequired,
  RETRY_AFTER_S,
  unavailable,
} from '../types/api-error.ts'
import { tag } from './doc.ts'
import type { AnyContext, AppEnv } from './env.ts'
import { middleware } from './factory.ts'
import { sentSession } from './sent-session.ts'
import { refusalOf } from './sql-refusals.ts'

/** The body of every error response. */
export const ErrorBody = z
  .object({
    err: z.string().describe('The status, a colon, and what was wrong.'),
    code: z.string().describe('What programs decide by.'),
    requestId: z.string().optional(),
    issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Error' })

export { notFound } from '../types/api-error.ts'

export const unauthorized = (why: string) => loginRequired({ message: `Unauthorized! ${why}` })

/** Turns anything thrown into the error response. An unexpected error is logged with its stack and hidden from clients. */
export async function onError(thrown: Error, context: AnyContext): Promise<Response> {
  const c: Context<AppEnv> = context
  const error = isClientGone(thrown, c)
    ? invalidRequest({ message: 'The connection was closed before the body was complete' })
    : toApiError(thrown, c.get('bodySchema'))
  if (error === null) {
    c.get('log').error('unexpected error', { error: thrown })
    void c.get('reportUnexpected')(thrown, whereOf(c)) // never rejects, and no request waits for it
    return respond(c, internalError())
  }
  // A refusal by a gate must cost little: the request's own log line is enough.
  if (error.status === 503 && error !== thrown && driverCode(thrown) !== 'GATE_BUSY')
    c.get('log').warn(error.message, { error: thrown })
  return respond(c, error)
}

const whereOf = (c: Context<AppEnv>): UnexpectedContext => ({
  in: 'request',
  method: c.env?.method ?? c.req.method,
  route: routePath(c),
  requestId: c.get('requestId'),
  traceId: traceIdOf(currentTrace()),
  userId: sentSession(c)?.userId,
})

const throwErrors = middleware(async (c, next) => {
  if (c.env?.refused !== undefined) throw invalidRequest({ message: c.env.refused })
  try {
    await next()
  } catch (thrown) {
    if (thrown instanceof Error) throw thrown
    const what = thrown === null ? 'null' : typeof thrown
    throw new Error(`a value of type ${what} was thrown, which is not an Error`, { cause: thrown })
  }
})

/**
 * Wraps thrown values that are no Errors, as Hono passes only Errors to `onError`. Also ends a request that the runtime's
 * entry refuses, so that it gets the log line and the headers of every response.
 */
export const normalizeErrors = tag(throwErrors, { errors: [invalidRequest, internalError, unavailable] })

/** The client closed the connection: its fault, and no reason for an alarm. */
const isClientGone = (thrown: Error, c: Context<AppEnv>) =>
  thrown.name === 'AbortError' && c.req.raw.signal.aborted

function respond(c: Context<AppEnv>, error: ApiError): Response {
  c.set('errorCode', error.code)
  for (const [name, value] of Object.entries(error.headers)) c.header(name, value)
  // An open page in a browser recovers by itself when the service does.
  if (error.status === 503 && c.req.method === 'GET' && wantsPage(c)) {
    c.header('Refresh', String(RETRY_AFTER_S))
  }
  const body = {
    err: `${error.status}: ${error.message}`,
    code: error.code,
    requestId: c.get('requestId'),
    issues: error.issues,
    ...error.body,
  }
  return c.json(body, error.status)
}

/** True for a browser that follows a link or submits a form, and shows the response to a person. */
export const wantsPage = (c: Context) => c.req.header('accept')?.includes('text/html') === true

/** Returns the error that a client may see, or null for an unexpected one. */
function toApiError(thrown: unknown, body: z.ZodType | undefined): ApiError | null {
  if (thrown instanceof ApiError) return thrown
  if (thrown instanceof HTTPException) return new ApiError(thrown.status, thrown.message)
  if (driverCode(thrown) === 'GATE_BUSY')
    return unavailable('Too many requests for this at once, please try again')
  if (isTransient(thrown)) return unavailable('The service is not available right now, please try again')
  return refusalOf(thrown, body)
}
