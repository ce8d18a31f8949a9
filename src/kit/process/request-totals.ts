// Sums the counts of all API processes, live ones and those that are gone, as the counts of one service.
import { readFileSync, rmSync } from 'node:fs'
import type { RequestCount } from './request-metrics.ts'

export class RequestTotals {
  /** Where live processes count. */
  readonly #files = new Set<string>()
  /** The last counts of processes that are gone. */
  #past: RequestCount[] = []

  /** A process counts into that file from now on. */
  add(file: string): void {
    this.#files.add(file)
  }

  /** Its process is gone: what was counted stays counted. */
  settle(file: string): void {
    this.#past = sumBy([...this.#past, ...readCounts(file)], methodStatusRoute)
    this.#files.delete(file)
    rmSync(file, { force: true })
  }

  /** One entry for each method, status and route. */
  read(): RequestCount[] {
    return sumBy([...this.#past, ...[...this.#files].flatMap(readCounts)], methodStatusRoute)
  }
}

const methodStatusRoute = ({ method, status, route }: RequestCount) => `${method} ${status} ${route}`

/** Sums those of one key. */
export function sumBy(counts: RequestCount[], keyOf: (count: RequestCount) => string): RequestCount[] {
  const sums = new Map<string, RequestCount>()
  for (const count of counts) {
    const key = keyOf(count)
    sums.set(key, sum(count, sums.get(key)))
  }
  return [...sums.values()]
}

function sum(a: RequestCount, b: RequestCount | undefined): RequestCount {
  if (b === undefined) return a
  const within = a.within.map((n, i) => n + (b.within[i] ?? 0))
  return { ...a, count: a.count + b.count, seconds: a.seconds + b.seconds, within }
}

/** None before a process has written for the first time. */
function readCounts(file: string): RequestCount[] {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RequestCount[]
  } catch {
    return []
  }
}
