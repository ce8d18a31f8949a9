// Declares password hashing as the app sees it.

/**
 * Password hashing that does not block the event loop. A limited number run at once and a limited number wait; BusyError
 * (503) refuses one more, whatever the account, and one whose `signal` fires while it waits.
 */
export interface Passwords {
  hash(password: string, signal?: AbortSignal): Promise<string>
  /** `hash: null` (no such account) takes the time of a real check and resolves to false. */
  verify(hash: string | null, password: string, signal?: AbortSignal): Promise<boolean>
  /** True if the hash was made with parameters other than today's. */
  needsRehash(hash: string): boolean
}
