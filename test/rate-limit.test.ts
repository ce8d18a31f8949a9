// Rate limits: a guesser is slowed down, and nobody else is.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { Redis } from 'ioredis'
import { foldEmail } from '../src/account/throttles.ts'
import { loadConfig } from '../src/config.ts'
import type { Reply } from './kit/support/client.ts'
import { openLink } from './kit/support/faulty-link.ts'
import { NEW_ACCOUNT, startApp, type TestApp } from './support/harness.ts'
import { redisUrl } from './kit/support/services.ts'
import { until } from './kit/support/until.ts'

const ACCOUNT = 3

const ADDRESS = 6

const SECONDS = 600

const LIMITS = {
  RATE_LIMIT: 'on',
  RATE_LIMIT_ACCOUNT: String(ACCOUNT),
  RATE_LIMIT_ADDRESS: String(ADDRESS),
  RATE_LIMIT_SECONDS: String(SECONDS),
  TRUSTED_PROXIES: '127.0.0.1', // so that a test may come from any address
}

let app: TestApp

let redis: Redis

beforeAll(async () => {
  app = await startApp(LIMITS)
  redis = new Redis(redisUrl())
})

afterAll(async () => {
  redis.disconnect()
  await app.close()
})

let addresses = 0

/** An address that no other test comes from. */
const newAddress = () => `198.51.100.${++addresses}`

const from = (ip: string, on = app) => on.visitor({ 'X-Forwarded-For': ip })

let people = 0

/** A login's fields; the account exists. */
async function newOwner(on = app) {
  const account = { ...NEW_ACCOUNT, email: `owner${++people}@example.com` }
  const owner = from(newAddress(), on)
  expect((await owner.post('/api/signup', account)).status).toBe(201)
  return Object.assign(owner, { email: account.email, password: account.password })
}

const wrong = (email: string) => ({ email, password: 'Wrong123' })

const statuses = (replies: Reply[]) => replies.map(({ status }) => status)

async function guess(times: number, ip: string, email: string): Promise<Reply[]> {
  const replies: Reply[] = []
  for (let n = 0; n < times; n++) replies.push(await from(ip).post('/api/login', wrong(email)))
  return replies
}

test('the failure after the last that is allowed gets 429, and is told how long to wait', async () => {
  const { email } = await newOwner()
  const replies = await guess(ACCOUNT + 1, newAddress(), email)
  expect(statuses(replies)).toEqual([400, 400, 400, 429])

  const { headers, body } = replies.at(-1) as Reply
  const wait = Number(headers.get('retry-after'))
  expect(wait).toBeGreaterThan(0)
  expect(wait).toBeLessThanOrEqual(SECONDS)
  expect(body.err).toBe(`429: Too many attempts, please try again in ${wait} seconds`)
  expect(body.requestId).toBe(headers.get('x-request-id'))
  const policy = `"login-account";q=${ACCOUNT};w=${SECONDS}, "login-address";q=${ADDRESS};w=${SECONDS}`
  expect(headers.get('ratelimit-policy')).toBe(policy)
  const left = replies.map(
    (reply) => reply.headers.get('ratelimit')?.match(/(?<="login-account";r=)\d+/)?.[0],
  )
  expect(left).toEqual(['2', '1', '0', '0'])
})

test('the owner gets in from another address, and by a live session, while his account is hammered', async () => {
  const owner = await newOwner()
  const attacker = newAddress()
  await guess(ACCOUNT + 3, attacker, owner.email)
  const right = { email: owner.email, password: owner.password }
  const [elsewhere, hammering] = await Promise.all([
    from(newAddress()).post('/api/login', right),
    from(attacker).post('/api/login', right),
  ])
  expect(statuses([elsewhere, hammering])).toEqual([200, 429])
  expect((await owner.get('/api/me')).status).toBe(200)
})

test('a success forgets the failures of that account and address, and does not count itself', async () => {
  const { email, password } = await newOwner()
  const ip = newAddress()
  const succeed = async () => (await from(ip).post('/api/login', { email, password })).status
  for (let n = 0; n <= ADDRESS; n++) expect(await succeed()).toBe(200)
  expect(statuses(await guess(ACCOUNT - 1, ip, email))).toEqual([400, 400])
  expect(await succeed()).toBe(200)
  expect(statuses(await guess(ACCOUNT + 1, ip, email))).toEqual([400, 400, 400, 429])
})

