// Sessions in Redis: what is kept of one, how long, and that nothing brings an ended one back.
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { roles, type Role } from '../src/account/roles.ts'
import type { Identity } from '../src/types/sessions.ts'
import type { Log } from '../src/types/log.ts'
import { closeRedis, connectRedis } from '../src/infra/redis.ts'
import { createSessions } from '../src/infra/sessions.ts'
import { ApiError } from '../src/types/api-error.ts'
import { deletePrefix, redisUrl, uniquePrefix } from './support/services.ts'

const SESSION_SECONDS = 1000
const DAY_SECONDS = 24 * 60 * 60

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }
const prefix = uniquePrefix()
const redis = connectRedis(redisUrl(), { log: silent })
const MOST = 50
const sessions = createSessions(redis, { prefix, roles, sessionSeconds: SESSION_SECONDS, most: MOST })

beforeEach(() => sessions.destroyAll())

afterAll(async () => {
  await deletePrefix(prefix)
  await closeRedis(redis)
})

function identityOf(userId: string = randomUUID(), more: Partial<Identity<Role>> = {}): Identity<Role> {
  return {
    userId,
    role: 'editor',
    ip: '192.0.2.7',
    agent: 'Mozilla/5.0 "ünïcode"',
    loginAt: 1_700_000_000_000,
    sentAt: 1_700_000_000_000,
    remember: true,
    ...more,
  }
}

/** Every key under the prefix, with its value in full. */
async function dump(): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {}
  for (const key of await keysLike('*')) {
    const type = await redis.type(key)
    found[key] =
      type === 'hash'
        ? await redis.hgetall(key)
        : type === 'set'
          ? await redis.smembers(key)
          : type === 'zset'
            ? await redis.zrange(key, 0, '-1')
            : await redis.get(key)
  }
  return found
}

async function keysLike(pattern: string): Promise<string[]> {
  return redis.keys(prefix + pattern)
}

async function only(pattern: string): Promise<string> {
  const keys = await keysLike(pattern)
  expect(keys).toHaveLength(1)
  return keys[0] ?? ''
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i)

describe('a token', () => {
  test('opens the identity that it was made for', async () => {
    const identity = identityOf()
    const token = await sessions.create(identity)
    expect(await sessions.open(token)).toEqual(identity)
  })

  test('is 32 random bytes, another one each time', async () => {
    const tokens = await Promise.all(range(20).map(() => sessions.create(identityOf())))
    expect(new Set(tokens).size).toBe(20)
    for (const token of tokens) expect(Buffer.from(token, 'base64url')).toHaveLength(32)
  })

  test('stands nowhere in Redis', async () => {
    const token = await sessions.create(identityOf())
    await sessions.writeData(token, { cart: [1] })
    await sessions.open(token)
    const everything = JSON.stringify(await dump())
    expect(everything).toContain('cart')
    expect(everything).not.toContain(token)
    expect(everything).not.toContain(Buffer.from(token, 'base64url').toString('hex'))
  })

  test('that was never given out opens nothing', async () => {
    await sessions.create(identityOf())
    expect(await sessions.open('A'.repeat(43))).toBeNull()
  })

  test('that cannot be one is answered without asking Redis', async () => {
    const nowhere = connectRedis('redis://127.0.0.1:1', { log: silent })
    const detached = createSessions(nowhere, { prefix, roles, sessionSeconds: SESSION_SECONDS, most: MOST })
    const good = await sessions.create(identityOf())
    for (const token of [
      '',
      'x',
      good.slice(1),
      `${good}A`,
      `${good}\n`,
      good.replace(/./, '*'),
      '\0'.repeat(43),
    ]) {
      expect(await detached.open(token)).toBeNull()
      expect(Object.keys(await detached.readData(token))).toEqual([])
      await detached.writeData(token, { a: 1 })
      await detached.touch(token, identityOf(), 1)
      await detached.destroy(token)
    }
    expect(await detached.open(good).catch((error: unknown) => error)).toBeInstanceOf(Error)
    nowhere.disconnect()
  })
})

