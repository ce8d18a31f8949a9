// Server-sent events: an answer that goes on while something happens, and ends when nobody listens any more.
import type { Context } from 'hono'
import type { AnyContext, AppEnv } from './env.ts'

/** A comment so often keeps proxies from taking a quiet stream for a dead one. */
const HEARTBEAT_MS = 10_000
/** Several heartbeats that could not be written: then the connection may well be closed. */
const IDLE_S = 60
/** Then the client comes again and is judged anew: its session may have ended, its account be disabled. */
const MAX_MS = 5 * 60_000
/** What a client waits before it connects again. */
const RETRY_MS = 2000

const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  'X-Accel-Buffering': 'no', // nginx would hold events back
}

export interface EventStream {
  /** `data` on one line. A client that connects again sends the last id in `Last-Event-ID`. */
  send(event: { id: string; data: string }): void
  /** After `ms` true; false as soon as nobody listens any more: then it is time to end. */
  wait(ms: number): Promise<boolean>
}

/**
 * Answers with the events that `act` sends, until it resolves. The request's deadline does not count for them.
 * Ends early when the client leaves, when the process drains, and after five minutes: clients connect again.
 */
export function eventStream(context: AnyContext, act: (stream: EventStream) => Promise<void>): Response {
  const c: Context<AppEnv> = context
  // Nobody would read, and so end it.
  const method = c.env?.method ?? c.req.method
  if (method === 'HEAD') return c.body(new ReadableStream(), 200, HEADERS)
  c.env.allowIdle?.(IDLE_S)
  const { draining } = c.env
  const encoder = new TextEncoder()
  let over = false
  let wake = () => {}
  let cancel = () => {}

  function start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const write = (text: string) => {
      if (!over) controller.enqueue(encoder.encode(text))
    }
    const letGo = () => {
      over = true
      clearInterval(beat)
      clearTimeout(life)
      draining?.removeEventListener('abort', end)
      wake()
    }
    const end = () => {
      if (over) return
      letGo()
      controller.close()
    }
    cancel = letGo
    const beat = setInterval(() => write(':\n\n'), HEARTBEAT_MS)
    const life = setTimeout(end, MAX_MS)
    draining?.addEventListener('abort', end)
    if (draining?.aborted) return end()

    write(`retry: ${RETRY_MS}\n\n`)
    act({ send: ({ id, data }) => write(`id: ${id}\ndata: ${data}\n\n`), wait })
      .catch((error: unknown) => c.get('log').error('an event stream broke off', { error }))
      .finally(end)
  }

  const wait = (ms: number) =>
    new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => wake(), ms)
      wake = () => {
        clearTimeout(timer)
        resolve(!over)
      }
      if (over) wake()
    })

  // A client that leaves cancels what it read.
  return c.body(new ReadableStream<Uint8Array>({ start, cancel: () => cancel() }), 200, HEADERS)
}
