// What must not open an account: faulty answers of a provider, answers for another browser, for another provider, twice; and what a provider that is away does.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Redis } from 'ioredis'
import { users } from '../src/account/table.ts'
import { defineSettings } from '../src/kit/config/settings.ts'
import { createOidc } from '../src/kit/oidc/provider.ts'
import { oidcSettings } from '../src/kit/oidc/settings.ts'
import { identities } from '../src/oidc/table.ts'
import { HTML, submit } from './kit/support/forms.ts'
import { silent } from './kit/support/log.ts'
import { redisUrl } from './kit/support/services.ts'
import { until } from './kit/support/until.ts'
import { type AppWithProviders, callbackOf, leadsTo, meOf, startWithProviders } from './support/oidc.ts'
import { SECRET } from './support/provider.ts'

let app: AppWithProviders
beforeAll(async () => {
  app = await startWithProviders()
})
afterAll(() => app.close())
afterEach(() => app.mend())

const codeOf = ({ body }: { body?: { code?: string } }) => body?.code
const callback = callbackOf('acme')

/** As a front-end: JSON, and the secret is its to keep. */
async function begin() {
  const client = app.visitor()
  const { body } = await client.post('/api/login/oidc/acme', {})
  return { client, ...(body as { url: string; secret: string }) }
}

/** Somebody logs in at the provider, and what comes back is changed. */
async function comeBack(
  change: (back: Record<string, string>) => Record<string, string | undefined> = (b) => b,
) {
  app.acme.logIn(app.somebody())
  const { client, url, secret } = await begin()
  const back = Object.fromEntries((await app.acme.browser()(url)).searchParams)
  const reply = await client.post(callback, { secret, authorization: change(back) })
  return { reply, client, back, secret }
}

