// One setting, declared once: the schema, `.env.example`, the reference and the printed config are made from it.
import type { z } from 'zod'

export interface Setting<Variable extends string = string, Kind extends z.ZodType = z.ZodType> {
  readonly variable: Variable
  /** Which values it takes, and its default: see `values.ts`. */
  readonly kind: Kind
  /** What it is for, in a sentence. */
  readonly about: string
  /** What stands in place of a default, in words, where the kind has none. */
  readonly unset?: string
  /** What `.env.example` shows, where the default would say little. */
  readonly example?: string
  /** A start prints the text. Any may hold a secret: without this it is masked. A number or a flag is printed anyway. */
  readonly isPrintable?: boolean
  /** A start prints the URL without its password. */
  readonly isUrl?: boolean
}

type Options = Omit<Setting, 'variable' | 'kind'>

export const setting = <const Variable extends string, Kind extends z.ZodType>(
  variable: Variable,
  kind: Kind,
  options: Options,
): Setting<Variable, Kind> => ({ variable, kind, ...options })

/** What the variables of settings parse to, by variable. */
export type Values<S extends Record<string, Setting>> = {
  [Key in keyof S as S[Key]['variable']]: z.output<S[Key]['kind']>
}
