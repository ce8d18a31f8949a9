// Formats durations in words, in the largest unit that fits, rounded down; and days.

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const

function inLargestUnit(ms: number) {
  const [unit, length] = UNITS.find(([, size]) => ms >= size) ?? (['second', 1000] as const)
  return { unit, count: Math.floor(Math.max(ms, 0) / length) }
}

/** `3 hours ago`. */
export function formatAgo(ms: number): string {
  const { unit, count } = inLargestUnit(ms)
  return new Intl.RelativeTimeFormat('en').format(-count, unit)
}

/** `3 min`. */
export function formatDuration(ms: number): string {
  const { unit, count } = inLargestUnit(ms)
  return new Intl.NumberFormat('en', { style: 'unit', unit, unitDisplay: 'short' }).format(count)
}

/** `2026-01-31`, in UTC. */
export const dayOf = (date: Date): string => date.toISOString().slice(0, 10)
