// What a rate limit says: so many of something, per somebody, within a time.
import type { KitConfig } from '../config/kit-config.ts'
import type { AnyContext } from './env.ts'

/** So many of something, per somebody, within a time that begins with the first. */
export interface Quota {
  /** Whose count it is, in a word: `address`. Behind the limit's name it names the count in Redis and in the headers. */
  per: string
  /** Tells one of them from another. Stored as a digest only. */
  key: (c: AnyContext) => string
  most: number
  /** Whole seconds. */
  seconds: number
  /**
   * `requests`: every one counts. `failures`: those that end in a 4xx; the others are given back.
   * `failures in a row`: a success forgets the earlier ones too.
   */
  counts: 'requests' | 'failures' | 'failures in a row'
}

export interface RateLimit {
  /** Unique in the app. */
  name: string
  /** A method, so that a product's may ask for settings of its own: it is given the app's. */
  quotas(this: void, config: KitConfig): Quota[]
}
