// Logs at the start of the service what runs, with which settings, and what an operator should fix.
import type { ProductSettings } from '../config/settings.ts'
import type { KitConfig } from '../config/kit-config.ts'
import { connectionsPerProcess } from '../data/postgres.ts'
import type { Log } from '../types/log.ts'
import { adviceOnSettings } from './advice.ts'
import { adviceOnPool, adviceOnReload, processCounts } from './host.ts'
import type { FirstSettings } from './service-settings.ts'
import { openServiceStats } from './service-stats.ts'

export function logStart(
  { config, env, folder, other }: FirstSettings,
  print: ProductSettings['print'],
  log: Log,
): void {
  log.info('settings', print(config))
  for (const advice of adviceOnSettings(config, folder, env)) log.warn(advice)
  const { web, workers } = processCounts(config)
  log.info('starting the service', { port: config.port, web, workers })
  if (other && other.pid !== process.pid) {
    log.warn(
      `the supervisor ${other.pid} on port ${other.port} runs on the same DATA_DIR: while this one runs, the ` +
        'status and reload commands reach it and not that one. Give each a DATA_DIR of its own',
    )
  }
  if (web < config.processes.web) log.warn('one API process: on this system they cannot share a port')
  const advice = config.production ? adviceOnReload() : undefined
  if (advice !== undefined) log.warn(advice)
}

/** Asks Postgres how many connections it has. */
export async function logConnections(config: KitConfig, log: Log): Promise<void> {
  const stats = openServiceStats(config, log)
  const limit = await stats.connectionLimit().catch(() => undefined)
  await stats.close()
  if (limit === undefined) return // Postgres is away: the processes say so
  const { web, workers } = processCounts(config)
  const [processes, perProcess] = [web + workers, connectionsPerProcess(config)]
  log.info('connections to Postgres', { perProcess, processes, limit })
  const advice = adviceOnPool(processes, perProcess, limit)
  if (advice !== undefined) log.warn(advice)
}
