// Checks the input of a job against the schema of its task, and upgrades what an older release enqueued. Portable.
import type { z } from 'zod'

/** A value that JSON preserves; an absent property may be undefined. */
export type Jsonable =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly Jsonable[]
  | { readonly [key: string]: Jsonable }

/** A zod schema whose input is JSON: the worker would read a `z.date()` as a string. */
export type InputSchema = z.ZodType<unknown, Jsonable>

/**
 * @throws InputError that names the task and each faulty path, but no values
 */
export function parseInput<S extends InputSchema>(task: string, schema: S, data: unknown): z.output<S> {
  return parseFor(`task "${task}"`, 'input', schema, data)
}

/**
 * @param who refuses what, in the message: `task "x"` its `input`
 * @throws InputError that names both and each faulty path, but no values
 */
export function parseFor<S extends z.ZodType>(
  who: string,
  what: string,
  schema: S,
  data: unknown,
): z.output<S> {
  const parsed = schema.safeParse(data)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map((i) => `${i.path.map(String).join('.') || what}: ${i.message}`)
  throw new InputError(`${who} refuses its ${what}: ${faults.join('; ')}`)
}

/** The input of a job does not fit the schema of its task, or is too large. */
export class InputError extends Error {
  override name = 'InputError'
}

/** The steps from the inputs of older releases to `To`. */
export interface Upgrade<To> {
  /** Of what it makes. The first input that a task ever had is version 0, and each step counts one. */
  readonly version: number
  /** @param version of the data, an older one */
  apply(task: string, data: unknown, version: number): To
}

/**
 * A step from an older input of a task to the one that followed it. Never take a step out: the versions are their count.
 * @param before the step that makes the older input, if that was not the first
 */
export function upgradeFrom<S extends InputSchema, To extends Jsonable>(
  older: S,
  convert: (input: z.output<S>) => To,
  before?: Upgrade<z.input<S>>,
): Upgrade<To> {
  const version = (before?.version ?? 0) + 1
  return {
    version,
    apply(task, data, from) {
      const input = before && from < before.version ? before.apply(task, data, from) : data
      return convert(parseInput(task, older, input))
    },
  }
}

/** How deep an input may be nested. Scripts read jobs by cjson, which knows no more than 1000 levels. */
const MAX_DEPTH = 400

/** @throws InputError if it is too large, or nested too deep */
export function refuseLarge(task: string, element: string, input: unknown, maxBytes: number): void {
  if (element.length > 2 * MAX_DEPTH && isDeeper(input, MAX_DEPTH))
    throw new InputError(
      `task "${task}" refuses its input: nested deeper than ${MAX_DEPTH}; store what is deep and enqueue its id`,
    )
  if (element.length * 3 <= maxBytes) return
  const bytes = new TextEncoder().encode(JSON.stringify(input)).length
  if (bytes <= maxBytes) return
  throw new InputError(
    `task "${task}" refuses its input: ${bytes} bytes, at most ${maxBytes} are allowed (JOB_MAX_BYTES); ` +
      'store what is large and enqueue its id',
  )
}

const isDeeper = (value: unknown, depth: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (depth === 0 || Object.values(value).some((inner) => isDeeper(inner, depth - 1)))
