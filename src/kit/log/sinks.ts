// Writes log lines to stdout or a file, in batches.
import { closeSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { ConfigError } from '../types/config-error.ts'

const FLUSH_MS = 100
const FLUSH_CHARS = 16 * 1024
/** After any failure except a full pipe; often the disk is full. */
const RETRY_MS = 1000
/** Kept while the target accepts nothing; further lines are dropped and counted. */
const MAX_WAITING_CHARS = 4 * 1024 * 1024
const EXIT_PATIENCE_MS = 1000

const NEWLINE = 10
export const STDOUT = 1
/** Codes that say that nobody will ever read stdout again. */
const GONE = new Set(['EPIPE', 'EBADF'])
/** Never notified: to wait on it is to sleep. */
const NEVER = new Int32Array(new SharedArrayBuffer(4))

/** Called with the number of lost lines once lines can be written again. */
export type OnLost = (lines: number) => void

/** Buffers lines for up to 100 ms and writes them. A failing target never fails the caller. */
export class LineSink {
  #path: string | undefined
  #fd: number
  #lines = ''
  /** Taken from `#lines` to be written, and how much of it is written. */
  #batch = Buffer.alloc(0)
  #written = 0
  #timer: Timer | undefined
  #lost = 0
  #onLost: OnLost

  /**
   * @param path of the file; absent: stdout, or the open file of `fd`
   * @throws if the file cannot be opened
   */
  constructor(path: string | undefined, onLost: OnLost, fd = STDOUT) {
    this.#path = path
    this.#fd = path === undefined ? fd : openLogFile(path)
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

  /** Writes the buffered lines, as far as the target accepts them. */
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

  /** Keeps what was not written and schedules another attempt. */
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
   * A full disk may have taken half a line, of this process or of another that writes to the same file. So the next
   * write first ends that line, then repeats ours as a whole.
   */
  #beginAnew(): void {
    if (this.#written === 0 && this.#batch[0] === NEWLINE) return
    const lineStart = this.#batch.subarray(0, this.#written).lastIndexOf(NEWLINE) + 1
    this.#batch = Buffer.concat([Buffer.of(NEWLINE), this.#batch.subarray(lineStart)])
    this.#written = 0
  }

  /** The last flush before the process ends; waits up to a second for a full pipe. */
  drain(): void {
    const deadline = Date.now() + EXIT_PATIENCE_MS
    this.flush()
    while (this.#fd >= 0 && this.#isBehind && Date.now() < deadline) {
      Atomics.wait(NEVER, 0, 0, 10) // sleeps, on every runtime
      this.flush()
    }
  }

  /** Continues in a new file of the same name after a rotation. @throws if it cannot be opened; the old one stays */
  reopen(): void {
    if (this.#path === undefined || this.#fd < 0) return
    this.flush()
    const next = openLogFile(this.#path)
    closeSync(this.#fd)
    this.#fd = next
    if (this.#batch[0] === NEWLINE) this.#written = Math.max(this.#written, 1) // the new file has no half line to end
    this.flush()
  }

  /** Lines written after this still go to stdout, and are dropped for a file. */
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
