// Sends a client's requests again when they fail in passing, wherever that cannot do a thing twice.
//
//   const { api } = withKeys(hc<AppType>(url, { fetch: retryingFetch() }), ['POST /api/books'])
//
// `npm run client` puts this file into the package, whose `createClient` does so. It needs web standards alone.

/** How often, and for how long. */
export interface RetryOptions {
  /** How often a request is sent at most, the first time included; 1: once. Default: 5. */
  attempts?: number
  /**
   * Milliseconds from the first sending, after which none follows. Default: 30,000. It ends no request that is waiting for its
   * answer: `init: { signal: AbortSignal.timeout(10_000) }` does.
   */
  withinMs?: number
}

type Send = (input: string | URL | Request, init?: RequestInit) => Response | Promise<Response>

const KEY = 'Idempotency-Key'
/** A pause is random between 0 and this, which doubles with each: many clients do not come back all at once. */
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 8000
/** Too many requests; a gateway, or the service behind it, cannot answer now. */
const IN_PASSING = [429, 502, 503, 504]
/** To send these twice does what once does (RFC 9110, 9.2.2). */
const IDEMPOTENT = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']

const CLOCK = { now: () => Date.now(), random: () => Math.random(), pause }

/**
 * Makes a `fetch` that sends a request again after a network error, 429, 502, 503, 504, and where the first one with its key is
 * still being done. It waits as long as `Retry-After` says, and a random while more. Past its bounds the last answer is
 * returned, or the last error thrown. An aborted signal ends it at once, with the signal's reason.
 *
 * GET, HEAD, PUT and DELETE are sent again, and whatever has an `Idempotency-Key`. Who sets that header says that the route is
 * `idempotent()`. Sent once are: other POST and PATCH; what has `If-Match`, as 412 would be the answer to one's own change;
 * a stream as a body, and a `Request`. A DELETE that is sent again answers 404 if the first one has arrived.
 * @param send what sends, `fetch` by default
 */
export function retryingFetch(
  { attempts = 5, withinMs = 30_000 }: RetryOptions = {},
  send: Send = (input, init) => fetch(input, init),
  clock = CLOCK,
) {
  return async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    if (input instanceof Request || !isRepeatable(init)) return send(input, init)
    const again = await withOneBoundary(init)
    const isKeyed = new Headers(init.headers).has(KEY)
    const start = clock.now()
    for (let sent = 1; ; sent++) {
      let response: Response | undefined
      let failure: unknown
      try {
        response = await send(input, again)
        // The last piece belongs to it: who does not get the answer whole would ask again with another key.
        if (isKeyed) await response.clone().arrayBuffer()
      } catch (error) {
        response = undefined
        failure = error
      }
      const pauseMs =
        waitOf(response, clock.now()) +
        clock.random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (sent - 1))
      const isLast = sent >= attempts || clock.now() - start + pauseMs > withinMs
      if (isLast || (response && !(await isInPassing(response, isKeyed)))) {
        if (response === undefined) throw failure
        return response
      }
      await response?.body?.cancel() // or its connection would wait for somebody who reads it
      await clock.pause(pauseMs, init.signal)
    }
  }
}

function isRepeatable({ method = 'GET', headers, body }: RequestInit): boolean {
  if (body instanceof ReadableStream) return false
  const sent = new Headers(headers)
  return sent.has(KEY) || (IDEMPOTENT.includes(method.toUpperCase()) && !sent.has('If-Match'))
}

/** A form is written with another boundary each time: to the server that would be another body. */
async function withOneBoundary(init: RequestInit): Promise<RequestInit> {
  if (!(init.body instanceof FormData)) return init
  const form = new Response(init.body)
  const headers = new Headers(init.headers)
  headers.set('Content-Type', form.headers.get('Content-Type') ?? '')
  return { ...init, headers, body: await form.arrayBuffer() }
}

async function isInPassing(response: Response, isKeyed: boolean): Promise<boolean> {
  if (IN_PASSING.includes(response.status)) return true
  if (response.status !== 409 || !isKeyed) return false
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => undefined)
  return Object(body).code === 'request_in_progress'
}

/** What `Retry-After` says, in milliseconds: it has seconds, or a date. */
function waitOf(response: Response | undefined, now: number): number {
  const header = response?.headers.get('Retry-After') ?? ''
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return Math.max(0, ms || 0)
}

/** @throws the reason of the signal, as soon as it is aborted */
function pause(ms: number, signal?: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason as Error)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}

type Headed = { headers?: object | (() => object | Promise<object>) }

/**
 * Gives each call of these routes a random `Idempotency-Key`, which stays over its retries. A key among the headers of a call is
 * used instead.
 * @param client of `hc`, which retries with `retryingFetch`
 * @param routes those with the word `idempotent()`: `POST /api/courts/:court/bookings`
 */
export function withKeys<Client extends object>(
  client: Client,
  routes: readonly string[],
  path: readonly string[] = [],
): Client {
  return new Proxy(client, {
    get(target, name, self) {
      const inner: unknown = Reflect.get(target, name, self)
      return typeof inner === 'function' ? withKeys(inner, routes, [...path, String(name)]) : inner
    },
    // The names that lead to a call are the route, before values stand for its parameters.
    apply(target, self, [input, options, ...rest]: [unknown, Headed?, ...unknown[]]) {
      const method = path.at(-1)?.replace('$', '').toUpperCase()
      const call = target as (...args: unknown[]) => unknown
      if (!routes.includes(`${method} /${path.slice(0, -1).join('/')}`))
        return Reflect.apply(call, self, [input, options, ...rest])
      const { headers } = options ?? {}
      const key = { [KEY]: randomKey() }
      const keyed =
        typeof headers === 'function'
          ? async () => ({ ...key, ...(await headers()) })
          : { ...key, ...headers }
      return Reflect.apply(call, self, [input, { ...options, headers: keyed }, ...rest])
    },
  })
}

/** 128 bits in hex. Not `randomUUID`, which browsers have on https and localhost alone. */
const randomKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  )
