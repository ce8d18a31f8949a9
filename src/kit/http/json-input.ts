// Reads a field of a body that may be any JSON, as far as Postgres can store it and a row should be large.
import { z } from 'zod'

const MAX_LEVELS = 20
const MAX_BYTES = 16 * 1024
/** Postgres writes `1e-300` out: a row would become a hundred times as large as its body. */
const BYTES_OF_EXPONENT = 325

/** Any JSON but null, which empties a field: at most 20 levels and 16 KiB. */
export const jsonValue = () =>
  z
    .custom<NonNullable<unknown>>((value) => value !== undefined && value !== null, {
      error: ({ input }) => (input === undefined ? undefined : 'must not be null'),
      abort: true,
    })
    .superRefine((value, { addIssue }) => {
      const fault = faultOf(value)
      if (fault !== undefined) addIssue(fault)
    })
    .describe('Any JSON.')

/** Level by level, so that no depth is too deep for the stack. */
function faultOf(root: unknown): string | undefined {
  let exponents = 0
  let level: unknown[] = [root]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_LEVELS) return `must have at most ${MAX_LEVELS} levels`
    for (const value of level) {
      if (typeof value === 'number' && !Number.isFinite(value)) return 'must hold no number that is too large'
      if (typeof value === 'number' && String(value).includes('e')) exponents++
    }
    const texts = level.flatMap((value) =>
      isObject(value) ? Object.keys(value) : typeof value === 'string' ? [value] : [],
    )
    if (texts.some((text) => text.includes('\0'))) return 'must not contain a NUL character'
    if (!texts.every((text) => text.isWellFormed())) return 'must be well-formed Unicode'
    level = level.filter(isObject).flatMap((value) => Object.values(value) as unknown[])
  }
  const bytes = new TextEncoder().encode(JSON.stringify(root)).length + exponents * BYTES_OF_EXPONENT
  return bytes > MAX_BYTES ? `must have at most ${MAX_BYTES} bytes` : undefined
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
