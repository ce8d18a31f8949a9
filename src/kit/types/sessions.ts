// Declares server-side sessions as the app sees them.
import { defineError } from './api-error.ts'
import type { Json } from './json.ts'

export const sessionTooLarge = defineError(400, 'session_too_large', 'The session would hold too much')

/** What a session remembers of its login. */
export interface Identity<Role extends string = string> {
  userId: string
  role: Role
  /** Address and agent of whoever last gave a password here. */
  ip: string
  agent: string
  /** Unix milliseconds of the login, and of the last time the cookie was sent. */
  loginAt: number
  sentAt: number
  /** Unix milliseconds at which a password was given again; absent: not since the login. */
  provenAt?: number | undefined
  /** False: the cookie ends with the browser. */
  remember: boolean
  /** What the login was proven by: `password`, `password+totp`. */
  way: string
  /** Who acts as the user in this session, and what pages call the user; absent in one's own. */
  impersonation?: { by: Identity<Role>; label: string } | undefined
}

/** When its owner last proved who they are, in Unix milliseconds. */
export const provenAtOf = ({ loginAt, provenAt = loginAt }: Pick<Identity, 'loginAt' | 'provenAt'>): number =>
  provenAt

/** How a session begins, beside whose it is. */
export interface Begun extends Pick<Identity, 'way' | 'provenAt'> {
  /** No cookie carries it, and the answer holds it. */
  token?: boolean | undefined
}

/** A live session, as its owner may see it. */
export interface LiveSession extends Identity {
  /** Names it, and opens nothing. */
  id: string
  /** Unix milliseconds of the last request. */
  seenAt: number
}

export interface OpenSession<Role extends string = string> {
  token: string
  identity: Identity<Role>
}

/** Server-side sessions. A token is the cookie's value; only a digest of it is ever stored. */
export interface Sessions<Role extends string = string> {
  /** Beyond `SESSIONS_PER_ACCOUNT` the user's oldest session ends. */
  create(identity: Identity<Role>): Promise<string>
  /** Returns the identity behind a token and extends its expiry; null if there is none, or none of a known role. */
  open(token: string): Promise<Identity<Role> | null>
  /** Once a day: records that the cookie was sent again, and extends the expiry of the session's data and index. */
  touch(token: string, before: Identity<Role>, sentAt: number): Promise<void>
  /** Of one that acts as another user: its own session as well. */
  destroy(token: string): Promise<void>
  /**
   * Moves a session under a new token, with its data and these changes; the old token opens nothing from then on.
   * Null if it has ended.
   */
  rotate(token: string, changes: Partial<Identity<Role>>): Promise<OpenSession<Role> | null>
  /**
   * Lets the session act as a user of a lower role, under a token that holds its own: for 15 minutes, as long as it lasts
   * itself and has the role that it has now. Nothing that is set in such a session lasts. Null if it has ended.
   */
  impersonate(
    token: string,
    user: { id: string; role: Role; label: string },
  ): Promise<OpenSession<Role> | null>
  /** Ends that, and returns the session itself; null if it has ended, or acts as nobody. */
  endImpersonation(token: string): Promise<OpenSession<Role> | null>
  readData(token: string): Promise<Record<string, Json>>
  /**
   * Writes the changed keys (undefined deletes one); does nothing if the session has ended meanwhile.
   * @throws sessionTooLarge if the session would hold more than 64 KB
   */
  writeData(token: string, changes: Record<string, Json | undefined>): Promise<void>
  /**
   * Sets the role of every live session of the user, from the next request on.
   * If this or `destroyAllOf` fails half way, a second call completes it.
   */
  setRole(userId: string, role: Role): Promise<void>
  /** The user's live sessions, those of newer roles too: where and when each logged in. */
  allOf(userId: string): Promise<LiveSession[]>
  /** The id that the session of a token has in `allOf`. */
  idOf(token: string): string | undefined
  /** Ends the session of that id; false if the user has none. */
  destroyOne(userId: string, id: string): Promise<boolean>
  /** Ends every session of the user, but that of the token `but`; also those of others who act as the user. */
  destroyAllOf(userId: string, options?: { but: string | undefined }): Promise<void>
  destroyAll(): Promise<void>
}
