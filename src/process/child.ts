// The supervisor's view of one process: booting, then ready, then retiring, and in the end gone.
import { rmSync } from 'node:fs'
import type { Log } from '../types/log.ts'
import { Scoreboard } from './scoreboard.ts'

export type State = 'booting' | 'ready' | 'retiring' | 'gone'

export interface Launch {
  /** As the log calls it: `server 1`. */
  name: string
  command: string[]
  /** The folder to start in. */
  cwd: string
  /** Where its scoreboard is to be. */
  boardFile: string
  /** It takes the place of another that serves until then: it must get ready, and in time. */
  replacing: boolean
  bootTimeoutMs: number
  harakiriMs: number
  drainMs: number
}

/** Of what a process says on stderr, the end is kept: it tells why it did not start. */
const LAST_WORDS = 600
const LAST_WORDS_MS = 200
/** Requests that the log names when a process is killed. */
const NAMED = 5

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
  readonly gone: Promise<void>
  readonly board: Scoreboard
  /** From 0 to 1, for limits that are not to be reached by all at the same time. */
  readonly jitter = Math.random()
  readonly #launch: Launch
  readonly #log: Log
  readonly #process: Bun.Subprocess<'ignore', 'inherit', 'pipe'>
  readonly #ready = Promise.withResolvers<void>()
  #said = ''
  #killedFor: string | undefined
  #beats = 0
  #stillMs = 0
  #retiredAt = 0

  /** Starts it. */
  constructor(launch: Launch, log: Log) {
    this.#launch = launch
    this.#log = log
    this.board = Scoreboard.create(launch.boardFile)
    this.#process = Bun.spawn(launch.command, {
      cwd: launch.cwd,
      stdio: ['ignore', 'inherit', 'pipe'],
      detached: true, // a Ctrl-C in the terminal is for the supervisor
    })
    this.pid = this.#process.pid
    this.title = `${launch.name} (pid ${this.pid})`
    this.ready = this.#ready.promise
    this.ready.catch(() => {}) // not everybody asks
    this.gone = this.#untilGone()
  }

  /** Milliseconds since it was started. */
  get age(): number {
    return performance.now() - this.#started
  }

  get boardFile(): string {
    return this.#launch.boardFile
  }

  /** True as soon as it runs, with or without Postgres and Redis. */
  get isUp(): boolean {
    return this.board.progress !== 'booting'
  }

  /** Looks at it; to be called several times a second. @param elapsedMs since the last look */
  check(elapsedMs: number): void {
    if (this.state === 'gone' || this.#killedFor !== undefined) return
    const { bootTimeoutMs, harakiriMs, drainMs, replacing } = this.#launch
    if (this.state === 'booting') {
      if (this.board.progress === 'ready') this.#becomeReady()
      else if (this.age > bootTimeoutMs && (replacing || !this.isUp)) {
        const why = this.board.note === '' ? '' : ` (${this.board.note})`
        this.kill(`did not get ready within ${bootTimeoutMs} ms${why}`)
      }
    }
    if (this.state === 'retiring' && performance.now() - this.#retiredAt > drainMs) {
      this.kill(`did not drain within ${drainMs} ms${this.#dying()}`)
    }
    const { beats } = this.board
    // A start may well compute for longer: that has its own time limit.
    this.#stillMs = this.isUp && beats === this.#beats ? this.#stillMs + elapsedMs : 0
    this.#beats = beats
    if (this.#stillMs >= harakiriMs) this.#commitHarakiri()
  }

  /** Lets it answer what it has accepted, and end. */
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
    this.#log.info(`${this.title} is ready`, { ms: Math.round(this.age) })
    this.#ready.resolve()
  }

  #commitHarakiri(): void {
    const now = Date.now()
    const serving = this.board.serving()
    this.#log.error(`HARAKIRI: ${this.title} has been blocked too long`, {
      blockedMs: Math.round(this.#stillMs),
      died: this.board.inFlight,
      serving: serving
        .slice(0, NAMED)
        .map(({ what, since }) => `${what} for ${((now - since) / 1000).toFixed(1)} s`),
    })
    this.kill(`was blocked for ${Math.round(this.#stillMs)} ms (HARAKIRI_MS)${this.#dying()}`)
  }

  /** Which requests end with it, in words. */
  #dying(): string {
    const { inFlight } = this.board
    return inFlight === 0 ? '' : `; ${inFlight} requests died with it`
  }

  async #untilGone(): Promise<void> {
    const heard = this.#listen().catch(() => {})
    await this.#process.exited
    // Something that it started may hold its stderr open.
    await Promise.race([heard, Bun.sleep(LAST_WORDS_MS)])
    const { signalCode, exitCode } = this.#process
    const how = signalCode === null ? `ended with exit code ${exitCode}` : `was killed by ${signalCode}`
    const words = this.state === 'booting' && this.#said !== '' ? `: ${this.#said.trim()}` : ''
    this.end = this.#killedFor ?? `${how}${this.state === 'retiring' ? '' : this.#dying()}${words}`
    this.state = 'gone'
    this.#ready.reject(new Error(`${this.title} ${this.end}`))
    rmSync(this.boardFile, { force: true })
  }

  async #listen(): Promise<void> {
    const decoder = new TextDecoder()
    for await (const chunk of this.#process.stderr) {
      process.stderr.write(chunk)
      this.#said = (this.#said + decoder.decode(chunk, { stream: true })).slice(-LAST_WORDS)
    }
  }
}
