// Makes inputs for tests and seeds, no two of them alike.
import type { z } from 'zod'

/**
 * @param make the nth valid input: what is unique, or is looked for, differs in each
 * @returns makes the next input, the first from 1 in each process, with what the test is about in place of what it has; the fields
 *   `Given` are always given: the ids of rows that have to be there
 */
export function defineFactory<
  Schema extends z.ZodType<unknown, object>,
  Given extends keyof z.input<Schema> = never,
>(make: (n: number) => Omit<z.input<Schema>, Given>) {
  type Overrides = Partial<z.input<Schema>> & Pick<z.input<Schema>, Given>
  let n = 0
  return (...[overrides]: [Given] extends [never] ? [overrides?: Overrides] : [overrides: Overrides]) =>
    ({ ...make(++n), ...overrides }) as z.input<Schema>
}
