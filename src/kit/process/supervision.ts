// Starts, reloads and stops the fleet, on signals and when RESTART is touched, and reports it to systemd.
import { join } from 'node:path'
import type { ProcessLog } from '../log/log.ts'
import type { BoardFolder } from './board-folder.ts'
import type { Fleet } from './fleet.ts'
import type { StartedRole } from './lifecycle.ts'
import type { MetricsServer } from './metrics.ts'
import type { Reloader } from './reloader.ts'
import type { StatusWriter } from './status.ts'
import type { SystemdNotifier } from './systemd.ts'
import { watchTouch } from './touch.ts'

export interface SupervisionParts {
  /** Where RESTART is touched. */
  folder: string
  fleet: Fleet
  reloader: Reloader
  status: StatusWriter
  boards: BoardFolder
  metrics: MetricsServer | undefined
  systemd: SystemdNotifier
  log: ProcessLog
}

export class Supervision implements StartedRole {
  readonly log: ProcessLog
  readonly #parts: SupervisionParts
  #touchWatch: ReturnType<typeof setInterval> | undefined

  constructor(parts: SupervisionParts) {
    this.#parts = parts
    this.log = parts.log
  }

  /** Starts all processes. If one cannot run at all, it stops the service and exits with 1. */
  start(): this {
    const { folder, fleet, systemd } = this.#parts
    process.stderr.on('error', () => {}) // its reader may be gone
    process.on('SIGHUP', () => this.reload())
    process.on('SIGUSR2', () => {
      for (const child of fleet.children()) child.signal('SIGUSR2')
    })
    this.#touchWatch = watchTouch(join(folder, 'RESTART'), () => this.reload())
    fleet.start().then(
      () => systemd.ready(),
      (error: Error) => this.#giveUp(error),
    )
    return this
  }

  reload(): void {
    const { reloader, systemd } = this.#parts
    void systemd.reloading(() => reloader.reload())
  }

  /** Drains all processes, and leaves nothing behind. */
  async stop(): Promise<void> {
    const { fleet, status, boards, metrics, systemd, log } = this.#parts
    clearInterval(this.#touchWatch)
    await systemd.stopping()
    await fleet.stop()
    await metrics?.close()
    status.stop()
    boards.remove()
    await log.close()
  }

  retire(): Promise<void> {
    return this.stop()
  }

  hurry(): void {
    const { status, boards, log } = this.#parts
    log.warn('the second signal: ends at once, and all below with it')
    status.stop()
    boards.remove()
  }

  async #giveUp(error: Error): Promise<void> {
    this.log.error(`giving up, the service does not start: ${error.message}`)
    await this.stop()
    process.exit(1)
  }
}
