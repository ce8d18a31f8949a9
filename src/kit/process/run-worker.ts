// Runs a worker process: connects, runs jobs, crons and the relay of the outbox, and drains at the end.
import { hostname } from 'node:os'
import type { Manifest } from '../assemble.ts'
import type { KitConfig } from '../config/kit-config.ts'
import type { ProductSettings } from '../config/settings.ts'
import { createDeps } from '../create-deps.ts'
import type { Schema } from '../data/owned-rows.ts'
import { refuseMissingDatabase } from '../data/redis.ts'
import { loadSchema } from '../data/tables.ts'
import type { KitDeps } from '../deps.ts'
import type { WorkerOptions as JobOptions } from '../jobs/options.ts'
import { startRelay } from '../jobs/outbox/relay.ts'
import { startWorker } from '../jobs/worker.ts'
import { briefError } from '../log/describe-error.ts'
import { boot, isInteractive } from './lifecycle.ts'
import { joinSupervisor } from './supervised.ts'

type Handed<D> = Required<Pick<JobOptions<D & { schema: Schema }>, 'tasks' | 'onDead'>>

export interface RunWorkerOptions<C extends KitConfig, R extends string, O extends object> extends Handed<
  KitDeps<C, R> & O
> {
  settings: ProductSettings<C>
  manifest: Manifest<R, C, O>
  /** The folder below which each `table.ts` is found: tasks get them as `deps.schema`. */
  tablesIn: string
}

export const runWorker = <C extends KitConfig, R extends string, O extends object>({
  settings,
  manifest,
  tasks,
  onDead,
  tablesIn,
}: RunWorkerOptions<C, R, O>): Promise<void> =>
  boot(async () => {
    const config = settings.load()
    const { deps, log, redis, queue, watched, close } = createDeps(config, manifest)
    await refuseMissingDatabase(redis)
    const { crons } = manifest
    const schema = await loadSchema(tablesIn)
    const { id, reportUp, reportDraining, writeCounts } = joinSupervisor(watched)
    const { queues, concurrency, drainMs, blockMs, keepDead, maxJobs, maxBytes } = config.jobs
    const worker = startWorker({
      redis,
      prefix: config.redisPrefix,
      id: id ?? `${hostname()}-${process.pid}-${crypto.randomUUID().slice(0, 8)}`,
      tasks,
      crons,
      deps: { ...deps, schema },
      log,
      queues,
      concurrency,
      drainMs,
      blockMs: isInteractive() ? null : blockMs,
      maxJobs: maxJobs === 0 ? Infinity : maxJobs,
      keepDead,
      maxBytes,
      onDead,
      report: deps.reportUnexpected,
      tracer: deps.tracer ?? null,
      describe: (error) => briefError(error, config.log.redact),
    })
    reportUp(async () => void (await Promise.all([worker.ready, deps.ready()])))
    await worker.ready
    const relay = startRelay({ db: deps.db, send: queue.send, log })
    log.info('worker at work', {
      queues: worker.queues.join(),
      concurrency,
      tasks: tasks.length,
      crons: crons.length,
    })

    const stop = async () => {
      reportDraining()
      await Promise.all([worker.stop(), relay.stop()])
      writeCounts()
      await close()
    }
    const report = (error: unknown) =>
      deps.reportUnexpected(error, { in: 'process', role: 'worker', what: 'uncaught' })
    return { log, report, ended: worker.ended, stop, retire: stop }
  })
