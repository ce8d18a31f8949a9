// Says who is told of errors that nobody foresaw, in API processes, workers, programs and the supervisor: an error tracker.
import type { Config } from './config.ts'
import type { UnexpectedContext } from './kit/log/unexpected.ts'

/**
 * Called beside the log, which has each of them: `src/kit/log/README.md` has an error tracker in five lines. The supervisor
 * loads this file, so it imports a tracker and settings, and none of the app.
 */
export function onUnexpected(
  _error: Error,
  _context: UnexpectedContext,
  _config: Config,
): Promise<unknown> | void {
  // Sentry.captureException(error, { tags: { ...context } })
}
