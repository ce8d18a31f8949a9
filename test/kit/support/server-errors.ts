// Shows the error behind a 500, with causes and stack, beside the assertion that meets it.
import type { Log } from '../../../src/kit/types/log.ts'
import { describeError } from '../../../src/kit/log/describe-error.ts'
import { createPrettyFormat, type LogRecord } from '../../../src/kit/log/pretty.ts'
import { requestContext } from '../../../src/kit/log/request-context.ts'

/** What a server logs when it answers 500. */
const UNEXPECTED = new Set<unknown>(['unexpected error', 'an error outside of the app'])

const format = createPrettyFormat()

/** Prints a line of a server's log if it tells of such an error. */
export function showUnexpected(line: LogRecord): void {
  if (UNEXPECTED.has(line.msg)) process.stderr.write(format(JSON.parse(JSON.stringify(line))))
}

/** The same log; of what goes through it, such errors are shown. */
export const showingUnexpected = (log: Log): Log => ({
  ...log,
  error(msg, fields = {}) {
    log.error(msg, fields)
    const requestId = requestContext.getStore()?.requestId
    const error = describeError(fields.error)
    showUnexpected({ level: 'error', time: new Date().toISOString(), msg, requestId, error })
  },
})
