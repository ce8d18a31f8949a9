// Counts the requests of one process for Prometheus, and writes the counts where the supervisor reads them.
import { renameSync, writeFileSync } from 'node:fs'

const WRITE_MS = 1000
/** Upper bounds of the histogram; a slower request is in the total only. */
export const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** The pattern of a request that matches no route, only the middleware of all. */
const NO_ROUTE = /^\/?\*$/

/** All requests of one method, route and status. */
export interface RequestCount {
  method: string
  route: string
  status: number
  count: number
  /** Of all of them together. */
  seconds: number
  /** How many took at most as long as the bound at the same index of `BUCKETS_S`. */
  within: number[]
}

/**
 * Counts, and writes the counts to `file` every second: a process that is killed loses no more than that.
 * @returns `write` for the last counts of a process that ends
 */
export function countRequests(file: string) {
  const counts = new Map<string, RequestCount>()

  const count = (method: string, pattern: string, status: number, ms: number) => {
    const route = NO_ROUTE.test(pattern) ? 'none' : pattern
    const key = `${method} ${status} ${route}`
    let entry = counts.get(key)
    if (entry === undefined) {
      entry = { method, route, status, count: 0, seconds: 0, within: BUCKETS_S.map(() => 0) }
      counts.set(key, entry)
    }
    const seconds = ms / 1000
    entry.count++
    entry.seconds += seconds
    for (let i = BUCKETS_S.length - 1; i >= 0 && seconds <= (BUCKETS_S[i] ?? 0); i--) {
      entry.within[i] = (entry.within[i] ?? 0) + 1
    }
  }
  const write = () => {
    try {
      writeFileSync(`${file}.new`, JSON.stringify([...counts.values()]), { mode: 0o600 })
      renameSync(`${file}.new`, file)
    } catch {
      // The disk is full, or somebody has cleared the folder away: counts are no reason to stop serving.
    }
  }
  setInterval(write, WRITE_MS).unref()
  return { count, write }
}
