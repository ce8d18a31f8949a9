// Server-side sessions, as the app sees them.
import type { Json } from './json.ts'

/** What a session remembers of its login. */
export interface Identity<Role extends string = string> {
  userId: string
  role: Role
  /** Address and agent at login, for `requireFresh`. */
  ip: string
  agent: string
  /** Unix milliseconds of the login, and of the last time the cookie was sent. */
  loginAt: number
  sentAt: number
  /** False: the cookie ends with the browser. */
  remember: boolean
}

/** Server-side sessions. A token is the cookie's value; only a digest of it is ever stored. */
export interface Sessions<Role extends string = string> {
  /** Past `SESSIONS_PER_ACCOUNT` the user's oldest session ends. */
  create(identity: Identity<Role>): Promise<string>
  /** The identity behind a token, its expiry pushed forward; null if there is none. */
  open(token: string): Promise<Identity<Role> | null>
  /** Once a day: remembers that the cookie was sent again, and pushes the expiry of what lies beside the identity. */
  touch(token: string, before: Identity<Role>, sentAt: number): Promise<void>
  destroy(token: string): Promise<void>
  readData(token: string): Promise<Record<string, Json>>
  /**
   * Writes the changed keys (undefined deletes one); does nothing if the session has ended meanwhile.
   * @throws ApiError 400 if the session would remember more than 64 KB
   */
  writeData(token: string, changes: Record<string, Json | undefined>): Promise<void>
  /**
   * Every live session of the user carries the role from the next request on.
   * If this or an end of all breaks off half way, doing it again completes it.
   */
  setRole(userId: string, role: Role): Promise<void>
  /** Who is behind the user's live sessions: where and when each logged in. */
  allOf(userId: string): Promise<Identity<Role>[]>
  destroyAllOf(userId: string): Promise<void>
  destroyAll(): Promise<void>
}
