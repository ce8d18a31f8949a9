// Counts the requests of one process for Prometheus, and writes the counts where the supervisor reads them.
import { renameSync, writeFileSync } from 'node:fs'

export const WRITE_MS = 1000
/** Upper bounds of the histogram; a slower request is in the total only. */
export const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** The pattern of a request that matches no route, only the middleware of all. */
const NO_ROUTE = /^\/?\*$/

/** How long things of one kind took. */
export interface Durations {
  count: number
  /** Of all of them together. */
  seconds: number
  /** How many took at most as long as the bound at the same index of the buckets. */
  within: number[]
}

/** All requests of one method, route and status. */
export interface RequestCount extends Durations {
  method: string
  route: string
  status: number
}

/** Empty `Durations`, with `add` for one more. */
export const histogram = (bounds: readonly number[]) => ({
  count: 0,
  seconds: 0,
  within: bounds.map(() => 0),
  add(seconds: number): void {
    this.count++
    this.seconds += seconds
    for (let i = bounds.length - 1; i >= 0 && seconds <= (bounds[i] ?? 0); i--) {
      this.within[i] = (this.within[i] ?? 0) + 1
    }
  },
})

/**
 * Counts, and writes the counts to `file` every second: a process that is killed loses no more than that.
 * @returns `write` for the last counts of a process that ends
 */
export function countRequests(file: string) {
  const counts = new Map<string, RequestCount & ReturnType<typeof histogram>>()

  const count = (method: string, pattern: string, status: number, ms: number) => {
    const route = NO_ROUTE.test(pattern) ? 'none' : pattern
    const key = `${method} ${status} ${route}`
    let entry = counts.get(key)
    if (entry === undefined) {
      entry = { method, route, status, ...histogram(BUCKETS_S) }
      counts.set(key, entry)
    }
    entry.add(ms / 1000)
  }
  const write = () => writeCounts(file, [...counts.values()])
  setInterval(write, WRITE_MS).unref()
  return { count, write }
}

/** Puts the counts in the place of those that were written before. */
export function writeCounts(file: string, counts: unknown): void {
  try {
    writeFileSync(`${file}.new`, JSON.stringify(counts), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  } catch {
    // The disk is full, or somebody has cleared the folder away: counts are no reason to stop serving.
  }
}