describe('expiry', () => {
  test('of the identity is pushed forward by every request', async () => {
    const token = await sessions.create(identityOf())
    const key = await only('s:*')
    await redis.expire(key, 10)
    await sessions.open(token)
    expect(await redis.ttl(key)).toBeGreaterThan(SESSION_SECONDS - 10)
  })

  test('of index and data is a day or more past that of the identity', async () => {
    const token = await sessions.create(identityOf())
    await sessions.writeData(token, { a: 1 })
    for (const pattern of ['d:*', 'i:*', 'u:*']) {
      expect(await redis.ttl(await only(pattern))).toBeGreaterThan(SESSION_SECONDS + DAY_SECONDS)
    }
  })

  test('of index and data is pushed forward by a touch, that of the identity is left alone', async () => {
    const identity = identityOf()
    const token = await sessions.create(identity)
    await sessions.writeData(token, { a: 1 })
    for (const key of await keysLike('*')) await redis.expire(key, 100)
    await sessions.touch(token, identity, 5)
    expect(await redis.ttl(await only('s:*'))).toBeLessThanOrEqual(100)
    for (const pattern of ['d:*', 'i:*', 'u:*']) {
      expect(await redis.ttl(await only(pattern))).toBeGreaterThan(SESSION_SECONDS + DAY_SECONDS)
    }
  })

  test('ends the session', async () => {
    const token = await sessions.create(identityOf())
    await redis.pexpire(await only('s:*'), 1)
    while ((await keysLike('s:*')).length > 0) await Bun.sleep(1)
    expect(await sessions.open(token)).toBeNull()
  })
})

describe('a touch', () => {
  test('remembers when the cookie was sent', async () => {
    const identity = identityOf()
    const token = await sessions.create(identity)
    await sessions.touch(token, identity, 1_800_000_000_000)
    expect(await sessions.open(token)).toEqual({ ...identity, sentAt: 1_800_000_000_000 })
  })

  test('that comes late changes nothing', async () => {
    const identity = identityOf()
    const token = await sessions.create(identity)
    await sessions.setRole(identity.userId, 'readonly')
    await sessions.touch(token, identity, 1_800_000_000_000)
    expect(await sessions.open(token)).toEqual({ ...identity, role: 'readonly' })
  })

  test('does not bring an ended session back', async () => {
    const identity = identityOf()
    const token = await sessions.create(identity)
    await sessions.destroy(token)
    await sessions.touch(token, identity, 1_800_000_000_000)
    expect(await sessions.open(token)).toBeNull()
    expect(await keysLike('*')).toEqual([])
  })
})

describe('session data', () => {
  test('is a dictionary of JSON values', async () => {
    const token = await sessions.create(identityOf())
    await sessions.writeData(token, { cart: [{ id: 1 }], theme: 'dark', none: null })
    await sessions.writeData(token, { theme: 'light', cart: undefined, absent: undefined })
    expect(await sessions.readData(token)).toEqual({ theme: 'light', none: null })
  })

  test('of two writes at once loses neither', async () => {
    const token = await sessions.create(identityOf())
    await Promise.all(range(50).map((i) => sessions.writeData(token, { [`key ${i}`]: i })))
    expect(await sessions.readData(token)).toEqual(Object.fromEntries(range(50).map((i) => [`key ${i}`, i])))
  })

  test('takes any key, those of prototypes too', async () => {
    const token = await sessions.create(identityOf())
    const changes = JSON.parse('{"__proto__": {"admin": true}, "constructor": 1, "": 2, "ключ": 3}')
    await sessions.writeData(token, changes)
    const data = await sessions.readData(token)
    expect(new Map(Object.entries(data))).toEqual(new Map(Object.entries(changes)))
    expect(data.admin).toBeUndefined()
    expect('toString' in data).toBe(false)
  })

  test('holds hundreds of keys, and loses thousands at once', async () => {
    const token = await sessions.create(identityOf())
    const changes = Object.fromEntries(range(900).map((i) => [`k${i}`, i]))
    await sessions.writeData(token, changes)
    expect(Object.keys(await sessions.readData(token))).toHaveLength(900)
    await sessions.writeData(token, Object.fromEntries(range(9000).map((i) => [`k${i}`, undefined])))
    expect(await keysLike('d:*')).toEqual([])
  })

  test('has a size that it cannot pass, in bytes, and the refusal says so and changes nothing', async () => {
    const token = await sessions.create(identityOf())
    const fits = { text: '\u20ac'.repeat(21_000) } // three bytes each
    await sessions.writeData(token, fits)
    const attempts = [
      { more: '\u20ac'.repeat(1000) },
      { text: '\u20ac'.repeat(22_000) },
      Object.fromEntries(range(1000).map((i) => [i, 1])),
      { gone: undefined, more: 'x'.repeat(3000) },
    ]
    for (const changes of attempts) {
      const refused: unknown = await sessions.writeData(token, changes).catch((error: unknown) => error)
      expect(refused).toBeInstanceOf(ApiError)
      expect(refused).toMatchObject({ status: 400, message: expect.stringContaining('may hold 65536') })
    }
    expect(await sessions.readData(token)).toEqual(fits)
    await sessions.writeData(token, { text: undefined, more: 'x'.repeat(60_000) })
    expect(Object.keys(await sessions.readData(token))).toEqual(['more'])
  })

  test('that is too large from before may shrink', async () => {
    const token = await sessions.create(identityOf())
    const [key] = await keysLike('s:*')
    const data = (key ?? '').replace(`${prefix}s:`, `${prefix}d:`)
    await redis.hset(data, 'large', JSON.stringify('x'.repeat(100_000)), 'small', '1')
    await sessions.writeData(token, { large: 'x'.repeat(90_000) })
    await expect(sessions.writeData(token, { large: 'x'.repeat(95_000) })).rejects.toThrow('may hold')
    await sessions.writeData(token, { large: undefined })
    expect(await sessions.readData(token)).toEqual({ small: 1 })
  })

  test('keeps JSON as it is: empty arrays, large numbers, deep values', async () => {
    const token = await sessions.create(identityOf())
    const value = { list: [], big: 9007199254740991, tiny: 1e-300, deep: [[[[[[{}]]]]]] }
    await sessions.writeData(token, { value })
    expect(JSON.stringify((await sessions.readData(token)).value)).toBe(JSON.stringify(value))
  })

  test('written after the session ended is dropped', async () => {
    const token = await sessions.create(identityOf())
    await sessions.destroy(token)
    await sessions.writeData(token, { a: 1 })
    expect(await keysLike('*')).toEqual([])
  })

  test('written while the session ends does not stay behind, nor bring it back', async () => {
    const tokens = await Promise.all(range(40).map(() => sessions.create(identityOf())))
    const write = async (token: string, delay: number) => {
      for (const _ of range(delay)) await redis.ping()
      await sessions.writeData(token, { a: 1 })
    }
    await Promise.all(
      tokens.flatMap((token, i) => [write(token, 0), sessions.destroy(token), write(token, i % 5)]),
    )
    expect(await keysLike('*')).toEqual([])
  })
})

