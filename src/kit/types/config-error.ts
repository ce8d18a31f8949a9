// Defines the error for settings that cannot be used.

/** Settings that cannot be used, one line of the message for each. Shown without a stack. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}
