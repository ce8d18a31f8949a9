/** The value below which `part` (0 to 1) of the values lie, between two of them if need be; NaN of none. */
export function quantile(values: number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const place = (sorted.length - 1) * part
  const [low = NaN, high = low] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]]
  return low + (high - low) * (place % 1)
}

export const median = (values: number[]): number => quantile(values, 0.5)