describe('a role change', () => {
  test('reaches every live session of the user, and nobody else', async () => {
    const [userId, otherId] = [randomUUID(), randomUUID()]
    const mine = await Promise.all(range(5).map(() => sessions.create(identityOf(userId))))
    const other = await sessions.create(identityOf(otherId))
    await sessions.setRole(userId, 'disabled')
    for (const token of mine)
      expect(await sessions.open(token)).toEqual(identityOf(userId, { role: 'disabled' }))
    expect(await sessions.open(other)).toEqual(identityOf(otherId))
  })

  test('leaves the expiry alone', async () => {
    const identity = identityOf()
    await sessions.create(identity)
    const key = await only('s:*')
    await redis.expire(key, 100)
    await sessions.setRole(identity.userId, 'admin')
    expect(await redis.ttl(key)).toBeGreaterThan(0)
    expect(await redis.ttl(key)).toBeLessThanOrEqual(100)
  })

  test('does not bring an ended session back', async () => {
    const userId = randomUUID()
    const tokens = await Promise.all(range(30).map(() => sessions.create(identityOf(userId))))
    await Promise.all([
      ...tokens.map((token) => sessions.destroy(token)),
      ...range(5).map(() => sessions.setRole(userId, 'readonly')),
    ])
    expect(await keysLike('s:*')).toEqual([])
  })

  test('is not undone by requests that touch the session at the same time', async () => {
    for (const round of range(50)) {
      const identity = identityOf(undefined, { role: 'superuser' })
      const token = await sessions.create(identity)
      const touches = async (from: number) => {
        for (const i of range(6)) {
          const before = await sessions.open(token)
          if (before) await sessions.touch(token, before, from + i)
        }
      }
      const change = async () => {
        for (const _ of range(round % 5)) await redis.ping()
        await sessions.setRole(identity.userId, 'readonly')
      }
      await Promise.all([touches(1000), touches(2000), change()])
      expect(await sessions.open(token)).toMatchObject({ role: 'readonly', sentAt: expect.any(Number) })
    }
  })

  test('reaches a session that another version has written', async () => {
    const identity = identityOf()
    const token = await sessions.create(identity)
    await redis.set(await only('s:*'), JSON.stringify({ later: [], ...identity }), 'EX', 100)
    await sessions.setRole(identity.userId, 'readonly')
    expect(await sessions.open(token)).toEqual({ ...identity, role: 'readonly' })
  })

  test('lets the touches through that come between', async () => {
    const identity = identityOf()
    const token = await sessions.create(identity)
    await sessions.setRole(identity.userId, 'readonly')
    const now = await sessions.open(token)
    if (now) await sessions.touch(token, now, 7)
    await sessions.setRole(identity.userId, 'admin')
    expect(await sessions.open(token)).toEqual({ ...identity, role: 'admin', sentAt: 7 })
  })
})