test('an account of his own does not give a guesser more guesses', async () => {
  const { email, password } = await newOwner()
  const ip = newAddress()
  const results: number[] = []
  for (let n = 0; n < ADDRESS + 2; n++) {
    results.push((await from(ip).post('/api/login', wrong(`victim${n}@example.com`))).status)
    await from(ip).post('/api/login', { email, password })
  }
  expect(results).toEqual([...Array(ADDRESS).fill(400), 429, 429])
})

test('one who tries many accounts from one address is stopped; from elsewhere they all get in', async () => {
  const owners = [await newOwner(), await newOwner()]
  const ip = newAddress()
  for (let n = 0; n < ADDRESS; n++) await guess(1, ip, `spray${n}@example.com`)
  expect(statuses(await guess(2, ip, owners[0]?.email ?? ''))).toEqual([429, 429])
  for (const { email, password } of owners) {
    expect((await from(newAddress()).post('/api/login', { email, password })).status).toBe(200)
  }
})

test('a refused attempt takes nothing from other accounts at that address', async () => {
  const [{ email }, other] = [await newOwner(), await newOwner()]
  const ip = newAddress()
  await guess(ADDRESS + 5, ip, email)
  const login = await from(ip).post('/api/login', { email: other.email, password: other.password })
  expect(login.status).toBe(200)
})

test('of many guesses at once exactly as many are checked as are allowed', async () => {
  const { email } = await newOwner()
  const ip = newAddress()
  const replies = await Promise.all(
    Array.from({ length: 40 }, () => from(ip).post('/api/login', wrong(email))),
  )
  expect(statuses(replies).filter((status) => status === 400)).toHaveLength(ACCOUNT)
  expect(statuses(replies).filter((status) => status === 429)).toHaveLength(40 - ACCOUNT)
})

test('correct logins of one account at once all get in, however many, and use nothing up', async () => {
  const { email, password } = await newOwner()
  const ip = newAddress()
  await guess(ACCOUNT - 1, ip, email)
  const logins = Array.from({ length: 24 }, () => from(ip).post('/api/login', { email, password }))
  expect(new Set(statuses(await Promise.all(logins)))).toEqual(new Set([200]))
  expect(statuses(await guess(ACCOUNT + 1, ip, email))).toEqual([400, 400, 400, 429])
})

test('among correct logins at once, no more guesses are checked than are allowed', async () => {
  const [guessed, other] = [await newOwner(), await newOwner()]
  const ip = newAddress()
  const replies = await Promise.all(
    Array.from({ length: 60 }, async (_, n) => {
      const right = { email: other.email, password: other.password }
      const reply = await from(ip).post('/api/login', n % 4 === 0 ? right : wrong(guessed.email))
      return { isRight: n % 4 === 0, status: reply.status }
    }),
  )
  const ofRight = replies.filter(({ isRight }) => isRight).map(({ status }) => status)
  const checked = replies.filter(({ isRight, status }) => !isRight && status === 400)
  expect(new Set(ofRight)).toEqual(new Set([200]))
  expect(checked).toHaveLength(ACCOUNT)
})

test('what is refused leaves nothing new in Redis', async () => {
  const ip = newAddress()
  for (let n = 0; n < ADDRESS; n++) await guess(1, ip, `full${n}@example.com`)
  const keys = () => redis.keys(`${app.config.redisPrefix}rl*`)
  const before = (await keys()).toSorted()
  for (let n = 0; n < 10; n++) expect(statuses(await guess(1, ip, `more${n}@example.com`))).toEqual([429])
  expect((await keys()).toSorted()).toEqual(before)
})

test('an email that no account has is limited like one that has: the answers differ in nothing', async () => {
  const { email } = await newOwner()
  const told = (replies: Reply[]) =>
    replies.map(({ status, body, headers }) => [
      status,
      body.err.replace(/\d+ seconds/, 'n seconds'),
      headers.get('ratelimit')?.replaceAll(/t=\d+/g, 't=n'),
    ])
  const known = told(await guess(ACCOUNT + 2, newAddress(), email))
  const unknown = told(await guess(ACCOUNT + 2, newAddress(), 'nobody-at-all@example.com'))
  expect(unknown).toEqual(known)
})

