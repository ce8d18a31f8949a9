// Tells Redis that the worker is alive and what it runs, and passes on the reply: pause, time for crons, dead workers.
import type { Connection } from './connection.ts'
import type { Fetcher } from './fetcher.ts'
import type { InFlight } from './in-flight.ts'
import type { Lifetime } from './lifetime.ts'
import { callBuffer } from './lua.ts'
import type { WorkerSettings } from './options.ts'
import type { Reaper } from './reaper.ts'
import { TICK } from './scripts.ts'
import { describeWorker } from './worker-info.ts'

/** Heartbeats between two checks of what is really in our list, and two times that counts are told: 5 s by default. */
const RECONCILE_EVERY = 10

type Told = 'id' | 'base' | 'concurrency' | 'tickMs' | 'leaseMs' | 'keepDead' | 'log'

interface Parts<D> extends Pick<WorkerSettings, Told> {
  connection: Connection
  lifetime: Lifetime
  fetcher: Fetcher<D>
  inFlight: InFlight<D>
  reaper: Reaper
  /** Called with Redis's time, Unix ms. */
  runCrons: (now: number) => Promise<unknown>
}

export class Heartbeat<D> {
  readonly #startedAt = Date.now()
  #count = 0

  constructor(readonly parts: Parts<D>) {}

  async run(): Promise<void> {
    const { tickMs, lifetime, inFlight } = this.parts
    let more = false
    while (!lifetime.isOver) {
      if (!more) await lifetime.sleep(tickMs)
      // A worker that is stopping with nothing in flight sends no more heartbeats.
      more = !lifetime.isOver && !(lifetime.isStopping && inFlight.size === 0) && (await this.tick())
    }
  }

  /** @returns whether more delayed jobs are due */
  async tick(): Promise<boolean> {
    const { id, base, concurrency, tickMs, leaseMs, keepDead, log } = this.parts
    const { connection, lifetime, fetcher, inFlight, reaper, runCrons } = this.parts
    const running = inFlight.unsettled
    for (const job of running) inFlight.show(job)
    const about = { concurrency, startedAt: this.#startedAt }
    const me = describeWorker({ ...about, stopping: lifetime.isStopping }, running)
    const args = [id, tickMs, leaseMs, JSON.stringify(me)]
    const reply = await callBuffer(connection.redis, TICK, base, ...args)
    const [now, paused, more, known, stale, trimmed] = reply
    fetcher.look(paused === 0)
    const isTime = ++this.#count % RECONCILE_EVERY === 0
    // We were taken for dead: what has become of our jobs?
    if (known === 0 || isTime) fetcher.doubt()
    if (isTime) inFlight.counts.fold(connection.redis, base).catch(() => {}) // no count is worth a worker
    if (trimmed > 0)
      log.warn('more dead jobs than JOB_KEEP_DEAD: the oldest were thrown away', { jobs: trimmed, keepDead })
    await reaper.takeOver(stale, leaseMs)
    if (!lifetime.isStopping) await runCrons(now)
    return more === 1
  }
}
