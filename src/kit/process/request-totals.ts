// Sums the counts of all processes, live ones and those that are gone, as the counts of one service.
import { readFileSync, rmSync } from 'node:fs'
import type { StaleTarget } from '../data/replicas.ts'
import { attempt } from '../types/attempt.ts'
import { type GateCount, type QueryCount, type WorkCounts, workFile } from './query-metrics.ts'
import type { Durations, RequestCount } from './request-metrics.ts'

export class RequestTotals {
  /** Where live processes count. */
  readonly #files = new Set<string>()
  /** The last counts of processes that are gone. */
  #past: RequestCount[] = []
  #pastWork: WorkCounts = { queries: [], gates: [] }

  /** A process counts into that file from now on. */
  add(file: string): void {
    this.#files.add(file)
  }

  /** Its process is gone: what was counted stays counted. */
  settle(file: string): void {
    this.#past = sumBy([...this.#past, ...readCounts(file)], methodStatusRoute)
    const { queries, gates, stale = [] } = sumWork([this.#pastWork, readWork(file)])
    this.#pastWork = {
      queries,
      gates: gates.map((gate) => ({ ...gate, places: 0, inUse: 0, waiting: 0 })),
      stale: stale.map(({ target, statements }) => ({ target, statements })),
    }
    this.#files.delete(file)
    for (const each of [file, workFile(file)]) rmSync(each, { force: true })
  }

  /** One entry for each method, status and route. */
  read(): RequestCount[] {
    return sumBy([...this.#past, ...[...this.#files].flatMap(readCounts)], methodStatusRoute)
  }

  /** One entry for each query, and for each gate. */
  readWork(): WorkCounts {
    return sumWork([this.#pastWork, ...[...this.#files].map(readWork)])
  }
}

const methodStatusRoute = ({ method, status, route }: RequestCount) => `${method} ${status} ${route}`

/** Sums those of one key. */
export function sumBy<C extends Durations>(counts: C[], keyOf: (count: C) => string): C[] {
  const sums = new Map<string, C>()
  for (const count of counts) {
    const key = keyOf(count)
    sums.set(key, sum(count, sums.get(key)))
  }
  return [...sums.values()]
}

function sum<C extends Durations>(a: C, b: C | undefined): C {
  if (b === undefined) return a
  const within = a.within.map((n, i) => n + (b.within[i] ?? 0))
  return { ...a, count: a.count + b.count, seconds: a.seconds + b.seconds, within }
}

function sumWork(all: WorkCounts[]): WorkCounts {
  const failed = new Map<string, number>()
  const queries = all.flatMap((each) => each.queries)
  for (const each of queries) failed.set(each.query, (failed.get(each.query) ?? 0) + each.failed)
  const gates = new Map<string, GateCount>()
  for (const { gate, places, inUse, waiting, refused } of all.flatMap((each) => each.gates)) {
    const known = gates.get(gate) ?? { gate, places: 0, inUse: 0, waiting: 0, refused: 0 }
    gates.set(gate, {
      gate,
      places: known.places + places,
      inUse: known.inUse + inUse,
      waiting: known.waiting + waiting,
      refused: known.refused + refused,
    })
  }
  const summed = sumBy<QueryCount>(queries, ({ query }) => query)
  return {
    queries: summed.map((each) => ({ ...each, failed: failed.get(each.query) ?? 0 })),
    gates: [...gates.values()],
    stale: sumStale(all.flatMap(({ stale = [] }) => stale)),
  }
}

function sumStale(all: StaleTarget[]): StaleTarget[] {
  const sums = new Map<string, StaleTarget>()
  for (const { target, statements, replica } of all) {
    const known = sums.get(target)
    const { isIn = 0, lagMs = 0 } = known?.replica ?? {}
    sums.set(target, {
      target,
      statements: statements + (known?.statements ?? 0),
      replica: replica
        ? { isIn: replica.isIn + isIn, lagMs: Math.max(replica.lagMs, lagMs) }
        : known?.replica,
    })
  }
  return [...sums.values()]
}

/** None before a process has written for the first time. */
const readCounts = (file: string): RequestCount[] => (readJson(file) ?? []) as RequestCount[]
const readWork = (file: string) => (readJson(workFile(file)) ?? { queries: [], gates: [] }) as WorkCounts

const readJson = (file: string): unknown => attempt(() => JSON.parse(readFileSync(file, 'utf8')) as unknown)
