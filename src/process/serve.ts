// One listening process: Bun.serve around a portable app, and its drain.
import type { Config } from '../config.ts'
import type { AppEnv, Observe } from '../web/factory.ts'
import { readCertificate } from './certificate.ts'

/** The part of a Hono app that a listener needs. */
export interface Fetches {
  fetch(request: Request, env: AppEnv['Bindings']): Response | Promise<Response>
}

/** Bun ends a connection that stays silent this much longer than any request may take; 255 s is its limit. */
const IDLE_SLACK_S = 5
const MAX_IDLE_S = 255

export interface ServeOptions {
  observe?: Observe
  /** Several processes listen on the port. Without it a taken port is an error to be told. */
  reusePort?: boolean
  /**
   * How long it goes on listening after it was told to drain: meanwhile each connection that is in use gets an answer
   * that says `Connection: close`. Where the listener closes first, a request may meet the end of its connection.
   */
  lingerMs?: number
}

/**
 * Listens on the config's address. Under `bun --hot` the listener of the last round goes on with the new app.
 * @throws with code EADDRINUSE if the port is taken; ConfigError if the certificate cannot be used.
 */
export function serve(
  app: Fetches,
  config: Config,
  { observe, reusePort = false, lingerMs = 0 }: ServeOptions = {},
) {
  const draining = new AbortController()
  let inFlight = 0

  const server = listen({
    hostname: config.host,
    port: config.port,
    tls: readCertificate(config),
    reusePort,
    idleTimeout: Math.min(Math.ceil(config.requestTimeoutMs / 1000) + IDLE_SLACK_S, MAX_IDLE_S),
    maxRequestBodySize: Number.MAX_SAFE_INTEGER, // the app has a limit of its own, and answers with JSON
    async fetch(request, listener) {
      inFlight++
      try {
        const response = await app.fetch(asGet(withHost(request)), {
          observe,
          remoteAddress: listener.requestIP(request)?.address,
          allowIdle: (seconds) => listener.timeout(request, seconds),
          draining: draining.signal,
          method: request.method,
        })
        // Bun closes without saying so when the client asked for it, and strict clients count that as an error.
        // After a refusal the rest of a body may still be on its way: nobody will read it.
        const isRefusal = response.status === 413 || response.status === 503
        if (
          draining.signal.aborted ||
          isRefusal ||
          request.headers.get('connection')?.toLowerCase() === 'close'
        ) {
          response.headers.set('Connection', 'close')
        }
        return response
      } finally {
        inFlight--
      }
    },
  })

  /** Resolves when no request of this app is in flight any more, or after `timeoutMs`. */
  async function settled(timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs
    while (inFlight > 0 && performance.now() < end) await Bun.sleep(POLL_MS)
  }

  return {
    url: server.url,
    /** Ends the streams of this app, and resolves like `settled`. */
    async retire(timeoutMs: number): Promise<void> {
      draining.abort()
      await settled(timeoutMs)
    },

    /** Stops listening, answers what was accepted, and resolves when that is done or `timeoutMs` have passed. */
    async drain(timeoutMs: number): Promise<void> {
      draining.abort()
      await Bun.sleep(Math.min(lingerMs, timeoutMs))
      // A plain `stop` also waits for idle keep-alive connections, for ever: the firm one follows.
      const stopped = server.stop()
      await Promise.race([stopped, settled(timeoutMs).then(() => untilWritten(server))])
      await server.stop(true)
    },
  }
}

/** Without a usable Host header Bun's URL is the bare path, which routers would cut at the wrong place. */
const withHost = (request: Request) =>
  request.url.startsWith('/') ? new Request(`http://unknown${request.url}`, request) : request

/** Hono drops the body of a HEAD's answer, and its length with it. Bun drops the body only. */
const asGet = (request: Request) =>
  request.method === 'HEAD' ? new Request(request, { method: 'GET' }) : request

/** Bun.serve, with an error for a taken port that names the port. */
function listen(options: Bun.Serve.Options<undefined>): Bun.Server<undefined> {
  try {
    return Bun.serve(options)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    const port = 'port' in options ? options.port : undefined
    throw Object.assign(new Error(`port ${port} is taken`, { cause: error }), { code: error.code })
  }
}

const POLL_MS = 10
const WRITE_TIMEOUT_MS = 2000

/** Answers that were computed may still be on their way through the socket. */
async function untilWritten(server: Bun.Server<undefined>): Promise<void> {
  const end = performance.now() + WRITE_TIMEOUT_MS
  while (server.pendingRequests > 0 && performance.now() < end) await Bun.sleep(POLL_MS)
}
