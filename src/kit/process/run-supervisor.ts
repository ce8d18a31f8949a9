// Runs the supervisor: starts API processes and workers, watches them, reloads them without a gap, and stops them.
import type { ProductSettings } from '../config/settings.ts'
import { createLog } from '../log/log.ts'
import { adviceOnSettings } from './advice.ts'
import { BoardFolder } from './board-folder.ts'
import { describeService } from './describe-service.ts'
import { Fleet } from './fleet.ts'
import { boot } from './lifecycle.ts'
import { Reloader } from './reloader.ts'
import { readFirstSettings, readNextSettings } from './service-settings.ts'
import { openServiceStats } from './service-stats.ts'
import { createSpawn, type SpawnOptions } from './spawn.ts'
import { logConnections, logStart } from './start-log.ts'
import { keepStatus } from './status.ts'
import { Supervision } from './supervision.ts'
import { SystemdNotifier } from './systemd.ts'

export interface SupervisorOptions extends Pick<SpawnOptions, 'entries'> {
  settings: ProductSettings
}

export const runSupervisor = ({ settings, entries }: SupervisorOptions): Promise<void> =>
  boot(async () => {
    const first = readFirstSettings(settings.load)
    const { config, env, folder, dataDir } = first
    const log = createLog(config.log, config.name)
    const metrics = await openMetrics(config.metricsPort)
    const boards = BoardFolder.create(dataDir, config.name)
    const startedAt = Date.now()
    logStart(first, settings.print, log)
    void logConnections(config, log)

    const readConfig = () => {
      const servedPorts = fleet.children().map((child) => child.config.port)
      const next = readNextSettings(settings.load, folder, servedPorts)
      for (const advice of adviceOnSettings(next.config, folder, next.env)) log.warn(advice)
      return next.config
    }
    const onChange = () => status.write()
    const spawn = createSpawn({ entries, folder, boards, totals: metrics?.totals, log })
    const fleet = new Fleet({ config, spawn, log, onChange })
    const reloader = new Reloader({ fleet, readConfig, log, onChange })
    const status = keepStatus(dataDir, () => describeService({ fleet, reloader, boards, startedAt }), log)
    const systemd = new SystemdNotifier(env.NOTIFY_SOCKET, log)
    metrics?.serve(fleet, openServiceStats(config, log))
    return new Supervision({ folder, fleet, reloader, status, boards, metrics, systemd, log }).start()
  })

/** The library costs memory and time to load: only where somebody asks for metrics. */
async function openMetrics(port: number | undefined) {
  if (port === undefined) return undefined
  const { MetricsServer } = await import('./metrics.ts')
  return new MetricsServer(port)
}
