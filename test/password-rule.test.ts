// The strong rule for passwords at signup; older passwords go on to be right.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { startApp, NEW_ACCOUNT, type TestApp } from './support/harness.ts'
import { createUser } from '../src/account/queries.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp({ PASSWORD_RULE: 'strong' })
})
afterAll(() => app.close())

const signUp = (password: string) =>
  app.visitor().post('/api/signup', { ...NEW_ACCOUNT, email: `${crypto.randomUUID()}@example.com`, password })

test.each([
  ['short', 'Password must have 8 characters or more'],
  ['password1', 'Password is one of the most common ones'],
  ['annlee77', 'Password has too little besides your name'],
])('%s is refused, and why is told', async (password, why) => {
  const { status, body, text } = await signUp(password)
  expect([status, body.code]).toEqual([400, 'weak_password'])
  expect(body.issues).toEqual([{ path: 'password', message: expect.stringContaining(why) }])
  expect(body.err).toStartWith(`400: password: ${why}`)
  expect(text).not.toContain(password)
})

test('a phrase without a digit is accepted', async () => {
  expect((await signUp('wise old panda')).status).toBe(201)
})

test('a password that is too weak for today still logs in', async () => {
  const { email, fname, lname } = NEW_ACCOUNT
  const hash = await app.deps.passwords.hash('abc')
  await createUser(app.deps.db, { email, password: hash, first_name: fname, last_name: lname })
  expect((await app.visitor().post('/api/login', { email, password: 'abc' })).status).toBe(200)
})
