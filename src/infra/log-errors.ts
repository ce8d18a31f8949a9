// What the log says about an error: enough to find the fault, and nothing of the data that was in it.
import { summarize } from '../web/redact.ts'
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
  sql?: string
  stack?: string
  errors?: ErrorRecord[]
  cause?: ErrorRecord
}

const MAX_DEPTH = 5
/** Of an AggregateError, and of each error within it. */
const MAX_ERRORS = 5
const MAX_MESSAGE = 2000

/**
 * Describes any thrown value. Drizzle's and Postgres's errors hold the parameters of the failed statement in
 * `message`, `params`, `parameters`, `detail` and `where`: none of these is touched, but for a message known to be safe.
 */
export function describeError(thrown: unknown, depth = 0, sqlShown = false): ErrorRecord {
  if (!(thrown instanceof Error)) return { type: typeof thrown, message: summarize(thrown) }
  const error = thrown as Error & Record<string, unknown>
  const byDrizzle = 'query' in error && 'params' in error
  const byPostgres = 'severity' in error && 'routine' in error
  const sql = text(error.query)
  const deeper = (inner: unknown) => describeError(inner, depth + 1, sqlShown || sql !== undefined)

  const record: ErrorRecord = {
    type: error.name === 'Error' ? error.constructor.name : error.name,
    message: byDrizzle ? 'Failed query' : safeMessage(error, byPostgres),
    code: typeof error.code === 'number' ? error.code : text(error.code),
  }
  if (byPostgres) {
    record.constraint = text(error.constraint_name)
    record.table = text(error.table_name)
    record.column = text(error.column_name)
    record.routine = text(error.routine)
  }
  if (sql !== undefined && !sqlShown) record.sql = printableStatement(sql)
  // Below a wrapper the driver's frames are those of its socket.
  if (!byPostgres || depth === 0) record.stack = framesOf(error)
  if (depth < MAX_DEPTH) {
    if (Array.isArray(error.errors)) record.errors = error.errors.slice(0, MAX_ERRORS).map(deeper)
    if (error.cause !== undefined) record.cause = deeper(error.cause)
  }
  return record
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)

/** Postgres quotes the offending value in messages of class 22 (data exception), in the quotes of its locale. */
function safeMessage(error: Error & Record<string, unknown>, byPostgres: boolean): string {
  const dataException = byPostgres && String(error.code).startsWith('22')
  const message = dataException
    ? error.message.replace(/["'«»„“”‚‘’「」].*["'«»„“”‚‘’「」]/s, '"***"')
    : error.message
  return message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message
}

/** The frames after the message: a line of the message that looks like a frame is none. */
function framesOf(error: Error): string | undefined {
  const stack = error.stack ?? ''
  const at = stack.indexOf(error.message)
  if (at < 0) return undefined
  const lines = stack.slice(at + error.message.length).split('\n')
  return lines.filter((line) => /^\s+at /.test(line)).join('\n') || undefined
}
