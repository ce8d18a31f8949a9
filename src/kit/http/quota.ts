// Declares rate limits: how many of something are allowed, for whom, and in what time.
import type { KitConfig } from '../config/kit-config.ts'
import type { AnyContext } from './env.ts'

/** Allows a number of something, for somebody, within a time that begins with the first. */
export interface Quota {
  /** For whom it counts, in a word: `address`. With the limit's name it names the count in Redis and in headers. */
  per: string
  /** Identifies one of them. Only a digest is stored. */
  key: (c: AnyContext) => string
  limit: number
  /** Whole seconds. */
  seconds: number
  /**
   * `requests`: all count. `failures`: only those that end in a 4xx count.
   * `failures in a row`: a success also clears the earlier ones.
   */
  counts: 'requests' | 'failures' | 'failures in a row'
}

export interface RateLimit {
  /** Unique in the app. */
  name: string
  /** Declared as a method, so that a product's may read its own settings from the app's config. */
  quotas(this: void, config: KitConfig): Quota[]
}
