// Keeps the data of each session: a dictionary that a handler reads, and writes key by key.
import type { Redis } from 'ioredis'
import type { Json } from '../../types/json.ts'
import { type Sessions, sessionTooLarge } from '../../types/sessions.ts'
import { parseJson } from './session-identity.ts'
import type { sessionKeys } from './session-index.ts'
import { WRITE_DATA } from './session-scripts.ts'
import { digestOf } from './session-token.ts'

/** The data of a session, in bytes of keys and values; each key counts this many more, as it does in Redis. */
const MAX_BYTES = 64 * 1024
const KEY_OVERHEAD_BYTES = 64

/** @param seconds until data that nobody touches expires */
export function createSessionData(
  redis: Redis,
  keys: ReturnType<typeof sessionKeys>,
  seconds: number,
): Pick<Sessions, 'readData' | 'writeData'> {
  return {
    async readData(token) {
      // Without a prototype, a key like `constructor` exists only if somebody set it.
      const data: Record<string, Json> = Object.create(null)
      const digest = digestOf(token)
      if (digest === undefined) return data
      for (const [key, text] of Object.entries(await redis.hgetall(keys.data(digest)))) {
        const value = parseJson(text)
        if (value !== undefined) data[key] = value
      }
      return data
    },

    async writeData(token, changes) {
      const entries = Object.entries(changes)
      const digest = digestOf(token)
      if (digest === undefined || entries.length === 0) return
      const deleted = entries.filter(([, value]) => value === undefined).map(([key]) => key)
      const written = entries
        .filter(([, value]) => value !== undefined)
        .flatMap(([key, value]) => [key, JSON.stringify(value)])
      const args = [seconds, MAX_BYTES, KEY_OVERHEAD_BYTES, deleted.length, ...deleted, ...written]
      const tooLarge = await redis.eval(WRITE_DATA, 2, keys.identity(digest), keys.data(digest), ...args)
      if (tooLarge === 0) return
      throw sessionTooLarge({
        message: `The session would hold ${String(tooLarge)} bytes, and may hold ${MAX_BYTES}: store less in it`,
      })
    },
  }
}
