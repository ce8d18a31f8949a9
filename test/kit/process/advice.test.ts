// What is said at a start of settings that can be used, and are not as they should be.
import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../product/product.ts'
import { adviceOnSettings } from '../../../src/kit/process/advice.ts'
import { readEnvironment } from '../../../src/kit/process/environment.ts'
import { copyCheckout, startService } from '../support/supervised.ts'
import { until } from '../support/until.ts'

const URLS = { DATABASE_URL: 'postgres://u@db/x', REDIS_URL: 'redis://cache' }
const WELL = {
  NODE_ENV: 'production',
  APP_URL: 'https://a.example',
  DATABASE_URL: 'postgres://u:7f1a@db/x?sslmode=verify-full',
  REDIS_URL: 'rediss://cache',
  SMTP_URL: 'smtps://mail',
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'restbun-advice-'))
})
afterEach(() => {
  for (const name of readdirSync(folder)) rmSync(join(folder, name))
})
afterAll(() => rmSync(folder, { recursive: true }))

const adviceFor = (env: Record<string, string>) => adviceOnSettings(loadConfig(env), folder, env)

test('where all is well nothing is said', () => {
  expect(adviceFor(URLS)).toEqual([])
  expect(adviceFor(WELL)).toEqual([])
})

test('production without mail, without a secure cookie, or with a certificate that nobody checks is told', () => {
  expect(adviceFor({ ...WELL, SMTP_URL: '' })).toEqual([expect.stringMatching(/^SMTP_URL is not set/)])
  expect(adviceFor({ ...WELL, COOKIE_SECURE: 'off' })).toEqual([
    expect.stringMatching(/^COOKIE_SECURE is off/),
  ])
  expect(adviceFor({ ...WELL, DATABASE_URL: 'postgres://u:7f1a@db/x?sslmode=require' })).toEqual([
    expect.stringMatching(/^DATABASE_URL: .*verify-full/),
  ])
})

test('production whose services are reached in clear, on another machine, is told which', () => {
  const told = (env: Record<string, string>) =>
    adviceFor({ ...WELL, ...env }).map((line) => line.slice(0, line.indexOf(': this leaves the machine')))
  expect(told({ DATABASE_URL: 'postgres://u@db/x' })).toEqual(['DATABASE_URL'])
  expect(
    told({
      DATABASE_URL: 'postgres://u@db/x?sslmode=disable',
      REDIS_URL: 'redis://10.0.0.2',
      SMTP_URL: 'smtp://mail:587',
      LOG_SYSLOG: 'udp://logs:514',
    }),
  ).toEqual(['DATABASE_URL, REDIS_URL, SMTP_URL, LOG_SYSLOG'])
  for (const host of ['localhost', '127.0.0.1', '[::1]']) {
    const here = { DATABASE_URL: `postgres://u@${host}/x`, REDIS_URL: `redis://${host}` }
    expect(told({ ...here, SMTP_URL: `smtp://${host}`, LOG_SYSLOG: `udp://${host}:514` })).toEqual([])
  }
  expect(told({ SMTP_URL: 'smtp://mail:587?requireTLS=true' })).toEqual([])
})

test('production with a password that is tried first is told where, and not which', () => {
  const { name } = loadConfig(URLS)
  for (const password of ['u', name, 'postgres', 'changeme'])
    expect(adviceFor({ ...WELL, DATABASE_URL: `postgres://u:${password}@localhost/x` })).toEqual([
      'DATABASE_URL: this password is tried first. Take one made at random',
    ])
  expect(
    adviceFor({ ...WELL, REDIS_URL: `redis://:${name}@localhost`, SMTP_URL: 'smtps://u:u@mail' }),
  ).toEqual(['REDIS_URL, SMTP_URL: this password is tried first. Take one made at random'])
  expect(adviceFor({ ...URLS, DATABASE_URL: 'postgres://u:u@db/x' })).toEqual([])
})

test('a start says it in its log, and so does a reload', async () => {
  const copy = copyCheckout()
  const service = await startService(
    { WEB_PROCESSES: '1' },
    { folder: copy, envFile: () => ({ MAIL_FROM: 'pa$hunter' }) },
  )
  try {
    const told = () => service.lines('MAIL_FROM in .env').map(({ level }) => level)
    expect(told()).toEqual(['warn'])
    await service.reload()
    await until('the warning of the reload', () => told().length === 2)
    expect(service.output()).not.toContain('hunter')
  } finally {
    await service.close()
    rmSync(copy, { recursive: true })
  }
})

test('a value of .env that Bun has cut at a dollar is named, in any quotes; one that keeps its dollar is not', () => {
  const file = `# pa$word
A=pa$hunter
B="pa$hunter"
C='pa$hunter'
D=\`pa$hunter\`
export E=pa\${hunter}x
F="two
lines$hunter"
KEPT_1=pa\\$hunter
KEPT_2=pa$
KEPT_3=x # $hunter
KEPT_4=$KEPT_3
KEPT_5=pa\${hunter:-default}
KEPT_6="x" # $hunter
`
  writeFileSync(join(folder, '.env'), file)
  writeFileSync(join(folder, '.env.production'), 'G=pa$hunter\n')
  const read = readEnvironment(folder)
  const names = ['A', 'B', 'C', 'D', 'E', 'F', 'KEPT_1', 'KEPT_2', 'KEPT_3', 'KEPT_4', 'KEPT_5', 'KEPT_6']
  // So Bun reads it: who is not named has lost nothing.
  expect(names.map((name) => read[name])).toEqual([
    'pa',
    'pa',
    'pa',
    'pa',
    'pax',
    'two\nlines',
    'pa$hunter',
    'pa$',
    'x',
    'x',
    'padefault',
    'x',
  ])
  const named = (env: Record<string, string | undefined>) =>
    adviceOnSettings(loadConfig(WELL), folder, env).map((line) => /^\w+/.exec(line)?.[0])
  expect(named({ ...read, NODE_ENV: 'development' })).toEqual(['A', 'B', 'C', 'D', 'E', 'F'])
  expect(named({ ...read, NODE_ENV: 'production', APP_URL: 'https://a.example' })).toEqual([
    'A',
    'B',
    'C',
    'D',
    'E',
    'F',
    'G',
  ])
  expect(adviceOnSettings(loadConfig(WELL), folder, read).join()).not.toContain('hunter')
})
