// Sessions beside an older release on one Redis: each side reaches what the other has made.
import { describe, expect, test } from 'bun:test'
import { randomBytes, randomUUID } from 'node:crypto'
import { TOUCH } from '../../../../src/kit/data/sessions/session-scripts.ts'
import type { Identity } from '../../../../src/kit/types/sessions.ts'
import {
  DAY_SECONDS,
  digestOf,
  identityOf,
  MOST,
  openSessionStore,
  range,
  SESSION_SECONDS,
} from '../../support/session-store.ts'

const { keysLike, prefix, redis, sessions } = openSessionStore()

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
  /** As it reads and writes an identity: fields that it does not know are gone. */
  encode: ({ userId, role, ip, agent, loginAt, sentAt, remember }: Identity) =>
    JSON.stringify({ userId, role, ip, agent, loginAt, sentAt, remember }),
  async open(token: string): Promise<Identity> {
    return JSON.parse(older.encode(JSON.parse((await redis.get(`${prefix}s:${digestOf(token)}`)) ?? 'null')))
  },
  async setRole(token: string, role: string): Promise<void> {
    const text = older.encode({ ...(await older.open(token)), role })
    await redis.set(`${prefix}s:${digestOf(token)}`, text, 'KEEPTTL')
  },
  async touch(token: string, sentAt: number): Promise<void> {
    const before = await older.open(token)
    const { userId } = before
    const keys = ['s', 'd'].map((kind) => `${prefix}${kind}:${digestOf(token)}`)
    const indexes = ['i', 'u'].map((kind) => `${prefix}${kind}:${userId}`)
    const texts = [older.encode(before), older.encode({ ...before, sentAt })]
    await redis.eval(TOUCH, 4, ...keys, ...indexes, ...texts, 9_999_999, digestOf(token), sentAt)
  },
  async destroyAllOf(userId: string): Promise<void> {
    const digests = await redis.smembers(`${prefix}u:${userId}`)
    await redis.unlink(digests.map((digest) => `${prefix}s:${digest}`))
    await redis.srem(`${prefix}u:${userId}`, ...digests)
  },
  /** The digests that a change of role or an end of all would reach. */
  known: (userId: string) => redis.smembers(`${prefix}u:${userId}`),
}

describe('beside an older release on one Redis', () => {
  test('a session that it has made gets the role, is listed, and ends with all', async () => {
    const userId = randomUUID()
    const tokens = [await older.create(identityOf(userId)), await sessions.create(identityOf(userId))]
    await sessions.setRole(userId, 'banned')
    for (const token of tokens) expect((await sessions.open(token))?.role).toBe('banned')
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
    await sessions.setRole(userId, 'owner')
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

  test('a way that was noted is lost where it changes the role, and its own have none', async () => {
    const userId = randomUUID()
    const token = await sessions.create(identityOf(userId, { way: 'password' }))
    expect((await sessions.open(token))?.way).toBe('password')
    await older.touch(token, 7)
    expect((await sessions.open(token))?.way).toBe('password')
    await older.setRole(token, 'owner')
    expect(await sessions.open(token)).toMatchObject({ role: 'owner', userId })
    expect((await sessions.open(token))?.way).toBeUndefined()
  })

  test('a session of a role that only a newer release knows opens nothing, and ends as any other', async () => {
    const userId = randomUUID()
    const newer = (sentAt: number) => ({ ...identityOf(userId, { sentAt }), role: 'king' })
    const [one, two] = [await older.create(newer(1)), await older.create(newer(2))]
    expect(await sessions.open(one)).toBeNull()
    expect(await sessions.allOf(userId)).toHaveLength(2)
    await sessions.destroy(one)
    expect(await older.known(userId)).toEqual([digestOf(two)])
    await sessions.setRole(userId, 'reader')
    expect((await sessions.open(two))?.role).toBe('reader')
  })

  test('nor does such a session go before older ones, where there are too many', async () => {
    const userId = randomUUID()
    const king = await older.create({ ...identityOf(userId, { sentAt: 3 * MOST }), role: 'king' })
    for (const n of range(MOST)) await older.create(identityOf(userId, { sentAt: n }))
    await sessions.create(identityOf(userId, { sentAt: 2 * MOST }))
    expect(await keysLike(`s:${digestOf(king)}`)).toHaveLength(1)
  })

  test('a session that begins here has the text that it writes itself', async () => {
    const identity = identityOf()
    const token = await sessions.create(identity)
    expect(await redis.get(`${prefix}s:${digestOf(token)}`)).toBe(older.encode(identity))
  })

  test('a session that is fresh again is one to it, survives its touch, and is no fresher for what it drops', async () => {
    const token = await sessions.create(identityOf())
    const rotated = await sessions.rotate(token, { provenAt: 1_700_000_900_000 })
    const renewed = rotated?.token ?? ''
    expect(await older.open(renewed)).toEqual(identityOf(rotated?.identity.userId))
    await older.touch(renewed, 1_700_001_000_000)
    expect(await sessions.open(renewed)).toEqual(rotated?.identity ?? null)
    expect(Number(await redis.zscore(`${prefix}i:${rotated?.identity.userId}`, digestOf(renewed)))).toBe(
      1_700_001_000_000,
    )
    await older.setRole(renewed, 'reader')
    const now = await sessions.open(renewed)
    expect(now).toEqual(identityOf(rotated?.identity.userId, { role: 'reader' }))
    await sessions.touch(renewed, now ?? identityOf(), 1_700_002_000_000)
    expect((await older.open(renewed)).sentAt).toBe(1_700_002_000_000)
  })

  test('it finds a session under its new token, and ends it with all', async () => {
    const identity = await older.create(identityOf()).then((token) => sessions.rotate(token, {}))
    expect(await older.known(identity?.identity.userId ?? '')).toEqual([digestOf(identity?.token ?? '')])
    await older.destroyAllOf(identity?.identity.userId ?? '')
    expect(await sessions.open(identity?.token ?? '')).toBeNull()
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
