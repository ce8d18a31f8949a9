// Declares generic storage in Redis as the app sees it.
import type { Json } from './json.ts'

/** Generic storage in Redis: JSON values, lists, counters. Keys have a namespace of their own. */
export interface Store {
  /** `ttlSeconds` absent: kept until deleted. */
  set(key: string, value: Json, ttlSeconds?: number): Promise<void>
  /** Stores the value if there is none, and returns whether it did, atomically. */
  add(key: string, value: Json, ttlSeconds: number): Promise<boolean>
  get<T extends Json>(key: string): Promise<T | undefined>
  get<T extends Json>(key: string, fallback: T): Promise<T>
  /** Stores the value and returns the one that it replaced, atomically. The expiry is dropped. */
  getAndSet<T extends Json>(key: string, value: Json): Promise<T | undefined>
  /** Returns how many of the keys existed. */
  delete(...keys: string[]): Promise<number>
  /** Adds to a counter (0 if there is none) and returns the sum, atomically. */
  increment(key: string, by?: number): Promise<number>
  /** Appends; with `maxSize` the oldest items beyond it are dropped. Returns the length. */
  append(key: string, item: Json, maxSize?: number): Promise<number>
  /** Takes the oldest item; with `waitSeconds` it waits that long for one. */
  pop<T extends Json>(key: string, waitSeconds?: number): Promise<T | undefined>
  /** The oldest item, left where it is. */
  peek<T extends Json>(key: string): Promise<T | undefined>
  /** All items, oldest first. */
  all<T extends Json>(key: string): Promise<T[]>
  length(key: string): Promise<number>
}
