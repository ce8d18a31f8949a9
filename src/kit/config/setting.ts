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
  /** Settings of each name in a list, whose variables have `<NAME>` in them. */
  readonly each?: Readonly<Record<string, Setting>>
}

type Options = Omit<Setting, 'variable' | 'kind' | 'each'>

export const setting = <const Variable extends string, Kind extends z.ZodType>(
  variable: Variable,
  kind: Kind,
  options: Options,
): Setting<Variable, Kind> => ({ variable, kind, ...options })

/** The kind of a list of such names. */
type Names = z.ZodType<string[]>

/**
 * A list of names that the environment chooses, each with settings of its own: `SHOP_<NAME>_KEY` is SHOP_ACME_KEY for
 * `acme`. In the config it is an object by name.
 */
export const settingOfEach = <Each extends Record<string, Setting>>(
  variable: string,
  kind: Names,
  options: Options & { each: Each },
): Setting<string, Names> & { each: Each } => ({ variable, kind, ...options })

/** The settings of one name. */
export const settingsOf = ({ each = {} }: Setting, name: string): Record<string, Setting> =>
  Object.fromEntries(
    Object.entries(each).map(([key, one]) => {
      const variable = one.variable.replace('<NAME>', name.toUpperCase())
      return [key, { ...one, variable }]
    }),
  )
