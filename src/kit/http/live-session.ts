// Gives a handler its live session: the identity, and a dictionary that lasts.
import type { KitConfig } from '../config/kit-config.ts'
import type { KitDeps } from '../deps.ts'
import type { Json } from '../types/json.ts'
import type { Identity } from '../types/sessions.ts'

/** What a personal access token may do. */
export interface TokenAccess {
  /** Of the token, which opens nothing. */
  id: string
  abilities: readonly string[]
  /** Of its account by now; undefined once it opens nothing any more. */
  currentRole(this: void): Promise<string | undefined>
}

/**
 * A live session: whom it belongs to, and a dictionary that lasts until the session ends. The dictionary is loaded on
 * first use, and only changed keys are written, after the handler: concurrent requests that set different keys keep both.
 */
export class Session<Role extends string = string> {
  #stored: Promise<Record<string, Json>> | undefined
  #changes = new Map<string, Json | undefined>()

  constructor(
    readonly deps: Pick<KitDeps<KitConfig, Role>, 'roles' | 'sessions'>,
    /** The cookie's value. `rotate` replaces it. */
    public token: string,
    public identity: Readonly<Identity<Role>>,
    /** True if it came as `Authorization: Bearer`, or goes to its client in the answer: no cookie carries it. */
    readonly isBearer = false,
    /** Of a request by a personal access token: what is set in such a session ends with the request. */
    readonly access?: TokenAccess,
  ) {}

  get userId(): string {
    return this.identity.userId
  }

  get role(): Role {
    return this.identity.role
  }

  /** The id of the account that acts as `userId`; undefined in one's own session. */
  get impersonator(): string | undefined {
    return this.identity.impersonation?.by.userId
  }

  async get<T extends Json>(key: string): Promise<T | undefined> {
    if (this.#changes.has(key)) return this.#changes.get(key) as T | undefined
    this.#stored ??= this.deps.sessions.readData(this.token)
    return (await this.#stored)[key] as T | undefined
  }

  /** Stores a JSON value. After a value that was read is mutated, it must be set again. */
  set(key: string, value: Json): void {
    this.#changes.set(key, value)
  }

  delete(key: string): void {
    this.#changes.set(key, undefined)
  }

  /** Checks again, for a long response: false after a logout, and for a role that is barred. */
  async isOpen(): Promise<boolean> {
    return (await this.openRole()) !== undefined
  }

  /** The role that it has by now; undefined once it has ended, and where that is barred. */
  async openRole(): Promise<string | undefined> {
    const role = await this.currentRole()
    return role !== undefined && this.deps.roles.isBarred(role as Role) ? undefined : role // one of those
  }

  /** The role that it has by now; undefined once it has ended. */
  async currentRole(): Promise<string | undefined> {
    if (this.access !== undefined) return this.access.currentRole()
    return (await this.deps.sessions.open(this.token))?.role
  }

  /** Goes on under a new token, with its data and these changes. False if it has ended. */
  async rotate(changes: Partial<Identity<Role>>): Promise<boolean> {
    const rotated = await this.deps.sessions.rotate(this.token, changes)
    if (rotated !== null) Object.assign(this, rotated)
    return rotated !== null
  }

  /** Ends it in Redis; does not touch the cookie. */
  destroy(): Promise<void> {
    return this.deps.sessions.destroy(this.token)
  }

  /** Writes the changed keys. Called once per request, after the handler. */
  async save(): Promise<void> {
    if (this.#changes.size === 0) return
    const changes = Object.fromEntries(this.#changes)
    this.#changes.clear()
    await this.deps.sessions.writeData(this.token, changes)
  }
}
