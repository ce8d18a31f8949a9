// What is known of the request under way without being passed along: its id, and whether somebody still waits for it.
import { AsyncLocalStorage } from 'node:async_hooks'

export interface RequestContext {
  requestId: string
  /** Absent for what is no request: somebody always waits for that. */
  request?: Request
  /** The deadline has passed. */
  isLate?: boolean
}

export const requestContext = new AsyncLocalStorage<RequestContext>()

/** Returns the question whether nobody waits for the answer any more: the client has gone, or the deadline has passed. */
export function abandoned(): (() => boolean) | undefined {
  const context = requestContext.getStore()
  return context?.request && (() => context.isLate === true || context.request?.signal.aborted === true)
}
