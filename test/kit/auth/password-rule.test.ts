// What a new password must be: by either rule, with what is known of its owner, and when a check against breaches is added.
import { expect, test } from 'bun:test'
import { passwordRule } from '../../../src/kit/auth/password-rule.ts'
import { settings } from '../product/product.ts'

const SERVICES = { DATABASE_URL: 'postgres://none', REDIS_URL: 'redis://none', APP_URL: 'https://a.example' }
const PERSON = ['Ann', 'Lee', 'ann.lee@example.com']

const warnings: string[] = []
const log = { debug() {}, info() {}, warn: (message: string) => void warnings.push(message), error() {} }
const depsFor = (rule: string) => ({ config: settings.load({ ...SERVICES, PASSWORD_RULE: rule }), log })
const strong = depsFor('strong')

const { passwordFaults, assertPassword } = passwordRule({ wordsOf: (words: string[]) => words })
const faultOf = async (password: string, person = PERSON) =>
  (await passwordFaults(strong, password, person)).join('; ')

test('production has the strong rule, development that of the contract', () => {
  expect(settings.load(SERVICES).passwordRule).toBe('seed')
  const inProduction = { ...SERVICES, NODE_ENV: 'production' }
  expect(settings.load(inProduction).passwordRule).toBe('strong')
  expect(settings.load({ ...inProduction, PASSWORD_RULE: 'seed' }).passwordRule).toBe('seed')
})

test.each([
  ['', ['6 characters or more', 'a lowercase letter', 'an uppercase letter', 'a digit']],
  ['1aB', ['6 characters or more']],
  ['abcDEF', ['a digit']],
  ['abc123', ['an uppercase letter']],
  ['ABC123', ['a lowercase letter']],
  ['123abC', []],
  ['Ännchen1', []],
])("the contract's rule says of %p what it lacks: %p", async (password, lacks) => {
  expect(await passwordFaults(depsFor('seed'), password, PERSON)).toEqual(
    lacks.map((what) => `Password must have ${what}`),
  )
})

test.each(['wise old panda', 'all lowercase and long', '83746295017', '🐼🐙🦊🐨🐸🦉🐺🦄', 'x7#kQ!2z'])(
  'a strong password may be of any composition: %s',
  async (password) => expect(await faultOf(password)).toBe(''),
)

test('a password is counted in characters: eight to a hundred and twenty-eight', async () => {
  expect(await faultOf('🐼🐙🦊🐨🐸🦉🐺')).toBe('Password must have 8 characters or more')
  expect(await faultOf('odd weather '.repeat(11).slice(0, 128))).toBe('')
  expect(await faultOf('odd weather '.repeat(11).slice(0, 129))).toBe(
    'Password must have 128 characters or fewer',
  )
})

test.each(['password', 'Password1', 'QWERTYUIOP', 'iloveyou1', 'ｐａｓｓｗｏｒｄ', '1q2w3e4r5t'])(
  'a common password is refused, however it is written: %s',
  async (password) => expect(await faultOf(password)).toContain('one of the most common'),
)

test('a piece of the list is no entry of it', async () => {
  expect(await faultOf('password\npassword1')).toBe('')
})

test.each([
  ['the name', 'Ann12345'],
  ['the full name', 'annLEE1990'],
  ['the email', 'Ann.Lee@Example.com'],
  ['the email with something added', 'ann.lee@example.com2026'],
  ["the email's domain", 'example2026!'],
  ['the name of the service', 'NoteBook#77'],
  ['a name with a common password', 'ann-lee-password'.replaceAll('-', '')],
])('a password made of %s is refused: %s', async (_, password) => {
  expect(await faultOf(password)).toContain('besides your name')
})

test('a name in a long password is no fault, nor is one of two letters in any', async () => {
  expect(await faultOf('ann paints the old harbour')).toBe('')
  expect(await faultOf('boxwood lake', ['Bo', 'Xu', 'b@x.io'])).toBe('')
})

test('a fault is thrown as an issue of the password, which is not repeated', async () => {
  const error = await assertPassword(strong, 'annlee77', PERSON).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({
    status: 400,
    code: 'weak_password',
    message: expect.stringMatching(/^password: Password has too little/),
    issues: [{ path: 'password', message: expect.stringMatching(/^Password has too little/) }],
  })
  expect(JSON.stringify(error)).not.toContain('annlee77')
})

test('known breaches are asked about what passed the rule, and refuse it', async () => {
  const asked: string[] = []
  const { passwordFaults: faults } = passwordRule({
    wordsOf: () => [],
    async isBreached(password) {
      asked.push(password)
      return password.startsWith('once leaked')
    },
  })
  expect(await faults(strong, 'once leaked, long ago', {})).toEqual([expect.stringContaining('data breach')])
  expect(await faults(strong, 'never seen before', {})).toEqual([])
  expect(await faults(strong, 'password', {})).toHaveLength(1)
  expect(asked).toEqual(['once leaked, long ago', 'never seen before'])
})

test.each([
  ['fails', () => Promise.reject(new Error('503'))],
  ['throws', () => expect.unreachable()],
  ['never answers', () => new Promise<boolean>(() => {})],
])(
  'while the service of known breaches %s, passwords are accepted and the log says so',
  async (_, isBreached) => {
    warnings.length = 0
    const rule = passwordRule({ wordsOf: () => [], isBreached })
    expect(await rule.passwordFaults(strong, 'never seen before', {})).toEqual([])
    expect(warnings).toEqual(['a new password was not held against known breaches, and is accepted'])
  },
)
