// Revocation: what one process ends, the next request to another one finds ended.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createDeps } from '../../../src/kit/create-deps.ts'
import { serve } from '../../../src/kit/process/serve.ts'
import { createApp, manifest } from '../product/app.ts'
import { startApp, type TestApp } from '../support/harness.ts'
import { range } from '../support/session-store.ts'

const ACCOUNTS = 9
const EACH = 50

let app: TestApp
/** Another process as far as sessions go: connections and memory of its own. */
let other: { url: string; close(): Promise<void> }
beforeAll(async () => {
  app = await startApp()
  const { deps, close } = createDeps(app.config, manifest)
  const server = serve(createApp(deps), app.config)
  other = { url: server.url.origin, close: () => server.drain(1000).then(close) }
})
afterAll(async () => {
  await other.close()
  await app.close()
})

/** How many of the tokens open something there; half of them are sent as cookies. */
async function alive(tokens: string[]): Promise<number> {
  const statuses = await Promise.all(
    tokens.map(async (token, i) => {
      const headers: Record<string, string> =
        i % 2 === 0 ? { Cookie: `session=${token}` } : { Authorization: `Bearer ${token}` }
      return (await fetch(`${other.url}/club/self`, { headers })).status
    }),
  )
  return statuses.filter((status) => status === 200).length
}

test('of nine accounts with fifty sessions each', async () => {
  const accounts = await Promise.all(
    range(ACCOUNTS).map(async () => {
      const { user } = await app.member('reader')
      await app.deps.sessions.destroyAllOf(user.id)
      const now = Date.now()
      const identity = { userId: user.id, role: 'reader' as const, ip: '', agent: '', loginAt: now }
      const more = { ...identity, sentAt: now, remember: true, way: 'password' }
      return {
        userId: user.id,
        tokens: await Promise.all(range(EACH).map(() => app.deps.sessions.create(more))),
      }
    }),
  )
  const living = () => Promise.all(accounts.map(({ tokens }) => alive(tokens)))
  expect(await living()).toEqual(range(ACCOUNTS).map(() => EACH))
  const [first, second, third] = accounts
  if (!first || !second || !third) throw new Error('too few')
  const { sessions } = app.deps
  await sessions.destroyAllOf(first.userId)
  expect(await living()).toEqual([0, ...range(ACCOUNTS - 1).map(() => EACH)])
  await sessions.destroyAllOf(second.userId, { but: second.tokens[7] })
  const [one] = await sessions.allOf(third.userId)
  expect(await sessions.destroyOne(third.userId, one?.id ?? '')).toBe(true)
  await sessions.rotate(third.tokens.find((token) => sessions.idOf(token) !== one?.id) ?? '', {})
  expect(await living()).toEqual([0, 1, EACH - 2, ...range(ACCOUNTS - 3).map(() => EACH)])
  await Promise.all(accounts.slice(3).map(({ userId }) => app.changeRole(userId, 'banned')))
  expect(await living()).toEqual([0, 1, EACH - 2, ...range(ACCOUNTS - 3).map(() => 0)])
})
