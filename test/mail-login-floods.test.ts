// Strangers who ask for codes to log in with, and guess them: login by mail stays open for the owner.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { users } from '../src/account/table.ts'
import { NEW_ACCOUNT } from './support/harness.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'
import { untilIdle } from './support/worker.ts'

let app: AppWithMail
beforeAll(async () => {
  const limits = { RATE_LIMIT: 'on', RATE_LIMIT_ACCOUNT: '100', RATE_LIMIT_ADDRESS: '1000' }
  app = await startWithMail({ MAIL_LOGIN: 'on', ...limits, TRUSTED_PROXIES: '127.0.0.1' })
})
afterAll(() => app.close())

const HOME = '192.0.2.1'
const from = (ip: string) => app.visitor({ 'X-Forwarded-For': ip })
const codesOf = async (email: string) => {
  await untilIdle(app)
  return (await app.mailsTo(email)).flatMap(({ text }) => /^Your code: (\d{6})$/m.exec(text)?.[1] ?? [])
}
async function ask(ip: string, email: string): Promise<string> {
  const reply = await from(ip).post('/api/login/mail', { email })
  expect(reply.status).toBe(202)
  return reply.body.challenge
}
const give = (ip: string, challenge: string, one_time_password: string) =>
  from(ip).post('/api/login/mail/code', { challenge, one_time_password })

/** An account that has logged in from HOME, and a code that was mailed to it there. */
async function ownerWithCode(email: string) {
  const { body } = await from(HOME).post('/api/signup', { ...NEW_ACCOUNT, email })
  await app.deps.db.update(users).set({ email_proof: 'mail' }).where(eq(users.id, body.id))
  const challenge = await ask(HOME, email)
  const [code = ''] = await codesOf(email)
  return { challenge, code, wrong: code === '111111' ? '222222' : '111111' }
}

test('a mailbox gets ten codes an hour that strangers have asked for, and those of its owner besides', async () => {
  const email = 'flooded@example.com'
  const { challenge, code } = await ownerWithCode(email)
  for (let i = 0; i < 20; i++) await ask(`203.0.113.${i}`, email)
  expect(await codesOf(email)).toHaveLength(11)
  expect((await give(HOME, challenge, code)).status).toBe(200) // theirs has voided none
  const again = await ask(HOME, email)
  const codes = await codesOf(email)
  expect(codes).toHaveLength(12)
  expect((await give('198.51.100.9', again, codes.at(-1) ?? '')).status).toBe(200) // given on the way
})

test('wrong codes of strangers close it for strangers, and for the owner nowhere but in a new place', async () => {
  const email = 'guessed@example.com'
  const { challenge, code, wrong } = await ownerWithCode(email)
  const stranger = await ask('198.51.100.1', email)
  const other = await ask('198.51.100.2', email)
  await untilIdle(app)
  for (const guess of [stranger, other])
    for (let i = 0; i < 5; i++)
      expect((await give('198.51.100.1', guess, wrong)).body.code).toBe('wrong_code')
  expect((await give('198.51.100.3', await ask('198.51.100.3', email), wrong)).status).toBe(429)
  expect((await give(HOME, challenge, code)).status).toBe(200)
})
