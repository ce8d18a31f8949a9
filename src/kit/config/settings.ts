// Joins a product's settings with the kit's in one schema, which reports every mistake at once, and one frozen object.
import type { z } from 'zod'
import { ConfigError } from '../types/config-error.ts'
import type { Log } from '../types/log.ts'
import { findConflicts, kitConfig, type KitConfig, type Parsed } from './kit-config.ts'
import { kitSettings } from './kit-settings.ts'
import { printConfig } from './printable.ts'
import { type Environment, readSettingFiles } from './setting-files.ts'
import { type Setting, settingsOf } from './setting.ts'

/** By the key in the config, which must not be one of the kit's. */
type OwnSettings = Record<string, Setting> & { [Key in keyof KitConfig]?: never }

/** What settings come to, by their keys. */
export type ConfigFrom<Own> = {
  readonly [Key in keyof Own]: Own[Key] extends { each: infer Each extends object }
    ? Readonly<Record<string, ConfigFrom<Each>>>
    : Own[Key] extends Setting<string, infer Kind>
      ? z.output<Kind>
      : never
}

/** A product's settings, as its server, workers and supervisor take them. */
export interface ProductSettings<C extends KitConfig = KitConfig> {
  /** Each setting by its key in the config, the product's own first. */
  declared: Readonly<Record<string, Setting>>
  load(this: void, env?: Environment): C
  /** Every variable that counts in this environment, those of names that it chooses among them. */
  variablesIn(this: void, env: Environment): string[]
  /** The environment with what files hold, for who needs a variable before there is a config. @throws ConfigError */
  readFiles(this: void, env: Environment): Environment
  /** Returns a flat copy for the log, with keys like `cookie.domain`: only numbers, flags and printable texts are shown. */
  print(this: void, config: C): Record<string, unknown>
}

/** For whoever operates the service; in development they would hide what a start has to say. */
export const logSettings = <C extends KitConfig>(
  { print }: Pick<ProductSettings<C>, 'print'>,
  config: C,
  log: Log,
): void => log[config.production ? 'info' : 'debug']('settings', print(config))

/** The config that these settings load. */
export type ConfigOf<S extends { load: (env?: Environment) => unknown }> = ReturnType<S['load']>

/**
 * Joins a product's settings with the kit's. Some defaults of the kit contain the project's name.
 * @throws Error if one of them uses a variable or a key of the kit
 */
export function defineSettings<Own extends OwnSettings>(
  project: { name: string; version: string },
  own: Own,
): ProductSettings<KitConfig & ConfigFrom<Own>> {
  const ofKit: Record<string, Setting> = kitSettings(project.name)
  const taken = new Set<string>()
  for (const [key, { variable }] of [...Object.entries(ofKit), ...Object.entries(own)]) {
    if ([variable, `${variable}_FILE`, variable.replace(/_FILE$/, '')].some((name) => taken.has(name)))
      throw new Error(`config.ts: ${key} goes by the variable ${variable}, which is taken: give it another`)
    taken.add(variable)
  }
  for (const key of Object.keys(own)) {
    if (!/^[a-z]\w*$/i.test(key))
      throw new Error(`config.ts: ${key} cannot be the key of a setting: take letters and digits`)
  }
  const declared = { ...own, ...ofKit }

  function variablesIn(env: Environment): string[] {
    const ofNames = Object.values<Setting>(own).flatMap((one) => {
      const names = one.each && one.kind.safeParse(env[one.variable] || undefined).data
      return ((names ?? []) as string[]).flatMap((name) => Object.values(settingsOf(one, name)))
    })
    return [...taken, ...ofNames.map(({ variable }) => variable)]
  }

  function readFiles(given: Environment) {
    const { env, fromFiles } = readSettingFiles(given, taken)
    const ofNames = readSettingFiles(
      env,
      variablesIn(env).filter((name) => !taken.has(name)),
    )
    return { env: ofNames.env, fromFiles: [...fromFiles, ...ofNames.fromFiles] }
  }

  /**
   * Parses an environment into one frozen config.
   * @throws ConfigError that names every faulty variable, what was wrong and what is allowed
   */
  function load(env: Environment = process.env): KitConfig & ConfigFrom<Own> {
    const { env: given, fromFiles } = readFiles(env)
    const set = Object.fromEntries(
      Object.entries(given).filter(([, value]) => value !== undefined && value !== ''),
    )
    const faults: string[] = []
    const read = (settings: Record<string, Setting>): Record<string, unknown> => {
      const values: Record<string, unknown> = {}
      for (const [key, one] of Object.entries(settings)) {
        const { variable, kind, each } = one
        const { data, issues } = parse(kind, set[variable])
        const ofName = (name: string) => [name, Object.freeze(read(settingsOf(one, name)))] as const
        values[key] = each ? Object.freeze(Object.fromEntries(((data ?? []) as string[]).map(ofName))) : data
        faults.push(...issues.map(({ message }) => variable + message.replace(/^(?!=)/, ' ')))
      }
      return values
    }
    // They are put together by name, which hides from the compiler what they are.
    const parsed = read(ofKit) as Parsed
    const added = read(own)
    faults.push(...findConflicts(set, faults.length === 0 ? parsed : undefined))
    if (faults.length > 0) throw new ConfigError(`Bad settings:\n  ${faults.join('\n  ')}`)

    const config = kitConfig({ ...project, fromFiles }, parsed)
    for (const key of Object.keys(added)) {
      if (Object.hasOwn(config, key))
        throw new Error(`config.ts: the kit has a setting ${key}: name yours otherwise`)
    }
    return Object.freeze({ ...config, ...added }) as KitConfig & ConfigFrom<Own>
  }

  return {
    declared,
    load,
    variablesIn,
    readFiles: (env) => readFiles(env).env,
    print: (config) => printConfig(config, declared),
  }
}

/** Whether a fault shows the value is for its kind to say: it may be a secret, and so what a kind throws is not shown. */
function parse(
  kind: z.ZodType,
  value: string | undefined,
): { data?: unknown; issues: { message: string }[] } {
  try {
    const { data, error } = kind.safeParse(value)
    return { data, issues: error?.issues ?? [] }
  } catch {
    return { issues: [{ message: 'has a kind that throws (config.ts): let it add an issue instead' }] }
  }
}
