// Serves the metrics that Prometheus scrapes: the requests of all processes as those of one service, the state of each
// process, and the state of Postgres and of the queue.
import { connectionsPerProcess } from '../data/postgres.ts'
import type { QueueStats, Stats } from '../jobs/stats.ts'
import { ConfigError } from '../types/config-error.ts'
import type { Fleet } from './fleet.ts'
import { CONTENT_TYPE, metric, type Sample } from './prometheus-text.ts'
import { BUCKETS_S, type RequestCount } from './request-metrics.ts'
import { RequestTotals, sumBy } from './request-totals.ts'
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
    const asked = await Promise.allSettled([
      stats.connections().then(describeConnections),
      stats.queue().then(describeQueues),
    ])
    const metrics = [
      ...describeRequests(this.totals.read()),
      ...describeProcesses(fleet),
      gauge('postgres_pool_size', 'Connections that one process may open.', [
        { value: connectionsPerProcess(fleet.plan.config) },
      ]),
      ...asked.flatMap((reply) => (reply.status === 'fulfilled' ? reply.value : [])),
    ]
    return new Response(metrics.join('\n'), { headers: { 'Content-Type': CONTENT_TYPE } })
  }
}

const gauge = (name: string, help: string, samples: Sample[]) => metric('gauge', name, help, samples)

function describeProcesses({ slots }: Fleet): string[] {
  const of = (read: (slot: Fleet['slots'][number]) => number | undefined) =>
    slots.flatMap((slot) => {
      const value = read(slot)
      return value === undefined ? [] : { labels: { process: slot.name }, value }
    })
  const inFlight = of(({ alive }) => [...alive].reduce((n, { board }) => n + board.inFlight, 0))
  const lag = of(({ current }) => current && current.board.lagMs / 1000)
  const rss = of(({ current }) => current?.board.rss)
  const ready = of(({ state }) => (state === 'ready' ? 1 : 0))
  const restarts = of((slot) => slot.restarts)
  return [
    gauge('http_requests_in_flight', 'Requests that are being served.', inFlight),
    gauge('event_loop_lag_seconds', 'The longest delay of a timer in the last second.', lag),
    gauge('process_resident_memory_bytes', 'Memory that a process holds.', rss),
    gauge('process_ready', '1: it serves, and Postgres and Redis have answered it.', ready),
    gauge('process_restarts', 'Processes that died unasked, since the supervisor was started.', restarts),
  ]
}

function describeConnections(states: Record<string, number>): string[] {
  const samples = Object.entries(states).map(([state, value]) => ({ labels: { state }, value }))
  return [gauge('postgres_connections', 'Connections of all processes, on all machines.', samples)]
}

function describeQueues({ workers, queues }: Stats): string[] {
  const of = (samples: (queue: QueueStats) => Sample[]) =>
    Object.entries(queues).flatMap(([queue, stats]) =>
      samples(stats).map((sample) => ({ ...sample, labels: { queue, ...sample.labels } })),
    )
  const places = ['waiting', 'running', 'later', 'dead'] as const
  const alive = (all: Stats['workers']) => all.filter((worker) => worker.alive).length
  const tooMany = 'Dead jobs that were thrown away because there were more than JOB_KEEP_DEAD, ever.'
  return [
    gauge(
      'queue_jobs',
      'Jobs, by where they are.',
      of((stats) => places.map((place) => ({ labels: { place }, value: stats[place] }))),
    ),
    gauge(
      'queue_jobs_limited',
      'Of the waiting jobs: those that wait for the limit of their key.',
      of(({ limited }) => [{ value: limited }]),
    ),
    gauge(
      'queue_attempts_last_minute',
      'Attempts that ended in the last full minute.',
      of(({ minutes }) =>
        (['done', 'failed'] as const).map((outcome) => {
          return { labels: { outcome }, value: minutes.at(-2)?.[outcome] ?? 0 }
        }),
      ),
    ),
    gauge(
      'queue_deaths',
      'Jobs that were given up, ever.',
      of(({ died }) => [{ value: died }]),
    ),
    gauge(
      'queue_dead_trimmed',
      tooMany,
      of(({ trimmed }) => [{ value: trimmed }]),
    ),
    gauge('queue_workers', 'Workers that are alive, on all machines.', [{ value: alive(workers) }]),
    gauge(
      'queue_served_by',
      'Those of them that serve the queue.',
      of((stats) => [{ value: alive(stats.workers) }]),
    ),
    gauge(
      'queue_paused',
      '1: workers take nothing.',
      of(({ paused }) => [{ value: paused ? 1 : 0 }]),
    ),
  ]
}

function describeRequests(counts: RequestCount[]): string[] {
  const totals = counts.map(({ method, route, status, count }) => {
    return { labels: { method, route, status }, value: count }
  })
  const ofRoutes = sumBy(counts, ({ method, route }) => `${method} ${route}`)
  const durations = ofRoutes.flatMap(({ method, route, count, seconds, within }): Sample[] => {
    const labels = { method, route }
    return [
      ...BUCKETS_S.map((le, i): Sample => {
        return { suffix: '_bucket', labels: { le, ...labels }, value: within[i] ?? 0 }
      }),
      { suffix: '_bucket', labels: { le: '+Inf', ...labels }, value: count },
      { suffix: '_sum', labels, value: seconds },
      { suffix: '_count', labels, value: count },
    ]
  })
  const total = 'Requests that were answered, by the pattern of their route.'
  return [
    metric('counter', 'http_requests_total', total, totals),
    metric('histogram', 'http_request_duration_seconds', 'Time from a request to its response.', durations),
  ]
}
