// Declares one setting, from which the schema, `.env.example`, the reference and the printed config are made.
import type { z } from 'zod'

export interface Setting<Variable extends string = string, Kind extends z.ZodType = z.ZodType> {
  readonly variable: Variable
  /** The values it takes and its default: see `values.ts`. */
  readonly kind: Kind
  /** What it is for, in a sentence. */
  readonly about: string
  /** In words, what applies if the kind has no default. */
  readonly unset?: string
  /** What `.env.example` shows if the default would say little. */
  readonly example?: string
  /** Whether a text is printed at start: any may be a secret, so it is masked by default. Numbers and flags are printed. */
  readonly isPrintable?: boolean
  /** Whether it is a URL, which is printed without its password. */
  readonly isUrl?: boolean
}

type Options = Omit<Setting, 'variable' | 'kind'>

export const setting = <const Variable extends string, Kind extends z.ZodType>(
  variable: Variable,
  kind: Kind,
  options: Options,
): Setting<Variable, Kind> => ({ variable, kind, ...options })