describe('the end', () => {
  test('of a session leaves nothing of it in Redis', async () => {
    const userId = randomUUID()
    const [token, other] = [
      await sessions.create(identityOf(userId)),
      await sessions.create(identityOf(userId)),
    ]
    await sessions.writeData(token, { a: 1 })
    await sessions.destroy(token)
    expect(await sessions.open(token)).toBeNull()
    expect(await sessions.open(other)).not.toBeNull()
    expect(await keysLike('d:*')).toEqual([])
    expect(await redis.scard(await only('u:*'))).toBe(1)
    expect(await redis.zcard(await only('i:*'))).toBe(1)
    await sessions.destroy(other)
    expect(await keysLike('*')).toEqual([])
  })

  test('of all sessions of a user leaves the others', async () => {
    const [userId, otherId] = [randomUUID(), randomUUID()]
    const mine = await Promise.all(range(3).map(() => sessions.create(identityOf(userId))))
    const other = await sessions.create(identityOf(otherId))
    for (const token of mine) await sessions.writeData(token, { a: 1 })
    await sessions.destroyAllOf(userId)
    await sessions.destroyAllOf(userId)
    for (const token of mine) expect(await sessions.open(token)).toBeNull()
    expect(await sessions.open(other)).toEqual(identityOf(otherId))
    expect(await keysLike('*')).toHaveLength(3)
  })

  test('of all sessions leaves what else lies in Redis, whatever the prefix looks like', async () => {
    const odd = createSessions(redis, {
      prefix: `${prefix}o*d[a-z]?\\:`,
      roles,
      sessionSeconds: SESSION_SECONDS,
      most: MOST,
    })
    const token = await sessions.create(identityOf())
    await redis.set(`${prefix}kv:kept`, '1')
    await Promise.all(range(50).map(() => odd.create(identityOf())))
    await odd.destroyAll()
    expect(await sessions.open(token)).not.toBeNull()
    expect(await keysLike('*')).toHaveLength(4)
    await sessions.destroyAll()
    expect(await keysLike('*')).toEqual([`${prefix}kv:kept`])
    await redis.unlink(`${prefix}kv:kept`)
  })
})

describe('the sessions of a user', () => {
  const open = (tokens: string[]) => Promise.all(tokens.map((token) => sessions.open(token)))

  test('are so many at most, and the oldest goes at a login, with all that is kept of it', async () => {
    const userId = randomUUID()
    const tokens: string[] = []
    for (const n of range(MOST + 3)) {
      const token = await sessions.create(identityOf(userId, { sentAt: n }))
      await sessions.writeData(token, { n })
      tokens.push(token)
    }
    const opened = await open(tokens)
    expect(opened.map((identity) => identity !== null)).toEqual(range(MOST + 3).map((n) => n >= 3))
    expect(await keysLike('d:*')).toHaveLength(MOST)
    expect(await redis.scard(await only('u:*'))).toBe(MOST)
    expect(await redis.zcard(await only('i:*'))).toBe(MOST)
  })

  test('are so many however many logins come at once, and each that lives is known', async () => {
    const [userId, otherId] = [randomUUID(), randomUUID()]
    const other = await sessions.create(identityOf(otherId))
    const tokens = await Promise.all(range(3 * MOST).map(() => sessions.create(identityOf(userId))))
    expect((await open(tokens)).filter(Boolean)).toHaveLength(MOST)
    await sessions.setRole(userId, 'admin')
    for (const identity of await open(tokens)) expect([undefined, 'admin']).toContain(identity?.role)
    expect(await sessions.open(other)).not.toBeNull()
  })

  test('that have ended by themselves go before those that live', async () => {
    const userId = randomUUID()
    const phone = await sessions.create(identityOf(userId, { sentAt: 1 }))
    const ended = await Promise.all(
      range(MOST - 1).map((n) => sessions.create(identityOf(userId, { sentAt: 10 + n }))),
    )
    await sessions.touch(phone, identityOf(userId, { sentAt: 1 }), 1000) // it is in use, the others are not
    for (const token of ended) await redis.unlink(`${prefix}s:${digestOf(token)}`)
    for (const n of range(MOST - 1)) await sessions.create(identityOf(userId, { sentAt: 2000 + n }))
    expect(await sessions.open(phone)).not.toBeNull()
    expect(await sessions.allOf(userId)).toHaveLength(MOST)
  })

  test('are brought down to fewer when the setting is lowered', async () => {
    const userId = randomUUID()
    const many = createSessions(redis, { prefix, roles, sessionSeconds: SESSION_SECONDS, most: 2000 })
    const tokens = await Promise.all(range(700).map((n) => many.create(identityOf(userId, { sentAt: n }))))
    const newest = await sessions.create(identityOf(userId, { sentAt: 5000 }))
    const opened = await open([...tokens, newest])
    expect(opened.map((identity) => identity !== null)).toEqual(range(701).map((n) => n > 700 - MOST))
  })
})

