// Rate limits: how often a route may be called. A route opts in, in its sentence: `rateLimit({ name, quotas })`.
import type { MiddlewareHandler } from 'hono'
import type { Config } from '../config.ts'
import type { Counter } from '../deps.ts'
import { tag } from './doc.ts'
import { ApiError } from './errors.ts'
import { factory, type AnyContext } from './factory.ts'

/** So many of something, per somebody, within a time that begins with the first. */
export interface Quota {
  /** Whose count it is, in a word: `address`. Behind the limit's name it names the count in Redis and in the headers. */
  per: string
  /** Tells one of them from another. Stored as a digest only. */
  key: (c: AnyContext) => string
  most: number
  /** Whole seconds. */
  seconds: number
  /**
   * `requests`: every one counts. `failures`: those that end in a 4xx; the others are taken back.
   * `failures in a row`: a success forgets the earlier ones too.
   */
  counts: 'requests' | 'failures' | 'failures in a row'
}

export interface RateLimit {
  /** Unique in the app. */
  name: string
  quotas: (config: Config) => Quota[]
}

/**
 * Answers 429 with Retry-After past any of the quotas. Behind the validators, so that a key may come from the input,
 * and before the work: each request is counted before it may cost anything, so that many at once are not too many.
 * What is refused by one quota does not count for the others. Where RATE_LIMIT is off it does nothing.
 * Redis away: 503, because a limit that cannot count is none.
 */
export function rateLimit(limit: RateLimit): MiddlewareHandler {
  const handler = factory.createMiddleware(async (c, next) => {
    const config = c.get('config')
    if (!config.rateLimit.on) return next()
    const limiter = c.get('rateLimiter')
    const takeBack = (counts: Count[]) => Promise.all(counts.map((one) => limiter.takeBack(one.counter)))

    // One round trip: what is asked at once goes to Redis at once.
    const counts = await Promise.all(
      limit.quotas(config).map(async (quota): Promise<Count> => {
        const counter = { name: `${limit.name}-${quota.per}`, key: quota.key(c), seconds: quota.seconds }
        const { count, endsInMs } = await limiter.add(counter)
        return { quota, counter, left: quota.most - count, seconds: Math.ceil(endsInMs / 1000) }
      }),
    )
    const headers = headersOf(counts)
    const exceeded = counts.filter(({ left }) => left < 0)
    if (exceeded.length > 0) {
      await takeBack(counts.filter(({ left }) => left >= 0))
      throw refusal(c, exceeded, headers)
    }

    await next()
    for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value)
    const { status } = c.res
    if (status >= 400 && status < 500) return
    const [inARow, others] = [counts.filter(isInARow), counts.filter((one) => !isInARow(one))]
    await Promise.all([
      takeBack(others.filter(({ quota }) => quota.counts === 'failures')),
      status < 400 ? Promise.all(inARow.map(({ counter }) => limiter.clear(counter))) : takeBack(inARow),
    ])
  })
  return tag(handler, { limit, others: [429] })
}

/** How a quota stands after this request. */
interface Count {
  quota: Quota
  counter: Counter
  /** Below zero: exceeded. */
  left: number
  /** Until it begins anew. */
  seconds: number
}

const isInARow = ({ quota }: Count) => quota.counts === 'failures in a row'

/** The headers of draft-ietf-httpapi-ratelimit-headers, in the form that they have had since its version 08. */
function headersOf(counts: Count[]): Record<string, string> {
  const list = (describe: (count: Count) => string) =>
    counts.map((count) => `"${count.counter.name}";${describe(count)}`).join(', ')
  return {
    'RateLimit-Policy': list(({ quota }) => `q=${quota.most};w=${quota.seconds}`),
    RateLimit: list(({ left, seconds }) => `r=${Math.max(left, 0)};t=${seconds}`),
  }
}

function refusal(c: AnyContext, exceeded: Count[], headers: Record<string, string>): ApiError {
  for (const { counter, left } of exceeded) {
    // Once per count, however often it is tried again.
    if (left === -1)
      c.get('log').warn(`rate limit ${counter.name} reached${proxyHint(c)}`, { ip: c.get('ip') })
  }
  const seconds = Math.max(1, ...exceeded.map((count) => count.seconds))
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
