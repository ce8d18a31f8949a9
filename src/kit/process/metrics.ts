// Serves the metrics that Prometheus scrapes: the requests of all processes as those of one service, the state of each
// process, and the state of Postgres and of the queue.
import { connectionsPerProcess } from '../data/postgres.ts'
import { ConfigError } from '../types/config-error.ts'
import type { Fleet } from './fleet.ts'
import { describeQueues, describeTasks } from './queue-series.ts'
import { CONTENT_TYPE, counter, gauge } from './prometheus-text.ts'
import { RequestTotals } from './request-totals.ts'
import type { ServiceStats } from './service-stats.ts'
import { describeRequests, describeWork } from './work-series.ts'

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
      stats.tasks().then(describeTasks),
    ])
    const metrics = [
      ...describeRequests(this.totals.read()),
      ...describeWork(this.totals.readWork()),
      ...describeProcesses(fleet),
      gauge('postgres_pool_size', 'Connections that one process may open.', [
        { value: connectionsPerProcess(fleet.plan.config) },
      ]),
      ...asked.flatMap((reply) => (reply.status === 'fulfilled' ? reply.value : [])),
    ]
    return new Response(metrics.join('\n'), { headers: { 'Content-Type': CONTENT_TYPE } })
  }
}

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
    counter(
      'process_restarts_total',
      'Processes that died unasked, since the supervisor was started.',
      restarts,
    ),
  ]
}

function describeConnections(states: Record<string, number>): string[] {
  const samples = Object.entries(states).map(([state, value]) => ({ labels: { state }, value }))
  return [gauge('postgres_connections', 'Connections of all processes, on all machines.', samples)]
}
