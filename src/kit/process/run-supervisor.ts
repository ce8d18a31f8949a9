// Runs the supervisor: starts API processes, workers and programs, watches them, reloads them without a gap, and stops them.
import type { KitConfig } from '../config/kit-config.ts'
import { logSettings, type ProductSettings } from '../config/settings.ts'
import { createLog } from '../log/log.ts'
import { createReport, type OnUnexpected } from '../log/unexpected.ts'
import { adviceOnSettings } from './advice.ts'
import { BoardFolder } from './board-folder.ts'
import { readPrograms } from './environment.ts'
import { Fleet } from './fleet.ts'
import { type Entries, planOf } from './kinds.ts'
import { boot } from './lifecycle.ts'
import { MetricsServer } from './metrics.ts'
import { countPrograms, type Program } from './program.ts'
import { Reloader } from './reloader.ts'
import { readFirstSettings, readNextSettings } from './service-settings.ts'
import { openServiceStats } from './service-stats.ts'
import { createSpawn } from './spawn.ts'
import { logConnections, logStart } from './start-log.ts'
import { keepStatus, type Status } from './status.ts'
import { supervise } from './supervision.ts'
import { SystemdNotifier } from './systemd.ts'

export interface SupervisorOptions<C extends KitConfig> {
  settings: ProductSettings<C>
  /** As they are now: a reload reads them anew. */
  programs: readonly Program<C, never>[]
  entries: Entries
  /** Is told of each error that nobody foresaw, in this process, and of children that died unasked. */
  onUnexpected?: OnUnexpected<C>
}

export const runSupervisor = <C extends KitConfig>({
  settings,
  programs,
  entries,
  onUnexpected,
}: SupervisorOptions<C>): Promise<void> =>
  boot(async () => {
    const first = readFirstSettings(settings.load)
    const { env, folder, dataDir } = first
    const config = settings.load(env)
    const plan = planOf(config, entries, countPrograms(programs, config))
    const log = createLog(config.log, config.name)
    const report = createReport({ onUnexpected, config, log })
    const metrics = config.metricsPort === undefined ? undefined : new MetricsServer(config.metricsPort)
    const boards = BoardFolder.create(dataDir, config.name)
    const startedAt = Date.now()
    logSettings(settings, config, log)
    logStart(first, plan, log)
    void logConnections(plan, log)

    const readPlan = async () => {
      const servedPorts = fleet.children().map(({ launch }) => launch.config.port)
      const next = readNextSettings(settings.load, folder, servedPorts)
      for (const advice of adviceOnSettings(next.config, folder, next.env)) log.warn(advice)
      const { bootTimeoutMs } = next.config.processes
      return planOf(next.config, entries, await readPrograms(folder, entries.program, bootTimeoutMs))
    }
    const onChange = () => status.write()
    const spawn = createSpawn({ folder, boards, totals: metrics?.totals, log })
    const fleet = new Fleet({ plan, spawn, log, report, onChange })
    const reloader = new Reloader({ fleet, readPlan, log, onChange })
    const describe = (): Status => {
      // After a reload that failed it is still the old settings that count.
      const serving = fleet.children().find(({ state }) => state === 'ready')
      const { version, mode, port } = (serving?.launch ?? fleet.plan).config
      const { pid } = process
      const { last: reload } = reloader
      return { pid, version, mode, port, startedAt, boards: boards.path, reload, processes: fleet.describe() }
    }
    const status = keepStatus(dataDir, describe, log)
    const systemd = new SystemdNotifier(env.NOTIFY_SOCKET, log)
    metrics?.serve(fleet, openServiceStats(config, log))
    return supervise({ folder, fleet, reloader, status, boards, metrics, systemd, log, report })
  })