describe('an answer of the provider is refused', () => {
  test.each<[string, (claims: Record<string, unknown>) => Record<string, unknown>]>([
    ['for another login (nonce)', (claims) => ({ ...claims, nonce: 'another' })],
    ['without a nonce', (claims) => ({ ...claims, nonce: undefined })],
    ['of another issuer', (claims) => ({ ...claims, iss: app.other.issuer })],
    ['for another service', (claims) => ({ ...claims, aud: 'another' })],
    [
      'for several, of which this is not the one',
      (claims) => ({ ...claims, aud: ['service', 'b'], azp: 'b' }),
    ],
    ['that has expired', (claims) => ({ ...claims, exp: 1 })],
    ['of nobody', (claims) => ({ ...claims, sub: undefined })],
    ['of a name that is none', (claims) => ({ ...claims, sub: `a\u0000b` })],
    ['of a name without end', (claims) => ({ ...claims, sub: 'a'.repeat(10_000) })],
  ])('%s', async (_, change) => {
    app.acme.alterClaims(change)
    const { reply, client } = await comeBack()
    expect([reply.status, codeOf(reply)]).toEqual([400, 'provider_refused'])
    expect(await meOf(client)).toBeUndefined()
    app.acme.mend()
    expect((await comeBack()).reply.status).toBe(200)
  })

  test('that another key has signed, or none, or that holds no proof at all', async () => {
    app.acme.alterClaims((claims) => claims, await app.acme.makeKey())
    expect(codeOf((await comeBack()).reply)).toBe('provider_refused')
    app.acme.alter('/token', (body) => {
      const [, claims] = String(body.id_token).split('.')
      return { ...body, id_token: `${btoa('{"alg":"none"}').replaceAll('=', '')}.${claims}.` }
    })
    expect(codeOf((await comeBack()).reply)).toBe('provider_refused')
    app.acme.alter('/token', (body) => ({ ...body, id_token: undefined }))
    expect(codeOf((await comeBack()).reply)).toBe('provider_refused')
  })

  test('that comes twice: neither the state nor the code counts again', async () => {
    const { reply, client, back, secret } = await comeBack()
    expect(reply.status).toBe(200)
    expect(codeOf(await client.post(callback, { secret, authorization: back }))).toBe('provider_refused')
    // Another login of the same browser, with the code of before.
    const again = await begin()
    const { searchParams } = new URL(again.url)
    const injected = { ...back, state: searchParams.get('state') ?? '' }
    const reused = await again.client.post(callback, { secret: again.secret, authorization: injected })
    expect(codeOf(reused)).toBe('provider_refused')
  })

  test('whose code somebody else has got: it is worth nothing in their own login', async () => {
    app.acme.logIn(app.somebody())
    const victim = await begin()
    const { searchParams } = await app.acme.browser()(victim.url)
    const thief = await begin()
    const state = new URL(thief.url).searchParams.get('state') ?? ''
    const authorization = { code: searchParams.get('code') ?? '', state, iss: app.acme.issuer }
    const reply = await thief.client.post(callback, { secret: thief.secret, authorization })
    expect(codeOf(reply)).toBe('provider_refused')
  })

  test('that names another issuer, or none though it always does: it was begun there (mix-up)', async () => {
    const mixed = await comeBack((back) => ({ ...back, iss: app.other.issuer }))
    expect(codeOf(mixed.reply)).toBe('provider_refused')
    const silent = await comeBack((back) => ({ ...back, iss: undefined }))
    expect(codeOf(silent.reply)).toBe('provider_refused')
  })

  test('that comes back as that of another provider, in a browser too', async () => {
    app.acme.logIn(app.somebody())
    const { client, url, secret } = await begin()
    const { searchParams, search } = await app.acme.browser()(url)
    const authorization = Object.fromEntries(searchParams)
    const reply = await client.post(callbackOf('other'), { secret, authorization })
    expect(codeOf(reply)).toBe('provider_refused')
    const browser = app.visitor()
    const back = await app.away(browser, app.somebody())
    const page = await browser.get(callbackOf('other') + back.search, HTML)
    expect([page.status, await meOf(browser)]).toEqual([400, undefined])
    expect(search).toContain('code=')
  })

  test('to which another provider has led the browser, with what it was told for its own login (mix-up)', async () => {
    const client = app.visitor()
    const { url, secret } = (await client.post('/api/login/oidc/other', {})).body
    const led = new URL(`${app.acme.issuer}/auth${new URL(url).search}`)
    led.searchParams.set('redirect_uri', `http://service.example${callback}`)
    app.acme.logIn(app.somebody())
    const authorization = Object.fromEntries((await app.acme.browser()(led.href)).searchParams)
    expect(authorization.code).toBeDefined()
    for (const path of [callback, callbackOf('other')])
      expect(codeOf(await client.post(path, { secret, authorization }))).toBe('provider_refused')
    expect(await meOf(client)).toBeUndefined()
  })

  test('whose person has declined: nobody is logged in, and the page says where to begin anew', async () => {
    const client = app.visitor()
    const begun = await app.begin(client, app.somebody())
    const state = new URL(begun.headers.get('location') ?? '').searchParams.get('state')
    const query = `?error=access_denied&state=${state}&iss=${encodeURIComponent(app.acme.issuer)}`
    const page = await client.get(callback + query, HTML)
    expect([page.status, page.text.includes('href="/api/auth/sign-in"')]).toEqual([400, true])
  })
})

