// All sessions of a user: a change of role and an end reach each of them, and nothing brings an ended one back.
import { describe, expect, test } from 'bun:test'
import { createHash, randomUUID } from 'node:crypto'
import type { Identity } from '../../../../src/kit/types/sessions.ts'
import { createSessions } from '../../../../src/kit/data/sessions/session-store.ts'
import { digestOf, identityOf, MOST, openSessionStore, range } from '../../support/session-store.ts'

const { keysLike, only, prefix, redis, sessions, options } = openSessionStore()

describe('a role change', () => {
  test('reaches every live session of the user, and nobody else', async () => {
    const [userId, otherId] = [randomUUID(), randomUUID()]
    const mine = await Promise.all(range(5).map(() => sessions.create(identityOf(userId))))
    const other = await sessions.create(identityOf(otherId))
    await sessions.setRole(userId, 'banned')
    for (const token of mine)
      expect(await sessions.open(token)).toEqual(identityOf(userId, { role: 'banned' }))
    expect(await sessions.open(other)).toEqual(identityOf(otherId))
  })

  test('leaves the expiry alone', async () => {
    const identity = identityOf()
    await sessions.create(identity)
    const key = await only('s:*')
    await redis.expire(key, 100)
    await sessions.setRole(identity.userId, 'owner')
    expect(await redis.ttl(key)).toBeGreaterThan(0)
    expect(await redis.ttl(key)).toBeLessThanOrEqual(100)
  })

  test('does not bring an ended session back', async () => {
    const userId = randomUUID()
    const tokens = await Promise.all(range(30).map(() => sessions.create(identityOf(userId))))
    await Promise.all([
      ...tokens.map((token) => sessions.destroy(token)),
      ...range(5).map(() => sessions.setRole(userId, 'reader')),
    ])
    expect(await keysLike('s:*')).toEqual([])
  })

  test('is not undone by requests that touch the session at the same time', async () => {
    for (const round of range(50)) {
      const identity = identityOf(undefined, { role: 'owner' })
      const token = await sessions.create(identity)
      const touches = async (from: number) => {
        for (const i of range(6)) {
          const before = await sessions.open(token)
          if (before) await sessions.touch(token, before, from + i)
        }
      }
      const change = async () => {
        for (const _ of range(round % 5)) await redis.ping()
        await sessions.setRole(identity.userId, 'reader')
      }
      await Promise.all([touches(1000), touches(2000), change()])
      expect(await sessions.open(token)).toMatchObject({ role: 'reader', sentAt: expect.any(Number) })
    }
  })

  test('reaches a session that another version has written', async () => {
    const identity = identityOf()
    const token = await sessions.create(identity)
    await redis.set(await only('s:*'), JSON.stringify({ later: [], ...identity }), 'EX', 100)
    await sessions.setRole(identity.userId, 'reader')
    expect(await sessions.open(token)).toEqual({ ...identity, role: 'reader' })
  })

  test('lets the touches through that come between', async () => {
    const identity = identityOf()
    const token = await sessions.create(identity)
    await sessions.setRole(identity.userId, 'reader')
    const now = await sessions.open(token)
    if (now) await sessions.touch(token, now, 7)
    await sessions.setRole(identity.userId, 'owner')
    expect(await sessions.open(token)).toEqual({ ...identity, role: 'owner', sentAt: 7 })
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
    expect(await keysLike('*')).toHaveLength(2)
  })

  test('of all sessions of a user but one leaves that one, and its data', async () => {
    const userId = randomUUID()
    const tokens = await Promise.all(range(5).map(() => sessions.create(identityOf(userId))))
    const [kept = '', ...others] = tokens
    await sessions.writeData(kept, { a: 1 })
    await sessions.destroyAllOf(userId, { but: kept })
    expect(await sessions.open(kept)).toEqual(identityOf(userId))
    expect(await sessions.readData(kept)).toEqual({ a: 1 })
    for (const token of others) expect(await sessions.open(token)).toBeNull()
    await sessions.destroyAllOf(userId, { but: undefined })
    expect(await keysLike('*')).toEqual([])
  })

  test('of all sessions of a user reaches those that go on under a new token meanwhile', async () => {
    for (const round of range(40)) {
      const userId = randomUUID()
      const token = await sessions.create(identityOf(userId))
      const rotateOften = async () => {
        let current: string | undefined = token
        for (const _ of range(round % 5)) await redis.ping()
        for (const _ of range(1 + (round % 3)))
          current = current && (await sessions.rotate(current, {}))?.token
      }
      await Promise.all([rotateOften(), sessions.destroyAllOf(userId)])
      expect(await keysLike('s:*')).toEqual([])
    }
  })

  test('of one by its id is told for done only where it is: not if it goes on under a new token meanwhile', async () => {
    for (const round of range(20)) {
      const userId = randomUUID()
      const token = await sessions.create(identityOf(userId))
      const rotate = async () => {
        for (const _ of range(round % 5)) await redis.ping()
        return sessions.rotate(token, {})
      }
      const end = sessions.destroyOne(userId, sessions.idOf(token) ?? '')
      const [isEnded, rotated] = await Promise.all([end, rotate()])
      const isOpen = rotated !== null && (await sessions.open(rotated.token)) !== null
      expect([round, isEnded]).toEqual([round, !isOpen])
    }
  })

  test('of all sessions leaves what else lies in Redis, whatever the prefix looks like', async () => {
    const odd = createSessions(redis, { ...options, prefix: `${prefix}o*d[a-z]?\\:` })
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
    expect(await redis.zcard(await only('i:*'))).toBe(MOST)
  })

  test('are so many however many logins come at once, and each that lives is known', async () => {
    const [userId, otherId] = [randomUUID(), randomUUID()]
    const other = await sessions.create(identityOf(otherId))
    const tokens = await Promise.all(range(3 * MOST).map(() => sessions.create(identityOf(userId))))
    expect((await open(tokens)).filter(Boolean)).toHaveLength(MOST)
    await sessions.setRole(userId, 'owner')
    for (const identity of await open(tokens)) expect([undefined, 'owner']).toContain(identity?.role)
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
    const many = createSessions(redis, { ...options, maxSessions: 2000 })
    const tokens = await Promise.all(range(700).map((n) => many.create(identityOf(userId, { sentAt: n }))))
    const newest = await sessions.create(identityOf(userId, { sentAt: 5000 }))
    const opened = await open([...tokens, newest])
    expect(opened.map((identity) => identity !== null)).toEqual(range(701).map((n) => n > 700 - MOST))
  })
})

