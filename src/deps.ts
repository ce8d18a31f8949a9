// The contract between the portable app and its runtime: what a handler may count on, and nothing of how it is made.
import type { PgDatabase } from 'drizzle-orm/pg-core'
import type { PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js'
import type { Role } from './account/roles.ts'
import type { Config } from './config.ts'
import type { JobStatus } from './jobs/element.ts'
import type { CronAdmin } from './jobs/cron-admin.ts'
import type { QueueAdmin } from './jobs/queue-admin.ts'
import type { Enqueue } from './jobs/task.ts'
import type { EnqueueInTransaction } from './outbox/enqueue.ts'

export type { Role }

/** A Drizzle database or transaction: queries take either. */
export type Db = PgDatabase<PostgresJsQueryResultHKT>

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/** Leveled log. Fields are printed as given: callers redact what comes from outside. */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}
/**
 * `error` takes any thrown value; its stack is printed, the parameters of a failed statement never are.
 * The names that each line has of its own are reserved: the compiler refuses them where they are written out.
 */
export type LogFields = Record<string, unknown> & { error?: unknown } & {
  [K in 'level' | 'time' | 'pid' | 'msg']?: never
}

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

/** What a session remembers of its login. */
export interface Identity {
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
export interface Sessions {
  /** Past `SESSIONS_PER_ACCOUNT` the user's oldest session ends. */
  create(identity: Identity): Promise<string>
  /** The identity behind a token, its expiry pushed forward; null if there is none. */
  open(token: string): Promise<Identity | null>
  /** Once a day: remembers that the cookie was sent again, and pushes the expiry of what lies beside the identity. */
  touch(token: string, before: Identity, sentAt: number): Promise<void>
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
  allOf(userId: string): Promise<Identity[]>
  destroyAllOf(userId: string): Promise<void>
  destroyAll(): Promise<void>
}

/** Redis as generic storage: JSON values, lists, counters. Keys live in a namespace of their own. */
export interface Store {
  /** `ttlSeconds` absent: kept until deleted. */
  set(key: string, value: Json, ttlSeconds?: number): Promise<void>
  get<T extends Json>(key: string): Promise<T | undefined>
  get<T extends Json>(key: string, fallback: T): Promise<T>
  /** Stores the value and answers the one that it replaced, in one step. The expiry is dropped. */
  getAndSet<T extends Json>(key: string, value: Json): Promise<T | undefined>
  /** Answers how many of the keys existed. */
  delete(...keys: string[]): Promise<number>
  /** Adds to a counter (0 if there is none) and answers the sum, in one step. */
  increment(key: string, by?: number): Promise<number>
  /** Appends; with `maxSize` the oldest items past it are dropped. Answers the length. */
  append(key: string, item: Json, maxSize?: number): Promise<number>
  /** Takes the oldest item; with `waitSeconds` it waits that long for one. */
  pop<T extends Json>(key: string, waitSeconds?: number): Promise<T | undefined>
  /** The oldest item, left where it is. */
  peek<T extends Json>(key: string): Promise<T | undefined>
  /** All items, oldest first. */
  all<T extends Json>(key: string): Promise<T[]>
  length(key: string): Promise<number>
}

/** What is counted: `key` says whose count it is, and is stored as a digest only. */
export interface Counter {
  name: string
  key: string
  /** How many there may be. */
  most: number
  /** How long the count lasts, from its first on: its window. */
  seconds: number
  /** Each one is pending until `settle` says what becomes of it. */
  settles: boolean
}

/** How a counter stands. */
export interface Count {
  counter: Counter
  /** Above `most`: it was full before. */
  count: number
  endsInMs: number
  /** Tells its window from the next. */
  window: number
}

/** What becomes of one that was taken: it counts, it never was, or all that has counted is forgotten. */
export interface Settlement extends Pick<Count, 'counter' | 'window'> {
  outcome: 'keep' | 'back' | 'clear'
}

export interface RateLimiter {
  /**
   * Takes one of each counter or of none, in one step. `full`: one of them has no more.
   * `pending`: it may have some again, if what is pending is given back: ask again in a moment.
   */
  take(counters: Counter[]): Promise<{ verdict: 'taken' | 'pending' | 'full'; counts: Count[] }>
  settle(settlements: Settlement[]): Promise<void>
}

// A type, not an interface: only a type counts as JSON.
export type Mail = {
  to: string
  subject: string
  text: string
  html: string
}

/** The list of `Store` where development keeps mails, the newest last. */
export const KEPT_MAILS = 'mails'

/** Everything the app is given. Built once by `infra`, passed to `createApp`. */
export interface Deps {
  config: Config
  /** Unix milliseconds. */
  startedAt: number
  db: Db
  store: Store
  sessions: Sessions
  passwords: Passwords
  rateLimiter: RateLimiter
  /**
   * Hands a task to a worker; resolves when Redis has the job. The request's id goes with it, for the log.
   * With a transaction as the first argument the job commits with it.
   */
  enqueue: Enqueue & EnqueueInTransaction
  /** How a job is doing whose task has `keepResultMs`, whoever enqueued it: compare `by` before you show it. */
  jobStatus(id: string): Promise<JobStatus | undefined>
  /** Ends that before its time is over, and with it what is kept of the job's result. */
  forgetJob(id: string): Promise<void>
  /** What operators see of the queue and its crons, and do to them. */
  queueAdmin: QueueAdmin
  cronAdmin: CronAdmin
  /** For tasks: a request that waits for a mail server is a slow one. */
  sendMail(mail: Mail): Promise<void>
  log: Log
  /** The script and the style sheet of Swagger UI, for the page to try the API. */
  apiDocsAsset(name: 'script' | 'style'): Promise<string>
  /** Resolves if a request would be served now: Postgres and Redis take writes, and nothing is to be migrated. Rejects with why not. */
  ready(): Promise<void>
}
