// Sessions that act as another user: what is kept of them, and what ends them.
import { expect, test } from 'bun:test'
import { randomUUID } from 'node:crypto'
import { digestOf, identityOf, openSessionStore } from '../../support/session-store.ts'

const { dump, keysLike, prefix, redis, sessions } = openSessionStore()

const [ANN, BOSS] = [randomUUID(), randomUUID()]

async function begin() {
  const own = await sessions.create({ ...identityOf(BOSS), role: 'owner' })
  const begun = await sessions.impersonate(own, { id: ANN, role: 'writer', label: 'ann@example.com' })
  if (begun === null) throw new Error('not begun')
  return { own, ...begun }
}

test('only digests are kept, and it is a session of nobody', async () => {
  const { own, token, identity } = await begin()
  expect(identity).toMatchObject({ userId: ANN, role: 'writer', provenAt: 0, remember: false })
  expect(await sessions.open(token)).toEqual(identity)
  const kept = JSON.stringify(await dump())
  for (const secret of token.split('.').filter((part) => part !== ANN)) expect(kept).not.toContain(secret)
  expect([await sessions.allOf(ANN), (await sessions.allOf(BOSS)).length]).toEqual([[], 1])
  expect([sessions.idOf(token), await sessions.rotate(token, {})]).toEqual([undefined, null])
  await sessions.writeData(token, { a: 1 })
  expect(await sessions.readData(token)).toEqual({})
  expect(await sessions.open(own)).toMatchObject({ userId: BOSS })
})

test('neither half of a token opens it, nor one that was put together', async () => {
  const [{ own, token }, other] = [await begin(), await begin()]
  const [, , secret = ''] = token.split('.')
  for (const forged of [
    `${other.own}.${ANN}.${secret}`,
    `${own}.${BOSS}.${secret}`,
    `${own}.${ANN}.${own}`,
    `${own}.${ANN}`,
    secret,
  ])
    expect([forged, await sessions.open(forged)]).toEqual([forged, null])
})

test('it ends by itself alone, with its own session, with all of the user, and with all', async () => {
  const [one, two] = [await begin(), await begin()]
  expect(await sessions.endImpersonation(one.token)).toMatchObject({
    token: one.own,
    identity: { userId: BOSS },
  })
  expect([await sessions.open(one.token), await sessions.open(two.token)]).toEqual([null, two.identity])
  await sessions.destroy(two.own)
  expect([await sessions.open(two.token), await sessions.endImpersonation(two.token)]).toEqual([null, null])
  const three = await begin()
  await sessions.destroyAllOf(ANN)
  expect([await sessions.open(three.token), (await sessions.open(three.own))?.userId]).toEqual([null, BOSS])
  const four = await begin()
  await sessions.destroyAll()
  expect([await sessions.open(four.token), await keysLike('*')]).toEqual([null, []])
})

test('a role is told to those who act as the user, and kept for nobody else', async () => {
  await sessions.setRole(ANN, 'reader')
  expect(await keysLike('a:*')).toEqual([])
  const { token } = await begin()
  await sessions.setRole(ANN, 'reader')
  expect((await sessions.open(token))?.role).toBe('reader')
  for (const role of ['owner', 'banned'] as const) {
    await sessions.setRole(ANN, role)
    expect([role, await sessions.open(token)]).toEqual([role, null])
  }
  await redis.hset(`${prefix}a:${ANN}`, 'role', 'of a newer release')
  expect(await sessions.open(token)).toBeNull()
  await sessions.setRole(ANN, 'writer')
  await sessions.setRole(BOSS, 'writer')
  expect(await sessions.open(token)).toBeNull()
})

test('its key expires by itself, and nothing begins in a session that has ended', async () => {
  const { own } = await begin()
  expect(await redis.ttl(`${prefix}a:${ANN}`)).toBeWithin(1, 15 * 60 + 1)
  expect(await redis.exists(`${prefix}s:${digestOf(own)}`)).toBe(1)
  await sessions.destroy(own)
  expect(await sessions.impersonate(own, { id: ANN, role: 'writer', label: '' })).toBeNull()
})
