// The log, as all code sees it.

/** Leveled log. Fields are printed as given: callers redact what comes from outside. */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

/**
 * `error` takes any thrown value; its stack is printed, the parameters of a failed statement never are.
 * The names that each line has of its own are reserved: the compiler refuses them where they are written out.
 */
export type LogFields = Record<string, unknown> & { error?: unknown } & {
  [K in 'level' | 'time' | 'pid' | 'msg']?: never
}
