// What the doctor finds: one line for a person, one object for a script.

export interface Finding {
  /** What was looked at: `Postgres version`. */
  check: string
  /** `fail`: it does not work, or soon will not. `warn`: it works, and not as it should. */
  level: 'ok' | 'warn' | 'fail'
  /** What there is, without secrets. */
  found: string
  /** What to do about it; absent where all is well. */
  fix?: string
}

/** How long the doctor waits for a server. */
export const CONNECT_TIMEOUT_S = 5

const finding =
  (level: 'warn' | 'fail') =>
  (check: string, found: string, fix: string): Finding => ({ check, level, found, fix })

export const ok = (check: string, found: string): Finding => ({ check, level: 'ok', found })
export const warn = finding('warn')
export const fail = finding('fail')

/** What a driver said, without the address that it said it of: a URL may hold a password. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ')
  const { code } = error as { code?: unknown }
  const text = error.message.replaceAll(/\b[a-z]+:\/\/\S+/g, '(address)')
  return typeof code === 'string' && !text.includes(code) ? `${text} (${code})`.trim() : text
}
