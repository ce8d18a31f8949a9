// Stores JSON values, lists and counters in Redis, under keys that the application chooses.
import type { Redis } from 'ioredis'
import type { Json } from '../types/json.ts'
import type { Store } from '../types/store.ts'
import { connectBlocking, MAX_BLOCK_SECONDS } from './redis.ts'

/** Idle connections kept for later waits; more are opened while more calls wait at once. */
const MAX_IDLE_CONNECTIONS = 4

/** Replies the new length. */
const APPEND_AND_TRIM = `
local length = redis.call('RPUSH', KEYS[1], ARGV[1])
local max = tonumber(ARGV[2])
if length <= max then return length end
redis.call('LTRIM', KEYS[1], -max, -1)
return max`

/**
 * Creates the store of everything under `<prefix>kv:`. A popped item belongs to the caller: if that process dies, the
 * item is lost. Work that must survive a crash is a background task.
 * @param makeBlocking makes a connection for a `pop` that waits
 */
export function createStore(
  redis: Redis,
  prefix: string,
  makeBlocking: () => Redis = () => connectBlocking(redis),
): Store & { close(): void } {
  const pool = new ConnectionPool(makeBlocking)

  const at = (key: string): string => {
    if (typeof key !== 'string' || key === '') throw new TypeError('store: a key must be a non-empty string')
    return `${prefix}kv:${key}`
  }

  async function get<T extends Json>(key: string): Promise<T | undefined>
  async function get<T extends Json>(key: string, fallback: T): Promise<T>
  async function get<T extends Json>(key: string, fallback?: T): Promise<T | undefined> {
    const text = await withKeyInError(key, redis.get(at(key)))
    return text === null ? fallback : decode(key, text)
  }

  /**
   * Waits on a connection of its own, so that waiting calls hold up nobody. It waits by moving the list's head onto
   * itself, which changes nothing: a reply that is lost, or comes after the caller has gone, loses no item.
   */
  async function popWaiting(key: string, seconds: number): Promise<string | null> {
    const deadline = performance.now() + seconds * 1000
    const connection = pool.take()
    try {
      for (;;) {
        const text = await redis.lpop(at(key))
        const left = (deadline - performance.now()) / 1000
        if (text !== null || left <= 0 || pool.closed) return text
        await connection.blmove(at(key), at(key), 'LEFT', 'LEFT', blockSeconds(left))
      }
    } catch (error) {
      if (pool.closed) return null
      throw error
    } finally {
      pool.release(connection)
    }
  }

  return {
    async set(key, value, ttlSeconds) {
      const text = encode(key, value)
      if (ttlSeconds === undefined) await redis.set(at(key), text)
      else
        await redis.set(at(key), text, 'EX', positive(ttlSeconds, 'ttlSeconds', 'a whole number of seconds'))
    },

    async add(key, value, ttlSeconds) {
      const ttl = positive(ttlSeconds, 'ttlSeconds', 'a whole number of seconds')
      return (await redis.set(at(key), encode(key, value), 'EX', ttl, 'NX')) === 'OK'
    },

    get,

    async getAndSet(key, value) {
      const text = await withKeyInError(key, redis.set(at(key), encode(key, value), 'GET'))
      return text === null ? undefined : decode(key, text)
    },

    async delete(...keys) {
      return (await Promise.all(keys.map((key) => redis.unlink(at(key))))).reduce((sum, n) => sum + n, 0)
    },

    async increment(key, by = 1) {
      if (!Number.isSafeInteger(by)) throw new RangeError(`store: increment takes a whole number, not ${by}`)
      const sum = await withKeyInError(key, redis.incrby(at(key), by))
      if (!Number.isSafeInteger(sum)) {
        throw new RangeError(`store: the counter ${JSON.stringify(key)} has left the range of exact integers`)
      }
      return sum
    },

    async append(key, item, maxSize) {
      const text = encode(key, item)
      if (maxSize === undefined) return withKeyInError(key, redis.rpush(at(key), text))
      const max = positive(maxSize, 'maxSize', 'a whole number of items')
      return Number(await withKeyInError(key, redis.eval(APPEND_AND_TRIM, 1, at(key), text, max)))
    },

    async pop(key, waitSeconds = 0) {
      if (!(waitSeconds >= 0 && waitSeconds < Infinity)) {
        throw new RangeError(`store: waitSeconds must be a number of seconds, 0 or more, not ${waitSeconds}`)
      }
      const text = await withKeyInError(
        key,
        waitSeconds > 0 ? popWaiting(key, waitSeconds) : redis.lpop(at(key)),
      )
      return text === null ? undefined : decode(key, text)
    },

    async peek(key) {
      const text = await withKeyInError(key, redis.lindex(at(key), 0))
      return text === null ? undefined : decode(key, text)
    },

    async all(key) {
      const texts = await withKeyInError(key, redis.lrange(at(key), 0, -1))
      return texts.map((text) => decode(key, text))
    },

    async length(key) {
      return withKeyInError(key, redis.llen(at(key)))
    },

    /** Ends every wait: those calls return undefined. The connection that was passed in stays open. */
    close() {
      pool.close()
    },
  }
}

/** The connections of waiting calls: each call has one to itself, and leaves it to the next. */
class ConnectionPool {
  #busy = new Set<Redis>()
  #idle: Redis[] = []
  closed = false

  constructor(readonly make: () => Redis) {}

  take(): Redis {
    const connection = this.#idle.pop() ?? this.make()
    this.#busy.add(connection)
    return connection
  }

  release(connection: Redis): void {
    this.#busy.delete(connection)
    if (this.closed || this.#idle.length >= MAX_IDLE_CONNECTIONS) connection.disconnect()
    else this.#idle.push(connection)
  }

  close(): void {
    this.closed = true
    for (const connection of [...this.#busy, ...this.#idle]) connection.disconnect()
  }
}

/** Rounded up, because 0 means for ever to Redis. */
const blockSeconds = (left: number) => Math.min(Math.ceil(left * 1000) / 1000, MAX_BLOCK_SECONDS)

function encode(key: string, value: Json): string {
  // Typed as string, but undefined for functions and undefined, which have no JSON.
  const text = JSON.stringify(value) as string | undefined
  if (text !== undefined) return text
  throw new TypeError(`store: the value for ${JSON.stringify(key)} has no JSON form: ${typeof value}`)
}

/** Returns the type that the caller says it stored. */
function decode(key: string, text: string) {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`store: the value of ${JSON.stringify(key)} is not JSON: something else has written it`, {
      cause,
    })
  }
}

// Redis reports a key of the wrong type, but not which key.
const WRONG_TYPE = /^(WRONGTYPE|ERR value is not an integer|ERR increment or decrement would overflow)/

async function withKeyInError<T>(key: string, reply: Promise<T>): Promise<T> {
  try {
    return await reply
  } catch (error) {
    if (!(error instanceof Error) || !WRONG_TYPE.test(error.message)) throw error
    throw new TypeError(`store: this cannot be done with ${JSON.stringify(key)}: ${error.message}`, {
      cause: error,
    })
  }
}

function positive(value: number, name: string, what: string): number {
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new RangeError(`store: ${name} must be ${what}, 1 or more, not ${value}`)
}