test('whatever Postgres takes for a letter of an email counts as that letter', async () => {
  const rows = await app.deps.db.execute<{ letter: string; lower: string }>(sql`
    select chr(n) as letter, lower(chr(n)) as lower
    from generate_series(1, 1114111) n
    where n not between 55296 and 57343 and lower(chr(n)) <> chr(n) and lower(chr(n)) ~ '^[ -~]+$'`)
  expect(rows.length).toBeGreaterThanOrEqual(26)
  for (const { letter, lower } of rows) expect([letter, foldEmail(letter)]).toEqual([letter, lower])
  // Forms that are one text to a reader, and not to Postgres, may share a count.
  expect(foldEmail('ANN\u0130@K.example')).toBe('anni@k.example')
})

test('the case of an email makes no further guesses', async () => {
  const ip = newAddress()
  const { email } = await newOwner()
  const variants = [email, email.toUpperCase(), email.replace('o', 'O'), `\u0130${email}`, `i${email}`]
  const replies: Reply[] = []
  for (const variant of variants) replies.push(...(await guess(1, ip, variant)))
  expect(statuses(replies)).toEqual([400, 400, 400, 400, 400])
  expect(statuses(await guess(1, ip, email))).toEqual([429])
})

test('headers of a stranger do not make him another', async () => {
  const strict = await startApp({ ...LIMITS, TRUSTED_PROXIES: '' })
  try {
    const replies: Reply[] = []
    for (let n = 0; n <= ACCOUNT; n++) {
      const spoofed = { 'X-Real-IP': `203.0.113.${n}`, 'X-Forwarded-For': `203.0.113.${n}` }
      replies.push(await strict.visitor(spoofed).post('/api/login', wrong('someone@example.com')))
    }
    expect(statuses(replies)).toEqual([400, 400, 400, 429])
  } finally {
    await strict.close()
  }
})

test('a /64 network of IPv6 is one client', async () => {
  const replies: Reply[] = []
  for (let n = 0; n <= ACCOUNT; n++) {
    replies.push(await from(`2001:db8:1:2:${n}::1`).post('/api/login', wrong('six@example.com')))
  }
  expect(statuses(replies)).toEqual([400, 400, 400, 429])
  expect((await from('2001:db8:1:3::1').post('/api/login', wrong('six@example.com'))).status).toBe(400)
})

test('counts end by themselves, and their keys name neither emails nor addresses', async () => {
  const ip = newAddress()
  await guess(1, ip, 'secretive@example.com')
  const { redisPrefix } = app.config
  const keys = await redis.keys(`${redisPrefix}rl:*`)
  expect(keys.length).toBeGreaterThanOrEqual(2)
  for (const key of keys) {
    expect(key).toMatch(/:rl:(login|signup)-(account|address):[\w-]{43}$/)
    expect(await redis.ttl(key)).toBeWithin(1, SECONDS + 1)
  }
})

test('a count that has lost its end gets one', async () => {
  const ip = newAddress()
  await guess(1, ip, 'endless@example.com')
  const keys = await redis.keys(`${app.config.redisPrefix}rl:*`)
  for (const key of keys) await redis.persist(key)
  await guess(1, ip, 'endless@example.com')
  const ends = await Promise.all(keys.map((key) => redis.ttl(key)))
  expect(ends.filter((end) => end > 0)).toHaveLength(2)
})

test('when the time has passed it begins anew', async () => {
  const brief = await startApp({ ...LIMITS, RATE_LIMIT_ACCOUNT: '1', RATE_LIMIT_SECONDS: '1' })
  try {
    const owner = await newOwner(brief)
    const visitor = from(newAddress(), brief)
    const right = { email: owner.email, password: owner.password }
    await until(
      'the limit',
      async () => (await visitor.post('/api/login', wrong(owner.email))).status === 429,
    )
    await until('its end', async () => (await visitor.post('/api/login', right)).status === 200)
  } finally {
    await brief.close()
  }
})