/** Sessions as releases before the ordered index keep them: the identity, and the set `u:`. */
const older = {
  async create(identity: Identity): Promise<string> {
    const token = randomBytes(32).toString('base64url')
    await redis
      .multi()
      .sadd(`${prefix}u:${identity.userId}`, digestOf(token))
      .set(`${prefix}s:${digestOf(token)}`, JSON.stringify(identity), 'EX', SESSION_SECONDS)
      .expire(`${prefix}u:${identity.userId}`, SESSION_SECONDS + 2 * DAY_SECONDS)
      .exec()
    return token
  },
  async destroyAllOf(userId: string): Promise<void> {
    const digests = await redis.smembers(`${prefix}u:${userId}`)
    await redis.unlink(digests.map((digest) => `${prefix}s:${digest}`))
    await redis.srem(`${prefix}u:${userId}`, ...digests)
  },
  /** The digests that a change of role or an end of all would reach. */
  known: (userId: string) => redis.smembers(`${prefix}u:${userId}`),
}

const digestOf = (token: string) => createHash('sha256').update(token).digest('hex')

describe('beside an older release on one Redis', () => {
  test('a session that it has made gets the role, is listed, and ends with all', async () => {
    const userId = randomUUID()
    const tokens = [await older.create(identityOf(userId)), await sessions.create(identityOf(userId))]
    await sessions.setRole(userId, 'disabled')
    for (const token of tokens) expect((await sessions.open(token))?.role).toBe('disabled')
    expect(await sessions.allOf(userId)).toHaveLength(2)
    await sessions.destroyAllOf(userId)
    expect(await keysLike('*')).toEqual([])
  })

  test('what it does to all sessions of a user reaches the new ones, and what has ended stays ended', async () => {
    const userId = randomUUID()
    const [one, two] = [await sessions.create(identityOf(userId)), await sessions.create(identityOf(userId))]
    expect((await older.known(userId)).toSorted()).toEqual([one, two].map(digestOf).toSorted())
    await sessions.destroy(one)
    expect(await older.known(userId)).toEqual([digestOf(two)])
    await older.destroyAllOf(userId)
    await sessions.setRole(userId, 'admin')
    expect(await sessions.open(two)).toBeNull()
    expect(await sessions.allOf(userId)).toEqual([])
  })

  test('its sessions count, and the oldest of all go', async () => {
    const userId = randomUUID()
    const its = await Promise.all(
      range(2 * MOST).map((n) => older.create(identityOf(userId, { sentAt: 2 * n }))),
    )
    const newest = await sessions.create(identityOf(userId, { sentAt: 2 * MOST + 1 })) // between its, in time
    expect(await sessions.open(newest)).not.toBeNull()
    const opened = await Promise.all(its.map((token) => sessions.open(token)))
    expect(opened.filter(Boolean)).toHaveLength(MOST - 1)
    expect(opened.slice(MOST + 1).every(Boolean)).toBe(true)
    expect(await older.known(userId)).toHaveLength(MOST)
  })

  test('a session of its comes into the ordered index when it is used', async () => {
    const identity = identityOf()
    const token = await older.create(identity)
    await sessions.touch(token, identity, 77)
    const index = `${prefix}i:${identity.userId}`
    expect(Number(await redis.zscore(index, digestOf(token)))).toBe(77)
    expect(await redis.ttl(index)).toBeGreaterThan(SESSION_SECONDS + DAY_SECONDS)
  })
})