describe('a login is that of one browser', () => {
  test('another one that is led to its end is not logged in', async () => {
    const [thief, victim] = [app.visitor(), app.visitor()]
    const back = await app.away(thief, app.somebody())
    for (const cookies of [[], [['oidc_0123456789abcdef', 'x']], [[nameIn(back), '0'.repeat(64)]]]) {
      victim.cookies = new Map(cookies as [string, string][])
      const page = await app.comeBack(victim, back)
      expect([page.status, await meOf(victim)]).toEqual([400, undefined])
    }
    // Nor does that end it for the browser which has begun.
    expect((await app.comeBack(thief, back)).status).toBe(303)
  })

  test('two tabs at once come back each to their own place, in any order', async () => {
    const client = app.visitor()
    const ann = app.somebody()
    const tabs = [
      await app.away(client, ann, { query: '?next=/api/list' }),
      await app.away(client, ann, { query: '?next=/api/docs' }),
    ]
    const places = []
    for (const back of tabs.toReversed())
      places.push((await app.comeBack(client, back)).headers.get('location'))
    expect(places).toEqual(['/api/docs', '/api/list'])
    expect([...client.cookies.keys()]).toEqual(['session'])
  })

  test('that has begun many times keeps five', async () => {
    const client = app.visitor()
    const tabs = []
    for (let i = 0; i < 7; i++) tabs.push(await app.away(client, app.somebody()))
    expect(client.cookies.size).toBe(5)
    expect((await app.comeBack(client, tabs[0] as URL)).status).toBe(400)
    expect((await app.comeBack(client, tabs[6] as URL)).status).toBe(303)
  })

  test('begins at another site by a link alone: what links, or confirms, only our own pages send', async () => {
    const member = await app.member()
    const evil = { Origin: 'http://evil.test', 'Sec-Fetch-Site': 'cross-site' }
    for (const path of ['/api/auth/account/identities/link', '/api/auth/confirm/oidc'])
      expect((await submit(member, path, { id: 'acme' }, evil)).status).toBe(403)
    const begun = await member.get('/api/login/oidc/acme?aim=link', HTML)
    app.acme.logIn(app.somebody())
    await app.comeBack(member, await app.acme.browser()(begun.headers.get('location') ?? ''))
    const [row] = await app.deps.db.select().from(identities).limit(1)
    expect(row?.user_id).not.toBe(member.user.id)
  })

  const nameIn = ({ searchParams }: URL) => `oidc_${searchParams.get('state')?.slice(0, 16)}`
})

test.each([
  'https://evil.test',
  '//evil.test',
  '/\\evil.test',
  'http://service.example@evil.test',
  'javascript:alert(1)',
])('a login leads nowhere else by next: %s', async (next) => {
  const reply = await app.visit(app.visitor(), app.somebody(), { query: `?next=${encodeURIComponent(next)}` })
  expect([reply.status, reply.headers.get('location')]).toEqual([303, '/api/auth/account'])
})

test('what a request says of its host bends no address: the provider sends people to APP_URL', async () => {
  const lies = { Host: 'evil.test', 'X-Forwarded-Host': 'evil.test', 'X-Forwarded-Proto': 'https' }
  const begun = await app.visitor().get('/api/login/oidc/acme', { ...HTML, ...lies })
  const { searchParams } = new URL(begun.headers.get('location') ?? '')
  expect(searchParams.get('redirect_uri')).toBe(`http://service.example${callback}`)
  expect(searchParams.get('code_challenge_method')).toBe('S256')
})

test('a provider that is none of the settings is not found', async () => {
  for (const name of ['evil', '__proto__', 'constructor']) {
    expect((await app.visitor().get(`/api/login/oidc/${name}`)).status).toBe(404)
    expect((await app.visitor().get(`${callbackOf(name)}?state=a`)).status).toBe(404)
  }
})

test('nothing of a provider is kept: no token in the database or in Redis, and no secret of a browser', async () => {
  const client = app.visitor()
  const back = await app.away(client, app.somebody())
  const secrets = [...client.cookies.values()]
  const redis = new Redis(redisUrl())
  try {
    const inRedis = async () => {
      const keys = await redis.keys(`${app.config.redisPrefix}*oidc*`)
      return JSON.stringify(await Promise.all(keys.map(async (key) => [key, await redis.get(key)])))
    }
    expect(await inRedis()).toContain('"aim\\":\\"login\\"')
    for (const secret of secrets) expect(await inRedis()).not.toContain(secret)
    expect((await app.comeBack(client, back)).status).toBe(303)
    expect(await inRedis()).not.toContain(back.searchParams.get('state') as string)
    const rows = JSON.stringify([
      await app.deps.db.select().from(users),
      await app.deps.db.select().from(identities),
    ])
    expect(app.acme.issued.length).toBeGreaterThan(1)
    for (const token of app.acme.issued) expect(rows).not.toContain(token)
  } finally {
    redis.disconnect()
  }
})

