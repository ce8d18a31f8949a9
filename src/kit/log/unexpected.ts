// Hands errors that nobody foresaw to a product's hook, such as an error tracker, and bounds what that can do.
import type { Log } from '../types/log.ts'
import { describeError, type ErrorRecord } from './describe-error.ts'
import { maskEmails } from './redact.ts'

/** Where it happened. Nothing of it comes from a body, a query or a header but for ids. */
export type UnexpectedContext =
  | {
      in: 'request'
      method: string
      /** The pattern that matched, `/api/things/:id`. */
      route: string
      requestId: string
      traceId?: string | undefined
      userId?: string | undefined
    }
  | {
      in: 'job'
      task: string
      job: string
      attempt: number
      /** It is not tried again. */
      final: boolean
      requestId?: string | undefined
      traceId?: string | undefined
    }
  /** `what`: nobody caught an error, so the process ends (`uncaught`); a child of the supervisor died unasked (`died`). */
  | { in: 'process'; role: string; what: 'uncaught' | 'died' | 'outside of the app' }

/**
 * @param error a copy that holds what the log would: no parameter of a statement, no email
 * @returns when it was sent: before a process ends it has two seconds
 */
export type OnUnexpected<C> = (error: Error, context: UnexpectedContext, config: C) => Promise<unknown> | void

/** Never throws; resolves when the hook has settled or had its time. */
export type ReportUnexpected = (error: unknown, context: UnexpectedContext) => Promise<void>

const HOOK_MS = 10_000
/** Calls that have not settled, and calls in a minute: further errors are in the log only. */
const MAX_PENDING = 20
const MAX_PER_MINUTE = 100
const MINUTE_MS = 60_000

interface Parts<C> {
  onUnexpected: OnUnexpected<C> | undefined
  config: C & { log: { redact: readonly string[] } }
  log: Pick<Log, 'warn'>
}

/** Without a hook nothing is made of an error. What the hook does wrong, and a flood, is logged once. */
export function createReport<C>({ onUnexpected, config, log }: Parts<C>): ReportUnexpected {
  if (onUnexpected === undefined) return async () => {}
  const told = new Set<string>()
  let [pending, calls, since] = [0, 0, -Infinity]

  const tellOnce = (what: string, fields = {}) => {
    if (!told.has(what)) log.warn(`onUnexpected ${what}; this is logged once`, fields)
    told.add(what)
  }

  return async (thrown, context) => {
    const now = performance.now()
    if (now - since > MINUTE_MS) [calls, since] = [0, now]
    if (pending >= MAX_PENDING || ++calls > MAX_PER_MINUTE)
      return tellOnce('is called too often: further errors are in the log only')
    pending++
    let timer: ReturnType<typeof setTimeout> | undefined
    try {
      const late = new Promise((resolve) => {
        timer = setTimeout(() => resolve(tellOnce(`did not settle within ${HOOK_MS / 1000} s`)), HOOK_MS)
        if (typeof timer === 'object') timer.unref?.()
      })
      const error = safeError(describeError(thrown, config.log.redact))
      await Promise.race([onUnexpected(error, context, config), late])
    } catch (error) {
      tellOnce('failed', { error })
    } finally {
      clearTimeout(timer)
      pending--
    }
  }
}

/** An error again, of what the log would print of it: type, text, frames, code, constraint, and the same of its causes. */
function safeError({ type, message, stack, errors, cause, ...facts }: ErrorRecord): Error {
  const text = maskEmails(message)
  const error = new Error(text, cause && { cause: safeError(cause) })
  error.name = type
  error.stack = `${type}: ${text}${stack === undefined ? '' : `\n${stack}`}`
  // An absent code is no field: trackers print what they find.
  for (const [name, fact] of Object.entries(facts))
    if (fact !== undefined) Object.assign(error, { [name]: fact })
  return Object.assign(error, errors && { errors: errors.map(safeError) })
}
