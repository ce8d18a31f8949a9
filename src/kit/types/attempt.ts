// Reads what may not be to be had, where that is all that one has to know.

/** What the work returns; undefined if it throws, whatever it throws. */
export function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}