test('no log line holds what comes back from a provider, or the secret of a browser, whether it counts or not', async () => {
  const log = join(mkdtempSync(join(tmpdir(), 'oidc-')), 'log')
  const loud = { LOG_LEVEL: 'debug', LOG_SQL: 'on', LOG_FILE: log, LOG_FORMAT: 'json' }
  const logged = await startWithProviders(loud)
  try {
    const client = logged.visitor()
    const backs = [await logged.away(client, logged.somebody()), await logged.away(client, logged.somebody())]
    const secrets = [...client.cookies.values(), ...backs.map((back) => back.searchParams.get('code') ?? '')]
    for (const back of backs) await logged.comeBack(client, back)
    logged.acme.alterClaims((claims) => ({ ...claims, nonce: 'x' }))
    await logged.visit(client, logged.somebody())
    // One that is refused before anything of it is looked at, and one that leads to another page first.
    const early = await logged.away(logged.visitor(), logged.somebody())
    await logged.visitor({ Authorization: 'Bearer x' }).get(early.pathname + early.search, HTML)
    const member = await logged.member()
    logged.acme.logIn(logged.somebody())
    const linking = await submit(member, '/api/auth/account/identities/link', { id: 'acme' })
    const late = await logged.acme.browser()(leadsTo(linking) ?? '')
    member.cookies.delete('session')
    const led = (await logged.comeBack(member, late)).headers.get('location') ?? ''
    expect(led).toContain('/api/auth/sign-in?next=')
    await member.get(led, HTML)
    secrets.push(...[early, late].map((back) => back.searchParams.get('code') ?? ''))
    const { secret } = (await client.post('/api/login/oidc/acme', {})).body
    const authorization = { state: 'x', code: 'the-code-of-another' }
    await client.post(callback, { secret, authorization })
    const written = () => readFileSync(log, 'utf8').split('provider_refused').length > 2
    await until('the log has the last of them', () => Promise.resolve(written()))
    const text = readFileSync(log, 'utf8')
    const hidden = [...secrets, ...logged.acme.issued, secret, authorization.code, SECRET]
    expect(hidden.filter((one) => text.includes(one))).toEqual([])
  } finally {
    await logged.close()
    rmSync(dirname(log), { recursive: true })
  }
})

