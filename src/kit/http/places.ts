// Counts what is open at a time, so that nobody has more of it than a limit.

/** How many of a kind are open under each key: of an account, of an address. Of this process alone. */
export class Places {
  #open = new Map<string, number>()

  /** @param max open at once under one key */
  constructor(readonly max: number) {}

  isFull(key: string): boolean {
    return (this.#open.get(key) ?? 0) >= this.max
  }

  /** Takes one; the function that it returns gives it back, once. */
  take(key: string): () => void {
    this.#open.set(key, (this.#open.get(key) ?? 0) + 1)
    return () => {
      const left = (this.#open.get(key) ?? 1) - 1
      if (left > 0) this.#open.set(key, left)
      else this.#open.delete(key)
    }
  }
}
