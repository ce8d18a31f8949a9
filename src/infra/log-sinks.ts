// Where log lines go: a file or pipe, written in batches, and a syslog server.
import { lookup } from 'node:dns/promises'
import { closeSync, openSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'

const FLUSH_MS = 100
const FLUSH_CHARS = 16 * 1024
/** Kept for a pipe that takes no more for now; further lines are lost, and counted. */
const MAX_WAITING_CHARS = 4 * 1024 * 1024
const EXIT_PATIENCE_MS = 1000

const STDOUT = 1

/** Lines to stdout or to a file, gathered for up to 100 ms. A trouble of the target is never the writer's. */
export class LineSink {
  #path: string | undefined
  #fd: number
  #lines = ''
  #unwritten = Buffer.alloc(0)
  #timer: Timer | undefined
  #lost = 0
  #onLost: (lines: number) => void

  /**
   * @param path of the file; absent: stdout
   * @param onLost is told how many lines were lost, once lines can be written again
   * @throws if the file cannot be opened
   */
  constructor(path: string | undefined, onLost: (lines: number) => void) {
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
    if (this.#lines.length >= FLUSH_CHARS && this.#unwritten.length === 0) this.flush()
  }

  /** Writes what is waiting, as far as the target takes it. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#fd < 0) return
    try {
      while (this.#unwritten.length > 0 || this.#lines !== '') {
        if (this.#unwritten.length === 0) {
          this.#unwritten = Buffer.from(this.#lines)
          this.#lines = ''
        }
        this.#unwritten = this.#unwritten.subarray(writeSync(this.#fd, this.#unwritten))
      }
    } catch (error) {
      this.#onFailure((error as NodeJS.ErrnoException).code)
      return
    }
    const lost = this.#lost
    this.#lost = 0
    if (lost > 0) this.#onLost(lost)
  }

  #onFailure(code: string | undefined): void {
    if (code === 'EAGAIN') {
      this.#timer = setTimeout(() => this.flush(), FLUSH_MS).unref()
      return
    }
    this.#lost += this.#unwritten.toString('latin1').split('\n').length - 1
    this.#unwritten = Buffer.alloc(0)
    // Nobody reads stdout any more, and nobody will.
    if (this.#path === undefined) this.#fd = -1
  }

  /** The last flush before the process ends: waits a while for a pipe that is full. */
  drain(): void {
    const deadline = Date.now() + EXIT_PATIENCE_MS
    this.flush()
    while (this.#fd >= 0 && this.#unwritten.length > 0 && Date.now() < deadline) {
      Bun.sleepSync(10)
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
    const { code } = cause as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? `the folder ${dirname(path)} does not exist: create it` : String(code)
    throw new Error(`LOG_FILE=${path} cannot be opened: ${why}`, { cause })
  }
}

const SEVERITY = { error: 3, warn: 4, info: 6, debug: 7 }
const FACILITY_LOCAL0 = 16
const APP_NAME = 'restbun'
const DEFAULT_PORT = 514
const MAX_DATAGRAM = 8 * 1024
/** Lines kept until the server's address is known. */
const MAX_WAITING = 1000
/** A name is looked up again this often: the server may have moved, or was not to be found. */
const LOOKUP_MS = 30_000

/** Syslog by UDP (RFC 5424, facility local0). What the network loses is lost; the writer never waits or hears of it. */
export class SyslogSink {
  #host: string
  #port: number
  #address: string | undefined
  #family: number | undefined
  #socket: Bun.udp.Socket<'buffer'> | undefined
  #lookedUpAt = 0
  #lookup: Promise<void> | undefined
  #waiting: Buffer[] = []
  #closed = false

  /** @param url `udp://host:port`; the port is 514 if absent */
  constructor(url: string) {
    const { hostname: host, port } = new URL(url)
    this.#host = host.replace(/^\[|\]$/g, '')
    this.#port = Number(port || DEFAULT_PORT)
    this.#lookup = this.#findServer()
  }

  /** @param time ISO 8601 */
  write(level: keyof typeof SEVERITY, time: string, message: string): void {
    if (this.#closed) return
    const priority = FACILITY_LOCAL0 * 8 + SEVERITY[level]
    const header = `<${priority}>1 ${time} ${hostname() || '-'} ${APP_NAME} ${process.pid} - - `
    const datagram = cutUtf8(Buffer.from(header + message.trimEnd()), MAX_DATAGRAM)
    if (this.#address !== undefined) this.#send(datagram)
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push(datagram)
    if (Date.now() - this.#lookedUpAt > LOOKUP_MS) this.#lookup = this.#findServer()
  }

  async #findServer(): Promise<void> {
    this.#lookedUpAt = Date.now()
    try {
      const { address, family } = await lookup(this.#host)
      if (family !== this.#family) {
        this.#socket?.close()
        this.#socket = await Bun.udpSocket({ hostname: family === 6 ? '::' : '0.0.0.0' })
        this.#socket.unref()
        this.#family = family
      }
      this.#address = address
    } catch {
      return // a later line looks again
    }
    for (const datagram of this.#waiting.splice(0)) this.#send(datagram)
  }

  #send(datagram: Buffer): void {
    // An error here may be the news that an earlier datagram was refused: the second attempt is this one's own.
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        this.#socket?.send(datagram, this.#port, this.#address ?? '')
        return
      } catch {
        continue
      }
    }
  }

  /** Sends what waits for the address, if it can be found. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#lookup
    this.#socket?.close()
    this.#socket = undefined
  }
}

function cutUtf8(bytes: Buffer, max: number): Buffer {
  if (bytes.length <= max) return bytes
  let end = max
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}
