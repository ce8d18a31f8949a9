// Declares the log as all code sees it.

/** A log with levels. Fields are printed as given: callers redact what comes from outside. */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

/**
 * `error` takes any thrown value; its stack is printed, the parameters of a failed statement never are.
 * The fields that every line has are reserved: the compiler refuses them in an object literal.
 */
export type LogFields = Record<string, unknown> & { error?: unknown } & {
  [K in 'level' | 'time' | 'pid' | 'msg']?: never
}
