// Sorts durations into buckets whose bounds grow by the square root of two, and tells what a part of them did not exceed.

/** Bucket `i` holds durations of at most `bucketMs(i)`, and of more than that of the one before it; the last one any longer. */
export const bucketMs = (i: number): number => 2 ** (i / 2)
/** Up to 37 hours. */
export const BUCKETS = 55

export const bucketOf = (ms: number) => (ms > 1 ? Math.min(BUCKETS - 1, Math.ceil(2 * Math.log2(ms))) : 0)

export interface Durations {
  count: number
  /** Altogether. */
  sumMs: number
  /** See `bucketMs`. */
  buckets: number[]
}

/** @returns ms that a part `q` of them (0.95: 95 %) did not exceed, within a fifth; undefined if there are none */
export function quantile({ count, buckets }: Durations, q: number): number | undefined {
  if (count === 0) return undefined
  let left = q * count
  const i = buckets.findIndex((n) => (left -= n) <= 0)
  return i === 0 ? 1 : bucketMs(i - 0.5)
}
