// Keeps the service alive: starts API processes and workers, watches them, replaces them without a gap, and drains them.
// It runs none of the app's code, so that nothing there can hurt it.
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { printableConfig } from './config-printable.ts'
import { type Config, loadConfig, settings } from './config.ts'
import { type Figures, openFigures } from './infra/figures.ts'
import { createLog } from './infra/log.ts'
import { connectionsPerProcess } from './infra/postgres.ts'
import { adviceOnSettings } from './process/advice.ts'
import { Child } from './process/child.ts'
import { bunIn, folderAsGiven, isEnvironmentOriginal, readEnvironment } from './process/environment.ts'
import { Fleet } from './process/fleet.ts'
import { adviceOnPool, adviceOnReload, sharesPorts } from './process/host.ts'
import { boot } from './process/lifecycle.ts'
import type { MetricsSources } from './process/metrics.ts'
import { notifySystemd } from './process/notify.ts'
import { refuseTakenPort } from './process/port.ts'
import type { Spawn } from './process/slot.ts'
import {
  describeProcesses,
  keepBoardFolder,
  keepStatus,
  makeBoardFolder,
  readStatus,
  removeStatus,
} from './process/status.ts'
import { watchTouch } from './process/touch.ts'
import { ConfigError } from './types/config-error.ts'
import type { Log } from './types/log.ts'

const START = 'bun --no-orphans --no-env-file src/supervisor.ts'

await boot(async () => {
  if (!isEnvironmentOriginal()) {
    throw new ConfigError(
      `The supervisor reads .env afresh at each reload: start it by npm start, or ${START}`,
    )
  }
  const env = readEnvironment(process.cwd())
  const folder = folderAsGiven(env.PWD)
  let config = readSettings(env)
  const dataDir = resolve(folder, config.dataDir)
  const other = readStatus(dataDir)
  if (config.processes.web > 0) refuseTakenPort(config, other)
  const log = createLog(config.log, config.name)
  const figures = openFigures(config, log)
  const metrics = await openMetrics(config.metricsPort, () => [fleet, connectionsPerProcess(config), figures])
  let boards = makeBoardFolder(dataDir, config.name)
  const startedAt = Date.now()
  log.info('settings', printableConfig(config, settings.printable))
  for (const advice of adviceOnSettings(config, folder, env)) log.warn(advice)

  let spawned = 0
  const startedWith = new WeakMap<Child, Config>()
  const spawn: Spawn = (name, id, replacing) => {
    boards = keepBoardFolder(boards, config.name)
    const boardFile = join(boards, String(++spawned))
    const isServer = name.startsWith('server')
    const counts = isServer && metrics ? `${boardFile}.metrics` : undefined
    const options = ['--board', boardFile, '--id', id, ...(replacing ? ['--replacing'] : [])]
    if (counts !== undefined) options.push('--metrics', counts)
    const entry = isServer ? 'src/server.ts' : 'src/worker.ts'
    const command = [bunIn(folder), '--no-orphans', entry, ...options]
    const harakiriMs = isServer ? config.processes.harakiriMs : harakiriOfWorker(config)
    const launch = { ...config.processes, harakiriMs, name, command, cwd: folder, boardFile, replacing }
    const child = new Child(launch, log)
    startedWith.set(child, config)
    if (counts !== undefined) {
      metrics?.add(counts)
      void child.gone.then(() => metrics?.bury(counts))
    }
    return child
  }

  const fleet = new Fleet({
    log,
    spawn,
    host: hostname(),
    limits: limitsHere(config.processes),
    readLimits() {
      const nextEnv = readEnvironment(folder)
      const next = readSettings(nextEnv)
      const isOurs = fleet.children().some((child) => startedWith.get(child)?.port === next.port)
      if (!isOurs) refuseTakenPort(next)
      config = next
      for (const advice of adviceOnSettings(config, folder, nextEnv)) log.warn(advice)
      return limitsHere(config.processes)
    },
    onChange: () => status.write(),
  })
  const describe = () => {
    // After a reload that failed it is still the old settings that count.
    const serving = fleet.children().find(({ state }) => state === 'ready')
    const { version, mode, port } = (serving && startedWith.get(serving)) ?? config
    const about = { pid: process.pid, version, mode, port, startedAt, boards }
    return { ...about, reload: fleet.lastReload, processes: describeProcesses(fleet) }
  }
  const status = keepStatus(dataDir, describe, log)

  const notify = async (...states: string[]) => {
    const failure = await notifySystemd(env.NOTIFY_SOCKET, ...states)
    if (failure !== undefined) log.warn('systemd was not told', { states, failure })
  }
  let reloads = 0
  const reload = async () => {
    reloads++
    await notify('RELOADING=1')
    await fleet.reload()
    if (--reloads === 0) await notify('READY=1')
  }
  process.stderr.on('error', () => {}) // whoever read it may be gone
  process.on('SIGHUP', () => void reload())
  process.on('SIGUSR2', () => {
    for (const child of fleet.children()) child.signal('SIGUSR2')
  })
  const watch = watchTouch(join(folder, 'RESTART'), () => void reload())

  const { web, workers } = limitsHere(config.processes)
  log.info(`starting ${web} API processes and ${workers} workers`, { port: config.port })
  if (other && other.pid !== process.pid) {
    log.warn(
      `the supervisor ${other.pid} on port ${other.port} runs on the same DATA_DIR: while this one runs, the ` +
        'status and reload commands reach it and not that one. Give each a DATA_DIR of its own',
    )
  }
  if (web < config.processes.web) log.warn('one API process: on this system they cannot share a port')
  const advice = config.production ? adviceOnReload() : undefined
  if (advice !== undefined) log.warn(advice)
  void tellConnections(log, figures, web + workers, connectionsPerProcess(config)).then(async () => {
    if (!metrics) await figures.close()
  })

  const end = async () => {
    clearInterval(watch)
    await notify('STOPPING=1')
    await fleet.stop()
    await metrics?.close()
    if (metrics) await figures.close()
    status.stop()
    removeStatus(dataDir, boards)
    await log.close()
  }
  fleet.start().then(
    () => (reloads === 0 ? notify('READY=1') : undefined),
    async (error: Error) => {
      log.error(`giving up, the service does not start: ${error.message}`)
      await end()
      process.exit(1)
    },
  )
  const hurry = () => {
    log.warn('the second signal: ends at once, and all below with it')
    removeStatus(dataDir, boards)
  }
  return { log, stop: end, retire: end, hurry }
})

