// Sends server-sent events, until there are no more or nobody listens any more.
import type { Context } from 'hono'
import type { AnyContext, AppEnv } from './env.ts'

/** A comment this often keeps proxies from closing a quiet stream. */
const HEARTBEAT_MS = 10_000
/** Longer than several heartbeats: a connection that cannot write them may be closed. */
const IDLE_S = 60
/** Then the client reconnects and is checked again: its session may have ended, or its account be disabled. */
const MAX_MS = 5 * 60_000
/** How long a client waits before it reconnects. */
const RETRY_MS = 2000

const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  'X-Accel-Buffering': 'no', // nginx would hold events back
}

export interface EventStream {
  /** `data` must be one line. A client that reconnects sends the last id in `Last-Event-ID`. */
  send(event: { id: string; data: string }): void
  /** Resolves to true after `ms`, or to false as soon as nobody listens any more: then it is time to end. */
  wait(ms: number): Promise<boolean>
}

/**
 * Responds with the events that `produce` sends until it resolves. The request's deadline does not apply to them.
 * Ends early when the client leaves, when the process drains, and after five minutes: clients reconnect.
 */
export function eventStream(context: AnyContext, produce: (stream: EventStream) => Promise<void>): Response {
  const c: Context<AppEnv> = context
  // Nobody would read the stream, and so end it.
  const method = c.env?.method ?? c.req.method
  if (method === 'HEAD') return c.body(new ReadableStream(), 200, HEADERS)
  c.env.allowIdle?.(IDLE_S)
  const { draining } = c.env
  const encoder = new TextEncoder()
  let isOver = false
  let wake = () => {}
  let cancel = () => {}

  function start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const write = (text: string) => {
      if (!isOver) controller.enqueue(encoder.encode(text))
    }
    const cleanUp = () => {
      isOver = true
      clearInterval(heartbeat)
      clearTimeout(lifetime)
      draining?.removeEventListener('abort', end)
      wake()
    }
    const end = () => {
      if (isOver) return
      cleanUp()
      controller.close()
    }
    cancel = cleanUp
    const heartbeat = setInterval(() => write(':\n\n'), HEARTBEAT_MS)
    const lifetime = setTimeout(end, MAX_MS)
    draining?.addEventListener('abort', end)
    if (draining?.aborted) return end()

    write(`retry: ${RETRY_MS}\n\n`)
    produce({ send: ({ id, data }) => write(`id: ${id}\ndata: ${data}\n\n`), wait })
      .catch((error: unknown) => c.get('log').error('an event stream broke off', { error }))
      .finally(end)
  }

  const wait = (ms: number) =>
    new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => wake(), ms)
      wake = () => {
        clearTimeout(timer)
        resolve(!isOver)
      }
      if (isOver) wake()
    })

  // A client that leaves cancels its stream.
  return c.body(new ReadableStream<Uint8Array>({ start, cancel: () => cancel() }), 200, HEADERS)
}
