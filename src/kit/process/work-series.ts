// Describes requests, queries and gates for Prometheus: rate, errors, duration, and what waits for its place.
import type { StaleTarget } from '../data/replicas.ts'
import { counter, gauge, histogram } from './prometheus-text.ts'
import { QUERY_BUCKETS_S, type GateCount, type WorkCounts } from './query-metrics.ts'
import { BUCKETS_S, type RequestCount } from './request-metrics.ts'
import { addDurations, sumBy } from './request-totals.ts'

export function describeRequests(counts: RequestCount[]): string[] {
  const totals = counts.map(({ method, route, status, count }) => {
    return { labels: { method, route, status }, value: count }
  })
  const ofRoutes = sumBy(counts, ({ method, route }) => `${method} ${route}`, addDurations)
  const durations = ofRoutes.map(({ method, route, ...took }) => ({ labels: { method, route }, ...took }))
  const total = 'Requests that were answered, by the pattern of their route.'
  return [
    counter('http_requests_total', total, totals),
    histogram('http_request_duration_seconds', 'Time from a request to its response.', BUCKETS_S, durations),
  ]
}

export function describeWork({ queries, gates, stale = [] }: WorkCounts): string[] {
  const took = queries.map(({ query, ...durations }) => ({ labels: { query }, ...durations }))
  const failed = queries.map(({ query, failed: value }) => ({ labels: { query }, value }))
  const of = (read: (gate: GateCount) => number) =>
    gates.map((each) => ({ labels: { gate: each.gate }, value: read(each) }))
  const wait = 'Time from sending a query to its answer, by its name; the wait for a place is not in it.'
  const fails = 'Queries that failed, by their name; refusals by constraints are among them.'
  const refused = 'Work that found the line full, or waited too long for its place.'
  return [
    histogram('postgres_query_duration_seconds', wait, QUERY_BUCKETS_S, took),
    counter('postgres_query_errors_total', fails, failed),
    gauge(
      'gate_places',
      'Work that a gate lets in at once, in all processes.',
      of(({ places }) => places),
    ),
    gauge(
      'gate_places_in_use',
      'Places that are taken.',
      of(({ inUse }) => inUse),
    ),
    gauge(
      'gate_waiting',
      'Work that waits for its place.',
      of(({ waiting }) => waiting),
    ),
    counter(
      'gate_refused_total',
      refused,
      of((each) => each.refused),
    ),
    ...describeStale(stale),
  ]
}

/** No samples without replicas; a process counts them from its first stale read on. */
function describeStale(stale: StaleTarget[]): string[] {
  const ofReplicas = (read: (replica: { isIn: number; lagMs: number }) => number) =>
    stale.flatMap(({ target, replica }) =>
      replica ? [{ labels: { replica: target }, value: read(replica) }] : [],
    )
  const went = stale.map(({ target, statements }) => ({ labels: { target }, value: statements }))
  const lag =
    'How old what a replica lacks was at most when it was asked last, in the process that saw it worst.'
  return [
    counter('postgres_stale_statements_total', 'Reads that may be stale, by the server they went to.', went),
    gauge(
      'postgres_replica_in_use',
      'Processes that read from a replica: 0 if it is left out.',
      ofReplicas(({ isIn }) => isIn),
    ),
    gauge(
      'postgres_replica_lag_seconds',
      lag,
      ofReplicas(({ lagMs }) => lagMs / 1000),
    ),
  ]
}
