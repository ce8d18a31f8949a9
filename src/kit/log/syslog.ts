// Sends log lines to a syslog server over UDP.
import { lookup } from 'node:dns/promises'
import { hostname } from 'node:os'
import type { OnLost } from './sinks.ts'

const SEVERITY = { error: 3, warn: 4, info: 6, debug: 7 }
const FACILITY_LOCAL0 = 16
const DEFAULT_PORT = 514
const MAX_DATAGRAM = 8 * 1024
/** Lines kept until the server's address is known. */
const MAX_WAITING = 1000
/** The name is looked up again this often: the server may have moved, or was not found. */
const LOOKUP_MS = 30_000

/** Syslog over UDP (RFC 5424, facility local0). Counts lines that could not be sent, not those lost on the network. */
export class SyslogSink {
  #host: string
  #port: number
  #address: string | undefined
  #family: number | undefined
  #socket: Bun.udp.Socket<'buffer'> | undefined
  #lookedUpAt = 0
  #lookup: Promise<void> | undefined
  #waiting: Buffer[] = []
  #lost = 0
  #service: string
  #onLost: OnLost
  #closed = false

  /** @param url `udp://host:port`; the port is 514 if absent */
  constructor(url: string, service: string, onLost: OnLost) {
    this.#service = service
    this.#onLost = onLost
    const { hostname: host, port } = new URL(url)
    this.#host = host.replace(/^\[|\]$/g, '')
    this.#port = Number(port || DEFAULT_PORT)
    this.#lookup = this.#findServer()
  }

  /** @param time ISO 8601 */
  write(level: keyof typeof SEVERITY, time: string, message: string): void {
    if (this.#closed) return
    const priority = FACILITY_LOCAL0 * 8 + SEVERITY[level]
    const header = `<${priority}>1 ${time} ${hostname() || '-'} ${this.#service} ${process.pid} - - `
    const datagram = cutUtf8(Buffer.from(header + message.trimEnd()), MAX_DATAGRAM)
    if (this.#address !== undefined) this.#send(datagram)
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push(datagram)
    else this.#lost++
    if (Date.now() - this.#lookedUpAt > LOOKUP_MS) this.#lookup = this.#findServer()
  }

  async #findServer(): Promise<void> {
    this.#lookedUpAt = Date.now()
    try {
      const { address, family } = await lookup(this.#host)
      if (family !== this.#family) {
        this.#socket?.close()
        this.#socket = await Bun.udpSocket({
          hostname: family === 6 ? '::' : '0.0.0.0',
          // Without a handler, a refused datagram becomes an uncaught error.
          socket: { error() {} },
        })
        this.#socket.unref()
        this.#family = family
      }
      this.#address = address
    } catch {
      return // a later line tries again
    }
    for (const datagram of this.#waiting.splice(0)) this.#send(datagram)
  }

  #send(datagram: Buffer): void {
    if (!this.#hasSent(datagram)) {
      this.#lost++
      return
    }
    const lost = this.#lost
    this.#lost = 0
    if (lost > 0) this.#onLost(lost)
  }

  #hasSent(datagram: Buffer): boolean {
    // The first error may be about an earlier datagram that was refused: the second attempt is about this one.
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        return this.#socket?.send(datagram, this.#port, this.#address ?? '') === true
      } catch {
        continue
      }
    }
    return false
  }

  /** Sends the lines that wait for the address, if it is found. */
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
