// The error of settings that cannot be used.

/** A setting that cannot be used; from `loadConfig` its message has one line for each. Shown without a stack. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}
