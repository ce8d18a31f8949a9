// Serves a portable app with Bun.serve, and drains it.
import type { KitConfig } from '../config/kit-config.ts'
import type { AppEnv, Observe } from '../http/env.ts'
import { internalError } from '../types/api-error.ts'
import type { ReportUnexpected } from '../log/unexpected.ts'
import type { Log } from '../types/log.ts'
import { readCertificate } from './certificate.ts'
import { codeOf, listenOnEach } from './port.ts'

/** The part of a Hono app that a listener needs. */
export interface Fetches {
  fetch(request: Request, env: AppEnv['Bindings']): Response | Promise<Response>
}

/** A connection is silent while its request is worked on, too: it lives this much longer than any may take. */
const IDLE_SLACK_S = 5
/** Bun's limit. */
const MAX_IDLE_S = 255

export interface ServeOptions {
  observe?: Observe
  /** Is told what is thrown outside of the app, which logs its own. */
  log?: Pick<Log, 'error'>
  report?: ReportUnexpected
  /** Several processes listen on the port. Without it a taken port is an error to be told. */
  reusePort?: boolean
  /**
   * How long it goes on listening after it was told to drain: meanwhile each connection that is in use gets a response
   * that says `Connection: close`. Where the listener closes first, a request may meet the end of its connection. Behind it,
   * connections that were accepted are heard for as long again: on a busy machine their requests may still be on the way.
   */
  lingerMs?: number
}

/**
 * Listens on the config's address. Under `bun --hot` the listener of the last round goes on with the new app.
 * @throws with code EADDRINUSE if the port is taken; ConfigError if the certificate cannot be used.
 */
export function serve(
  app: Fetches,
  config: KitConfig,
  { observe, log, report, reusePort = false, lingerMs = 0 }: ServeOptions = {},
) {
  const draining = new AbortController()
  const checkHost = createHostCheck()
  const patienceS = Math.ceil(config.requestTimeoutMs / 1000) + IDLE_SLACK_S
  let inFlight = 0

  const servers = listen(config, {
    tls: readCertificate(config),
    reusePort,
    idleTimeout: Math.min(Math.max(config.idleTimeoutS, patienceS), MAX_IDLE_S),
    maxRequestBodySize: Number.MAX_SAFE_INTEGER, // the app has a limit of its own, and responds with JSON
    error(error) {
      log?.error('an error outside of the app', { error })
      void report?.(error, { in: 'process', role: 'server', what: 'outside of the app' })
      const { status, code, message } = internalError
      return Response.json({ err: `${status}: ${message}`, code }, { status })
    },
    async fetch(request, listener) {
      inFlight++
      try {
        const refused = checkHost(request)
        const response = await app.fetch(asGet(withHost(request, refused !== undefined)), {
          refused,
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
  const settled = (timeoutMs: number) => waitWhile(() => inFlight > 0, timeoutMs)

  return {
    url: urlOf(servers[0], config.host),
    /** Ends the streams of this app, and resolves like `settled`. */
    async retire(timeoutMs: number): Promise<void> {
      draining.abort()
      await settled(timeoutMs)
    },

    /** Stops listening, responds to accepted requests, and resolves when that is done or `timeoutMs` have passed. */
    async drain(timeoutMs: number): Promise<void> {
      draining.abort()
      const linger = () => Bun.sleep(Math.min(lingerMs, timeoutMs / 2))
      await linger()
      // A plain `stop` also waits for idle keep-alive connections, for ever: the firm one follows.
      const stopped = Promise.all(servers.map((server) => server.stop()))
      const answered = linger()
        .then(() => settled(timeoutMs))
        .then(() => untilWritten(servers))
      await Promise.race([stopped, answered])
      await Promise.all(servers.map((server) => server.stop(true)))
    },
  }
}

/** Says why a request's Host is refused. Nearly all have the same one, and only another one is looked at. */
function createHostCheck() {
  let good: { host?: string; origin: string } = { origin: '' }
  return ({ url, headers }: Request): string | undefined => {
    // Bun makes the URL of the first one of several, or of the target; they are joined here.
    const host = headers.get('host') ?? ''
    if (host === good.host && url.startsWith(good.origin)) return undefined
    if (host.includes(',')) return 'The request has more than one Host header'
    if (url.startsWith('/')) return undefined
    if (!URL.canParse(url)) return 'The Host header is not a host with a port from 0 to 65535'
    good = { host, origin: url.slice(0, url.indexOf('/', url.indexOf('//') + 2) + 1) }
    return undefined
  }
}

/** Without a usable Host header Bun's URL is a bare path, or cannot be parsed: routers would cut it wrongly. */
const withHost = (request: Request, isRefused: boolean) =>
  isRefused || request.url.startsWith('/')
    ? new Request(`http://unknown${request.url.replace(/^https?:\/\/[^/?#]*/, '')}`, request)
    : request

/** Hono drops the body of the response to a HEAD, and its length with it. Bun drops the body only. */
const asGet = (request: Request) =>
  request.method === 'HEAD' ? new Request(request, { method: 'GET' }) : request

type Listeners = [Bun.Server<undefined>, ...Bun.Server<undefined>[]]

/** A free port of one loopback may be taken on the other: then the next one is tried. */
const MAX_TRIES = 10

/** Bun.serve, with an error for a taken port that names the port. */
function listen({ host, port }: KitConfig, options: Omit<Bun.Serve.Options<undefined>, 'port'>): Listeners {
  for (let tries = 1; ; tries++) {
    try {
      return listenOnEach(host, (hostname, first?: Bun.Server<undefined>) =>
        Bun.serve({ ...options, hostname, port: first?.port ?? port } as Bun.Serve.Options<undefined>),
      )
    } catch (error) {
      if (codeOf(error) !== 'EADDRINUSE') throw error
      if (port === 0 && tries < MAX_TRIES) continue
      throw Object.assign(new Error(`port ${port} is taken`, { cause: error }), { code: codeOf(error) })
    }
  }
}

/** By the name that people are told, whichever loopback it is. */
function urlOf({ url }: Bun.Server<undefined>, host: string): URL {
  const named = new URL(url)
  if (host === 'localhost') named.hostname = host
  return named
}

const WRITE_TIMEOUT_MS = 2000

/** Responses that are ready may still be on their way through the socket. */
const untilWritten = (servers: Listeners) =>
  waitWhile(() => servers.some((server) => server.pendingRequests > 0), WRITE_TIMEOUT_MS)

const POLL_MS = 10

async function waitWhile(isBusy: () => boolean, timeoutMs: number): Promise<void> {
  const end = performance.now() + timeoutMs
  while (isBusy() && performance.now() < end) await Bun.sleep(POLL_MS)
}
