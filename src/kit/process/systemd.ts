// Reports the state of the service to systemd, if a unit of Type=notify has started it.
import type { Log } from '../types/log.ts'

export class SystemdNotifier {
  /** Reloads that are under way. */
  #reloads = 0
  #isStopping = false

  /** @param socket NOTIFY_SOCKET; without it nothing is sent */
  constructor(
    private readonly socket: string | undefined,
    private readonly log: Log,
  ) {}

  /** All processes are ready. During a reload it is its end that says so; after a stop has begun nothing does. */
  async ready(): Promise<void> {
    if (this.#reloads === 0 && !this.#isStopping) await this.#send('READY=1')
  }

  /** Sends that a reload begins, runs it, and sends its end: of several at a time, that of the last. */
  async reloading(reload: () => Promise<void>): Promise<void> {
    this.#reloads++
    await this.#send('RELOADING=1')
    await reload()
    this.#reloads--
    await this.ready()
  }

  async stopping(): Promise<void> {
    this.#isStopping = true
    await this.#send('STOPPING=1')
  }

  /** A failure is for the log: it is no reason to stop serving. */
  async #send(state: string): Promise<void> {
    const failure = this.socket ? await notify(state) : undefined
    if (failure !== undefined) this.log.warn('systemd was not told', { state, failure })
  }
}

/**
 * Sends a state by systemd's own command: Bun has no datagram sockets of the kind that systemd listens on. The unit needs
 * NotifyAccess=all, since it is a child that sends.
 * @returns what went wrong
 */
async function notify(state: string): Promise<string | undefined> {
  try {
    const { exited, stderr } = Bun.spawn(['systemd-notify', state], { stdio: ['ignore', 'ignore', 'pipe'] })
    const [code, said] = await Promise.all([exited, stderr.text()])
    return code === 0 ? undefined : `systemd-notify ended with exit code ${code}: ${said.trim()}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
