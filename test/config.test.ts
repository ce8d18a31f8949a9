// Settings: what is taken, what is refused, and what is shown.
import { expect, test } from 'bun:test'
import { ConfigError, loadConfig, printableConfig } from '../src/config.ts'
import { trustedNetworks } from '../src/web/client-ip.ts'

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
  const config = loadConfig({ ...URLS, NODE_ENV: 'production' })
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

test('production needs both services', () => {
  const message = faultsOf({ NODE_ENV: 'production' })
  expect(message).toContain('DATABASE_URL is not set: production needs it')
  expect(message).toContain('REDIS_URL is not set: production needs it')
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

test('the printed config holds no password', () => {
  const env = { ...URLS, MIGRATE_DATABASE_URL: 'postgres://db/x?user=u&password=hunter4' }
  const printed = JSON.stringify(printableConfig(loadConfig(env)))
  expect(printed).not.toMatch(/hunter/)
  expect(printed).toContain('postgres://u:***@db/x')
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
