// Joins a product's settings with the kit's in one schema, which reports every mistake at once, and one frozen object.
import { z } from 'zod'
import { ConfigError } from '../types/config-error.ts'
import { findConflicts, kitConfig, kitVariables, type KitConfig } from './kit-config.ts'

/** A setting of a product: its variable and its kind (see `values.ts`). */
export interface Setting<Kind extends z.ZodType = z.ZodType> {
  readonly variable: string
  readonly kind: Kind
  /** Whether a text is printed at start: any may be a secret. Numbers and flags are always printed. */
  readonly isPrintable: boolean
}

/** Declares a setting; its kind says which values it takes and its default. */
export const setting = <Kind extends z.ZodType>(
  variable: string,
  kind: Kind,
  { isPrintable = false } = {},
): Setting<Kind> => ({ variable, kind, isPrintable })

/** By the key in the config, which must not be one of the kit's. */
type OwnSettings = Record<string, Setting> & { [Key in keyof KitConfig]?: never }

type OwnConfig<Own> = {
  readonly [Key in keyof Own]: Own[Key] extends Setting<infer Kind> ? z.output<Kind> : never
}

type Environment = Record<string, string | undefined>

/** A product's settings, as its server, workers and supervisor take them. */
export interface ProductSettings<C extends KitConfig = KitConfig> {
  load(env?: Environment): C
  /** Keys of the product's texts that are printed at start. */
  printable: ReadonlySet<string>
}

/** The config that these settings load. */
export type ConfigOf<S extends { load: (env?: Environment) => unknown }> = ReturnType<S['load']>

/**
 * Joins a product's settings with the kit's. Some defaults of the kit contain the project's name.
 * @throws Error if one of them uses a variable or a key of the kit
 */
export function defineSettings<Own extends OwnSettings>(
  project: { name: string; version: string },
  own: Own,
) {
  const declared: [string, Setting][] = Object.entries(own)
  const ofKit = kitVariables(project.name)
  const shape: Record<string, z.ZodType> = {}
  for (const [key, { variable, kind }] of declared) {
    if (Object.hasOwn(ofKit, variable) || Object.hasOwn(shape, variable)) {
      throw new Error(`config.ts: the variable ${variable} of ${key} is taken: give ${key} another one`)
    }
    shape[variable] = kind
  }
  const schema = z.object({ ...shape, ...ofKit })

  /**
   * Parses an environment into one frozen config.
   * @throws ConfigError that names every faulty variable, what was wrong and what is allowed
   */
  function load(env: Environment = process.env): KitConfig & OwnConfig<Own> {
    const set = Object.fromEntries(
      Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
    )
    const { data, error } = schema.safeParse(set)
    // Each kind decides whether its message shows the value, which may be a secret.
    const faults = [
      ...(error?.issues ?? []).map((i) => `${String(i.path[0])}${i.message.replace(/^(?!=)/, ' ')}`),
      ...findConflicts(set, data),
    ]
    if (data === undefined || faults.length > 0)
      throw new ConfigError(`Bad settings:\n  ${faults.join('\n  ')}`)

    const config: Record<string, unknown> = kitConfig(project, data)
    for (const [key, { variable }] of declared) {
      if (Object.hasOwn(config, key))
        throw new Error(`config.ts: the kit has a setting ${key} already: rename yours`)
      config[key] = Reflect.get(data, variable)
    }
    return Object.freeze(config) as KitConfig & OwnConfig<Own>
  }

  const printable = new Set(declared.filter(([, { isPrintable }]) => isPrintable).map(([key]) => key))
  return { load, printable }
}
