// Sums the counts of all API processes, live ones and those that are gone, as the counts of one service.
import { readFileSync, rmSync } from 'node:fs'
import type { RequestCount } from './request-metrics.ts'

export class RequestTotals {
  /** Where live processes count. */
  readonly #files = new Set<string>()
  /** The last counts of processes that are gone, by method, status and route. */
  readonly #past = new Map<string, RequestCount>()

  /** A process counts into that file from now on. */
  add(file: string): void {
    this.#files.add(file)
  }

  /** Its process is gone: what was counted stays counted. */
  settle(file: string): void {
    for (const count of readCounts(file)) {
      const key = `${count.method} ${count.status} ${count.route}`
      this.#past.set(key, sum(count, this.#past.get(key)))
    }
    this.#files.delete(file)
    rmSync(file, { force: true })
  }

  /** One entry per process and one for the past: several may be of the same method, status and route. */
  read(): RequestCount[] {
    return [...this.#past.values(), ...[...this.#files].flatMap(readCounts)]
  }
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
