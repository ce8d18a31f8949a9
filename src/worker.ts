// The sibling of the server: runs background tasks from the queue, and the timers of the crons.
import { hostname } from 'node:os'
import { loadConfig } from './config.ts'
import { crons } from './crons.ts'
import { createDeps } from './infra/deps.ts'
import { briefError } from './infra/log-errors.ts'
import { refuseMissingDatabase } from './infra/redis.ts'
import { startWorker } from './jobs/worker.ts'
import { manifest } from './manifest.ts'
import { startRelay } from './outbox/relay.ts'
import { boot, isInteractive } from './process/lifecycle.ts'
import { joinSupervisor } from './process/supervised.ts'
import { onDead, tasks } from './tasks.ts'

await boot(async () => {
  const config = loadConfig()
  const { deps, log, redis, queue, close } = createDeps(config, manifest)
  await refuseMissingDatabase(redis)
  const { id, serves, drains } = joinSupervisor()
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
  serves(async () => void (await Promise.all([worker.ready, deps.ready()])))
  await worker.ready
  const relay = startRelay({ db: deps.db, send: queue.send, log })
  log.info('worker at work', { concurrency, tasks: tasks.length, crons: crons.length })

  const stop = async () => {
    drains()
    await Promise.all([worker.stop(), relay.stop()])
    await close()
  }
  return { log, ended: worker.ended, stop, retire: stop }
})
