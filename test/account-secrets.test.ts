// Secrets of accounts: all flows are gone through, and then log, Redis and database are searched for every secret that passed.
import { expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { Redis } from 'ioredis'
import { auditEvents } from '../src/kit/audit/table.ts'
import { KEPT_MAILS } from '../src/kit/types/mail.ts'
import { redisUrl } from './kit/support/services.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'

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
  // One link stays open.
  await app.visitor().post('/api/password/forgot', { email: MAIL })
  keep(await app.nextToken(MAIL, 'new password'))
  return secrets
}

test('no secret of a scenario of all flows is in the log, in Redis or in the database', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-account-secrets-'))
  const file = join(folder, 'log')
  const app = await startWithMail({ LOG_LEVEL: 'debug', LOG_SQL: 'on', LOG_FILE: file, LOG_FORMAT: 'json' })
  const redis = new Redis(redisUrl())
  try {
    const secrets = await scenario(app)
    const stored = await allInRedis(redis, app.config.redisPrefix)
    const rows = await allInPostgres(app)
    const trail = JSON.stringify(await app.deps.db.select().from(auditEvents), (_, v: unknown) =>
      typeof v === 'bigint' ? String(v) : v,
    )
    await app.close()
    const log = readFileSync(file, 'utf8')
    // What is searched is what it is thought to be.
    expect([log, rows].map((text) => text.includes(MAIL))).toEqual([true, true])
    expect(log).toContain('PASSWORD RESET')
    expect(stored).toContain('loginAt')
    // Of an account that is deleted the trail keeps the id alone.
    expect(trail).toContain('password.reset')
    expect(['@', 'example', 'Ann', 'Lee'].filter((word) => trail.includes(word))).toEqual([])
    for (const [place, text] of Object.entries({ log, stored, rows, trail }))
      expect([place, secrets.filter((secret) => text.includes(secret))]).toEqual([place, []])
  } finally {
    redis.disconnect()
    rmSync(folder, { recursive: true })
  }
}, 60_000)

/** Every value below the prefix, but the mails that development keeps: those are the mailboxes. */
async function allInRedis(redis: Redis, prefix: string): Promise<string> {
  const texts: string[] = []
  for (const key of await redis.keys(`${prefix}*`)) {
    if (key === `${prefix}kv:${KEPT_MAILS}`) continue
    const value = await readKey(redis, key)
    texts.push(key, JSON.stringify(value))
  }
  return texts.join('\n')
}

async function readKey(redis: Redis, key: string): Promise<unknown> {
  const type = await redis.type(key)
  if (type === 'hash') return redis.hgetall(key)
  if (type === 'list') return redis.lrange(key, 0, -1)
  if (type === 'set') return redis.smembers(key)
  if (type === 'zset') return redis.zrange(key, '0', '-1')
  return redis.get(key)
}

async function allInPostgres({ deps: { db } }: AppWithMail): Promise<string> {
  const tables = await db.execute<{ name: string }>(
    sql`select tablename as name from pg_tables where schemaname = 'public'`,
  )
  const all = []
  for (const { name } of tables) {
    all.push(...(await db.execute(sql`select row_to_json(t)::text from ${sql.identifier(name)} t`)))
  }
  return JSON.stringify(all)
}
