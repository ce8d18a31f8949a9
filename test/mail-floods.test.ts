// Strangers who have mails sent to an account: its mailbox is not flooded, and its owner still gets what they ask for.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { users } from '../src/account/table.ts'
import { untilIdle } from './support/worker.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'
import { NEW_ACCOUNT } from './support/harness.ts'

let app: AppWithMail
beforeAll(async () => {
  const env = { RATE_LIMIT: 'on', RATE_LIMIT_ACCOUNT: '100', RATE_LIMIT_ADDRESS: '1000' }
  app = await startWithMail({ ...env, TRUSTED_PROXIES: '127.0.0.1' })
})
afterAll(() => app.close())

const from = (ip: string) => app.visitor({ 'X-Forwarded-For': ip })
const mailsTo = async (email: string) => {
  await untilIdle(app)
  return (await app.mailsTo(email)).filter(({ subject }) => subject.includes('new password'))
}
async function ask(ip: string, email: string): Promise<void> {
  expect((await from(ip).post('/api/password/forgot', { email })).status).toBe(202)
  await untilIdle(app) // of two links at once one voids the other before it is mailed
}

/** An account that has logged in from 192.0.2.1 and 2001:db8::1. */
async function signUp(email: string) {
  const account = { ...NEW_ACCOUNT, email }
  expect((await from('192.0.2.1').post('/api/signup', account)).status).toBe(201)
  expect((await from('2001:db8::1').post('/api/login', account)).status).toBe(200)
}

test('the links of strangers are bounded, over all their networks and for each; the owner’s come from where they have logged in before', async () => {
  const email = 'owner@example.com'
  await signUp(email)
  await app.deps.db.update(users).set({ email_proof: 'mail' })
  for (let i = 0; i < 6; i++) await ask('198.51.100.1', email)
  expect(await mailsTo(email)).toHaveLength(4)
  for (let i = 0; i < 12; i++) await ask(`203.0.113.${i}`, email)
  expect(await mailsTo(email)).toHaveLength(10)
  await ask('192.0.2.1', email)
  expect(await mailsTo(email)).toHaveLength(11)
  await ask('2001:db8::ffff', email) // the same network
  const mails = await mailsTo(email)
  expect(mails).toHaveLength(12)
  for (let i = 0; i < 12; i++) await ask('192.0.2.1', email)
  expect(await mailsTo(email)).toHaveLength(21)
})

test('while nobody has shown the mailbox nobody is its owner: whoever signed up may be a stranger', async () => {
  const email = 'unverified@example.com'
  await signUp(email)
  for (let i = 0; i < 12; i++) await ask('192.0.2.1', email)
  expect(await mailsTo(email)).toHaveLength(4)
})
