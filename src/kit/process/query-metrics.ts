// Counts the queries of one process, and what waits at its gates, and writes both where the supervisor reads them.
import type { Watched } from '../create-deps.ts'
import type { StaleTarget } from '../data/replicas.ts'
import { type Durations, histogram, WRITE_MS, writeCounts } from './request-metrics.ts'

/** Upper bounds of the histogram; fewer than for requests, as there are more queries than routes. */
export const QUERY_BUCKETS_S = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5]
/** Names of queries are as many as the code has; whoever builds SQL from data makes more. */
const MAX_QUERIES = 500

/** All queries of one name. */
export interface QueryCount extends Durations {
  query: string
  failed: number
}

/** One gate: of a process, or of all of them together. */
export interface GateCount {
  gate: string
  places: number
  inUse: number
  waiting: number
  /** Since the start of the process: the queue was full, or the wait too long. */
  refused: number
}

export interface WorkCounts {
  queries: QueryCount[]
  gates: GateCount[]
  /** Absent without replicas, and in what an older release has written. */
  stale?: StaleTarget[] | undefined
}

/** The file beside that of the requests: processes of an older release write the latter alone. */
export const workFile = (file: string) => `${file}.work`

/** Counts from now on, and writes every second. @param file of the counts of requests, see `countRequests` */
export function countWork(file: string, { observeQueries, gates, staleStats }: Watched) {
  const queries = new Map<string, QueryCount & ReturnType<typeof histogram>>()
  observeQueries({
    onQuery(name, _startedAt, ms, error) {
      let entry = queries.get(name)
      if (entry === undefined) {
        const query = queries.size < MAX_QUERIES ? name : 'other'
        entry = queries.get(query)
        if (entry === undefined) {
          entry = { query, failed: 0, ...histogram(QUERY_BUCKETS_S) }
          queries.set(query, entry)
        }
      }
      entry.add(ms / 1000)
      if (error !== undefined) entry.failed++
    },
  })
  const write = () => {
    const ofGates = [...gates].map(([gate, each]) => ({ gate, places: each.places, ...each.stats() }))
    const counts = { queries: [...queries.values()], gates: ofGates, stale: staleStats?.() }
    writeCounts(workFile(file), counts satisfies WorkCounts)
  }
  setInterval(write, WRITE_MS).unref()
  return { write }
}
