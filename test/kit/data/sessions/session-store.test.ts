// Sessions in Redis: what is kept of one, and how long.
import { describe, expect, test } from 'bun:test'
import { connectRedis } from '../../../../src/kit/data/redis.ts'
import { createSessions } from '../../../../src/kit/data/sessions/session-store.ts'
import { ApiError } from '../../../../src/kit/types/api-error.ts'
import { silent } from '../../support/log.ts'
import {
  DAY_SECONDS,
  digestOf,
  identityOf,
  openSessionStore,
  range,
  SESSION_SECONDS,
} from '../../support/session-store.ts'

const { dump, keysLike, only, prefix, redis, sessions, options } = openSessionStore()

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
    const detached = createSessions(nowhere, options)
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
    for (const pattern of ['d:*', 'i:*']) {
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
    for (const pattern of ['d:*', 'i:*']) {
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
    await sessions.setRole(identity.userId, 'reader')
    await sessions.touch(token, identity, 1_800_000_000_000)
    expect(await sessions.open(token)).toEqual({ ...identity, role: 'reader' })
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

describe('the absolute lifetime', () => {
  const DAY_MS = DAY_SECONDS * 1000
  const short = createSessions(redis, { ...options, maxSeconds: 10 * DAY_SECONDS })
  const begun = (daysAgo: number) =>
    sessions.create(identityOf(undefined, { loginAt: Date.now() - daysAgo * DAY_MS, sentAt: Date.now() }))

  test('counts from the login, however active the session is', async () => {
    const [young, old] = [await begun(9.99), await begun(10)]
    expect(await short.open(young)).not.toBeNull()
    expect(await short.open(old)).toBeNull()
  })

  test('leaves nothing of the session', async () => {
    const old = await begun(11)
    await sessions.writeData(old, { a: 1 })
    await short.open(old)
    expect(await keysLike('*')).toEqual([])
  })

  test('goes on under a new token', async () => {
    const rotated = await sessions.rotate(await begun(9), { provenAt: Date.now(), sentAt: Date.now() })
    expect(await short.open(rotated?.token ?? '')).toEqual(rotated?.identity ?? null)
    expect(rotated?.identity.loginAt).toBeLessThan(Date.now() - 8 * DAY_MS)
    const longer = await sessions.rotate(await begun(10), { provenAt: Date.now(), sentAt: Date.now() })
    expect(await short.open(longer?.token ?? '')).toBeNull()
  })
})

describe('a rotation', () => {
  const NOW = 1_800_000_000_000

  test('gives the same login a new token, with the changes; the old one opens nothing', async () => {
    const identity = identityOf()
    const token = await sessions.create(identity)
    const rotated = await sessions.rotate(token, { provenAt: NOW, ip: '203.0.113.1' })
    expect(rotated?.token).toMatch(/^[\w-]{43}$/)
    expect(rotated?.token).not.toBe(token)
    expect(await sessions.open(token)).toBeNull()
    expect(await sessions.open(rotated?.token ?? '')).toEqual({
      ...identity,
      provenAt: NOW,
      ip: '203.0.113.1',
    })
  })

  test('takes the data along, and leaves nothing under the old token', async () => {
    const token = await sessions.create(identityOf())
    await sessions.writeData(token, { cart: [1] })
    const rotated = await sessions.rotate(token, { sentAt: NOW })
    expect(await sessions.readData(rotated?.token ?? '')).toEqual({ cart: [1] })
    expect(Object.keys(await sessions.readData(token))).toEqual([])
    await sessions.writeData(token, { late: 1 })
    const digest = digestOf(rotated?.token ?? '')
    expect((await keysLike('*')).toSorted()).toEqual(
      [`d:${digest}`, `i:${rotated?.identity.userId}`, `s:${digest}`].map((key) => prefix + key),
    )
    expect(await redis.zrange(await only('i:*'), 0, '-1')).toEqual([digest])
    for (const pattern of ['d:*', 'i:*']) {
      expect(await redis.ttl(await only(pattern))).toBeGreaterThan(SESSION_SECONDS + DAY_SECONDS)
    }
    expect(await redis.ttl(await only('s:*'))).toBeGreaterThan(SESSION_SECONDS - 10)
  })

  test('of one token by two at once gives one session', async () => {
    const token = await sessions.create(identityOf())
    const rotated = await Promise.all(range(8).map(() => sessions.rotate(token, { sentAt: NOW })))
    expect(rotated.filter(Boolean)).toHaveLength(1)
    expect(await keysLike('s:*')).toHaveLength(1)
  })

  test('of what is no session, or has ended, gives none', async () => {
    const ended = await sessions.create(identityOf())
    await sessions.destroy(ended)
    for (const token of [ended, 'A'.repeat(43), 'x']) expect(await sessions.rotate(token, {})).toBeNull()
    expect(await keysLike('*')).toEqual([])
  })

  test('loses no change of role, touch or write that comes between', async () => {
    for (const _ of range(30)) {
      const identity = identityOf()
      const token = await sessions.create(identity)
      const [rotated] = await Promise.all([
        sessions.rotate(token, { provenAt: NOW }),
        sessions.touch(token, identity, NOW),
        sessions.setRole(identity.userId, 'reader'),
      ])
      expect(await sessions.open(rotated?.token ?? '')).toMatchObject({ role: 'reader', provenAt: NOW })
    }
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
    await sessions.setRole(identity.userId, 'owner')
    await sessions.touch(token, identity, 1)
    await sessions.destroy(token)
    expect(await keysLike('s:*')).toEqual([])
  })
})

test('a lifetime or a number that makes no sense is refused', () => {
  for (const bad of [0, -1, 1.5, NaN]) {
    expect(() => createSessions(redis, { ...options, sessionSeconds: bad })).toThrow('sessionSeconds')
    expect(() => createSessions(redis, { ...options, maxSeconds: bad })).toThrow('maxSeconds')
    expect(() => createSessions(redis, { ...options, maxSessions: bad })).toThrow('maxSessions')
  }
})
