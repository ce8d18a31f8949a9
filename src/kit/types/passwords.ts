// Password hashing, as the app sees it.

/**
 * Password hashing that does not block the event loop. So many run at once and so many wait; one more is refused with
 * BusyError (503), whatever the account, and so is one that waits when `signal` fires.
 */
export interface Passwords {
  hash(password: string, signal?: AbortSignal): Promise<string>
  /** `hash: null` (no such account) takes the time of a real check and answers false. */
  verify(hash: string | null, password: string, signal?: AbortSignal): Promise<boolean>
  /** True if the hash was made with other parameters than today's. */
  outdated(hash: string): boolean
}
