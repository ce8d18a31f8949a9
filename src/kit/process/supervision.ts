// Starts, reloads and stops the fleet, on signals and when RESTART is touched, and reports it to systemd.
import { join } from 'node:path'
import type { ProcessLog } from '../log/log.ts'
import type { ReportUnexpected } from '../log/unexpected.ts'
import type { BoardFolder } from './board-folder.ts'
import type { Fleet } from './fleet.ts'
import type { StartedRole } from './lifecycle.ts'
import type { MetricsServer } from './metrics.ts'
import type { Reloader } from './reloader.ts'
import type { StatusWriter } from './status.ts'
import type { SystemdNotifier } from './systemd.ts'
import { watchTouch } from './touch.ts'

interface Parts {
  /** Where RESTART is touched. */
  folder: string
  fleet: Fleet
  reloader: Reloader
  status: StatusWriter
  boards: BoardFolder
  metrics: MetricsServer | undefined
  systemd: SystemdNotifier
  log: ProcessLog
  report: ReportUnexpected
}

/** Starts all processes. If one cannot run at all, it stops the service and exits with 1. */
export function supervise(parts: Parts): StartedRole {
  const { folder, fleet, reloader, status, boards, metrics, systemd, log, report } = parts
  const reload = () => void systemd.reloading(() => reloader.reload())
  process.stderr.on('error', () => {}) // its reader may be gone
  process.on('SIGHUP', reload)
  process.on('SIGUSR2', () => {
    for (const child of fleet.children()) child.signal('SIGUSR2')
  })
  const touchWatch = watchTouch(join(folder, 'RESTART'), reload)

  /** Drains all processes, and leaves nothing behind. */
  async function stop(): Promise<void> {
    clearInterval(touchWatch)
    await systemd.stopping()
    await fleet.stop()
    await metrics?.close()
    status.stop()
    boards.remove()
    await log.close()
  }

  async function giveUp(error: Error): Promise<void> {
    log.error(`giving up, the service does not start: ${error.message}`)
    await stop()
    process.exit(1)
  }

  fleet.start().then(() => systemd.ready(), giveUp)
  return {
    log,
    report: (error) => report(error, { in: 'process', role: 'supervisor', what: 'uncaught' }),
    stop,
    retire: stop,
    hurry() {
      log.warn('the second signal: ends at once, and all below with it')
      status.stop()
      boards.remove()
    },
  }
}
