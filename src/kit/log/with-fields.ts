// Makes a log whose lines all carry the same fields.
import type { Log, LogFields } from '../types/log.ts'

/** Fields of a line itself win over these. The line of a request has what the `log` of its context has at the end. */
export const withFields = (log: Log, own: LogFields): Log => ({
  debug: (message, fields) => log.debug(message, { ...own, ...fields }),
  info: (message, fields) => log.info(message, { ...own, ...fields }),
  warn: (message, fields) => log.warn(message, { ...own, ...fields }),
  error: (message, fields) => log.error(message, { ...own, ...fields }),
})
