// Writes the log, as JSON lines or in a pretty form, to stdout, a file and syslog.
import { isatty } from 'node:tty'
import type { KitConfig } from '../config/kit-config.ts'
import type { Log, LogFields } from '../types/log.ts'
import { describeError } from './describe-error.ts'
import { colored, createPrettyFormat, type LogRecord } from './pretty.ts'
import { maskEmails, redact } from './redact.ts'
import { requestContext, traceIdOf } from './request-context.ts'
import { LineSink, STDOUT } from './sinks.ts'
import { SyslogSink } from './syslog.ts'
import { printableJson } from './terminal-escape.ts'

type Level = LogRecord['level']
const LEVELS: readonly KitConfig['log']['level'][] = ['debug', 'info', 'warn', 'error', 'silent']

export interface ProcessLog extends Log {
  /** Writes the buffered lines, at most 100 ms of them. A process that exits does so by itself. */
  flush(): void
  /** Reopens LOG_FILE after a rotation; if that fails, the old file stays in use. */
  reopen(): void
  /** Writes the last lines and closes the file and the socket. */
  close(): Promise<void>
}

/**
 * @param service its name in syslog
 * @param fd instead of stdout, for commands whose output is data
 * @param own what every line carries
 * @throws if LOG_FILE cannot be opened.
 */
export function createLog(
  options: KitConfig['log'],
  service: string,
  fd = STDOUT,
  own: LogFields = {},
): ProcessLog {
  const onLost = (to: string) => (lines: number) => log.warn('log lines were lost', { to, lines })
  const stdout = new LineSink(undefined, onLost('stdout'), fd)
  const file = options.file === undefined ? undefined : new LineSink(options.file, onLost('LOG_FILE'))
  const syslog =
    options.syslog === undefined ? undefined : new SyslogSink(options.syslog, service, onLost('LOG_SYSLOG'))
  const pretty = options.format === 'pretty' ? createPrettyFormat() : undefined
  // hasColors knows NO_COLOR and TERM=dumb.
  const inColor = pretty !== undefined && isatty(fd) && process.stdout.hasColors()

  function write(level: Level, msg: string, fields: LogFields = {}): void {
    const time = new Date().toISOString()
    const { pid } = process
    const context = requestContext.getStore()
    const requestId = context?.requestId ?? fields?.requestId
    const traceId = traceIdOf(context?.trace) ?? fields?.traceId
    const record: Record<string, unknown> = { level, time, ...own, ...fields, requestId, traceId, pid, msg }
    if (record.error !== undefined) record.error = describeError(record.error, options.redact)
    const json = printableJson(`${jsonOf(record, options.redact)}\n`)
    if (pretty === undefined) {
      stdout.write(json)
      file?.write(json)
    } else {
      const text = pretty(JSON.parse(json))
      stdout.write(inColor ? colored(text, level) : text)
      file?.write(text)
    }
    syslog?.write(level, time, json)
  }

  const least = LEVELS.indexOf(options.level)
  const at = (level: Level): Log[Level] =>
    LEVELS.indexOf(level) < least ? () => {} : (message, fields) => write(level, message, fields)
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }

  const drain = () => {
    stdout.drain()
    file?.drain()
  }
  process.on('exit', drain)

  return {
    ...log,
    flush() {
      stdout.flush()
      file?.flush()
    },
    reopen() {
      try {
        file?.reopen()
      } catch (error) {
        log.error('the log file could not be reopened; the old one stays in use', { error })
      }
    },
    async close() {
      await syslog?.close()
      stdout.close()
      file?.close()
      process.off('exit', drain)
    },
  }
}

const withoutEmails = (_key: string, value: unknown) =>
  typeof value === 'string' ? maskEmails(value) : value

/** Masks emails, which would outlive their account here. Falls back to a redacted copy for values that JSON cannot express, such as cycles. */
function jsonOf(record: object, secretKeys: readonly string[]): string {
  try {
    const json = JSON.stringify(record)
    return maskEmails(json) === json ? json : JSON.stringify(record, withoutEmails)
  } catch {
    return JSON.stringify(redact(record, secretKeys), withoutEmails)
  }
}
