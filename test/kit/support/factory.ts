// Makes inputs for tests and seeds, no two of them alike.
import type { z } from 'zod'

/**
 * @param make the nth valid input: what is unique, or is looked for, differs in each
 * @returns makes the next input, the first from 1 in each process, with what the test is about in place of what it has
 */
export function defineFactory<Schema extends z.ZodType<unknown, object>>(
  make: (n: number) => z.input<Schema>,
) {
  let n = 0
  return (overrides: Partial<z.input<Schema>> = {}): z.input<Schema> => ({ ...make(++n), ...overrides })
}
