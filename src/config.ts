// Declares your settings beside the kit's: one line each, read from one environment variable.
import { name, version } from '../package.json'
import { defineSettings, type ConfigOf } from './kit/config/settings.ts'

/**
 * Each stands under its key in the config, for example
 * `signupOpen: setting('SIGNUP_OPEN', flag().default(true), { about: 'Whether anybody may sign up' })`.
 * The kinds are in `kit/config/values.ts`. Printed settings mask a text unless it is declared with `isPrintable: true`.
 */
export const settings = defineSettings({ name, version }, {})

export interface Config extends ConfigOf<typeof settings> {}

/**
 * Parses the process's environment, or another, into one frozen config.
 * @throws ConfigError that names every faulty variable, what was wrong and what is allowed
 */
export const loadConfig: (env?: Record<string, string | undefined>) => Config = settings.load
