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
    this.#past = sumBy([...this.#past, ...readCounts(file)], methodStatusRoute, addDurations)
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
    return sumBy([...this.#past, ...[...this.#files].flatMap(readCounts)], methodStatusRoute, addDurations)
  }

  /** One entry for each query, and for each gate. */
  readWork(): WorkCounts {
    return sumWork([this.#pastWork, ...[...this.#files].map(readWork)])
  }
}

const methodStatusRoute = ({ method, status, route }: RequestCount) => `${method} ${status} ${route}`

/** Adds up those of one key. */
export const sumBy = <C>(all: C[], keyOf: (one: C) => string, add: (a: C, b: C) => C): C[] =>
  [...Map.groupBy(all, keyOf).values()].map((alike) => alike.reduce(add))

export const addDurations = <C extends Durations>(a: C, b: C): C => ({
  ...a,
  count: a.count + b.count,
  seconds: a.seconds + b.seconds,
  within: a.within.map((n, i) => n + (b.within[i] ?? 0)),
})

const addQueries = (a: QueryCount, b: QueryCount): QueryCount => ({
  ...addDurations(a, b),
  failed: a.failed + b.failed,
})

const addGates = (a: GateCount, b: GateCount): GateCount => ({
  gate: a.gate,
  places: a.places + b.places,
  inUse: a.inUse + b.inUse,
  waiting: a.waiting + b.waiting,
  refused: a.refused + b.refused,
})

const addTargets = (a: StaleTarget, b: StaleTarget): StaleTarget => {
  const [one, other] = [a.replica, b.replica]
  const both = one && other && { isIn: one.isIn + other.isIn, lagMs: Math.max(one.lagMs, other.lagMs) }
  return { target: a.target, statements: a.statements + b.statements, replica: both ?? one ?? other }
}

function sumWork(all: WorkCounts[]): WorkCounts {
  const stale = all.flatMap((each) => each.stale ?? [])
  return {
    queries: sumBy(
      all.flatMap(({ queries }) => queries),
      ({ query }) => query,
      addQueries,
    ),
    gates: sumBy(
      all.flatMap(({ gates }) => gates),
      ({ gate }) => gate,
      addGates,
    ),
    stale: sumBy(stale, ({ target }) => target, addTargets),
  }
}

/** None before a process has written for the first time. */
const readCounts = (file: string): RequestCount[] => (readJson(file) ?? []) as RequestCount[]
const readWork = (file: string) => (readJson(workFile(file)) ?? { queries: [], gates: [] }) as WorkCounts

const readJson = (file: string): unknown => attempt(() => JSON.parse(readFileSync(file, 'utf8')) as unknown)
