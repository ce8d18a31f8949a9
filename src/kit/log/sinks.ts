// Where log lines go: stdout or a file, written in batches.
import { closeSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { ConfigError } from '../types/config-error.ts'

const FLUSH_MS = 100
const FLUSH_CHARS = 16 * 1024
/** After a failure other than a pipe that is full: a disk without room, as often as not. */
const RETRY_MS = 1000
/** Kept for a target that takes no more for now; further lines are lost, and counted. */
const MAX_WAITING_CHARS = 4 * 1024 * 1024
const EXIT_PATIENCE_MS = 1000

const NEWLINE = 10
const STDOUT = 1
/** Nobody reads stdout any more, and nobody will. */
const GONE = new Set(['EPIPE', 'EBADF'])
/** Nobody wakes who waits for it. */
const NEVER = new Int32Array(new SharedArrayBuffer(4))

/** Told how many lines were lost, once lines can be written again. */
export type OnLost = (lines: number) => void

/** Lines to stdout or to a file, gathered for up to 100 ms. A trouble of the target is never the writer's. */
export class LineSink {
  #path: string | undefined
  #fd: number
  #lines = ''
  /** Taken from `#lines` to be written, and how much of it is. */
  #batch = Buffer.alloc(0)
  #written = 0
  #timer: Timer | undefined
  #lost = 0
  #onLost: OnLost

  /**
   * @param path of the file; absent: stdout
   * @throws if the file cannot be opened
   */
  constructor(path: string | undefined, onLost: OnLost) {
    this.#path = path
    this.#fd = path === undefined ? STDOUT : openLogFile(path)
    this.#onLost = onLost
  }

  write(line: string): void {
    if (this.#fd < 0) return
    if (this.#lines.length > MAX_WAITING_CHARS) {
      this.#lost++
      return
    }
    this.#lines += line
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS).unref()
    if (this.#lines.length >= FLUSH_CHARS && !this.#isBehind) this.flush()
  }

  /** Writes what is waiting, as far as the target takes it. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#fd < 0) return
    try {
      while (this.#isBehind || this.#lines !== '') {
        if (!this.#isBehind) {
          this.#batch = Buffer.from(this.#lines)
          this.#written = 0
          this.#lines = ''
        }
        this.#written += writeSync(this.#fd, this.#batch, this.#written)
      }
    } catch (error) {
      this.#onFailure(codeOf(error))
      return
    }
    const lost = this.#lost
    this.#lost = 0
    if (lost > 0) this.#onLost(lost)
  }

  get #isBehind(): boolean {
    return this.#written < this.#batch.length
  }

  /** What was not written waits, and is tried again. */
  #onFailure(code: string): void {
    if (this.#path === undefined && GONE.has(code)) {
      this.#fd = -1
      this.#batch = Buffer.alloc(0)
      this.#lines = ''
      return
    }
    if (code !== 'EAGAIN') this.#beginAnew()
    this.#timer = setTimeout(() => this.flush(), code === 'EAGAIN' ? FLUSH_MS : RETRY_MS).unref()
  }

  /**
   * A disk that is full takes half a line, of this process or of another that writes to the same file, and it is not to
   * be told whose comes next: the next write ends that line first, and brings ours as a whole.
   */
  #beginAnew(): void {
    if (this.#written === 0 && this.#batch[0] === NEWLINE) return
    const lineStart = this.#batch.subarray(0, this.#written).lastIndexOf(NEWLINE) + 1
    this.#batch = Buffer.concat([Buffer.of(NEWLINE), this.#batch.subarray(lineStart)])
    this.#written = 0
  }

  /** The last flush before the process ends: waits a while for a pipe that is full. */
  drain(): void {
    const deadline = Date.now() + EXIT_PATIENCE_MS
    this.flush()
    while (this.#fd >= 0 && this.#isBehind && Date.now() < deadline) {
      Atomics.wait(NEVER, 0, 0, 10) // sleeps, on every runtime
      this.flush()
    }
  }

  /** Goes on in a new file of the same name, after a rotation. @throws if it cannot be opened: the old one is kept. */
  reopen(): void {
    if (this.#path === undefined || this.#fd < 0) return
    this.flush()
    const next = openLogFile(this.#path)
    closeSync(this.#fd)
    this.#fd = next
    if (this.#batch[0] === NEWLINE) this.#written = Math.max(this.#written, 1) // nothing is to be ended here
    this.flush()
  }

  /** Lines that come after this go to stdout at its next flush, and nowhere from a file. */
  close(): void {
    this.drain()
    clearTimeout(this.#timer)
    if (this.#path === undefined || this.#fd < 0) return
    closeSync(this.#fd)
    this.#fd = -1
  }
}

function openLogFile(path: string): number {
  try {
    return openSync(path, 'a', 0o640)
  } catch (cause) {
    const code = codeOf(cause)
    const why = code === 'ENOENT' ? `the folder ${dirname(path)} does not exist: create it` : code
    throw new ConfigError(`LOG_FILE=${path} cannot be opened: ${why}`, { cause })
  }
}

const codeOf = (error: unknown) =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
