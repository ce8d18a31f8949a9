// Describes errors for the log: enough to find the cause, and none of the data they carry.
import { maskEmails, summarize } from './redact.ts'
import { printableStatement } from './sql-log.ts'

/** An error as it is logged. `stack` holds the frames only. */
export interface ErrorRecord {
  type: string
  message: string
  code?: string | number
  constraint?: string
  table?: string
  column?: string
  routine?: string
  /** What to do, where that is known. */
  hint?: string
  sql?: string
  stack?: string
  errors?: ErrorRecord[]
  cause?: ErrorRecord
}

/** What to do about it, by SQLSTATE: the database lacks a table, a column, a type or a right. */
const HINTS: Record<string, string> = {
  '42P01': 'the database lacks this table: run npm run migrate',
  '42703': 'the database lacks this column: run npm run migrate',
  '42704': 'the database lacks this type: run npm run migrate',
  '42501': 'the role of DATABASE_URL lacks a right: npm run doctor says which',
}

/** One of Drizzle's: its own message holds every parameter of the statement, password hashes included. */
export const isFailedQuery = (error: Error): boolean => 'query' in error && 'params' in error

const MAX_DEPTH = 5
/** Of an AggregateError, and of each error within it. */
const MAX_ERRORS = 5
const MAX_MESSAGE = 2000

/**
 * Describes any thrown value. Drizzle's and Postgres's errors hold the parameters of the failed statement in
 * `message`, `params`, `parameters`, `detail` and `where`: none of these is read, except a message known to be safe.
 * @param secretKeys names of further fields whose values are secret (LOG_REDACT)
 */
export function describeError(
  thrown: unknown,
  secretKeys?: readonly string[],
  depth = 0,
  sqlShown = false,
): ErrorRecord {
  if (!(thrown instanceof Error)) return { type: typeof thrown, message: summarize(thrown, secretKeys) }
  const get = (field: string): unknown => Reflect.get(thrown, field)
  const byPostgres = 'severity' in thrown && 'routine' in thrown
  const code = get('code')
  const sql = text(get('query'))
  const deeper = (inner: unknown) =>
    describeError(inner, secretKeys, depth + 1, sqlShown || sql !== undefined)

  const record: ErrorRecord = {
    type: thrown.name === 'Error' ? thrown.constructor.name : thrown.name,
    message: isFailedQuery(thrown)
      ? 'Failed query'
      : safeMessage(thrown.message, byPostgres && String(code).startsWith('22')),
    code: typeof code === 'number' ? code : text(code),
  }
  if (byPostgres) {
    record.constraint = text(get('constraint_name'))
    record.table = text(get('table_name'))
    record.column = text(get('column_name'))
    record.routine = text(get('routine'))
    record.hint = HINTS[String(code)]
  }
  if (sql !== undefined && !sqlShown) record.sql = printableStatement(sql, secretKeys)
  // Inside a wrapper, the driver's own frames only show its socket.
  if (!byPostgres || depth === 0) record.stack = framesOf(thrown)
  if (depth < MAX_DEPTH) {
    const errors = get('errors')
    if (Array.isArray(errors)) record.errors = errors.slice(0, MAX_ERRORS).map(deeper)
    if (thrown.cause !== undefined) record.cause = deeper(thrown.cause)
  }
  return record
}

/** Describes an error in one line, as it is stored with a failed job for operators. */
export function briefError(thrown: unknown, secretKeys?: readonly string[]): string {
  const { type, message, cause } = describeError(thrown, secretKeys)
  return maskEmails(`${type}: ${message}${cause ? ` (${cause.type}: ${cause.message})` : ''}`)
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)

/** Postgres quotes the offending value in messages of class 22 (data exception), with the quotes of its locale. */
function safeMessage(message: string, isDataException: boolean): string {
  const safe = isDataException ? message.replace(/["'«»„“”‚‘’「」].*["'«»„“”‚‘’「」]/s, '"***"') : message
  return safe.length > MAX_MESSAGE ? `${safe.slice(0, MAX_MESSAGE)}…` : safe
}

/** Only the frames after the message: a line of the message may look like one. */
function framesOf(error: Error): string | undefined {
  const stack = error.stack ?? ''
  const at = stack.indexOf(error.message)
  if (at < 0) return undefined
  const lines = stack.slice(at + error.message.length).split('\n')
  return lines.filter((line) => /^\s+at /.test(line)).join('\n') || undefined
}