describe('an account with more sessions than one command may carry', () => {
  const COUNT = 5000

  /** Made in bulk. */
  async function fill(userId: string) {
    const text = JSON.stringify(identityOf(userId))
    const digests = range(COUNT).map((n) => createHash('sha256').update(`${userId}${n}`).digest('hex'))
    for (let i = 0; i < COUNT; i += 1000) {
      const batch = digests.slice(i, i + 1000)
      await redis.mset(batch.flatMap((digest) => [`${prefix}s:${digest}`, text]))
      await redis.zadd(`${prefix}i:${userId}`, ...batch.flatMap((digest) => [1, digest]))
    }
    return digests
  }

  const roles = async (digests: string[]) => {
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
    const unlucky = createSessions(breaking, options)
    await expect(unlucky.setRole(userId, 'banned')).rejects.toThrow('ECONNRESET')
    expect(await roles(digests)).toEqual(new Set(['banned', 'writer']))
    await sessions.setRole(userId, 'banned')
    expect(await roles(digests)).toEqual(new Set(['banned']))
  })

  test('loses all its sessions, and the rest after it broke off half way', async () => {
    const userId = randomUUID()
    const digests = await fill(userId)
    let batches = 0
    const breaking = proxied('unlink', () => {
      if (++batches === 6) throw new Error('ECONNRESET')
    })
    const unlucky = createSessions(breaking, options)
    await expect(unlucky.destroyAllOf(userId)).rejects.toThrow('ECONNRESET')
    expect(await roles(digests)).toEqual(new Set(['writer', null]))
    await sessions.destroyAllOf(userId)
    expect(await roles(digests)).toEqual(new Set([null]))
    expect(await keysLike('i:*')).toEqual([])
  })

  test('is brought down to what is allowed at the next login', async () => {
    const userId = randomUUID()
    await fill(userId)
    const token = await sessions.create(identityOf(userId, { sentAt: 1_800_000_000_000 }))
    expect(await sessions.open(token)).not.toBeNull()
    expect(await sessions.allOf(userId)).toHaveLength(MOST)
    expect(await keysLike('s:*')).toHaveLength(MOST)
  })

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
