// LOG_SQL=1: every statement in the log, with its time, and with secrets masked.
import type { Log } from '../types/log.ts'
import type { Rows, Statement } from '../types/statement.ts'
import { MASK, mentionsSecret, summarize } from './redact.ts'

const MAX_STATEMENT = 2000
const MAX_PARAMETERS = 50
const MAX_PARAMETER = 100

/** Sees a statement that is sent, and answers the same rows or failure. */
export type WriteStatement = (statement: Statement, sent: PromiseLike<Rows>) => Promise<Rows>

/** Logs each statement when it has finished or failed, with the milliseconds since it was sent. */
export function statementLog(log: Log, secretKeys: readonly string[] = []): WriteStatement {
  return async ({ text, parameters = [] }, sent) => {
    const since = performance.now()
    const write = (error?: unknown) =>
      log.info('sql', {
        ms: Math.round((performance.now() - since) * 10) / 10,
        sql: printableStatement(text, secretKeys),
        params: parameters.length === 0 ? undefined : printableParameters(text, parameters, secretKeys),
        failed: codeOf(error),
      })
    try {
      const rows = await sent
      write()
      return rows
    } catch (error) {
      write(error ?? 'unknown')
      throw error
    }
  }
}

/** A statement on one line. Literals in it are masked if it names a secret column. */
export function printableStatement(text: string, secretKeys?: readonly string[]): string {
  const line = text.replace(/\s+/g, ' ').trim()
  const masked = mentionsSecret(line, secretKeys) ? line.replace(/'(?:[^']|'')*'/g, `'${MASK}'`) : line
  return masked.length > MAX_STATEMENT ? `${masked.slice(0, MAX_STATEMENT)}…` : masked
}

/** Which parameter belongs to which column is not to be told from the text: one secret column hides them all. */
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
  typeof value === 'string' && value.length > MAX_PARAMETER ? `${value.slice(0, MAX_PARAMETER)}…` : value

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return error === undefined ? undefined : 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
