// Logs slow queries by their name, and at most so many in a minute: a bad minute must not flood the log.
import type { Log } from '../types/log.ts'
import type { Statement } from '../types/statement.ts'
import { codeOf } from './sql-log.ts'

const MAX_LINES = 20
const WINDOW_MS = 60_000

/** Never logs statement or parameters. It is a `QueryObserver`. @param slowMs of the wait for a place and the run together */
export function slowQueryLog(log: Log, slowMs: number) {
  let windowSince = -Infinity
  let lines = 0
  return {
    onQuery(
      name: string,
      startedAt: number,
      ms: number,
      error: unknown,
      { waitedMs = 0, replica }: Statement,
    ): void {
      if (ms + waitedMs < slowMs) return
      const now = startedAt + ms
      if (now - windowSince >= WINDOW_MS) {
        if (lines > MAX_LINES) log.warn('slow queries that were not logged', { queries: lines - MAX_LINES })
        windowSince = now
        lines = 0
      }
      if (++lines > MAX_LINES) return
      const round = (n: number) => Math.round(n * 10) / 10
      const took = { ms: round(ms), waitedMs: round(waitedMs) }
      log.warn('SLOW query', { query: name, ...took, replica, failed: codeOf(error) })
    },
  }
}
