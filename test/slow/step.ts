// Prints what the steps of a long test take.

export const log = (line: string) => process.stderr.write(`${line}\n`)

/** @param since of `performance.now()` */
export function say(what: string, since: number): void {
  log(`${((performance.now() - since) / 1000).toFixed(1).padStart(6)} s  ${what}`)
}

export async function step<T>(what: string, run: () => T | Promise<T>): Promise<T> {
  const began = performance.now()
  const result = await run()
  say(what, began)
  return result
}