test('every signup counts for its address, and a taken email for its account', async () => {
  const ip = newAddress()
  const taken = await newOwner()
  const again = { ...NEW_ACCOUNT, email: taken.email }
  const signups: number[] = []
  for (let n = 0; n <= ACCOUNT; n++) signups.push((await from(ip).post('/api/signup', again)).status)
  expect(signups).toEqual([400, 400, 400, 429])
  for (let n = ACCOUNT; n < ADDRESS; n++) {
    const fresh = { ...NEW_ACCOUNT, email: `fresh${n}@example.com` }
    expect((await from(ip).post('/api/signup', fresh)).status).toBe(201)
  }
  const last = { ...NEW_ACCOUNT, email: 'last@example.com' }
  expect((await from(ip).post('/api/signup', last)).status).toBe(429)
  expect((await from(newAddress()).post('/api/signup', last)).status).toBe(201)
})

test('the page to sign in is no second door', async () => {
  const { email } = await newOwner()
  const ip = newAddress()
  await guess(ACCOUNT, ip, email)
  const form = new URLSearchParams(wrong(email)).toString()
  const headers = {
    'Content-Type': 'application/x-www-form-urlencoded',
    Origin: app.url,
    Accept: 'text/html',
  }
  const reply = await from(ip).post('/api/auth/sign-in', form, headers)
  expect([reply.status, reply.headers.get('retry-after')]).toEqual([429, expect.any(String)])
  expect(reply.text).toContain('Too many attempts')
})

test('input that is no login does not count', async () => {
  const ip = newAddress()
  for (let n = 0; n < ADDRESS + 1; n++) {
    expect((await from(ip).post('/api/login', { email: 'x'.repeat(255), password: 'x' })).status).toBe(400)
  }
  expect(statuses(await guess(1, ip, 'someone@example.com'))).toEqual([400])
})

test('a login that succeeded is no failure because its count could not be given back', async () => {
  const { email, password } = await newOwner()
  const { rateLimiter } = app.deps
  app.deps.rateLimiter = { ...rateLimiter, settle: () => Promise.reject(new Error('Connection is closed.')) }
  const reply = await from(newAddress()).post('/api/login', { email, password })
  app.deps.rateLimiter = rateLimiter
  expect(reply.status).toBe(200)
})

test('a Redis that has lost its scripts goes on counting', async () => {
  const ip = newAddress()
  await guess(1, ip, 'flushed@example.com')
  await redis.script('FLUSH')
  expect(statuses(await guess(ACCOUNT, ip, 'flushed@example.com'))).toEqual([400, 400, 429])
})

test('without Redis a login is 503, and no password is checked', async () => {
  const link = await openLink(redisUrl())
  const cut = await startApp({ ...LIMITS, REDIS_URL: link.url })
  try {
    await until('the connection', async () => (await cut.visitor().get('/ready')).status === 200)
    await link.cut()
    await until('the loss', async () => (await cut.visitor().get('/ready')).status === 503)
    const reply = await cut.visitor().post('/api/login', wrong('someone@example.com'))
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '2'])
  } finally {
    await cut.close()
    await link.close()
  }
})

test('development does not limit, production does, and a setting says otherwise', () => {
  const urls = { DATABASE_URL: 'postgres://db/x', REDIS_URL: 'redis://cache' }
  expect(loadConfig(urls).rateLimit).toEqual({ on: false, seconds: 900, account: 10, address: 100 })
  expect(
    loadConfig({ ...urls, NODE_ENV: 'production', APP_URL: 'https://api.example.com' }).rateLimit.on,
  ).toBe(true)
  expect(
    loadConfig({ ...urls, NODE_ENV: 'production', APP_URL: 'https://api.example.com', RATE_LIMIT: 'off' })
      .rateLimit.on,
  ).toBe(false)
  expect(loadConfig({ ...urls, RATE_LIMIT: 'on' }).rateLimit.on).toBe(true)
})

test('where limits are off nothing is counted and no header is sent', async () => {
  const free = await startApp({ ...LIMITS, RATE_LIMIT: 'off' })
  try {
    for (let n = 0; n < ADDRESS + 2; n++) {
      const reply = await free.visitor().post('/api/login', wrong('someone@example.com'))
      expect([reply.status, reply.headers.get('ratelimit')]).toEqual([400, null])
    }
    expect(await redis.keys(`${free.config.redisPrefix}rl:*`)).toEqual([])
  } finally {
    await free.close()
  }
})

test('the API list says what the limits are', async () => {
  const page = (await app.visitor().get('/api/list')).text
  expect(page).toContain(
    '3 failures in a row per account in 10 minutes; 6 failures per address in 10 minutes',
  )
  expect(page).toContain('6 requests per address in 10 minutes')
})
