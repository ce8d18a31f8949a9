// Runs rolling reloads, one at a time: each reads the settings again and has the fleet replace its processes.
import type { Log } from '../types/log.ts'
import type { Fleet } from './fleet.ts'
import type { Plan } from './kinds.ts'
import type { ReloadStatus } from './status.ts'

export interface ReloaderOptions {
  fleet: Fleet
  /** Reads settings and programs afresh. Rejects if they are faulty. */
  readPlan(): Promise<Plan>
  log: Log
  /** A reload has begun or ended. */
  onChange(): void
}

export class Reloader {
  /** How the last one went. */
  last: ReloadStatus | undefined
  #running: Promise<void> | undefined
  #isAsked = false

  constructor(private readonly options: ReloaderOptions) {}

  /**
   * Replaces one process after the other by one that has read code and settings afresh.
   * Resolves when that is done, and so is every reload that was asked for meanwhile.
   */
  reload(): Promise<void> {
    this.#isAsked = true
    return (this.#running ??= this.#reloadWhileAsked())
  }

  async #reloadWhileAsked(): Promise<void> {
    const { fleet } = this.options
    await fleet.pauseRecycling()
    while (this.#isAsked && !fleet.isStopped) {
      this.#isAsked = false
      await this.#reloadOnce()
    }
    fleet.resumeRecycling()
    this.#running = undefined
  }

  async #reloadOnce(): Promise<void> {
    const { fleet, log, onChange } = this.options
    const started = performance.now()
    const number = (this.last?.number ?? 0) + 1
    const reload: ReloadStatus = { number, result: 'running', startedAt: Date.now() }
    this.last = reload
    log.info('reload begins')
    onChange()
    const before = fleet.slots.map(({ current }) => current)
    const failure = await this.#renewFleet()
    reload.ms = Math.round(performance.now() - started)
    reload.result = failure === undefined ? 'succeeded' : 'failed'
    if (failure === undefined) log.info('reload done', { ms: reload.ms })
    else {
      // There is no way back for them from here: the old code may be gone.
      const renewed = fleet.slots.filter(({ current }) => !before.includes(current))
      const except = renewed.length === 0 ? '' : `, except in ${renewed.map(({ name }) => name).join(', ')}`
      reload.reason = fleet.isStopped ? failure : `${failure}; what ran before runs on${except}`
      log.error(`reload FAILED: ${reload.reason}`, { ms: reload.ms })
    }
    onChange()
  }

  /** @returns what went wrong */
  async #renewFleet(): Promise<string | undefined> {
    let plan: Plan
    try {
      plan = await this.options.readPlan()
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
    return this.options.fleet.renew(plan)
  }
}