describe('a provider', () => {
  type Answer = Parameters<AppWithProviders['acme']['answer']>[0]
  const WELL_KNOWN = '/.well-known/openid-configuration'
  const FAULTS: [string, Answer][] = [
    ['that hangs up', (req) => void req.socket.destroy()],
    ['that is broken', (_, res) => void res.writeHead(500).end('{}')],
    [
      'that says too much',
      (_, res) =>
        void res.writeHead(200, { 'content-type': 'application/json' }).end(`"${'x'.repeat(2_000_000)}"`),
    ],
  ]

  test.each([...FAULTS, ['that is slow', () => {}] as [string, Answer]])(
    '%s is told with 503, as JSON and as a page; all else goes on, and it heals by itself',
    async (_, answer) => {
      const fresh = await startWithProviders()
      try {
        fresh.acme.answer(answer)
        const [json, page, elsewhere] = await Promise.all([
          fresh.visitor().post('/api/login/oidc/acme', {}),
          fresh.visitor().get('/api/login/oidc/acme', HTML),
          fresh.visit(fresh.visitor(), fresh.somebody(), { at: fresh.other, name: 'other' }),
        ])
        expect([json.status, codeOf(json)]).toEqual([503, 'provider_unavailable'])
        expect([page.status, page.text.includes('The provider does not answer')]).toEqual([503, true])
        expect(elsewhere.status).toBe(303)
        expect((await fresh.visitor().get('/api/auth/sign-in', HTML)).text).toContain('Continue with Acme')
        await fresh.member()
        fresh.mend()
        expect((await fresh.visit(fresh.visitor(), fresh.somebody())).status).toBe(303)
        // Half way, too; and what comes back again then counts.
        const client = fresh.visitor()
        const back = await fresh.away(client, fresh.somebody())
        fresh.acme.answer(answer)
        expect((await fresh.comeBack(client, back)).status).toBe(503)
        fresh.mend()
        expect((await fresh.comeBack(client, back)).status).toBe(303)
      } finally {
        await fresh.close()
      }
    },
  )

  test.each([
    ['is another one', (body) => ({ ...body, issuer: 'http://127.0.0.1:1' })],
    ['has no place to log in', (body) => ({ ...body, authorization_endpoint: undefined })],
  ] as [string, Parameters<AppWithProviders['acme']['alter']>[1]][])(
    'that says of itself that it %s is not taken at its word',
    async (_, change) => {
      const fresh = await startWithProviders()
      try {
        fresh.acme.alter(WELL_KNOWN, change)
        expect(codeOf(await fresh.visitor().post('/api/login/oidc/acme', {}))).toBe('provider_unavailable')
      } finally {
        await fresh.close()
      }
    },
  )

  test('is asked once what it can do, by however many', async () => {
    const before = app.acme.asked()
    await Promise.all(Array.from({ length: 10 }, () => app.visitor().get('/api/login/oidc/acme', HTML)))
    expect(app.acme.asked() - before).toBeLessThan(2)
  })

  test('that has other keys than a moment ago, or other addresses, is followed at the second try at the latest', async () => {
    const logIn = async () => (await app.visit(app.visitor(), app.somebody())).status
    const twice = async () => (await logIn()) === 303 || (await logIn()) === 303
    expect(await logIn()).toBe(303)
    await app.acme.renew()
    expect(await twice()).toBe(true)
    await app.acme.renew({ routes: { token: '/elsewhere/token', jwks: '/elsewhere/keys' } })
    expect(await twice()).toBe(true)
    await app.acme.renew()
    expect(await twice()).toBe(true)
  })

  test('that says the email at its other endpoint alone is asked there', async () => {
    await app.acme.renew({ conformIdTokenClaims: true })
    await app.visit(app.visitor(), app.somebody())
    const client = app.visitor()
    const ann = app.somebody()
    await app.visit(client, ann)
    expect(await meOf(client)).toMatchObject({ email: ann.email, verified: true })
    // And what the other one says of an email counts for none of those.
    app.acme.alterClaims((claims) => ({ ...claims, email_verified: true }))
    app.acme.alter('/me', (body) => ({ ...body, email_verified: false }))
    expect((await app.visit(app.visitor(), app.somebody())).status).toBe(409)
    app.acme.mend()
    app.acme.alter('/me', (body) => ({ ...body, sub: 'another' }))
    const [back, victim] = [app.visitor(), app.somebody()]
    expect((await app.visit(back, victim)).status).toBe(400)
  })
})

describe('the settings of a provider', () => {
  const { load } = defineSettings({ name: 'service', version: '1' }, oidcSettings)
  const loadWith = (issuer: string) =>
    load({
      DATABASE_URL: 'postgres://u:p@db/x',
      REDIS_URL: 'redis://cache:6379',
      OIDC_PROVIDERS: 'acme',
      OIDC_ACME_ISSUER: issuer,
      OIDC_ACME_CLIENT_ID: 'service',
      OIDC_ACME_CLIENT_SECRET: SECRET,
    }).oidc

  test('keep the slash at the end of its name, by which it is another', async () => {
    const server = createServer((_, res) => {
      const found = { issuer, authorization_endpoint: `${issuer}login` }
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/application/o/service/`
    const flow = { secret: 'x', redirectUri: 'http://service.example', isFresh: false }
    const begin = (name: string) => createOidc(loadWith(name), silent).begin('acme', flow)
    try {
      expect(await begin(issuer)).toStartWith(`${issuer}login?`)
      await expect(begin(issuer.slice(0, -1))).rejects.toThrow('does not answer')
    } finally {
      server.close()
    }
  })

  test.each([
    ['http://login.example.com', 'must begin with https://'],
    ['http://localhost.evil.test', 'must begin with https://'],
    ['https://login.microsoftonline.com/common/v2.0', 'must name one tenant'],
    ['https://login.microsoftonline.com/organizations/v2.0', 'must name one tenant'],
  ])('are refused where anybody could answer, or vouch for anybody: %s', (issuer, fault) => {
    expect(() => loadWith(issuer)).toThrow(fault)
  })
})
