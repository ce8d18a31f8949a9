// Logs at the start of the service what runs, and what an operator should mend.
import { connectionsPerProcess } from '../data/postgres.ts'
import type { Log } from '../types/log.ts'
import { adviceOnSettings } from './advice.ts'
import { adviceOnPool, adviceOnReload } from './host.ts'
import { countProcesses, type Plan } from './kinds.ts'
import type { FirstSettings } from './service-settings.ts'
import { openServiceStats } from './service-stats.ts'

export function logStart({ env, folder, other }: FirstSettings, { config, kinds }: Plan, log: Log): void {
  for (const advice of adviceOnSettings(config, folder, env)) log.warn(advice)
  const [web = 0, workers = 0] = kinds.map(({ processes }) => processes)
  const others = kinds.slice(2).map(({ name, processes }) => `${name} ${processes}`)
  const programs = others.length > 0 ? others : undefined
  log.info('starting the service', { port: config.port, web, workers, programs })
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
export async function logConnections(plan: Plan, log: Log): Promise<void> {
  const { config } = plan
  const stats = openServiceStats(config, log)
  const limit = await stats.connectionLimit().catch(() => undefined)
  await stats.close()
  if (limit === undefined) return // Postgres is away: the processes say so
  const [processes, perProcess] = [countProcesses(plan), connectionsPerProcess(config)]
  log.info('connections to Postgres', { perProcess, processes, limit })
  const advice = adviceOnPool(processes, perProcess, limit)
  if (advice !== undefined) log.warn(advice)
}
