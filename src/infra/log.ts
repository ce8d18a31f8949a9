// The log: pino's JSON lines, or a pretty form of them, to stdout, a file and syslog.
import { isatty } from 'node:tty'
import pino from 'pino'
import type { Config } from '../config.ts'
import type { Log } from '../deps.ts'
import { requestContext } from '../web/request-context.ts'
import { describeError } from './log-errors.ts'
import { colored, createPrettyFormat, type LogRecord } from './log-pretty.ts'
import { LineSink } from './log-sinks.ts'
import { SyslogSink } from './log-syslog.ts'
import { printableJson } from './printable.ts'

export interface ProcessLog extends Log {
  /** Writes what is buffered: at most 100 ms of lines. Happens by itself when the process exits. */
  flush(): void
  /** Opens LOG_FILE again after it was rotated away; if that fails the old file stays in use. */
  reopen(): void
  /** Writes the last lines and lets go of the file and the socket. */
  close(): Promise<void>
}

/** @throws if LOG_FILE cannot be opened. */
export function createLog(options: Config['log']): ProcessLog {
  const onLost = (lines: number) => log.warn('log lines were lost', { lines })
  const stdout = new LineSink(undefined, onLost)
  const file = options.file === undefined ? undefined : new LineSink(options.file, onLost)
  const syslog = options.syslog === undefined ? undefined : new SyslogSink(options.syslog)
  const pretty = options.format === 'pretty' ? createPrettyFormat() : undefined
  // hasColors knows NO_COLOR and TERM=dumb.
  const inColor = pretty !== undefined && isatty(1) && process.stdout.hasColors()

  function write(line: string): void {
    const json = printableJson(line)
    if (pretty === undefined && syslog === undefined) {
      stdout.write(json)
      file?.write(json)
      return
    }
    const record: LogRecord = JSON.parse(json)
    const text = pretty?.(record) ?? json
    stdout.write(inColor ? colored(text, record.level) : text)
    file?.write(text)
    syslog?.write(record.level, record.time, json)
  }

  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: (thrown: unknown) => describeError(thrown) },
      mixin: () => ({ ...requestContext.getStore(), pid: process.pid }),
      // The line's own fields come first.
      mixinMergeStrategy: (fields, context) => ({ ...fields, ...context }),
    },
    { write },
  )

  const log: Log = {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
  }

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
