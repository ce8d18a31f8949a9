// Sessions beside another release on one Redis: one that knows fewer fields, or more roles.
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

/** Sessions as the other release keeps them. */
const older = {
  async create(identity: Identity): Promise<string> {
    const token = randomBytes(32).toString('base64url')
    await redis
      .multi()
      .zadd(`${prefix}i:${identity.userId}`, identity.sentAt, digestOf(token))
      .set(`${prefix}s:${digestOf(token)}`, JSON.stringify(identity), 'EX', SESSION_SECONDS)
      .expire(`${prefix}i:${identity.userId}`, SESSION_SECONDS + 2 * DAY_SECONDS)
      .exec()
    return token
  },
  /** As it reads and writes an identity: fields that it does not know are gone. */
  encode: ({ userId, role, ip, agent, loginAt, sentAt, remember, way }: Identity) =>
    JSON.stringify({ userId, role, ip, agent, loginAt, sentAt, remember, way }),
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
    const keys = [...['s', 'd'].map((kind) => `${prefix}${kind}:${digestOf(token)}`), `${prefix}i:${userId}`]
    const texts = [older.encode(before), older.encode({ ...before, sentAt })]
    await redis.eval(TOUCH, 3, ...keys, ...texts, 9_999_999, digestOf(token), sentAt)
  },
}

describe('beside another release on one Redis', () => {
  test('a session of a role that only a newer release knows opens nothing, and ends as any other', async () => {
    const userId = randomUUID()
    const newer = (sentAt: number) => ({ ...identityOf(userId, { sentAt }), role: 'king' })
    const [one, two] = [await older.create(newer(1)), await older.create(newer(2))]
    expect(await sessions.open(one)).toBeNull()
    expect(await sessions.allOf(userId)).toHaveLength(2)
    await sessions.destroy(one)
    expect(await redis.zrange(`${prefix}i:${userId}`, 0, '-1')).toEqual([digestOf(two)])
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
})
