// Passwords: few are hashed at once, so many wait, and whoever is refused learns nothing by it.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { availableParallelism } from 'node:os'
import { createApp } from '../product/app.ts'
import { Gate } from '../../../src/kit/data/gate.ts'
import { createPasswords, passwordGate } from '../../../src/kit/auth/passwords.ts'
import { createDeps } from '../../../src/kit/create-deps.ts'
import { manifest, NEW_MEMBER, startApp, type TestApp } from '../support/harness.ts'
import { until } from '../support/until.ts'

const PLACES = 1
const QUEUE = 4

let app: TestApp
const gate = new Gate({ places: PLACES, queue: QUEUE })
beforeAll(async () => {
  app = await startApp({ RATE_LIMIT: 'on', RATE_LIMIT_ACCOUNT: '3', RATE_LIMIT_ADDRESS: '1000' })
  app.deps.passwords = createPasswords(gate)
})
afterAll(() => app.close())

/** The gate is full, as of hashes that take long, until it is released. */
async function occupied() {
  const end = Promise.withResolvers<void>()
  const works = Array.from({ length: PLACES + QUEUE }, () => gate.run(() => end.promise))
  return async () => {
    end.resolve()
    await Promise.all(works)
  }
}

test('one more than may wait is 503 at once with Retry-After, the same whether the account exists or not', async () => {
  const { account } = await app.member()
  const logins = [
    { email: account.email, password: account.password },
    { email: account.email, password: 'Wrong123' },
    { email: 'nobody@example.com', password: 'Wrong123' },
  ]
  const release = await occupied()
  const replies = await Promise.all(logins.map((login) => app.visitor().post('/club/enter', login)))
  for (const { status, headers, body } of replies) {
    expect([status, headers.get('retry-after'), body.err]).toEqual([
      503,
      expect.stringMatching(/^\d+$/),
      '503: Too many requests for this at once, please try again',
    ])
  }
  const signup = { ...NEW_MEMBER, email: 'busy@example.com' }
  expect((await app.visitor().post('/club/join', signup)).status).toBe(503)
  expect((await app.visitor().get('/health')).status).toBe(200)
  await release()
  expect((await app.visitor().post('/club/enter', logins[0])).status).toBe(200)
  expect((await app.visitor().post('/club/join', signup)).status).toBe(201)
})

test('a login that was refused for want of a place is no failed login', async () => {
  const { account } = await app.member()
  const wrong = { email: account.email, password: 'Wrong123' }
  const release = await occupied()
  for (let n = 0; n < 10; n++) expect((await app.visitor().post('/club/enter', wrong)).status).toBe(503)
  await release()
  const statuses: number[] = []
  for (let n = 0; n < 4; n++) statuses.push((await app.visitor().post('/club/enter', wrong)).status)
  expect(statuses).toEqual([400, 400, 400, 429])
})

test('never more are hashed at once than there are places, and all that may wait are served', async () => {
  const { account } = await app.member()
  const right = { email: account.email, password: account.password }
  let most = 0
  const watch = setInterval(() => (most = Math.max(most, gate.stats().inUse)))
  const logins = Array.from({ length: PLACES + QUEUE }, () => app.visitor().post('/club/enter', right))
  const statuses = (await Promise.all(logins)).map(({ status }) => status)
  clearInterval(watch)
  expect(new Set(statuses)).toEqual(new Set([200]))
  expect(most).toBeLessThanOrEqual(PLACES)
  expect(gate.stats()).toMatchObject({ inUse: 0, waiting: 0 })
})

test('a login whose client has gone leaves the line', async () => {
  const { account } = await app.member()
  gate.tryEnter()
  const gone = new AbortController()
  const login = fetch(`${app.url}/club/enter`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ email: account.email, password: account.password }),
    signal: gone.signal,
  })
  await until('the login in the line', async () => gate.stats().waiting === 1)
  gone.abort()
  await expect(login).rejects.toThrow()
  await until('its end', async () => gate.stats().waiting === 0)
  gate.leave()
  expect(gate.stats().inUse).toBe(0)
})

test('a login that is past its deadline leaves the line', async () => {
  const { account, user } = await app.member()
  const brief = createApp({ ...app.deps, config: { ...app.config, requestTimeoutMs: 300 } })
  gate.tryEnter()
  const reply = await brief.request('/club/enter', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ email: account.email, password: account.password }),
  })
  expect(reply.status).toBe(503)
  await until('its end', async () => gate.stats().waiting === 0)
  gate.leave()
  expect(await app.deps.sessions.allOf(user.id)).toHaveLength(1) // of the signup
})

test('a hash and a check are what they were, and no account is never right', async () => {
  const {
    deps: { passwords },
    close,
  } = createDeps(app.config, manifest) // as every process has them, at what a hash costs there
  const hashed = await passwords.hash('123abC')
  const checks = await Promise.all([
    passwords.verify(hashed, '123abC'),
    passwords.verify(hashed, '123abc'),
    passwords.verify(null, '123abC'),
    passwords.verify(null, ''),
  ])
  expect(checks).toEqual([true, false, false, false])
  expect(hashed).toStartWith('$argon2id$v=19$m=19456,t=2,p=1$')
  expect([hashed, hashed.replace('t=2', 't=1')].map(passwords.needsRehash)).toEqual([false, true])
  await close()
})

test('a process hashes on its share of the cores but one, and at least one at a time', () => {
  const cores = availableParallelism()
  const placesOf = (own: Gate) => {
    let places = 0
    while (own.tryEnter()) places++
    return places
  }
  expect(placesOf(passwordGate(1, 20_000))).toBe(Math.max(1, cores - 1))
  expect(placesOf(passwordGate(cores, 20_000))).toBe(1)
  expect(placesOf(passwordGate(0, 20_000))).toBe(Math.max(1, cores - 1))
})
