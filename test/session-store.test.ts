// Sessions in Redis: what is kept of one, how long, and that nothing brings an ended one back.
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { randomUUID } from 'node:crypto'
import type { Identity, Log } from '../src/deps.ts'
import { closeRedis, connectRedis } from '../src/infra/redis.ts'
import { createSessions } from '../src/infra/sessions.ts'
import { deletePrefix, redisUrl, uniquePrefix } from './support/services.ts'

const SESSION_SECONDS = 1000
const DAY_SECONDS = 24 * 60 * 60

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }
const prefix = uniquePrefix()
const redis = connectRedis(redisUrl(), { log: silent })
const sessions = createSessions(redis, prefix, SESSION_SECONDS)

beforeEach(() => sessions.destroyAll())

afterAll(async () => {
  await deletePrefix(prefix)
  await closeRedis(redis)
})

function identityOf(userId: string = randomUUID(), more: Partial<Identity> = {}): Identity {
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
    const detached = createSessions(nowhere, prefix, SESSION_SECONDS)
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
    for (const pattern of ['d:*', 'u:*']) {
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
    for (const pattern of ['d:*', 'u:*']) {
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

  test('holds thousands of keys', async () => {
    const token = await sessions.create(identityOf())
    const changes = Object.fromEntries(range(9000).map((i) => [`k${i}`, i]))
    await sessions.writeData(token, changes)
    expect(Object.keys(await sessions.readData(token))).toHaveLength(9000)
    await sessions.writeData(token, Object.fromEntries(range(9000).map((i) => [`k${i}`, undefined])))
    expect(await keysLike('d:*')).toEqual([])
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
    expect(await keysLike('*')).toHaveLength(2)
  })

  test('of all sessions leaves what else lies in Redis, whatever the prefix looks like', async () => {
    const odd = createSessions(redis, `${prefix}o*d[a-z]?\\:`, SESSION_SECONDS)
    const token = await sessions.create(identityOf())
    await redis.set(`${prefix}kv:kept`, '1')
    await Promise.all(range(50).map(() => odd.create(identityOf())))
    await odd.destroyAll()
    expect(await sessions.open(token)).not.toBeNull()
    expect(await keysLike('*')).toHaveLength(3)
    await sessions.destroyAll()
    expect(await keysLike('*')).toEqual([`${prefix}kv:kept`])
    await redis.unlink(`${prefix}kv:kept`)
  })
})

describe('the index of a user', () => {
  test('stays small for one who logs in daily for years', async () => {
    const userId = randomUUID()
    for (const _ of range(15)) {
      await Promise.all(range(10).map(() => sessions.create(identityOf(userId))))
      await redis.unlink(...(await keysLike('s:*')))
    }
    expect(await redis.scard(await only('u:*'))).toBeLessThanOrEqual(32)
  })

  test('knows every live session, however many begin at once', async () => {
    const userId = randomUUID()
    const tokens = await Promise.all(range(100).map(() => sessions.create(identityOf(userId))))
    expect(await redis.scard(await only('u:*'))).toBe(100)
    await sessions.setRole(userId, 'admin')
    for (const token of tokens) expect((await sessions.open(token))?.role).toBe('admin')
  })
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

test('a lifetime that makes no sense is refused', () => {
  for (const bad of [0, -1, 1.5, NaN])
    expect(() => createSessions(redis, prefix, bad)).toThrow('sessionSeconds')
})
