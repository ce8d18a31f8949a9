// Secrets: a whole scenario, and then the log, the answers and Redis are searched for every secret that was used.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addMember } from '../product/queries.ts'
import { startApp, type TestApp } from '../support/harness.ts'

const folder = mkdtempSync(join(tmpdir(), 'restbun-secrets-'))
const logFile = (name: string) => join(folder, name)
let pretty: TestApp
let json: TestApp
beforeAll(async () => {
  const common = { LOG_LEVEL: 'debug', LOG_SQL: 'on', LOG_REDACT: 'pin_code' }
  pretty = await startApp({ ...common, LOG_FILE: logFile('pretty') })
  json = await startApp({ ...common, LOG_FILE: logFile('json'), LOG_FORMAT: 'json' })
})
afterAll(() => rmSync(folder, { recursive: true }))

/** What people do, right and wrong, with a secret of its own in each place. Returns the secrets. */
async function scenario(app: TestApp): Promise<string[]> {
  const secrets: string[] = []
  const secret = (name: string) => {
    const value = `Sec1-${name}-${crypto.randomUUID()}`
    secrets.push(value)
    return value
  }
  const account = { email: 'ann@example.com', password: secret('signup'), fname: 'Ann', lname: 'Lee' }
  const visitor = app.visitor()
  await visitor.post('/club/join', { ...account, password: secret('weak').toLowerCase() })
  await visitor.post('/club/join', account)
  await visitor.post('/club/join', account)
  secrets.push(visitor.cookies.get('session') ?? 'no session')
  await visitor.post('/club/enter', { email: account.email, password: secret('wrong') })
  await visitor.post('/club/enter', { ...account, new_password: secret('odd'), pin_code: secret('pin') })
  secrets.push(visitor.cookies.get('session') ?? 'no session')
  await visitor.get(`/api/probe?search=x&access_token=${secret('query')}&Passwd=${secret('query2')}`)
  await visitor.get('/club/self', { Authorization: `Bearer ${secret('bearer')}` })
  await visitor.send('POST', '/club/enter', `{"password": "${secret('broken')}"`, {
    'Content-Type': 'application/json',
  })
  await visitor.send('PUT', '/club/enter', `{"password": "${secret('method')}"}`)
  await app.deps.db.execute('select 1/0').catch((error: unknown) => {
    app.deps.log.error('as a handler would', { error })
  })
  const { passwords, db } = app.deps
  const hashed = await passwords.hash(secret('hash'))
  secrets.push(hashed)
  await addMember(db, { email: 'bob\0@example.com', secret: hashed }).catch((error: unknown) =>
    app.deps.log.error('failed insert', { error }),
  )
  await visitor.post('/club/leave', {})
  const phone = app.visitor()
  const joining = { email: 'phone@example.com', password: secret('phone'), token: true }
  const entered = await phone.post('/club/join', joining)
  const bearer = { Authorization: `Bearer ${entered.body.token}` }
  const proven = await phone.post('/club/prove', {}, bearer)
  await phone.get('/club/self', bearer) // void by now
  await phone.get('/club/self', { Authorization: `Bearer ${proven.body.token}` })
  secrets.push(entered.body.token, proven.body.token)
  return secrets
}

test.each(['pretty', 'json'])('no secret of a whole scenario is in the %s log', async (format) => {
  const app = format === 'json' ? json : pretty
  const secrets = await scenario(app)
  await app.close()
  const log = readFileSync(logFile(format), 'utf8')
  expect(log).toContain('/club/enter')
  expect(log).toContain('insert into')
  expect(log).toContain('failed insert')
  expect(log).toContain('***')
  expect(secrets.filter((secret) => log.includes(secret) || log.includes(secret.toLowerCase()))).toEqual([])
  expect(log.includes('$argon2')).toBe(false)
})
