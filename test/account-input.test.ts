// What accounts are made of: no text that is too long is looked at, no name breaks a line, and no route tries a pattern first.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Signup } from '../src/account/schema.ts'
import { describeRoutes } from '../src/kit/http/doc.ts'
import { findUnboundedPatterns } from './kit/support/patterns.ts'
import { startApp, type TestApp } from './support/harness.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

test('no pattern is tried on a text before its length is known to be fair, on any route', () => {
  const found = describeRoutes(app.app).flatMap(({ path, inputs }) =>
    inputs.flatMap(({ schema }) => findUnboundedPatterns(schema).map((pattern) => `${path}: ${pattern}`)),
  )
  expect(found).toEqual([])
})

test('a text that is too long gets that told, and nothing that a pattern has found', () => {
  const endless = 'a'.repeat(1024 * 1024)
  const { error } = Signup.safeParse({ email: endless, password: endless, fname: 'A', lname: 'B' })
  expect(error?.issues.map(({ path, code }) => `${path.join('.')}: ${code}`)).toEqual([
    'email: too_big',
    'password: too_big',
  ])
})

test.each(['\x1b[2J', 'a\nb', 'a\rb', 'a\tb', '\x7f', 'a\x9bb'])(
  'a name holds no control character: %j',
  async (name) => {
    const account = { email: 'plain@example.com', password: '123abC', fname: 'Ann', lname: 'Lee' }
    for (const field of ['fname', 'lname', 'company']) {
      const { status, body } = await app.visitor().post('/api/signup', { ...account, [field]: `x${name}x` })
      expect([field, status, body.issues]).toEqual([
        field,
        400,
        [{ path: field, message: 'must not contain control characters' }],
      ])
    }
  },
)
