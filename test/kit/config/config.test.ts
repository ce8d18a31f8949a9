// Settings: what is taken, what is refused, and what is shown.
import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { setting, settingOfEach } from '../../../src/kit/config/setting.ts'
import { defineSettings } from '../../../src/kit/config/settings.ts'
import { url } from '../../../src/kit/config/urls.ts'
import { flag, integer, list } from '../../../src/kit/config/values.ts'
import { trustedNetworks } from '../../../src/kit/http/client-ip.ts'
import { ConfigError } from '../../../src/kit/types/config-error.ts'
import { readRedisUrl } from '../../../src/kit/config/redis-url.ts'
import { loadConfig, settings } from '../product/product.ts'

/** What production needs besides. */
const PRODUCTION = { NODE_ENV: 'production', APP_URL: 'https://api.example.com' }
const URLS = { DATABASE_URL: 'postgres://u:hunter2@db/x', REDIS_URL: 'redis://:hunter3@cache:6379' }

const faultsOf = (env: Record<string, string>): string => {
  try {
    loadConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return ''
}

test('development is the default, and listens on this machine only', () => {
  const config = loadConfig(URLS)
  expect(config).toMatchObject({ mode: 'development', production: false, host: 'localhost', port: 8100 })
  expect(config.cookie).toEqual({ secure: false, domain: undefined, sameSite: 'lax' })
  expect(config.log.format).toBe('pretty')
})

test('production listens everywhere, secures cookies and logs JSON', () => {
  const config = loadConfig({ ...URLS, ...PRODUCTION })
  expect(config).toMatchObject({ production: true, host: '0.0.0.0' })
  expect(config.cookie.secure).toBe(true)
  expect(config.log.format).toBe('json')
})

test('an empty value counts as unset', () => {
  expect(loadConfig({ ...URLS, PORT: '', HOST: '', CORS_ORIGINS: '' })).toMatchObject({
    port: 8100,
    host: 'localhost',
    corsOrigins: ['*'],
  })
})

test('every faulty variable is named at once, with what is allowed', () => {
  const message = faultsOf({
    NODE_ENV: 'staging',
    PORT: '80a',
    DATABASE_URL: 'mysql://u:hunter2@db/x',
    REQUEST_TIMEOUT_MS: '250001',
    COOKIE_SECURE: 'maybe',
    TRUSTED_PROXIES: '10.0.0.0/8, proxy',
    CORS_ORIGINS: 'https://a.example/path',
    LOG_SYSLOG: 'tcp://x:1',
    BODY_LIMIT: '1gb',
    COOKIE_DOMAIN: 'a b;c',
  })
  const lines = message.split('\n')
  for (const [name, allowed] of [
    ['NODE_ENV', 'development, production'],
    ['PORT', '0 to 65535'],
    ['DATABASE_URL', 'postgres://'],
    ['REDIS_URL', 'not set'],
    ['REQUEST_TIMEOUT_MS', '250000'],
    ['COOKIE_SECURE', 'on or off'],
    ['TRUSTED_PROXIES', 'CIDR'],
    ['CORS_ORIGINS', 'origins'],
    ['LOG_SYSLOG', 'udp://'],
    ['BODY_LIMIT', 'bytes'],
    ['COOKIE_DOMAIN', 'domain'],
  ] as const) {
    expect(lines.find((line) => line.trim().startsWith(name)) ?? `no line for ${name}`).toContain(allowed)
  }
  expect(message).not.toContain('hunter2')
})

test('production needs both services and its own address', () => {
  const message = faultsOf({ NODE_ENV: 'production' })
  expect(message).toContain('DATABASE_URL is not set: production needs it')
  expect(message).toContain('REDIS_URL is not set: production needs it')
  expect(message).toContain('APP_URL is not set: production needs it')
})

test.each(['1.2.3', '10.0.0.0/99', '1.2.3.999', '::1/129', 'fe80::x', '10.0.0.0/8/8'])(
  'a network that is none is refused: %s',
  (network) => {
    expect(faultsOf({ ...URLS, TRUSTED_PROXIES: network })).toContain('TRUSTED_PROXIES')
  },
)

test('SameSite=none is refused without Secure', () => {
  expect(faultsOf({ ...URLS, COOKIE_SAMESITE: 'none' })).toContain('COOKIE_SECURE=on')
  expect(loadConfig({ ...URLS, COOKIE_SAMESITE: 'none', COOKIE_SECURE: 'on' }).cookie.sameSite).toBe('none')
})

test('sizes are taken in bytes, kb and mb', () => {
  const limit = (value: string) => loadConfig({ ...URLS, BODY_LIMIT: value }).bodyLimit
  expect([limit('1000'), limit('64kb'), limit('2MB')]).toEqual([1000, 65_536, 2_097_152])
})

test('queues are taken with weights and reserved slots, and refused where they make no sense', () => {
  const queuesOf = (WORKER_QUEUES: string) => loadConfig({ ...URLS, WORKER_QUEUES }).jobs.queues
  expect(queuesOf('default:4, mail:2:1,x')).toEqual([
    { name: 'default', weight: 4 },
    { name: 'mail', weight: 2, reserved: 1 },
    { name: 'x', weight: 1 },
  ])
  expect(queuesOf('')).toBeUndefined()
  for (const wrong of ['Mail', 'a:0', 'a:1:-1', 'a:1:2:3', 'a:1.5', 'a:', 'a b'])
    expect(faultsOf({ ...URLS, WORKER_QUEUES: wrong })).toContain('default:4,mail:2:1')
  for (const wrong of ['a,b,a', ',']) {
    expect(faultsOf({ ...URLS, WORKER_QUEUES: wrong })).toContain('name each queue once')
  }
  const few = { JOB_CONCURRENCY: '3', WORKER_QUEUES: 'a:1:2,b:1:2' }
  expect(faultsOf({ ...URLS, ...few })).toContain('WORKER_QUEUES reserves more slots')
})

test('the printed config holds no password, and every other setting of the kit', () => {
  const config = loadConfig({
    ...URLS,
    SMTP_URL: 'smtp://u:hunter4@mail',
    TLS_CERT_FILE: 'a',
    TLS_KEY_FILE: 'b',
  })
  const printed = settings.print({
    ...config,
    migrateDatabaseUrl: 'postgres://db/x?user=u&password=hunter5',
  })
  expect(JSON.stringify(printed)).not.toMatch(/hunter/)
  expect(printed.databaseUrl).toBe('postgres://u:***@db/x')
  expect(printed).toMatchObject({
    port: 8100,
    corsOrigins: ['*'],
    'cookie.sameSite': 'lax',
    'tls.keyFile': 'b',
  })
  expect(Object.entries(printed).filter(([, value]) => value === '***')).toEqual([])
})

describe("a product's own settings", () => {
  const about = { name: 'shop', version: '1.2.3' }
  const own = defineSettings(about, {
    signupOpen: setting('SIGNUP_OPEN', flag().default(true), { about: 'Whether anybody may sign up' }),
    slogan: setting('SLOGAN', z.string().default('Buy'), { about: 'What it says', isPrintable: true }),
    payKey: setting('PAY_KEY', z.string().optional(), { about: 'Who pays' }),
  })

  test("stand beside the kit's in one frozen config", () => {
    const config = own.load({ ...URLS, SIGNUP_OPEN: 'off', PAY_KEY: 'sk_live_1' })
    expect(config).toMatchObject({ port: 8100, signupOpen: false, slogan: 'Buy', payKey: 'sk_live_1' })
    expect([config.name, config.redisPrefix]).toEqual(['shop', 'shop:'])
    expect(() => Object.assign(config, { slogan: 'Sell' })).toThrow()
  })

  test("are told of together with the kit's, where they are wrong", () => {
    const load = () => own.load({ ...URLS, PORT: '80a', SIGNUP_OPEN: 'maybe' })
    expect(load).toThrow(ConfigError)
    expect(load).toThrow(/PORT="80a"[^]*SIGNUP_OPEN="maybe" must be on or off/)
  })

  test('are printed where they are numbers, flags or declared printable', () => {
    const printed = own.print(own.load({ ...URLS, PAY_KEY: 'sk_live_1' }))
    expect(printed).toMatchObject({ signupOpen: true, slogan: 'Buy', payKey: '***' })
  })

  test('are named where their kind throws, without their values', () => {
    const json = setting(
      'KEYS',
      z.string().transform((text): unknown => JSON.parse(text)),
      { about: '' },
    )
    const { load } = defineSettings(about, { json })
    const faulty = () => load({ ...URLS, KEYS: 'hunter9', PORT: '80a' })
    expect(faulty).toThrow(ConfigError)
    expect(faulty).toThrow(/PORT="80a"[^]*\n  KEYS has a kind that throws/)
    expect(faulty).not.toThrow(/hunter9/)
  })

  test('go by no key of a part of the config', () => {
    const text = setting('TEXT', z.string().default('sec'), { about: '' })
    expect(() => defineSettings(about, { 'log.level': text })).toThrow('log.level cannot be the key')
    expect(() => defineSettings(about, { 'my.key': text })).toThrow('my.key cannot be the key')
  })

  describe('of each name in a list', () => {
    const shops = settingOfEach('SHOPS', list((name) => /^[a-z]+$/.test(name), 'names').default([]), {
      about: 'Who sells',
      isPrintable: true,
      each: {
        site: setting('SHOP_<NAME>_SITE', z.string('is not set'), { about: '', isPrintable: true }),
        key: setting('SHOP_<NAME>_KEY', z.string('is not set'), { about: '' }),
        stock: setting('SHOP_<NAME>_STOCK', integer(0, 9).default(1), { about: '' }),
      },
    })
    const { load, print, variablesIn } = defineSettings(about, { shops })
    const two = { ...URLS, SHOPS: 'acme,b', SHOP_ACME_SITE: 'a', SHOP_ACME_KEY: 'hunter7', SHOP_B_SITE: 'b' }

    test('are an object by name, in the order of the list; secrets in them are masked', () => {
      expect(load(URLS).shops).toEqual({})
      const config = load({ ...two, SHOP_B_KEY: 'hunter8', SHOP_B_STOCK: '3' })
      const [acme, b] = [
        { site: 'a', key: 'hunter7', stock: 1 },
        { site: 'b', key: 'hunter8', stock: 3 },
      ]
      expect(Object.entries(config.shops)).toEqual(Object.entries({ acme, b }))
      const printed = print(config)
      expect(printed).toMatchObject({
        'shops.acme.site': 'a',
        'shops.acme.key': '***',
        'shops.acme.stock': 1,
        'shops.b.stock': 3,
      })
      expect(JSON.stringify(printed)).not.toContain('hunter')
      expect(() => Object.assign(config.shops.acme as object, { key: 'x' })).toThrow(TypeError)
    })

    test('are told with all other faults, without their values; those of no name do not count', () => {
      const faulty = () => load({ ...two, PORT: '80a', SHOP_ACME_STOCK: '10', SHOP_C_STOCK: 'x' })
      expect(faulty).toThrow(/PORT="80a"[^]*\n  SHOP_ACME_STOCK="10" must be[^]*\n  SHOP_B_KEY is not set$/)
      expect(faulty).not.toThrow(/hunter|SHOP_C/)
      expect(() => load({ ...URLS, SHOPS: 'Acme!' })).toThrow('SHOPS="Acme!" must be')
    })

    test('come from files as any others do, the list too', () => {
      const folder = mkdtempSync(join(tmpdir(), 'settings-'))
      try {
        for (const [name, text] of Object.entries({ names: 'acme\n', key: 'hunter9\n' }))
          writeFileSync(join(folder, name), text)
        const env = { ...URLS, SHOPS_FILE: join(folder, 'names'), SHOP_ACME_SITE: 'a' }
        const config = load({ ...env, SHOP_ACME_KEY_FILE: join(folder, 'key') })
        expect(config.shops.acme?.key).toBe('hunter9')
        expect(config.fromFiles).toEqual(['SHOPS', 'SHOP_ACME_KEY'])
        expect(() => load({ ...env, SHOP_ACME_KEY_FILE: '/none' })).toThrow('SHOP_ACME_KEY_FILE=/none')
      } finally {
        rmSync(folder, { recursive: true })
      }
    })

    test('are known by their variables, for whoever looks for misspelt ones', () => {
      expect(variablesIn(two)).toEqual(
        expect.arrayContaining(['SHOPS', 'SHOP_ACME_SITE', 'SHOP_B_KEY', 'PORT']),
      )
      expect(variablesIn(URLS).join()).not.toContain('SHOP_')
    })
  })

  test('that are URLs are printed without what may be a secret in them', () => {
    const hook = setting('HOOK', url('https:'), { about: '', isUrl: true })
    const printed = (value: string) => {
      const own = defineSettings(about, { hook })
      return own.print(own.load({ ...URLS, HOOK: value })).hook
    }
    expect(printed('https://TOKEN@h/x?sig=a')).toBe('https://***@h/x?sig=***')
  })

  test("go by no variable and no key of the kit's", () => {
    expect(() => defineSettings(about, { listenOn: setting('PORT', z.string(), { about: '' }) })).toThrow(
      'listenOn goes by the variable PORT, which is taken',
    )
    const text = setting('TEXT', z.string().default(''), { about: '' })
    expect(() => defineSettings(about, { one: text, two: text })).toThrow('two goes by the variable TEXT')
    // @ts-expect-error the compiler says so first
    const clash = defineSettings(about, { port: text })
    expect(() => clash.load(URLS)).toThrow('the kit has a setting port')
  })
})

test('a setting of a fork is masked in print and in faults until it is declared printable', () => {
  const config = loadConfig(URLS)
  const fork = { ...config, stripeKey: 'sk_live_1', mail: { ...config.mail, apiKeys: ['sk_live_2'] } }
  expect(settings.print(fork)).toMatchObject({ stripeKey: '***', 'mail.apiKeys': '***' })
  // As its name says, it is a text: of those no fault shows the value.
  const message = faultsOf({ ...URLS, COOKIE_DOMAIN: 'sk live 3', PORT: '80a' })
  expect(message).toContain('PORT="80a" must be a whole number')
  expect(message).toContain('COOKIE_DOMAIN must be a domain name')
  expect(message).not.toContain('sk live')
})

test.each([
  [
    'DATABASE_URL',
    'postgres://ann:hunter2@db/x?sslmode=require&channel_binding=require',
    'sslmode=verify-full',
  ],
  ['DATABASE_URL', 'postgres://ann:hunter2@db/x?schema=app', 'write search_path='],
  ['DATABASE_URL', 'postgres://ann:hunter2@db/x?sslmode=verify-ca', 'verify-full'],
  ['DATABASE_URL', 'postgres://ann:hunter2@db/x?ssl=no-verify', 'sslmode='],
  [
    'DATABASE_URL',
    'postgres://ann:hunter2@db/x?sslmode=verify-full&sslrootcert=/ca.pem',
    'NODE_EXTRA_CA_CERTS',
  ],
  ['DATABASE_URL', 'postgres://ann:hunter2@db/x?pgbouncer=true', 'pgbouncer'],
  ['DATABASE_URL', 'postgres://ann:hunter2@%2Fvar%2Frun%2Fpostgresql/x', 'unix socket'],
  ['DATABASE_URL', 'postgres://ann:hunter2@db/x?host=/var/run/postgresql', 'unix socket'],
  ['DATABASE_URL', 'postgres:///x?host=/var/run/postgresql', 'names a host'],
  ['DATABASE_URL', 'postgres://ann:hunter2@a,/x', 'names a host'],
  ['DATABASE_URL', 'postgres://ann:hunter2@a:1,b:2/x?host=/run', 'unix sockets'],
  ['DATABASE_URL', 'postgres://ann:hunter2@db/my%20db', '?database='],
  ['DATABASE_URL', 'postgres://ann:hunter2%@db/x', '%25'],
  ['DATABASE_URL', 'postgres://ann:hunter2#@db/x', '%23'],
  ['DATABASE_URL', 'postgres://ann:12#hunter2@db/x', '%23'],
  ['DATABASE_URL', 'postgres://ann:12?hunter2@db/x', '%3F'],
  ['REDIS_URL', 'redis://ann:12/hunter2@cache', '%2F'],
  ['MIGRATE_DATABASE_URL', 'postgres://db/x?user=ann&password=hunter2', 'before the @'],
  ['REDIS_URL', 'redis://:hunter2@cache/jobs', 'not a number'],
  ['REDIS_URL', 'redis://:hunter2@cache/-1', 'not a number'],
  ['REDIS_URL', 'redis://:hunter2@cache/1.5', 'not a number'],
  ['REDIS_URL', 'redis://:hunter2@cache?db=2', 'behind a /'],
  ['REDIS_URL', 'redis:///var/run/redis.sock', 'names a host'],
  ['SMTP_URL', 'smtp://ann:hunter2%@mail', '%25'],
])('%s that its driver would misread is refused with what to write instead: %s', (name, value, instead) => {
  const message = faultsOf({ ...URLS, [name]: value })
  expect(message.split('\n').slice(1)).toEqual([expect.stringMatching(new RegExp(`^  ${name} `))])
  expect(message).toContain(instead)
  expect(message).not.toContain('hunter2')
})

test('URLs that their drivers understand are taken', () => {
  for (const url of [
    'postgres://ann:p%40ss%2F%20@db:6432/x?sslmode=verify-full&options=-c%20work_mem%3D8MB&application_name=a',
    'postgresql://db/?database=my%20db&search_path=app&prepare=false&sslmode=require',
    'postgres://ann:a,b@one:5432,two:5433,[::1]/x?sslmode=verify-full',
  ])
    expect(loadConfig({ ...URLS, DATABASE_URL: url }).databaseUrl).toBe(url)
  for (const url of ['redis://cache/', 'rediss://ann:p%40ss@cache:6380/2', 'redis://[::1]:6379/15?family=6'])
    expect(loadConfig({ ...URLS, REDIS_URL: url }).redisUrl).toBe(url)
})

test('several hosts are printed as they are, without the password', () => {
  const config = loadConfig({
    ...URLS,
    DATABASE_URL: 'postgres://ann:hunter2@one:5432,two:5433/x?options=hunter3',
  })
  expect(settings.print(config).databaseUrl).toBe('postgres://ann:***@one:5432,two:5433/x?options=hunter3')
  const watched = loadConfig({
    ...URLS,
    REDIS_URL: 'redis+sentinel://ann:hunter2@one,two:26379/ours/1?sentinel=bob:hunter3',
  })
  expect(settings.print(watched).redisUrl).toBe('redis+sentinel://***@one,two:26379/ours/1?sentinel=***')
})

test('the Sentinels have a user and a password of their own, or a password', () => {
  const read = (query: string) => readRedisUrl(`redis+sentinel://ann:hunter2@one/ours${query}`)
  expect(read('')).toMatchObject({ sentinelAuth: {} })
  expect(read('?sentinel=a%3Ab%26')).toMatchObject({ sentinelAuth: { password: 'a:b&' } })
  expect(read('?sentinel=bob:hunter3')).toMatchObject({
    sentinelAuth: { username: 'bob', password: 'hunter3' },
  })
  for (const query of ['?sentinel=', '?sentinel=a:', '?sentinel=%', '?sentinel=a&db=1', '?db=1'])
    expect(read(query)).toContain('parameters')
  expect(readRedisUrl('redis+cluster://one?sentinel=a')).toContain('parameters')
})

test('production replaces a process that holds 512 MB, and a blocked one after 5 s', () => {
  const { processes } = loadConfig({ ...URLS, ...PRODUCTION })
  expect(processes).toMatchObject({ maxRssMb: 512, harakiriMs: 5000 })
  expect(loadConfig(URLS).processes.maxRssMb).toBe(0)
  expect(loadConfig({ ...URLS, ...PRODUCTION, MAX_RSS_MB: '0' }).processes.maxRssMb).toBe(0)
})

test('the config cannot be changed', () => {
  const config = loadConfig(URLS)
  expect(() => Object.assign(config, { port: 1 })).toThrow()
  expect(() => Object.assign(config.cookie, { secure: true })).toThrow()
})

test.each([
  ['10.0.0.0/8', '10.255.0.1', true],
  ['10.0.0.0/8', '11.0.0.1', false],
  ['10.0.0.0/8', '::ffff:10.1.2.3', true],
  ['127.0.0.1', '127.0.0.1', true],
  ['127.0.0.1', '127.0.0.2', false],
  ['::1', '::1', true],
  ['fd00::/8', 'fd12::1', true],
  ['fd00::/8', 'fe80::1', false],
  ['0.0.0.0/0', '8.8.8.8', true],
  ['0.0.0.0/0', '::1', false],
  ['10.0.0.0/8', 'unknown', false],
  ['10.0.0.0/8', '', false],
])('network %s and address %s: %p', (network, address, trusted) => {
  expect(trustedNetworks([network])(address)).toBe(trusted)
})
