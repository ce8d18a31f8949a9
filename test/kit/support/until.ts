// Waiting for a condition, instead of sleeping for luck.

/** How long a test waits for what comes: a loaded machine is slow, and that is no failure. */
export const PATIENCE_MS = 120_000

/** Resolves with the first truthy answer of `probe`; fails after `timeoutMs`, naming what was waited for. */
export async function until<T>(
  what: string,
  probe: () => Promise<T> | T,
  timeoutMs = PATIENCE_MS,
): Promise<NonNullable<T>> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const answer = await probe()
    if (answer) return answer
    if (performance.now() > end) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`)
    await Bun.sleep(20)
  }
}
