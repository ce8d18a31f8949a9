// Limits how often a route may be called. A route opts in with `rateLimit({ name, quotas })`.
import type { MiddlewareHandler } from 'hono'
import { BusyError, Gate } from '../data/gate.ts'
import { ApiError, rateLimitExceeded } from '../types/api-error.ts'
import type { Count, Counter, RateLimiter, Settlement } from '../types/rate-limiter.ts'
import { tag } from './doc.ts'
import type { AnyContext } from './env.ts'
import { middleware } from './factory.ts'
import type { RateLimit } from './quota.ts'

/** The pauses between checks whether a pending count was refunded: the first, and the longest. */
const PAUSE_MS = { first: 20, longest: 500 }
/** Requests per limit and process that wait for pending counts; one more gets 503. */
const MAX_WAITING = 300

/**
 * Responds with 429 and Retry-After beyond any of the quotas. Place it after the validators, so that a key may come from
 * the input, and before the work: each request is counted before it costs anything, so that concurrent ones cannot exceed
 * the limit. If everything left is taken by requests that may not count in the end, the next one waits for them. A
 * request that one quota refuses does not count for the others. Without RATE_LIMIT it does nothing. While Redis is away
 * it responds with 503, as a limit that cannot count is no limit.
 */
export function rateLimit(rule: RateLimit): MiddlewareHandler {
  const waiting = new Gate({ places: MAX_WAITING, queue: 0 })
  const handler = middleware(async (c, next) => {
    const config = c.get('config')
    if (!config.rateLimit.on) return next()
    const limiter = c.get('rateLimiter')
    const quotas = rule.quotas(config)
    const counters = quotas.map(({ per, key, limit, seconds, counts }): Counter => ({
      name: `${rule.name}-${per}`,
      key: key(c),
      limit,
      seconds,
      settles: counts !== 'requests',
    }))
    const { verdict, counts } = await take(limiter, counters, waiting, c.get('signal'))
    const headers = headersOf(counts)
    if (verdict !== 'taken') throw refusal(c, counts, headers)

    await next()
    for (const [name, value] of Object.entries(headers)) c.res.headers.append(name, value)
    // What was right so far, and takes one more step, is neither a failure nor a success.
    const isStep = c.error instanceof ApiError && !c.error.isFailure
    const { status } = c.res
    const outcomes = quotas.map((quota): Settlement['outcome'] => {
      if (status >= 400 && status < 500 && !isStep) return 'keep'
      return status < 400 && quota.counts === 'failures in a row' ? 'clear' : 'refund'
    })
    const settlements = counts.map((count, i) => ({ ...count, outcome: outcomes[i] ?? 'keep' }))
    try {
      await limiter.settle(settlements.filter(({ counter }) => counter.settles))
    } catch (error) {
      // The work is done: a count that stays too high for a while must not make it fail.
      c.get('log').warn('a rate limit could not be settled: its count stays too high until its window ends', {
        error,
      })
    }
  })
  return tag(handler, { limit: rule, errors: [rateLimitExceeded] })
}

/** Repeats until it is known whether there is one left. */
async function take(limiter: RateLimiter, counters: Counter[], waiting: Gate, signal: () => AbortSignal) {
  for (let pause = PAUSE_MS.first; ; pause = Math.min(2 * pause, PAUSE_MS.longest)) {
    const taken = await limiter.take(counters)
    if (taken.verdict !== 'pending') return taken
    // Others with this limit may still be served: its route is not full.
    if (!waiting.tryEnter()) throw new BusyError('too many wait for this rate limit')
    await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())))
    waiting.leave()
    if (signal().aborted)
      throw new BusyError('the client left, or its deadline passed, while it waited for a rate limit')
  }
}

/** How many are left after this request; below zero if the limit is exceeded. */
const leftOf = ({ counter, count }: Count) => counter.limit - count

/** Seconds until the window ends. */
const secondsOf = ({ endsInMs }: Count) => Math.ceil(endsInMs / 1000)

/** The headers of draft-ietf-httpapi-ratelimit-headers, in the form of version 08 and later. */
function headersOf(counts: Count[]): Record<string, string> {
  const list = (describe: (count: Count) => string) =>
    counts.map((count) => `"${count.counter.name}";${describe(count)}`).join(', ')
  return {
    'RateLimit-Policy': list(({ counter }) => `q=${counter.limit};w=${counter.seconds}`),
    RateLimit: list((count) => `r=${Math.max(leftOf(count), 0)};t=${secondsOf(count)}`),
  }
}

function refusal(c: AnyContext, counts: Count[], headers: Record<string, string>): ApiError {
  const exceeded = counts.filter((count) => leftOf(count) < 0)
  for (const count of exceeded) {
    // Once per window, however often the client retries.
    if (leftOf(count) === -1)
      c.get('log').warn(`rate limit ${count.counter.name} reached${proxyHint(c)}`, { ip: c.get('ip') })
  }
  const seconds = Math.max(1, ...exceeded.map(secondsOf))
  return rateLimitExceeded({
    message: `Too many attempts, please try again in ${seconds} seconds`,
    headers: { ...headers, 'Retry-After': String(seconds) },
  })
}

/** Behind a proxy that is not trusted, all clients share one address, and so one quota. */
function proxyHint(c: AnyContext): string {
  const isForwarded = c.req.header('x-forwarded-for') ?? c.req.header('x-real-ip')
  if (isForwarded === undefined || c.get('ip') !== c.env?.remoteAddress) return ''
  return ' (the request names another client: if this is your proxy, see TRUSTED_PROXIES and TRUSTED_PROXY_HEADER)'
}
