// Holds what is in progress for a short time, in no order.

interface Entry<T> {
  readonly value: T
  /** Its place; -1 once it was removed. */
  at: number
}

/**
 * For values that come and go with every request. A `Set` that lives long makes them cost more: for each statement it was
 * a tenth of the CPU of a list of 20 (Bun 1.4), by the work of the garbage collector.
 */
export class Bag<T> {
  readonly #entries: Entry<T>[] = []

  /** Returns what removes it. */
  add(value: T): Entry<T> {
    const entry = { value, at: this.#entries.length }
    this.#entries.push(entry)
    return entry
  }

  /** Does nothing if it was removed before. */
  remove(entry: Entry<T>): void {
    const last = entry.at < 0 ? undefined : this.#entries.pop()
    if (last === undefined) return
    if (last !== entry) {
      this.#entries[entry.at] = last
      last.at = entry.at
    }
    entry.at = -1
  }

  values(): T[] {
    return this.#entries.map(({ value }) => value)
  }
}
