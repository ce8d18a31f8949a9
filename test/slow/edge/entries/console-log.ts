// A log where there is no file system: lines of JSON by `console`.
import type { Config } from '../../../../src/config.ts'
import { describeError } from '../../../../src/kit/log/describe-error.ts'
import type { Log, LogFields } from '../../../../src/kit/types/log.ts'

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

export function createConsoleLog(lowest: Config['log']['level']): Log {
  const write =
    (level: (typeof LEVELS)[number]) =>
    (message: string, fields: LogFields = {}) => {
      if (LEVELS.indexOf(level) < LEVELS.indexOf(lowest)) return
      const { error, ...rest } = fields
      const line = { level, time: new Date().toISOString(), message, ...rest }
      // oxlint-disable-next-line no-console -- what the platform collects
      console.log(JSON.stringify(error === undefined ? line : { ...line, error: describeError(error) }))
    }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}
