// Declares the encryption of what the service must read again, as the app sees it.

/**
 * Encrypts by SECRET_KEYS what must be read again: the seed of a code, the secret of a webhook. What is sealed opens only for
 * the same purpose and the same owner. All throw ConfigError where production has no SECRET_KEYS.
 */
export interface Secrets {
  /** Encrypts with the first key. @param purpose a word of the code: `totp`. @param owner the id of an account, or of another row */
  seal(purpose: string, owner: string, text: string): Promise<string>
  /** @throws Error if it was sealed for another purpose or owner, with a key that is not there, or changed since */
  open(purpose: string, owner: string, sealed: string): Promise<string>
  /** What begins each text that the first key has sealed. */
  prefix(): Promise<string>
  /** For a feature to call when the app is built: production then says at its start what is missing. */
  requireKeys(feature: string): void
}
