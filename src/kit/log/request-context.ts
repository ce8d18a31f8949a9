// Carries the current request's id, and whether its client still waits, without passing them along.
import { AsyncLocalStorage } from 'node:async_hooks'

export interface RequestContext {
  /** Absent in a job that no request enqueued. */
  requestId?: string | undefined
  /** The trace that it belongs to; see `trace.ts`. */
  trace?: string | undefined
  /** Absent outside of requests: somebody always waits for that work. */
  request?: Request
  /** The deadline has passed. */
  isLate?: boolean
}

/** Of a trace as it travels: 32 hexadecimal digits. */
export const traceIdOf = (trace: string | undefined) => trace?.slice(3, 35)

export const requestContext = new AsyncLocalStorage<RequestContext>()

/** Returns a check whether nobody waits for the response any more: the client is gone, or the deadline has passed. */
export function abandonCheck(): (() => boolean) | undefined {
  const context = requestContext.getStore()
  return context?.request && (() => context.isLate === true || context.request?.signal.aborted === true)
}
