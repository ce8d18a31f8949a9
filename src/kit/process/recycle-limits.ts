// Checks the limits beyond which a process has served enough and is replaced.
import type { KitConfig } from '../config/kit-config.ts'
import type { Child } from './child.ts'

/** A limit that a fresh process is already past would replace processes without end. */
const MIN_LIFE_MS = 2000
/** Limits are reached at 90 to 100 % of what is set, so that processes of one age are not replaced together. */
const JITTER = 0.1

/** The limit that a process is past, in words. */
export function pastRecycleLimit(
  { age, board, jitter }: Child,
  { maxRequests, maxLifetimeS, maxRssMb }: KitConfig['processes'],
): string | undefined {
  const share = 1 - JITTER * jitter
  const isPast = (value: number, limit: number) => limit > 0 && value >= limit
  if (age < MIN_LIFE_MS) return undefined
  if (isPast(board.requests, maxRequests * share)) return `MAX_REQUESTS, after ${board.requests} requests`
  if (isPast(age / 1000, maxLifetimeS * share)) return `MAX_LIFETIME_S, after ${Math.round(age / 1000)} s`
  const rssMb = Math.round(board.rss / 1024 ** 2)
  return isPast(rssMb, maxRssMb) ? `MAX_RSS_MB, at ${rssMb} MB` : undefined
}
