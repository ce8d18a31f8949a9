// Maps the scoreboard of one process: a small file that it and its supervisor share in memory. It can be read when the
// process is stuck or dead, and a write costs no more than storing a number.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'

/** How far a process is. `up`: it runs, but Postgres or Redis has not answered yet. `standby`: it waits for `mayBegin`. */
export type Progress = 'booting' | 'up' | 'ready' | 'draining' | 'standby'

export interface Serving {
  /** Method, path and request id. */
  what: string
  /** Unix milliseconds. */
  since: number
}

const PROGRESS: readonly Progress[] = ['booting', 'up', 'ready', 'draining', 'standby']

// Offsets of numbers (each a float64), then the note, then the requests that are being served.
const AT = { progress: 0, heartbeats: 8, requests: 16, inFlight: 24, lagMs: 32, rss: 40, mayBegin: 48 }
const NOTE = { at: 64, bytes: 448 }
/** Of a request: since when, the length of the text, the text. */
const ENTRY = { at: 512, bytes: 256, head: 16 }
/** More at a time are counted, but not named. */
const ENTRIES = 64
const SIZE = ENTRY.at + ENTRIES * ENTRY.bytes

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export class Scoreboard {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #texts: Uint8Array[]
  readonly #free = Array.from({ length: ENTRIES }, (_, i) => ENTRIES - 1 - i)

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#texts = Array.from({ length: ENTRIES }, (_, i) => {
      const at = ENTRY.at + i * ENTRY.bytes
      return bytes.subarray(at + ENTRY.head, at + ENTRY.bytes)
    })
  }

  /** An empty one, for the supervisor: it must be there before the process starts. @throws if there is no room */
  static create(path: string): Scoreboard {
    try {
      // Every byte is written, so that a process never meets a full disk at a page that is not there yet.
      writeFileSync(path, new Uint8Array(SIZE), { mode: 0o600 })
    } catch (error) {
      rmSync(path, { force: true }) // what did fit would be in the way of the next attempt
      throw error
    }
    return Scoreboard.open(path)
  }

  /** The one that the supervisor has created. */
  static open(path: string): Scoreboard {
    return new Scoreboard(Bun.mmap(path, { shared: true }))
  }

  /** A copy of its present state. */
  static read(path: string): Scoreboard {
    return new Scoreboard(new Uint8Array(readFileSync(path)))
  }

  get progress(): Progress {
    return PROGRESS[this.#get(AT.progress)] ?? 'booting'
  }
  set progress(progress: Progress) {
    this.#set(AT.progress, PROGRESS.indexOf(progress))
  }

  /** Written by the supervisor: the process whose place it takes is gone. */
  get mayBegin(): boolean {
    return this.#get(AT.mayBegin) === 1
  }
  set mayBegin(may: boolean) {
    this.#set(AT.mayBegin, Number(may))
  }

  /** About ten a second, from a timer: the number stands still while the event loop is blocked. */
  get heartbeats(): number {
    return this.#get(AT.heartbeats)
  }
  /** Requests that were begun, ever. */
  get requests(): number {
    return this.#get(AT.requests)
  }
  get inFlight(): number {
    return this.#get(AT.inFlight)
  }
  /** The longest delay of a timer within the last second. */
  get lagMs(): number {
    return this.#get(AT.lagMs)
  }
  /** Resident memory, bytes. */
  get rss(): number {
    return this.#get(AT.rss)
  }

  heartbeat(): void {
    this.#set(AT.heartbeats, this.heartbeats + 1)
  }

  measure(lagMs: number, rss: number): void {
    this.#set(AT.lagMs, lagMs)
    this.#set(AT.rss, rss)
  }

  /** What a process that is not ready waits for. */
  get note(): string {
    return decoder.decode(this.#bytes.subarray(NOTE.at, NOTE.at + NOTE.bytes)).replace(/\0.*$/s, '')
  }
  set note(text: string) {
    const room = this.#bytes.subarray(NOTE.at, NOTE.at + NOTE.bytes).fill(0)
    encoder.encodeInto(text, room)
  }

  /** A request begins. @returns its entry, for `end`: -1 if there was no free one */
  begin(what: string): number {
    this.#set(AT.requests, this.requests + 1)
    this.#set(AT.inFlight, this.inFlight + 1)
    const entry = this.#free.pop()
    const text = entry === undefined ? undefined : this.#texts[entry]
    if (entry === undefined || text === undefined) return -1
    const at = ENTRY.at + entry * ENTRY.bytes
    this.#set(at + 8, encoder.encodeInto(what, text).written)
    this.#set(at, Date.now())
    return entry
  }

  end(entry: number): void {
    this.#set(AT.inFlight, this.inFlight - 1)
    if (entry < 0) return
    this.#set(ENTRY.at + entry * ENTRY.bytes, 0)
    this.#free.push(entry)
  }

  /** The requests that are being served, the newest first: that one most likely blocks the others. */
  serving(): Serving[] {
    return this.#texts
      .map((text, i) => {
        const at = ENTRY.at + i * ENTRY.bytes
        return { since: this.#get(at), what: decoder.decode(text.subarray(0, this.#get(at + 8))) }
      })
      .filter(({ since }) => since > 0)
      .toSorted((a, b) => b.since - a.since)
  }

  #get(at: number): number {
    return this.#view.getFloat64(at, true)
  }
  #set(at: number, value: number): void {
    this.#view.setFloat64(at, value, true)
  }
}