describe('an account with more sessions than one command may carry', () => {
  const COUNT = 5000

  /** Made in bulk, as an older release has left them. */
  async function fill(userId: string) {
    const text = JSON.stringify(identityOf(userId))
    const digests = range(COUNT).map((n) => createHash('sha256').update(`${userId}${n}`).digest('hex'))
    for (let i = 0; i < COUNT; i += 1000) {
      const batch = digests.slice(i, i + 1000)
      await redis.mset(batch.flatMap((digest) => [`${prefix}s:${digest}`, text]))
      await redis.sadd(`${prefix}u:${userId}`, ...batch)
    }
    return digests
  }

  const rolesOf = async (digests: string[]) => {
    const texts: (string | null)[] = []
    for (let i = 0; i < COUNT; i += 1000) {
      texts.push(...(await redis.mget(digests.slice(i, i + 1000).map((digest) => `${prefix}s:${digest}`))))
    }
    return new Set(texts.map((text) => (text === null ? null : (JSON.parse(text) as Identity).role)))
  }

  test('is disabled whole, and again after it broke off half way', async () => {
    const userId = randomUUID()
    const digests = await fill(userId)
    let batches = 0
    const breaking = proxied('eval', () => {
      if (++batches === 5) throw new Error('ECONNRESET')
    })
    const unlucky = createSessions(breaking, { prefix, roles, sessionSeconds: SESSION_SECONDS, most: MOST })
    await expect(unlucky.setRole(userId, 'disabled')).rejects.toThrow('ECONNRESET')
    expect(await rolesOf(digests)).toEqual(new Set(['disabled', 'editor']))
    await sessions.setRole(userId, 'disabled')
    expect(await rolesOf(digests)).toEqual(new Set(['disabled']))
  }, 30_000)

  test('loses all its sessions, and the rest after it broke off half way', async () => {
    const userId = randomUUID()
    const digests = await fill(userId)
    let batches = 0
    const breaking = proxied('unlink', () => {
      if (++batches === 6) throw new Error('ECONNRESET')
    })
    const unlucky = createSessions(breaking, { prefix, roles, sessionSeconds: SESSION_SECONDS, most: MOST })
    await expect(unlucky.destroyAllOf(userId)).rejects.toThrow('ECONNRESET')
    expect(await rolesOf(digests)).toEqual(new Set(['editor', null]))
    await sessions.destroyAllOf(userId)
    expect(await rolesOf(digests)).toEqual(new Set([null]))
    expect(await keysLike('u:*')).toEqual([])
  }, 30_000)

  test('is brought down to what is allowed at the next login', async () => {
    const userId = randomUUID()
    await fill(userId)
    const token = await sessions.create(identityOf(userId, { sentAt: 1_800_000_000_000 }))
    expect(await sessions.open(token)).not.toBeNull()
    expect(await sessions.allOf(userId)).toHaveLength(MOST)
    expect(await keysLike('s:*')).toHaveLength(MOST)
  }, 30_000)

  /** The same connection, with something that happens before one kind of command. */
  function proxied(command: 'eval' | 'unlink', before: () => void): typeof redis {
    return new Proxy(redis, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          if (name === command) before()
          return Reflect.apply(value, target, args)
        }
      },
    })
  }
})

describe('a value that is no identity', () => {
  const values = [
    '',
    'x',
    '{',
    'null',
    '[]',
    '{}',
    '"text"',
    JSON.stringify({ ...identityOf(), role: 'king' }),
  ]
  test.each(values)('%p counts as no session', async (value) => {
    const identity = identityOf()
    const token = await sessions.create(identity)
    await redis.set(await only('s:*'), value)
    expect(await sessions.open(token)).toBeNull()
    await sessions.setRole(identity.userId, 'admin')
    await sessions.touch(token, identity, 1)
    await sessions.destroy(token)
    expect(await keysLike('s:*')).toEqual([])
  })
})

test('a lifetime or a number that makes no sense is refused', () => {
  for (const bad of [0, -1, 1.5, NaN]) {
    expect(() => createSessions(redis, { prefix, roles, sessionSeconds: bad, most: MOST })).toThrow(
      'sessionSeconds',
    )
    expect(() =>
      createSessions(redis, { prefix, roles, sessionSeconds: SESSION_SECONDS, most: bad }),
    ).toThrow('most')
  }
})
