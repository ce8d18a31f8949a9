// The role of a worker process: connects, runs jobs, crons and the outbox's relay, and drains at the end.
import { hostname } from 'node:os'
import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'
import { createDeps } from '../infra/deps.ts'
import { briefError } from '../infra/log-errors.ts'
import { refuseMissingDatabase } from '../infra/redis.ts'
import type { WorkerOptions as JobOptions } from '../jobs/options.ts'
import { startWorker } from '../jobs/worker.ts'
import { startRelay } from '../outbox/relay.ts'
import { boot, isInteractive } from './lifecycle.ts'
import { joinSupervisor } from './supervised.ts'

type Handed = Required<Pick<JobOptions<Deps>, 'tasks' | 'crons' | 'onDead'>>

export interface RunWorkerOptions extends Handed {
  loadConfig(): Config
}

export const runWorker = ({ loadConfig, tasks, crons, onDead }: RunWorkerOptions): Promise<void> =>
  boot(async () => {
    const config = loadConfig()
    const { deps, log, redis, queue, close } = createDeps(config)
    await refuseMissingDatabase(redis)
    const { id, reportUp, reportDraining } = joinSupervisor()
    const { concurrency, drainMs, blockMs, keepDead, maxJobs } = config.jobs
    const worker = startWorker({
      redis,
      prefix: config.redisPrefix,
      id: id ?? `${hostname()}-${process.pid}-${crypto.randomUUID().slice(0, 8)}`,
      tasks,
      crons,
      deps,
      log,
      concurrency,
      drainMs,
      blockMs: isInteractive() ? null : blockMs,
      maxJobs: maxJobs === 0 ? Infinity : maxJobs,
      keepDead,
      onDead,
      describe: (error) => briefError(error, config.log.redact),
    })
    reportUp(async () => void (await Promise.all([worker.ready, deps.ready()])))
    await worker.ready
    const relay = startRelay({ db: deps.db, send: queue.send, log })
    log.info('worker at work', { concurrency, tasks: tasks.length, crons: crons.length })

    const stop = async () => {
      reportDraining()
      await Promise.all([worker.stop(), relay.stop()])
      await close()
    }
    return { log, ended: worker.ended, stop, retire: stop }
  })
