// Tracks one process for the supervisor: booting, standing by if it must not run yet, ready, retiring, and finally gone.
import { rmSync } from 'node:fs'
import type { KitConfig } from '../config/kit-config.ts'
import type { Log } from '../types/log.ts'
import { Scoreboard } from './scoreboard.ts'

export type State = 'booting' | 'standby' | 'ready' | 'retiring' | 'gone'

export interface Launch {
  /** As the log calls it: `server 1`. */
  name: string
  command: string[]
  /** The folder to start in. */
  cwd: string
  /** Where its scoreboard is made. */
  boardFile: string
  /** It takes the place of another that serves until then: it must get ready in time. */
  replacing: boolean
  /** It boots, and then waits for `begin`. */
  standsBy: boolean
  /** How long its event loop may stand still. */
  harakiriMs: number
  /** The settings that it was started with. */
  config: KitConfig
}

/** Characters of stderr that are kept, the last ones: they tell why a process did not start. */
const STDERR_TAIL = 600
/** How long the rest of stderr is waited for when the process is gone. */
const STDERR_WAIT_MS = 200
/** Requests that the log names when a process is killed. */
const MAX_NAMED = 5

export class Child {
  /** For the log: `server 1 (pid 4711)`. */
  readonly title: string
  readonly pid: number
  readonly startedAt = Date.now()
  readonly #started = performance.now()
  state: State = 'booting'
  /** How it ended, in words; empty until then. */
  end = ''
  /** Resolves when it serves, and its services have answered; rejects with the reason if it ends before. */
  readonly ready: Promise<void>
  /** Resolves when it is ready, or stands by; rejects like `ready`. */
  readonly prepared: Promise<void>
  readonly gone: Promise<void>
  readonly board: Scoreboard
  /** From 0 to 1, so that processes do not all reach a limit at the same time. */
  readonly jitter = Math.random()
  readonly #process: Bun.Subprocess<'ignore', 'inherit', 'pipe'>
  readonly #ready = Promise.withResolvers<void>()
  readonly #prepared = Promise.withResolvers<void>()
  #stderrTail = ''
  #killedFor: string | undefined
  #heartbeats = 0
  #blockedMs = 0
  #bootingSince = this.#started
  #retiredAt = 0

  /** Starts it. */
  constructor(
    readonly launch: Launch,
    private readonly log: Log,
  ) {
    this.board = Scoreboard.create(launch.boardFile)
    this.#process = Bun.spawn(launch.command, {
      cwd: launch.cwd,
      stdio: ['ignore', 'inherit', 'pipe'],
      detached: true, // a Ctrl-C in the terminal is for the supervisor
    })
    this.pid = this.#process.pid
    this.title = `${launch.name} (pid ${this.pid})`
    this.ready = this.#ready.promise
    this.prepared = this.#prepared.promise
    for (const settled of [this.ready, this.prepared]) settled.catch(() => {}) // nobody may wait for it
    this.gone = this.#untilGone()
  }

  /** Milliseconds since it was started. */
  get age(): number {
    return performance.now() - this.#started
  }

  /** True as soon as it runs, whether Postgres and Redis answer or not. */
  get isUp(): boolean {
    return this.board.progress !== 'booting'
  }

  /** Kills it if it is late or blocked; to be called several times a second. @param elapsedMs since the last call */
  check(elapsedMs: number): void {
    if (this.state === 'gone' || this.#killedFor !== undefined) return
    const { harakiriMs, replacing, config } = this.launch
    const { bootTimeoutMs, drainMs } = config.processes
    if (this.state === 'booting') {
      const bootingMs = performance.now() - this.#bootingSince
      if (this.board.progress === 'ready') this.#becomeReady()
      else if (this.board.progress === 'standby' && !this.board.mayBegin) this.#standBy()
      else if (bootingMs > bootTimeoutMs && (replacing || !this.isUp)) {
        const why = this.board.note === '' ? '' : ` (${this.board.note})`
        this.kill(`did not get ready within ${bootTimeoutMs} ms${why}`)
      }
    }
    if (this.state === 'retiring' && performance.now() - this.#retiredAt > drainMs) {
      this.kill(`did not drain within ${drainMs} ms${this.#lostRequests()}`)
    }
    const { heartbeats } = this.board
    // A start may compute for longer: it has a time limit of its own.
    this.#blockedMs = this.isUp && heartbeats === this.#heartbeats ? this.#blockedMs + elapsedMs : 0
    this.#heartbeats = heartbeats
    if (this.#blockedMs >= harakiriMs) this.#commitHarakiri()
  }

  /** The process whose place it takes is gone. */
  begin(): void {
    if (this.state !== 'standby') return
    this.state = 'booting'
    this.#bootingSince = performance.now()
    this.board.mayBegin = true
  }

  /** Lets it respond to what it has accepted, and end. */
  retire(): void {
    if (this.state === 'retiring' || this.state === 'gone') return
    this.state = 'retiring'
    this.#retiredAt = performance.now()
    this.#process.kill('SIGTERM')
  }

  /** Ends it at once. @param why continues the sentence that begins with its name */
  kill(why: string): void {
    this.#killedFor ??= why
    this.#process.kill('SIGKILL')
  }

  /** Null while it lives, and if a signal ended it. */
  get exitCode(): number | null {
    return this.#process.exitCode
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  #becomeReady(): void {
    this.state = 'ready'
    this.log.info(`${this.title} is ready`, { ms: Math.round(this.age) })
    this.#ready.resolve()
    this.#prepared.resolve()
  }

  #standBy(): void {
    this.state = 'standby'
    this.#prepared.resolve()
  }

  #commitHarakiri(): void {
    const now = Date.now()
    const serving = this.board.serving()
    this.log.error(`HARAKIRI: ${this.title} has been blocked too long`, {
      blockedMs: Math.round(this.#blockedMs),
      died: this.board.inFlight,
      serving: serving
        .slice(0, MAX_NAMED)
        .map(({ what, since }) => `${what} for ${((now - since) / 1000).toFixed(1)} s`),
    })
    this.kill(`was blocked for ${Math.round(this.#blockedMs)} ms (HARAKIRI_MS)${this.#lostRequests()}`)
  }

  /** How many requests end with it, in words. */
  #lostRequests(): string {
    const { inFlight } = this.board
    return inFlight === 0 ? '' : `; ${inFlight} requests died with it`
  }

  async #untilGone(): Promise<void> {
    const stderrRead = this.#readStderr().catch(() => {})
    await this.#process.exited
    // Something that it started may hold its stderr open.
    await Promise.race([stderrRead, Bun.sleep(STDERR_WAIT_MS)])
    const { signalCode, exitCode } = this.#process
    const how = signalCode === null ? `ended with exit code ${exitCode}` : `was killed by ${signalCode}`
    const said = this.#stderrTail.trim() || this.board.note
    const reason = this.state === 'booting' && said !== '' ? `: ${said}` : ''
    this.end = this.#killedFor ?? `${how}${this.state === 'retiring' ? '' : this.#lostRequests()}${reason}`
    this.state = 'gone'
    const error = new Error(`${this.title} ${this.end}`)
    this.#ready.reject(error)
    this.#prepared.reject(error)
    rmSync(this.launch.boardFile, { force: true })
  }

  async #readStderr(): Promise<void> {
    const decoder = new TextDecoder()
    for await (const chunk of this.#process.stderr) {
      process.stderr.write(chunk)
      this.#stderrTail = (this.#stderrTail + decoder.decode(chunk, { stream: true })).slice(-STDERR_TAIL)
    }
  }
}
