// Starts a worker: builds and connects its parts, and runs them until the end.
import { Bell } from './bell.ts'
import { checkRedis, Connection } from './connection.ts'
import { createTimer } from './cron.ts'
import { DeadNotices } from './dead.ts'
import { drain } from './drain.ts'
import { Fetcher } from './fetcher.ts'
import { Heartbeat } from './heartbeat.ts'
import { InFlight } from './in-flight.ts'
import { Lifetime } from './lifetime.ts'
import { completeOptions, type WorkerOptions } from './options.ts'
import { createProgress } from './progress.ts'
import { createQueue } from './queue.ts'
import { createReaper } from './reaper.ts'
import { keyBase } from './scripts.ts'
import { startWatchdog } from './watchdog.ts'
import { work } from './work.ts'

export interface Worker {
  /** Resolves when it is at work: Redis answered, and it is new enough. Rejects as `ended` does. */
  readonly ready: Promise<void>
  /** Resolves when it has drained, after `stop` or `maxJobs`; rejects when it cannot go on: then exit 1 at once. */
  readonly ended: Promise<void>
  /** Takes no more, and resolves like `ended`: at the latest a few seconds past `drainMs`. */
  stop(): Promise<void>
}

/** @throws if an option makes no sense */
export function startWorker<D>(given: WorkerOptions<D>): Worker {
  const options = completeOptions(given)
  const { id, crons, log, blockMs, keepDead } = options
  const base = keyBase(options.prefix)
  const bell = new Bell()
  const lifetime = new Lifetime()
  const connection = new Connection(options, lifetime, () => fetcher.doubt())
  const { redis } = connection
  const notices = new DeadNotices(options)
  const reaper = createReaper({ redis, base, keepDead, log, notices })
  const { prepare } = createQueue(options)
  const inFlight = new InFlight(
    { ...options, prepare },
    lifetime,
    bell,
    createProgress(redis, base, log, lifetime),
  )
  const fetcher = new Fetcher({ ...options, base, connection, bell, inFlight, notices, reaper })
  const runCrons = createTimer(redis, base, crons, log)
  const parts = { ...options, redis, base, connection, lifetime, bell, inFlight, fetcher, reaper, notices }
  const heartbeat = new Heartbeat({ ...parts, runCrons })

  lifetime.stopping.addEventListener('abort', () => {
    bell.ring()
    drain(parts).catch(lifetime.fail)
  })
  lifetime.over.addEventListener('abort', () => bell.ring())

  const ready = boot()
  ready.catch(lifetime.fail)
  return {
    ready,
    ended: lifetime.ended,
    stop() {
      lifetime.stop()
      return lifetime.ended
    },
  }

  async function boot(): Promise<void> {
    await connection.retryUntilAvailable(() => checkRedis(redis, log))
    await connection.retryUntilAvailable(() => reaper.reap(id, ''))
    await connection.retryUntilAvailable(() => heartbeat.tick())
    if (lifetime.isOver) throw new Error('worker: stopped before it was at work')
    if (blockMs !== null) lifetime.over.addEventListener('abort', startWatchdog(blockMs))
    connection.retryUntilAvailable(() => work(parts)).catch(lifetime.fail)
    connection.retryUntilAvailable(() => heartbeat.run()).catch(lifetime.fail)
  }
}