function readSettings(env: Record<string, string>): Config {
  const config = loadConfig(env)
  if (config.port === 0) throw new ConfigError('PORT=0: each process would listen on a port of its own')
  return config
}

/** A worker ends by itself after JOB_BLOCK_MS, and names the job: the supervisor only comes after that. */
function harakiriOfWorker({ processes, jobs }: Config): number {
  return Math.max(processes.harakiriMs, 2 * jobs.blockMs)
}

function limitsHere<T extends { web: number }>(processes: T): T {
  return sharesPorts ? processes : { ...processes, web: Math.min(1, processes.web) }
}

async function tellConnections(
  log: Log,
  figures: Figures,
  processes: number,
  perProcess: number,
): Promise<void> {
  const limit = await figures.connectionLimit().catch(() => undefined)
  if (limit === undefined) return // Postgres is away: the processes say so
  log.info('connections to Postgres', { perProcess, processes, limit })
  const advice = adviceOnPool(processes, perProcess, limit)
  if (advice !== undefined) log.warn(advice)
}

/** The library costs memory and time to load: only where somebody asks for metrics. */
async function openMetrics(port: number | undefined, sources: () => MetricsSources) {
  if (port === undefined) return undefined
  const { Metrics } = await import('./process/metrics.ts')
  try {
    return new Metrics(port, sources)
  } catch (cause) {
    throw new ConfigError(`METRICS_PORT=${port} cannot be listened on: choose another one`, { cause })
  }
}
