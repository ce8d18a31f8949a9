// Rate limits: how often a route may be called. A route opts in, in its sentence: `rateLimit({ name, quotas })`.
import type { MiddlewareHandler } from 'hono'
import { BusyError, Gate } from '../data/gate.ts'
import { ApiError } from '../types/api-error.ts'
import type { Count, Counter, RateLimiter, Settlement } from '../types/rate-limiter.ts'
import { tag } from './doc.ts'
import type { AnyContext } from './env.ts'
import { middleware } from './factory.ts'
import type { RateLimit } from './quota.ts'

/** How often it is asked whether what is pending has been given back: first, and at most. */
const PAUSE_MS = { first: 20, longest: 500 }
/** Requests of one limit and process that wait for what is pending; one more is 503. */
const MAX_WAITING = 300

/**
 * Answers 429 with Retry-After past any of the quotas. Behind the validators, so that a key may come from the input,
 * and before the work: each request is counted before it may cost anything, so that many at once are not too many.
 * Where all that is left is taken by requests that may not count in the end, the next one waits for them.
 * What is refused by one quota does not count for the others. Where RATE_LIMIT is off it does nothing.
 * Redis away: 503, because a limit that cannot count is none.
 */
export function rateLimit(limit: RateLimit): MiddlewareHandler {
  const waiting = new Gate({ places: MAX_WAITING, queue: 0 })
  const handler = middleware(async (c, next) => {
    const config = c.get('config')
    if (!config.rateLimit.on) return next()
    const limiter = c.get('rateLimiter')
    const quotas = limit.quotas(config)
    const counters = quotas.map(({ per, key, most, seconds, counts }): Counter => ({
      name: `${limit.name}-${per}`,
      key: key(c),
      most,
      seconds,
      settles: counts !== 'requests',
    }))
    const { verdict, counts } = await take(limiter, counters, waiting, c.get('signal'))
    const headers = headersOf(counts)
    if (verdict !== 'taken') throw refusal(c, counts, headers)

    await next()
    for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value)
    const { status } = c.res
    const outcomes = quotas.map((quota): Settlement['outcome'] => {
      if (status >= 400 && status < 500) return 'keep'
      return status < 400 && quota.counts === 'failures in a row' ? 'clear' : 'back'
    })
    const settlements = counts.map((count, i) => ({ ...count, outcome: outcomes[i] ?? 'keep' }))
    try {
      await limiter.settle(settlements.filter(({ counter }) => counter.settles))
    } catch (error) {
      // The work is done: a count that stays too high for a while is no reason to call it a failure.
      c.get('log').warn('a rate limit counts what it should not', { error })
    }
  })
  return tag(handler, { limit, others: [429] })
}

/** Asks until it is known whether there is one left. */
async function take(limiter: RateLimiter, counters: Counter[], waiting: Gate, signal: () => AbortSignal) {
  for (let pause = PAUSE_MS.first; ; pause = Math.min(2 * pause, PAUSE_MS.longest)) {
    const taken = await limiter.take(counters)
    if (taken.verdict !== 'pending') return taken
    await waiting.run(() => new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random()))))
    if (signal().aborted) throw new BusyError('gone before it was known whether it may')
  }
}

/** What is left after this request; below zero: exceeded. */
const leftOf = ({ counter, count }: Count) => counter.most - count

/** Until it begins anew. */
const secondsOf = ({ endsInMs }: Count) => Math.ceil(endsInMs / 1000)

/** The headers of draft-ietf-httpapi-ratelimit-headers, in the form that they have had since its version 08. */
function headersOf(counts: Count[]): Record<string, string> {
  const list = (describe: (count: Count) => string) =>
    counts.map((count) => `"${count.counter.name}";${describe(count)}`).join(', ')
  return {
    'RateLimit-Policy': list(({ counter }) => `q=${counter.most};w=${counter.seconds}`),
    RateLimit: list((count) => `r=${Math.max(leftOf(count), 0)};t=${secondsOf(count)}`),
  }
}

function refusal(c: AnyContext, counts: Count[], headers: Record<string, string>): ApiError {
  const exceeded = counts.filter((count) => leftOf(count) < 0)
  for (const count of exceeded) {
    // Once per count, however often it is tried again.
    if (leftOf(count) === -1)
      c.get('log').warn(`rate limit ${count.counter.name} reached${proxyHint(c)}`, { ip: c.get('ip') })
  }
  const seconds = Math.max(1, ...exceeded.map(secondsOf))
  return new ApiError(429, `Too many attempts, please try again in ${seconds} seconds`, {
    headers: { ...headers, 'Retry-After': String(seconds) },
  })
}

/** Behind a proxy that is not trusted, all clients share its address, and so its quota. */
function proxyHint(c: AnyContext): string {
  const isForwarded = c.req.header('x-forwarded-for') ?? c.req.header('x-real-ip')
  if (isForwarded === undefined || c.get('ip') !== c.env?.remoteAddress) return ''
  return ' (the request names another client: if this is your proxy, see TRUSTED_PROXIES and TRUSTED_PROXY_HEADER)'
}
