// The owner's link against a thief who acts at the same moment: whichever request comes first, the owner has the account.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { users } from '../src/account/table.ts'
import { NEW_ACCOUNT } from './support/harness.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'

let app: AppWithMail
beforeAll(async () => {
  app = await startWithMail()
})
afterAll(() => app.close())

const { password } = NEW_ACCOUNT
const THIEFS = 'Thiefs123'

/** An account whose email a thief has changed, with all that the thief has prepared for the owner's answer. */
async function stolen(owner: string) {
  const thief = await app.member('editor', { email: owner })
  const moveTo = async (email: string) => {
    await thief.put('/api/me/email', { email })
    return app.nextToken(email, 'Confirm your')
  }
  await thief.post('/api/email/verify', { token: await app.nextToken(owner, 'Welcome') })
  const email = `thief-of-${owner}`
  expect((await thief.post('/api/email/verify', { token: await moveTo(email) })).status).toBe(200)
  const takeBack = await app.nextToken(owner, 'has changed')
  await app.visitor().post('/api/password/forgot', { email })
  const reset = await app.nextToken(email, 'new password')
  const second = await moveTo(`second-${email}`)
  const [phone, late] = [app.visitor(), app.visitor()]
  await phone.post('/api/login', { email, password })
  const requests = [
    () => app.visitor().post('/api/email/take-back', { token: takeBack }),
    () => thief.post('/api/email/verify', { token: second }),
    () => app.visitor().post('/api/password/reset', { token: reset, password: THIEFS }),
    () => thief.put('/api/me/password', { password: THIEFS }),
    () => phone.post('/api/reauthenticate', { password }),
    () => phone.put('/api/me/email', { email: `third-${email}` }),
    () => late.post('/api/login', { email, password }),
  ]
  return { owner, emails: [owner, email, `second-${email}`], clients: [thief, phone, late], requests }
}

test('a take-back wins against whatever a thief asks for at the same moment', async () => {
  const thefts = await Promise.all([1, 2, 3, 4].map((i) => stolen(`owner${i}@example.com`)))
  for (const [i, { owner, emails, clients, requests }] of thefts.entries()) {
    const order = [...requests.slice(2 * i), ...requests.slice(0, 2 * i)]
    const replies = await Promise.all(order.map((request) => request()))
    let [takeBack] = requests.map((request) => replies[order.indexOf(request)])
    // On a busy machine a lock may be waited for in vain: its owner tries again.
    while (takeBack?.status === 503) takeBack = await requests[0]?.()
    expect(takeBack?.status).toBe(200)
    for (const client of clients) expect((await client.get('/api/me')).status).toBe(401)
    for (const email of emails)
      for (const given of [password, THIEFS])
        expect((await app.visitor().post('/api/login', { email, password: given })).status).toBe(400)
    const [row] = await app.deps.db.select().from(users).where(eq(users.email, owner))
    expect(row).toMatchObject({ email: owner, password: null })
    const token = await app.nextToken(owner, 'new password')
    const reply = await app.visitor().post('/api/password/reset', { token, password: 'Owners123' })
    expect(reply.status).toBe(200)
  }
})

test('what a thief began before a take-back does nothing after it', async () => {
  const { passwords } = app.deps
  const thief = await app.member('editor', { email: 'slow-owner@example.com' })
  const verify = await app.nextToken('slow-owner@example.com', 'Welcome')
  expect((await thief.post('/api/email/verify', { token: verify })).status).toBe(200)
  await thief.put('/api/me/email', { email: 'slow-thief@example.com' })
  const change = await app.nextToken('slow-thief@example.com', 'Confirm your')
  expect((await thief.post('/api/email/verify', { token: change })).status).toBe(200)
  const token = await app.nextToken('slow-owner@example.com', 'has changed')
  const { hash } = passwords
  try {
    // The owner comes between: when the thief's request is let in already, and has written nothing yet.
    passwords.hash = async (...given) => {
      passwords.hash = hash
      expect((await app.visitor().post('/api/email/take-back', { token })).status).toBe(200)
      return hash(...given)
    }
    const reply = await thief.put('/api/me/password', { password: THIEFS })
    expect([reply.status, reply.body.code]).toEqual([401, 'login_required'])
  } finally {
    passwords.hash = hash
  }
  const login = { email: 'slow-owner@example.com', password: THIEFS }
  expect((await app.visitor().post('/api/login', login)).status).toBe(400)
})

test('who changes a password that is changed once more meanwhile is logged out, and told so', async () => {
  const ann = await app.member()
  const { db, sessions } = app.deps
  const { create } = sessions
  sessions.create = async (identity) => {
    sessions.create = create
    await db.update(users).set({ password: null }).where(eq(users.id, ann.user.id))
    return create(identity)
  }
  const { status, body } = await ann.put('/api/me/password', { password: 'Another7' })
  expect([status, body.code]).toEqual([401, 'login_required'])
  expect((await ann.get('/api/me')).status).toBe(401)
})
