// Logs every SQL statement with its duration, secrets masked, where LOG_SQL is on.
import type { Log } from '../types/log.ts'
import type { Statement } from '../types/statement.ts'
import { cutMasked, MASK, mentionsSecret, summarize } from './redact.ts'

const MAX_STATEMENT = 2000
const MAX_PARAMETERS = 50
const MAX_PARAMETER = 100

/** Logs each statement when it has finished or failed, with its name and its milliseconds. It is a `QueryObserver`. */
export const statementLog = (log: Log, secretKeys: readonly string[] = []) => ({
  onQuery(name: string, _at: number, ms: number, error: unknown, { text, parameters = [] }: Statement): void {
    log.info('sql', {
      ms: Math.round(ms * 10) / 10,
      query: name,
      sql: printableStatement(text, secretKeys),
      params: parameters.length === 0 ? undefined : printableParameters(text, parameters, secretKeys),
      failed: codeOf(error),
    })
  },
})

/** Returns a statement on one line. Its literals are masked if it names a secret column. */
export function printableStatement(text: string, secretKeys?: readonly string[]): string {
  const line = text.replace(/\s+/g, ' ').trim()
  const masked = mentionsSecret(line, secretKeys) ? line.replace(/'(?:[^']|'')*'/g, `'${MASK}'`) : line
  return masked.length > MAX_STATEMENT ? `${masked.slice(0, MAX_STATEMENT)}…` : masked
}

/** The text does not tell which parameter belongs to which column: one secret column masks them all. */
function printableParameters(
  text: string,
  parameters: readonly unknown[],
  secretKeys: readonly string[],
): string {
  if (mentionsSecret(text, secretKeys)) return MASK
  const some = parameters.slice(0, MAX_PARAMETERS).map((p) => cut(p))
  if (parameters.length > MAX_PARAMETERS) some.push(`… ${parameters.length - MAX_PARAMETERS} more`)
  return summarize(some, secretKeys).replace(/\$argon2[^"\\\s]*/g, MASK)
}

const cut = (value: unknown) =>
  typeof value === 'string' && value.length > MAX_PARAMETER ? `${cutMasked(value, MAX_PARAMETER)}…` : value

/** A failure in a word, without its message. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return error === undefined ? undefined : 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
