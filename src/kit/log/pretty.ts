// Formats the log for people: the level first, requests in columns, stacks indented below their line.
import type { ErrorRecord } from './describe-error.ts'
import { printable } from './terminal-escape.ts'

/** A line of the log, as parsed from its JSON. */
export interface LogRecord {
  level: 'debug' | 'info' | 'warn' | 'error'
  time: string
  msg?: string
  error?: ErrorRecord
  pid?: number
  [field: string]: unknown
}

const LEVELS = { debug: 'DBG', info: 'INF', warn: 'WRN', error: 'ERR' }
const YELLOW = '\x1b[33m'
const RED = '\x1b[31m'
const RESET = '\x1b[39m'

/** Columns grow with their contents, up to these widths. */
const MAX_WIDTHS = { user: 36, ip: 39, method: 7, path: 40, ms: 9 }

/** Creates a formatter of records. Text from outside can neither start a line nor emit an escape code. */
export function createPrettyFormat(): (record: LogRecord) => string {
  const widths = { user: 4, ip: 9, method: 6, path: 16, ms: 7 }

  const fit = (name: keyof typeof widths, value: unknown) => {
    const cell = printable(String(value))
    widths[name] = Math.min(Math.max(widths[name], cell.length), MAX_WIDTHS[name])
    return name === 'ms' ? cell.padStart(widths[name]) : cell.padEnd(widths[name])
  }

  function describeRequest({ level: _l, time: _t, pid: _p, error: _e, ...fields }: LogRecord): string {
    const { user, ip, method, path, status, ms, requestId, code, input, msg, ...more } = fields
    const columns = [
      fit('user', user),
      fit('ip', ip),
      fit('method', method),
      fit('path', String(path).replaceAll(' ', '%20')),
      String(status),
      fit('ms', `${String(ms)} ms`),
      printable(String(requestId)),
    ]
    if (msg !== 'request') columns.push(printable(String(msg)))
    columns.push(...pairsOf(more))
    if (typeof code === 'string') columns.push(printable(code))
    if (typeof input === 'string') columns.push(printable(input))
    return columns.join(' ')
  }

  return (record) => {
    const isRequest = 'method' in record && 'path' in record && 'status' in record
    const what = isRequest
      ? describeRequest(record)
      : describeEvent(record.msg === 'sql' ? unquoted(record) : record)
    const below = record.error === undefined ? [] : errorLines(record.error)
    return [`${LEVELS[record.level]} ${record.time} ${what}`, ...below].join('\n') + '\n'
  }
}

/** Colours the first line of a formatted record, for a terminal. */
export function colored(text: string, level: LogRecord['level']): string {
  const color = level === 'error' ? RED : level === 'warn' ? YELLOW : undefined
  return color === undefined ? text : color + text.replace('\n', `${RESET}\n`)
}

function describeEvent({ level: _l, time: _t, pid: _p, msg = '', error: _e, ...fields }: LogRecord): string {
  return printable([msg, ...pairsOf(fields)].join(' '))
}

const pairsOf = (fields: object) =>
  Object.entries(fields).map(([name, value]) => printable(`${name}=${quoted(value)}`))

/** Statements are full of quotes, so they go into the message without escapes. */
function unquoted({ ms, sql, params = '', ...rest }: LogRecord): LogRecord {
  return { ...rest, msg: `sql ${String(ms)} ms ${String(sql)} ${String(params)}`.trimEnd() }
}

function quoted(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
}

function errorLines(error: ErrorRecord, label = '', indent = '    '): string[] {
  const { type, message, sql, stack, errors = [], cause, ...facts } = error
  const pairs = Object.entries(facts).map(([name, value]) => ` ${name}=${quoted(value)}`)
  const lines = [`${label}${type}: ${message}${pairs.join('')}`]
  if (sql !== undefined) lines.push(`sql: ${sql}`)
  for (const frame of stack?.split('\n') ?? []) lines.push(`  ${frame.trim()}`)
  return [
    ...lines.map((line) => indent + printable(line)),
    ...errors.flatMap((inner) => errorLines(inner, '- ', `${indent}  `)),
    ...(cause === undefined ? [] : errorLines(cause, 'caused by ', indent)),
  ]
}
