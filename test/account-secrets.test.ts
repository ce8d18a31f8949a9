// Secrets of accounts: all flows are gone through, and then log, Redis and database are searched for every secret that passed.
import { expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { auditEvents } from '../src/kit/audit/table.ts'
import { createUser } from '../src/account/queries.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'
import { allInPostgres, allInRedis } from './support/stores.ts'

const MAIL = 'ann@example.com'

/** Goes through every flow; returns all passwords, tokens of links and session ids. */
async function scenario(app: AppWithMail): Promise<string[]> {
  const secrets: string[] = []
  const keep = (secret: string | undefined) => {
    if (secret === undefined) throw new Error('the scenario has gone another way')
    secrets.push(secret)
    return secret
  }
  const newPassword = () => keep(`Sec1-${crypto.randomUUID()}`)
  const password = newPassword()
  const ann = await app.member('editor', { email: MAIL, password })
  keep(ann.cookies.get('session'))
  await app.visitor().post('/api/signup', { ...ann.account, password: newPassword() })
  await app.visitor().post('/api/login', { email: MAIL, password: newPassword() })
  const verify = keep(await app.nextToken(MAIL, 'Welcome'))
  await app.visitor().post('/api/email/verify', { token: verify, password: newPassword() })
  await ann.post('/api/email/verify', { token: verify })

  await ann.put('/api/me/password', { current_password: newPassword(), password: newPassword() })
  const second = newPassword()
  expect((await ann.put('/api/me/password', { current_password: password, password: second })).status).toBe(
    200,
  )
  keep(ann.cookies.get('session'))

  await ann.put('/api/me/email', { email: 'new@example.com' })
  const change = keep(await app.nextToken('new@example.com', 'Confirm your'))
  expect((await ann.post('/api/email/verify', { token: change })).status).toBe(200)
  const takeBack = keep(await app.nextToken(MAIL, 'has changed'))
  expect((await ann.post('/api/email/take-back', { token: takeBack })).status).toBe(200)
  const unused = keep(await app.nextToken(MAIL, 'new password'))
  await app.visitor().post('/api/password/forgot', { email: MAIL })
  const token = keep(await app.nextToken(MAIL, 'new password'))
  await app.visitor().post('/api/password/reset', { token: unused, password: newPassword() })
  await app.visitor().get(`/api/auth/reset?token=${token}`)
  const third = newPassword()
  expect((await app.visitor().post('/api/password/reset', { token, password: third })).status).toBe(200)
  expect((await ann.post('/api/login', { email: MAIL, password: third })).status).toBe(200)
  keep(ann.cookies.get('session'))

  const given = newPassword()
  const boss = { email: 'boss@example.com', first_name: 'Bo', last_name: 'Ss', role: 'superuser' } as const
  await createUser(app.deps.db, { ...boss, temporary_password: await app.deps.passwords.hash(given) })
  const [browser, own] = [app.visitor(), newPassword()]
  const login = { email: boss.email, password: given }
  await browser.post('/api/login', { ...login, new_password: 'weak' })
  expect((await browser.post('/api/login', login)).body.code).toBe('password_change_required')
  expect((await browser.post('/api/login', { ...login, new_password: own })).status).toBe(200)
  keep(browser.cookies.get('session'))
  for (const email of ['bob@example.com', 'cyd@example.com']) await browser.post('/api/users', { email })
  const invitation = keep(await app.nextToken('bob@example.com', 'invited'))
  await app.visitor().get(`/api/auth/invitation?token=${invitation}`)
  const answer = { token: invitation, password: newPassword(), fname: 'Bob', lname: 'Ross' }
  const accepted = await app.visitor().post('/api/invitations/accept', { ...answer, bearer: true })
  keep(accepted.body.token)
  keep(await app.nextToken('cyd@example.com', 'invited'))
  // One link stays open.
  await app.visitor().post('/api/password/forgot', { email: MAIL })
  keep(await app.nextToken(MAIL, 'new password'))
  return secrets
}

test('no secret of a scenario of all flows is in the log, in Redis or in the database', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-account-secrets-'))
  const file = join(folder, 'log')
  const app = await startWithMail({ LOG_LEVEL: 'debug', LOG_SQL: 'on', LOG_FILE: file, LOG_FORMAT: 'json' })
  try {
    const secrets = await scenario(app)
    const stored = await allInRedis(app)
    const rows = await allInPostgres(app)
    const trail = JSON.stringify(await app.deps.db.select().from(auditEvents), (_, v: unknown) =>
      typeof v === 'bigint' ? String(v) : v,
    )
    await app.close()
    const log = readFileSync(file, 'utf8')
    // What is searched is what it is thought to be.
    expect(rows).toContain(MAIL)
    expect(log).toContain('PASSWORD RESET')
    expect(stored).toContain('loginAt')
    // Of an account that is deleted the trail keeps the id alone.
    expect(trail).toContain('password.reset')
    expect(['@', 'example', 'Ann', 'Lee'].filter((word) => trail.includes(word))).toEqual([])
    for (const [place, text] of Object.entries({ log, stored, rows, trail }))
      expect([place, secrets.filter((secret) => text.includes(secret))]).toEqual([place, []])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
