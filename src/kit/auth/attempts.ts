// Counts attempts at a code before they are checked: of many at once no more are checked than the limits let.
import { rateLimitExceeded } from '../types/api-error.ts'
import type { Count, Counter, RateLimiter } from '../types/rate-limiter.ts'

/**
 * Runs the check if each counter has one left: a wrong answer takes one of each, a right one clears them. A code is short, so
 * these count without RATE_LIMIT as well.
 * @param check returns undefined or false for a wrong answer
 * @throws rateLimitExceeded
 */
export async function countAttempt<T>(
  rateLimiter: RateLimiter,
  counters: Omit<Counter, 'settles'>[],
  check: () => Promise<T>,
): Promise<{ result: T; counts: Count[] }> {
  const { verdict, counts } = await rateLimiter.take(
    counters.map((counter) => ({ ...counter, settles: true })),
  )
  if (verdict !== 'taken') {
    const full = counts.filter(({ count, counter }) => count >= counter.limit)
    const seconds = Math.max(1, ...full.map(({ endsInMs }) => Math.ceil(endsInMs / 1000)))
    throw rateLimitExceeded({
      message: `Too many wrong codes, please try again in ${seconds} seconds`,
      headers: { 'Retry-After': String(seconds) },
    })
  }
  let outcome: 'keep' | 'refund' | 'clear' = 'refund' // if it could not be checked
  try {
    const result = await check()
    outcome = result ? 'clear' : 'keep'
    return { result, counts }
  } finally {
    await rateLimiter.settle(counts.map((taken) => ({ ...taken, outcome })))
  }
}
