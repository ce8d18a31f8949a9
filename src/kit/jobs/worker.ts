// Starts a worker: builds and connects its parts, and runs them until the end.
import type { QueueShare } from '../types/queue-defaults.ts'
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
import { announceQueues } from './queue-names.ts'
import { createReaper } from './reaper.ts'
import { keyBase } from './scripts.ts'
import { Slots } from './slots.ts'
import { startWatchdog } from './watchdog.ts'
import { work } from './work.ts'

export interface Worker {
  /** The names of those that it serves. */
  readonly queues: readonly string[]
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
  const { id, prefix, queues, crons, log, blockMs, keepDead } = options
  const lifetime = new Lifetime()
  const connection = new Connection(options, lifetime, () => lanes.forEach(({ fetcher }) => fetcher.doubt()))
  const { redis } = connection
  const notices = new DeadNotices(options)
  const { prepare } = createQueue(options)
  const slots = new Slots(options, lifetime)
  const lanes = queues.map(openLane)
  const names = [...queues.map(({ name }) => name), ...options.tasks.map(({ queue }) => queue)]

  const each = (act: (lane: ReturnType<typeof openLane>) => Promise<unknown>) =>
    Promise.all(lanes.map((lane) => connection.retryUntilAvailable(() => act(lane))))

  lifetime.stopping.addEventListener('abort', () => {
    slots.changed()
    drain({ ...options, redis, lifetime, lanes }).catch(lifetime.fail)
  })
  lifetime.over.addEventListener('abort', () => slots.lanes.forEach(({ bell }) => bell.ring()))

  const ready = boot()
  ready.catch(lifetime.fail)
  return {
    queues: queues.map(({ name }) => name),
    ready,
    ended: lifetime.ended,
    stop() {
      lifetime.stop()
      return lifetime.ended
    },
  }

  /** What a queue has for itself: its keys, its list of jobs, its heartbeat and the wait for what comes. */
  function openLane(share: QueueShare) {
    const base = keyBase(prefix, share.name)
    const bell = new Bell()
    const blocking = connection.open(`worker-${id}-peek-${share.name}`)
    const reaper = createReaper({ redis, base, keepDead, log, notices })
    const show = createProgress(id, redis, base, log, lifetime)
    const inFlight = new InFlight({ ...options, prepare }, share, slots, lifetime, bell, show)
    const own = { ...options, base, connection, blocking, lifetime, bell, inFlight, notices, reaper }
    const fetcher = new Fetcher(own)
    const ticking = crons.filter(({ queue }) => queue === share.name)
    const heartbeat = new Heartbeat({ ...own, fetcher, runCrons: createTimer(redis, base, ticking, log) })
    return { ...own, fetcher, heartbeat }
  }

  async function boot(): Promise<void> {
    await connection.retryUntilAvailable(() => checkRedis(redis, log))
    await each(({ reaper }) => reaper.reap(id, ''))
    await each(({ heartbeat }) => heartbeat.tick())
    await connection.retryUntilAvailable(() => announceQueues(redis, prefix, names))
    if (lifetime.isOver) throw new Error('worker: stopped before it was at work')
    if (blockMs !== null) lifetime.over.addEventListener('abort', startWatchdog(blockMs))
    void each(({ heartbeat }) => heartbeat.run()).catch(lifetime.fail)
    each(work)
      .then(() => notices.settled())
      .then(() => lifetime.finish())
      .catch(lifetime.fail)
  }
}
