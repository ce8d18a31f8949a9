// Sends server-sent events, until there are no more or nobody listens any more.
import type { Context } from 'hono'
import type { AnyContext, AppEnv } from './env.ts'

/** A comment after this much silence keeps proxies from closing a quiet stream. */
const HEARTBEAT_MS = 10_000
/** Longer than several heartbeats: a connection that cannot write them may be closed. */
const IDLE_S = 60
/** Then the client reconnects and is checked again: its session may have ended, or its account be disabled. */
const MAX_MS = 5 * 60_000
/** How long a client waits before it reconnects; up to twice as long, so that not all of a process come back at once. */
const RETRY_MS = 1000
/** How often all streams are looked after: one timer for all of a process costs less than two for each. */
const TICK_MS = 1000
/** Bytes that wait for a client. With more it does not read, and is cut off: they would fill the memory. */
const MAX_WAITING = 256 * 1024

const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  'X-Accel-Buffering': 'no', // nginx would hold events back
}

const encoder = new TextEncoder()

/** The bytes of one event, none of whose texts may have line ends. With `data` undefined it moves the id alone. */
export const encodeEvent = ({ id, event, data }: { id: string; event?: string; data?: string }) =>
  encoder.encode(
    `id: ${id}\n${event === undefined ? '' : `event: ${event}\n`}${data === undefined ? '' : `data: ${data}\n`}\n`,
  )

const HEARTBEAT = encoder.encode(':\n\n')

export interface EventStream {
  /** `data` must be one line. A client that reconnects sends the last id in `Last-Event-ID`. */
  send(event: { id: string; data: string }): void
  /** Sends bytes of `encodeEvent`, which several streams may share. A client that does not read what it was sent is cut off. */
  write(bytes: Uint8Array<ArrayBuffer>): void
  /** Resolves to true after `ms`, or to false as soon as nobody listens any more: then it is time to end. */
  wait(ms: number): Promise<boolean>
  /** Ends a wait that is under way: there is something to look at. */
  wake(): void
  /** Resolves when the client has read most of what was sent; to false as `wait`. For more than a few events at once. */
  drained(): Promise<boolean>
  /** Set: makes what is sent after a silence, instead of a comment. */
  heartbeat?: () => Uint8Array<ArrayBuffer>
}

/** Every stream of the process. The timer runs while there are some. */
const open = new Set<OpenStream>()
let ticker: ReturnType<typeof setInterval> | undefined

const watched = new WeakSet<AbortSignal>()

/** Ends the streams of a process that drains. One listener for all: to take out each of thousands would take seconds. */
function watch(draining: AbortSignal): void {
  if (watched.has(draining)) return
  watched.add(draining)
  draining.addEventListener('abort', () => {
    for (const stream of open) if (stream.draining === draining) stream.end()
  })
}

class OpenStream implements EventStream {
  heartbeat?: () => Uint8Array<ArrayBuffer>
  isOver = false
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>
  #wake: (() => void) | undefined
  #onRead: (() => void) | undefined
  #writtenAt = Date.now()
  /** Not all at once: what began together, after a reload, would end together for ever. */
  #endsAt = Date.now() + MAX_MS * (0.8 + Math.random() / 5)

  constructor(
    controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>,
    readonly draining: AbortSignal | undefined,
    readonly onCut: () => void,
  ) {
    this.#controller = controller
    open.add(this)
    ticker ??= setInterval(() => {
      const now = Date.now()
      for (const stream of open) stream.#look(now)
    }, TICK_MS)
    if (draining) watch(draining)
  }

  #look(now: number): void {
    if (now >= this.#endsAt) this.end()
    else if (now - this.#writtenAt >= HEARTBEAT_MS) this.write(this.heartbeat?.() ?? HEARTBEAT)
  }

  send(event: { id: string; data: string }): void {
    this.write(encodeEvent(event))
  }

  write(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.isOver) return
    if ((this.#controller.desiredSize ?? 0) <= 0) return this.#cut()
    this.#writtenAt = Date.now()
    this.#controller.enqueue(bytes)
  }

  wait(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake?.(), ms)
      this.#wake = () => {
        clearTimeout(timer)
        this.#wake = undefined
        resolve(!this.isOver)
      }
      if (this.isOver) this.#wake()
    })
  }

  wake(): void {
    this.#wake?.()
  }

  drained(): Promise<boolean> {
    if (this.isOver || this.#isDrained()) return Promise.resolve(!this.isOver)
    return new Promise((resolve) => {
      this.#onRead = () => resolve(!this.isOver)
    })
  }

  #isDrained = () => (this.#controller.desiredSize ?? 0) > MAX_WAITING / 2

  /** The client has read something. */
  pull(): void {
    if (this.#onRead && this.#isDrained()) this.#onRead()
  }

  /** Nobody listens any more. */
  leave = (): void => {
    if (this.isOver) return
    this.isOver = true
    open.delete(this)
    if (open.size === 0) {
      clearInterval(ticker)
      ticker = undefined
    }
    this.#wake?.()
    this.#onRead?.()
  }

  end = (): void => {
    if (this.isOver) return
    this.leave()
    this.#controller.close()
  }

  /** Nothing is added to what waits. A client that reads it connects again; another's connection is closed as idle. */
  #cut(): void {
    this.end()
    this.onCut()
  }
}

/**
 * Responds with the events that `produce` sends until it resolves. The request's deadline does not apply to them.
 * Ends early when the client leaves or does not read, when the process drains, and after some minutes: clients reconnect.
 */
export function eventStream(context: AnyContext, produce: (stream: EventStream) => Promise<void>): Response {
  const c: Context<AppEnv> = context
  // Nobody would read the stream, and so end it.
  const method = c.env?.method ?? c.req.method
  if (method === 'HEAD') return c.body(new ReadableStream(), 200, HEADERS)
  c.env.allowIdle?.(IDLE_S)
  const { draining } = c.env
  const log = c.get('log')
  let stream: OpenStream | undefined

  function start(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): void {
    if (draining?.aborted) return controller.close()
    const opened = new OpenStream(controller, draining, () =>
      log.info('an event stream was cut off: its client does not read'),
    )
    stream = opened
    opened.write(encoder.encode(`retry: ${Math.round(RETRY_MS * (1 + Math.random()))}\n\n`))
    produce(opened)
      .catch((error: unknown) => log.error('an event stream broke off', { error }))
      .finally(opened.end)
  }

  const source = { start, pull: () => stream?.pull(), cancel: () => stream?.leave() }
  const body = new ReadableStream(source, new ByteLengthQueuingStrategy({ highWaterMark: MAX_WAITING }))
  return c.body(body, 200, HEADERS)
}
