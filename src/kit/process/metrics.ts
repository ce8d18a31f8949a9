// Serves the metrics that Prometheus scrapes: the requests of all processes as those of one service, the state of each
// process, and the state of Postgres and of the queue.
import { AggregatorRegistry, Gauge, Registry } from 'prom-client'
import { connectionsPerProcess } from '../data/postgres.ts'
import type { Stats } from '../jobs/stats.ts'
import { ConfigError } from '../types/config-error.ts'
import type { Fleet } from './fleet.ts'
import { BUCKETS_S, type RequestCount } from './request-metrics.ts'
import { RequestTotals } from './request-totals.ts'
import type { ServiceStats } from './service-stats.ts'

export class MetricsServer {
  readonly totals = new RequestTotals()
  readonly #server: Bun.Server<undefined>
  #sources: { fleet: Fleet; stats: ServiceStats } | undefined

  /** Listens on loopback. @throws ConfigError if it cannot */
  constructor(port: number) {
    const routes = { '/metrics': { GET: () => this.#respond() } }
    const fetch = () => new Response('There is only /metrics here\n', { status: 404 })
    try {
      this.#server = Bun.serve({ hostname: '127.0.0.1', port, routes, fetch })
    } catch (cause) {
      throw new ConfigError(`METRICS_PORT=${port} cannot be listened on: choose another one`, { cause })
    }
  }

  /** From now on `/metrics` describes that fleet. `stats` is asked at each scrape: what fails is left out. */
  serve(fleet: Fleet, stats: ServiceStats): void {
    this.#sources = { fleet, stats }
  }

  /** Closes `stats`, too. */
  async close(): Promise<void> {
    await this.#server.stop(true)
    await this.#sources?.stats.close()
  }

  async #respond(): Promise<Response> {
    if (!this.#sources) return new Response('The service is starting\n', { status: 503 })
    const { fleet, stats } = this.#sources
    const now = new Registry()
    describeProcesses(now, fleet)
    gauge(now, 'postgres_pool_size', 'Connections that one process may open.', [
      { value: connectionsPerProcess(fleet.config) },
    ])
    await Promise.allSettled([
      stats.connections().then((states) => describeConnections(now, states)),
      stats.queue().then((queue) => describeQueue(now, queue)),
    ])
    const requests = AggregatorRegistry.aggregate([describeRequests(this.totals.read())])
    const text = `${await requests.metrics()}\n${await now.metrics()}`
    return new Response(text, { headers: { 'Content-Type': Registry.PROMETHEUS_CONTENT_TYPE } })
  }
}

type Labelled = { labels?: Record<string, string>; value: number }

function gauge(registry: Registry, name: string, help: string, values: Labelled[]): void {
  const labelNames = Object.keys(values[0]?.labels ?? {})
  const metric = new Gauge({ name, help, labelNames, registers: [registry] })
  for (const { labels = {}, value } of values) metric.set(labels, value)
}

function describeProcesses(registry: Registry, { slots }: Fleet): void {
  const of = (read: (slot: Fleet['slots'][number]) => number | undefined) =>
    slots.flatMap((slot) => {
      const value = read(slot)
      return value === undefined ? [] : { labels: { process: slot.name }, value }
    })
  const inFlight = of(({ alive }) => [...alive].reduce((n, { board }) => n + board.inFlight, 0))
  gauge(registry, 'http_requests_in_flight', 'Requests that are being served.', inFlight)
  const lag = of(({ current }) => current && current.board.lagMs / 1000)
  gauge(registry, 'event_loop_lag_seconds', 'The longest delay of a timer in the last second.', lag)
  const rss = of(({ current }) => current?.board.rss)
  gauge(registry, 'process_resident_memory_bytes', 'Memory that a process holds.', rss)
  const ready = of(({ state }) => (state === 'ready' ? 1 : 0))
  gauge(registry, 'process_ready', '1: it serves, and Postgres and Redis have answered it.', ready)
  gauge(
    registry,
    'process_restarts',
    'Processes that died unasked, since the supervisor was started.',
    of(({ restarts }) => restarts),
  )
}

function describeConnections(registry: Registry, states: Record<string, number>): void {
  const values = Object.entries(states).map(([state, value]) => ({ labels: { state }, value }))
  gauge(registry, 'postgres_connections', 'Connections of all processes, on all machines.', values)
}

function describeQueue(registry: Registry, stats: Stats): void {
  const places = (['waiting', 'running', 'later', 'dead'] as const).map((place) => {
    return { labels: { place }, value: stats[place] }
  })
  gauge(registry, 'queue_jobs', 'Jobs, by where they are.', places)
  const { done = 0, failed = 0 } = stats.minutes.at(-2) ?? {}
  gauge(registry, 'queue_attempts_last_minute', 'Attempts that ended in the last full minute.', [
    { labels: { outcome: 'done' }, value: done },
    { labels: { outcome: 'failed' }, value: failed },
  ])
  gauge(registry, 'queue_deaths', 'Jobs that were given up, ever.', [{ value: stats.died }])
  const trimmed = 'Dead jobs that were thrown away because there were more than JOB_KEEP_DEAD, ever.'
  gauge(registry, 'queue_dead_trimmed', trimmed, [{ value: stats.trimmed }])
  const alive = stats.workers.filter((worker) => worker.alive).length
  gauge(registry, 'queue_workers', 'Workers that are alive, on all machines.', [{ value: alive }])
  gauge(registry, 'queue_paused', '1: workers take nothing.', [{ value: stats.paused ? 1 : 0 }])
}

/** In the form that the library reads from other processes: it sums what has the same labels. */
function describeRequests(counts: RequestCount[]): object[] {
  const totals = counts.map(({ method, route, status, count }) => {
    return { labels: { method, route, status }, value: count }
  })
  const durations = counts.flatMap(({ method, route, count, seconds, within }) => {
    const labels = { method, route }
    const metricName = (suffix: string) => `http_request_duration_seconds_${suffix}`
    return [
      ...BUCKETS_S.map((le, i) => {
        return { metricName: metricName('bucket'), labels: { le, ...labels }, value: within[i] ?? 0 }
      }),
      { metricName: metricName('bucket'), labels: { le: '+Inf', ...labels }, value: count },
      { metricName: metricName('sum'), labels, value: seconds },
      { metricName: metricName('count'), labels, value: count },
    ]
  })
  return [
    {
      name: 'http_requests_total',
      help: 'Requests that were answered, by the pattern of their route.',
      type: 'counter',
      aggregator: 'sum',
      values: totals,
    },
    {
      name: 'http_request_duration_seconds',
      help: 'Time from a request to its response.',
      type: 'histogram',
      aggregator: 'sum',
      values: durations,
    },
  ]
}
