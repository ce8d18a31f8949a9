// A product's settings beside the kit's: one schema, so that all that is wrong is told at once, and one frozen object.
import { z } from 'zod'
import { ConfigError } from '../types/config-error.ts'
import { faultsBetween, kitConfig, kitVariables, type KitConfig } from './kit-config.ts'

/** A setting of a product: its variable, and its kind (see `config-values.ts`). */
export interface Setting<Kind extends z.ZodType = z.ZodType> {
  readonly variable: string
  readonly kind: Kind
  /** Whether a start prints a text: any may hold a secret, and a number or a flag is printed anyway. */
  readonly isPrintable: boolean
}

/** Declares a setting; its kind says which values it takes, and its default. */
export const setting = <Kind extends z.ZodType>(
  variable: string,
  kind: Kind,
  { isPrintable = false } = {},
): Setting<Kind> => ({ variable, kind, isPrintable })

/** By its key in the config, which is none of the kit's. */
type OwnSettings = Record<string, Setting> & { [Key in keyof KitConfig]?: never }

type OwnConfig<Own> = {
  readonly [Key in keyof Own]: Own[Key] extends Setting<infer Kind> ? z.output<Kind> : never
}

type Environment = Record<string, string | undefined>

/** A product's settings as the roles of its processes take them. */
export interface ProductSettings<C extends KitConfig = KitConfig> {
  load(env?: Environment): C
  /** Keys of its own texts that a start prints. */
  printable: ReadonlySet<string>
}

/** What `loadConfig` of these settings returns. */
export type ConfigOf<S extends { load: (env?: Environment) => unknown }> = ReturnType<S['load']>

/**
 * Joins a product's settings with the kit's. The project's name stands in some defaults of the kit.
 * @throws Error if one of them goes by a variable or a key of the kit's
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
      throw new Error(`config.ts: ${key} goes by the variable ${variable}, which is taken: give it another`)
    }
    shape[variable] = kind
  }
  const schema = z.object({ ...shape, ...ofKit })

  /**
   * Parses an environment into the one frozen config.
   * @throws ConfigError naming every faulty variable, what was wrong and what is allowed, all at once.
   */
  function load(env: Environment = process.env): KitConfig & OwnConfig<Own> {
    const set = Object.fromEntries(
      Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
    )
    const { data, error } = schema.safeParse(set)
    // Whether the value is shown is for its kind to say: it may be a secret.
    const faults = [
      ...(error?.issues ?? []).map((i) => `${String(i.path[0])}${i.message.replace(/^(?!=)/, ' ')}`),
      ...faultsBetween(set, data),
    ]
    if (data === undefined || faults.length > 0)
      throw new ConfigError(`Bad settings:\n  ${faults.join('\n  ')}`)

    const config: Record<string, unknown> = kitConfig(project, data)
    for (const [key, { variable }] of declared) {
      if (Object.hasOwn(config, key))
        throw new Error(`config.ts: the kit has a setting ${key}: name yours otherwise`)
      config[key] = Reflect.get(data, variable)
    }
    return Object.freeze(config) as KitConfig & OwnConfig<Own>
  }

  const printable = new Set(declared.filter(([, { isPrintable }]) => isPrintable).map(([key]) => key))
  return { load, printable }
}
