// Login by a mailed code: who gets one, what it opens, and what must fail when somebody else tries.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { and, eq, sql } from 'drizzle-orm'
import { hc } from 'hono/client'
import { changeRole } from '../src/account/change-role.ts'
import { setPassword } from '../src/account/manage.ts'
import { oneTimeTokens, users } from '../src/account/table.ts'
import type { AppType } from '../src/app.ts'
import { auditEvents } from '../src/kit/audit/table.ts'
import { outbox } from '../src/kit/jobs/outbox/table.ts'
import { KEPT_MAILS, type Mail } from '../src/kit/types/mail.ts'
import type { Client, Reply } from './kit/support/client.ts'
import { OPERATOR, startApp } from './support/harness.ts'
import { startWithMail } from './support/mailbox.ts'
import { allInPostgres, allInRedis } from './support/stores.ts'
import { codeOf, memberWithTotp } from './support/totp.ts'
import { untilIdle } from './support/worker.ts'

/** The app with a worker; `work` returns the mails that came since it was asked last, once nothing is under way. */
async function startWorld(env: Record<string, string> = {}) {
  const started = await startWithMail({ MAIL_LOGIN: 'on', ...env })
  const read = new Set<string>()
  async function work() {
    await untilIdle(started)
    const kept = await started.deps.store.all<Mail>(KEPT_MAILS)
    const mails = kept.filter((mail) => !read.has(JSON.stringify(mail)))
    for (const mail of mails) read.add(JSON.stringify(mail))
    return mails
  }
  /** An account whose mailbox is verified, and its client. */
  async function owner(input: Record<string, unknown> = {}) {
    const member = await started.member('editor', input)
    await started.deps.db.update(users).set({ email_proof: 'mail' }).where(eq(users.id, member.user.id))
    await started.deps.db.delete(outbox) // its welcome, if the relay has not seen it yet: one mail less to wait for
    await work()
    return member
  }
  return { ...started, work, owner }
}

let app: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  app = await startWorld()
})
afterAll(() => app.close())

const said = ({ status, body }: Reply) => (status < 400 ? status : `${status} ${body?.code}`)
const tokenOf = (client: Client) => client.cookies.get('session') ?? ''
const WRONG = '400 wrong_code'

const codeIn = (mails: Mail[]): string => {
  const code = /^Your code: (\d{6})$/m.exec(mails.at(-1)?.text ?? '')?.[1]
  if (code === undefined) throw new Error(`no code was mailed: ${JSON.stringify(mails)}`)
  return code
}
const another = (code: string) => (code === '111111' ? '222222' : '111111')

/** Asks for a code, and reads it in the mailbox. */
async function ask(email: string, client: Client = app.visitor(), path = '/api/login/mail') {
  const reply = await client.post(path, path === '/api/login/mail' ? { email } : undefined)
  expect([reply.status, Object.keys(reply.body)]).toEqual([202, ['challenge']])
  const { challenge } = reply.body as { challenge: string }
  return { challenge, one_time_password: codeIn(await app.work()) }
}
const give = (client: Client, given: object) => client.post('/api/login/mail/code', given)

/** The account has no password: as one that came by another way. */
const dropPassword = (id: string) => app.deps.db.update(users).set({ password: null }).where(eq(users.id, id))

/** The session of a client, as after 16 minutes. */
async function age(client: Client): Promise<void> {
  const ago = Date.now() - 16 * 60_000
  const aged = await app.deps.sessions.rotate(tokenOf(client), { loginAt: ago, provenAt: ago })
  client.cookies.set('session', aged?.token ?? '')
}
const isFresh = async (client: Client) =>
  said(await client.put('/api/me/email', { email: `x${crypto.randomUUID()}@example.com` })) === 202
const waysOf = async (client: Client) =>
  (await client.get('/api/me/sessions')).body.map(({ way }: { way: string }) => way)

/** What its activity says that sessions were confirmed by, whatever the login was. */
async function confirmationsOf(client: Client) {
  const { body } = await client.get('/api/me/activity')
  const events: { action: string; details: { way: string } }[] = body
  return events.filter(({ action }) => action === 'session.confirmed').map(({ details }) => details.way)
}

describe('a code', () => {
  test('logs in whoever has the mailbox: by a new session, which says how it came', async () => {
    const { account, user } = await app.owner()
    const browser = await app.member('editor') // whoever is logged in there
    await app.work()
    const before = tokenOf(browser)
    const given = await ask(account.email.toUpperCase(), browser)
    const reply = await give(browser, given)
    expect([reply.status, reply.body.id]).toEqual([200, user.id])
    expect(tokenOf(browser)).not.toBe(before)
    expect(await app.deps.sessions.open(before)).toBeNull()
    expect(await waysOf(browser)).toContain('mail')
    const [event] = await app.deps.db
      .select()
      .from(auditEvents)
      .where(and(eq(auditEvents.account, user.id), sql`${auditEvents.details} ->> 'way' = 'mail'`))
    expect(event?.action).toBe('session.started')
    expect(said(await give(app.visitor(), given))).toBe(WRONG)
  })

  test('is told to an app as a token, and ends with the browser if one says so', async () => {
    const { account, user } = await app.owner()
    const phone = await give(app.visitor(), { ...(await ask(account.email)), token: true })
    expect(phone.headers.getSetCookie()).toEqual([])
    const bearer = app.visitor({ Authorization: `Bearer ${phone.body.token}` })
    expect((await bearer.get('/api/me')).body.me.id).toBe(user.id)
    const browser = await give(app.visitor(), { ...(await ask(account.email)), remember: false })
    expect(browser.headers.getSetCookie().join()).not.toContain('Max-Age')
  })

  test('is typed for the client', async () => {
    const { account } = await app.owner()
    const { api } = hc<AppType>(app.url)
    const { challenge } = await (await api.login.mail.$post({ json: { email: account.email } })).json()
    const json = { challenge, one_time_password: codeIn(await app.work()) }
    const reply = await api.login.mail.code.$post({ json })
    expect(((await reply.json()) as { email: string }).email).toBe(account.email)
  })

  test('counts once, also for two requests at once', async () => {
    const { account } = await app.owner()
    const given = await ask(account.email)
    const replies = await Promise.all([1, 2, 3].map(() => give(app.visitor(), given)))
    expect(replies.map(said).toSorted()).toEqual([200, WRONG, WRONG])
  })

  test('counts for who has asked alone: with the challenge of another it is none', async () => {
    const { account } = await app.owner()
    const thief = await app.visitor().post('/api/login/mail', { email: account.email })
    await app.work()
    const { one_time_password } = await ask(account.email)
    const { challenge } = thief.body
    expect(said(await give(app.visitor(), { challenge, one_time_password }))).toBe(WRONG)
    const made = { challenge: 'f'.repeat(64), one_time_password }
    expect(said(await give(app.visitor(), made))).toBe(WRONG)
  })

  test('counts beside a newer one: nobody voids it by asking for another', async () => {
    const { account } = await app.owner()
    const [older, newer] = [await ask(account.email), await ask(account.email)]
    expect(said(await give(app.visitor(), older))).toBe(200)
    expect(said(await give(app.visitor(), newer))).toBe(200)
  })

  test('has ten minutes', async () => {
    const { account, user } = await app.owner()
    const given = await ask(account.email)
    const isTheirs = and(eq(oneTimeTokens.user_id, user.id), eq(oneTimeTokens.purpose, 'login_code'))
    const [row] = await app.deps.db.select().from(oneTimeTokens).where(isTheirs)
    expect((Number(row?.expires) - Number(row?.created)) / 60_000).toBeCloseTo(10, 0)
    await app.deps.db
      .update(oneTimeTokens)
      .set({ expires: sql`now()` })
      .where(isTheirs)
    expect(said(await give(app.visitor(), given))).toBe(WRONG)
  })

  test('is void after another password, a reset, and another email', async () => {
    const member = await app.owner()
    const { email, password } = member.account
    const before = await ask(email)
    const changed = { current_password: password, password: 'Other1234' }
    expect((await member.put('/api/me/password', changed)).status).toBe(200)
    await app.work()
    expect(said(await give(app.visitor(), before))).toBe(WRONG)

    const beforeReset = await ask(email)
    await app.visitor().post('/api/password/forgot', { email })
    const token = /token=(\w+)/.exec((await app.work()).at(-1)?.text ?? '')?.[1]
    await app.visitor().post('/api/password/reset', { token, password: 'Third1234' })
    await app.work()
    expect(said(await give(app.visitor(), beforeReset))).toBe(WRONG)

    await member.post('/api/login', { email, password: 'Third1234' })
    const to = `new-${email}`
    expect((await member.put('/api/me/email', { email: to })).status).toBe(202)
    const link = /token=(\w+)/.exec((await app.work()).at(-1)?.text ?? '')?.[1]
    const beforeChange = await ask(email)
    expect((await member.post('/api/email/verify', { token: link })).status).toBe(200)
    await app.work()
    expect(said(await give(app.visitor(), beforeChange))).toBe(WRONG)
    expect(said(await give(app.visitor(), await ask(to)))).toBe(200)
  })

  test('mailed to an email that has gone to somebody else opens neither account', async () => {
    const ann = await app.owner()
    const given = await ask(ann.account.email)
    await app.deps.db.update(users).set({ email: 'elsewhere@example.com' }).where(eq(users.id, ann.user.id))
    expect(said(await give(app.visitor(), given))).toBe(WRONG)
  })

  test('is no link: the mail has none, and nothing logs in by GET', async () => {
    const { account } = await app.owner()
    await app.visitor().post('/api/login/mail', { email: account.email })
    const [{ subject, text, html } = { subject: '', text: '', html: '' }, ...more] = await app.work()
    expect(more).toEqual([])
    expect(subject).not.toMatch(/\d{6}/)
    expect(text).not.toContain('http')
    expect(html).not.toContain('href')
    expect((await app.visitor().get('/api/login/mail/code')).status).toBe(405)
  })
})

describe('guessing', () => {
  test('has five tries for a code, which is void then; another one has its own', async () => {
    const { account } = await app.owner()
    const { challenge, one_time_password } = await ask(account.email)
    const wrong = { challenge, one_time_password: another(one_time_password) }
    const replies = await Promise.all(Array.from({ length: 20 }, () => give(app.visitor(), wrong)))
    expect(replies.map(said).filter((one) => one === WRONG)).toHaveLength(5)
    const right = await give(app.visitor(), { challenge, one_time_password })
    expect(said(right)).toBe('429 rate_limit_exceeded')
    expect(Number(right.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(said(await give(app.visitor(), await ask(account.email)))).toBe(200)
  })

  test('over many codes closes login by mail for that account, and nothing else', async () => {
    const member = await app.owner()
    const other = await app.owner()
    const { email, password } = member.account
    for (let code = 0; code < 2; code++) {
      const { challenge, one_time_password } = await ask(email)
      const wrong = { challenge, one_time_password: another(one_time_password) }
      for (let i = 0; i < 5; i++) expect(said(await give(app.visitor(), wrong))).toBe(WRONG)
    }
    expect(said(await give(app.visitor(), await ask(email.toUpperCase())))).toBe('429 rate_limit_exceeded')
    expect(said(await app.visitor().post('/api/login', { email, password }))).toBe(200)
    expect(said(await member.get('/api/me'))).toBe(200)
    expect(said(await give(app.visitor(), await ask(other.account.email)))).toBe(200)
  })

  test('and asking, by strangers, takes nothing from an owner who is logged in and has no password', async () => {
    const own = app
    app = await startWorld({ RATE_LIMIT: 'on', RATE_LIMIT_ACCOUNT: '100', RATE_LIMIT_ADDRESS: '1000' })
    try {
      const member = await app.owner()
      await dropPassword(member.user.id)
      await age(member)
      const given = await ask('', member, '/api/reauthenticate/mail')
      for (let i = 0; i < 10; i++) {
        const { challenge, one_time_password } = await ask(member.account.email)
        await give(app.visitor(), { challenge, one_time_password: another(one_time_password) })
      }
      expect(said(await give(app.visitor(), given))).toBe(WRONG)
      expect(said(await member.post('/api/reauthenticate/mail/code', given))).toBe(200)
      await age(member)
      const again = await ask('', member, '/api/reauthenticate/mail')
      expect(said(await member.post('/api/reauthenticate/mail/code', again))).toBe(200)
    } finally {
      await app.close()
      app = own
    }
  })

  test('of right codes uses nothing up', async () => {
    const { account } = await app.owner()
    for (let i = 0; i < 6; i++) {
      const given = await ask(account.email)
      const wrong = { ...given, one_time_password: another(given.one_time_password) }
      expect(said(await give(app.visitor(), wrong))).toBe(WRONG)
      expect(said(await give(app.visitor(), wrong))).toBe(WRONG)
      expect(said(await give(app.visitor(), given))).toBe(200)
    }
  })
})

describe('nobody learns who has an account', () => {
  test('by asking: the answer and the statements are the same, and a code that was not mailed is wrong', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'restbun-mail-login-'))
    const log = join(folder, 'log')
    const own = await startApp({
      MAIL_LOGIN: 'on',
      LOG_LEVEL: 'info',
      LOG_SQL: 'on',
      LOG_FILE: log,
      LOG_FORMAT: 'json',
    })
    const { account } = await own.member()
    const replies: Reply[] = []
    for (const email of [account.email, 'nobody@example.com'])
      replies.push(await own.visitor().post('/api/login/mail', { email }))
    const counted = replies.map(({ status, headers, body }) => [
      status,
      [...headers.keys()].toSorted(),
      Object.keys(body),
      body.challenge.length,
    ])
    expect(counted[0]).toEqual(counted[1] as unknown[])
    const wrong: string[] = []
    for (const { body } of replies)
      for (let i = 0; i < 6; i++) {
        const given = { challenge: body.challenge, one_time_password: '123456' }
        const reply = await own.visitor().post('/api/login/mail/code', given)
        wrong.push(`${said(reply)} ${reply.body.err.replace(/\d+ seconds/, '')}`)
      }
    expect(wrong.slice(0, 6)).toEqual(wrong.slice(6))
    await own.close() // the log is written
    const lines = readFileSync(log, 'utf8').trim().split('\n')
    rmSync(folder, { recursive: true })
    const asked = lines.filter((line) => /"path":"\/api\/login\/mail"/.test(line))
    expect(asked).toHaveLength(2)
    const first = lines.findIndex((line) => line.includes('/api/login/mail"'))
    // Behind a pooler each has a transaction of its own around it.
    const isStatement = (line: string) => line.includes('"msg":"sql"') && !/"sql":"(begin;|commit)/.test(line)
    const statements = lines.slice(first).filter(isStatement)
    expect(statements.filter((line) => !line.includes('one_time_tokens'))).toEqual([])
    expect(statements).toHaveLength(10) // one for each code that is looked at
  })

  test('by mails: none goes to who has no account, or a disabled one', async () => {
    const { account, user } = await app.owner()
    await app.visitor().post('/api/login/mail', { email: 'nobody@example.com' })
    expect(await app.work()).toEqual([])
    await changeRole(app.deps, user.id, 'disabled', OPERATOR)
    await app.work()
    await app.visitor().post('/api/login/mail', { email: account.email })
    expect(await app.work()).toEqual([])
  })

  test('where it has logged in before an account gets ten codes an hour, and each still counts', async () => {
    const own = app
    app = await startWorld({ RATE_LIMIT: 'on', RATE_LIMIT_ACCOUNT: '100', RATE_LIMIT_ADDRESS: '1000' })
    try {
      const { account } = await app.owner()
      let last = {}
      for (let i = 0; i < 10; i++) last = await ask(account.email)
      expect((await app.visitor().post('/api/login/mail', { email: account.email })).status).toBe(202)
      expect(await app.work()).toEqual([])
      expect(said(await give(app.visitor(), last))).toBe(200)
    } finally {
      await app.close()
      app = own
    }
  })

  test('asking has limits by email and by address', async () => {
    const own = await startWorld({ RATE_LIMIT: 'on', RATE_LIMIT_ACCOUNT: '2', RATE_LIMIT_ADDRESS: '4' })
    try {
      const askFor = async (email: string) => said(await own.visitor().post('/api/login/mail', { email }))
      const answers: unknown[] = []
      for (const email of ['a', 'a', 'a', 'b', 'c', 'd']) answers.push(await askFor(`${email}@example.com`))
      const full = '429 rate_limit_exceeded'
      expect(answers).toEqual([202, 202, full, 202, 202, full])
    } finally {
      await own.close()
    }
  })
})

describe('an account', () => {
  test('that is disabled gets nowhere by a code from before, and is told nothing', async () => {
    const { account, user } = await app.owner()
    const given = await ask(account.email)
    await changeRole(app.deps, user.id, 'disabled', OPERATOR)
    await app.work()
    const visitor = app.visitor()
    expect(said(await give(visitor, given))).toBe(WRONG)
    expect(visitor.cookies.size).toBe(0)
  })

  test('that is to be deleted comes back, and is gone once its time has come', async () => {
    const member = await app.owner()
    expect((await member.delete('/api/me')).status).toBe(202)
    await app.work()
    const browser = app.visitor()
    const back = await give(browser, await ask(member.account.email, browser))
    expect([back.status, typeof back.body.deletes]).toEqual([200, 'string'])
    expect((await browser.delete('/api/me/deletion')).body.deletes).toBeNull()
    await app.work()
    const given = await ask(member.account.email)
    await app.deps.db
      .update(users)
      .set({ deletes: sql`now()` })
      .where(eq(users.id, member.user.id))
    expect(said(await give(app.visitor(), given))).toBe(WRONG)
  })

  test('that was never verified is the mailbox owner’s: whatever was set up before ends, and the owner is told', async () => {
    const thief = await app.member() // who has signed up with the address of another
    await app.work()
    const { email, password } = thief.account
    const made = await thief.post('/api/me/tokens', { name: 'x' })
    expect((await thief.put('/api/me/email', { email: 'thief@example.com' })).status).toBe(202)
    expect((await thief.delete('/api/me')).status).toBe(202)
    await thief.post('/api/login', { email, password })
    const links = (await app.work()).flatMap(({ text }) => /token=(\w+)/.exec(text)?.[1] ?? [])
    const browser = app.visitor()
    const reply = await give(browser, await ask(email, browser))
    expect([reply.status, reply.body.verified, reply.body.deletes]).toEqual([200, true, null])
    const notices = (await app.work()).map(({ to, text }) => `${to} ${text}`)
    expect(notices.join()).toContain(`${email} `)
    expect(notices.join()).toContain('what was set up until then has ended')
    expect(said(await thief.get('/api/me'))).toBe('401 login_required')
    expect(said(await app.visitor().post('/api/login', { email, password }))).toBe('400 invalid_credentials')
    const program = app.visitor({ Authorization: `Bearer ${made.body.token}` })
    expect(said(await program.get('/api/me'))).toBe('401 invalid_token')
    for (const token of links)
      expect(said(await browser.post('/api/email/verify', { token }))).toBe('400 token_expired')
    // It has no password any more, so the code is what makes the session fresh: its owner chooses one.
    expect((await browser.put('/api/me/password', { password: 'Other1234' })).status).toBe(200)
    await app.work()
    expect(said(await app.visitor().post('/api/login', { email, password: 'Other1234' }))).toBe(200)
  })

  test('whose password was made up for it is not opened: that is still to be chosen', async () => {
    const { account, user } = await app.owner()
    const hash = await app.deps.passwords.hash('Given1234')
    await setPassword(app.deps, user.id, { password: null, temporary_password: hash }, OPERATOR)
    await app.work()
    const visitor = app.visitor()
    expect(said(await give(visitor, await ask(account.email)))).toBe('401 password_change_required')
    expect(visitor.cookies.size).toBe(0)
  })

  test('that has a second factor is asked for it, and its session is as after a password', async () => {
    const owner = await memberWithTotp(app)
    await app.work()
    const browser = app.visitor()
    const asked = await give(browser, { ...(await ask(owner.email)), remember: false })
    expect([said(asked), asked.body.factors]).toEqual(['401 second_factor_required', ['totp', 'recovery']])
    expect(browser.cookies.size).toBe(0)
    const { challenge } = asked.body
    const done = await browser.post('/api/login/second', { challenge, totp: await owner.code() })
    expect([done.status, done.body.id]).toEqual([200, owner.id])
    expect(done.headers.getSetCookie().join()).not.toContain('Max-Age')
    expect(await waysOf(browser)).toContain('mail+totp')
    expect(await isFresh(browser)).toBe(true)
  })

  test('that gets its factor at that moment is not opened without it', async () => {
    const owner = await app.owner()
    const given = await ask(owner.account.email)
    const begun = await owner.post('/api/me/factors/totp')
    const { demand } = app.deps.secondStep ?? {}
    Object.assign(app.deps.secondStep ?? {}, {
      async demand(...args: Parameters<NonNullable<typeof demand>>) {
        await demand?.(...args)
        await owner.post('/api/me/factors/totp/confirm', { totp: codeOf(begun.body.secret) })
      },
    })
    const browser = app.visitor()
    try {
      expect(said(await give(browser, given))).toBe('400 invalid_credentials')
    } finally {
      Object.assign(app.deps.secondStep ?? {}, { demand })
    }
    await app.work()
    expect(said(await browser.get('/api/me'))).toBe('401 login_required')
  })
})

describe('fresh', () => {
  test('is a login by mail where there is no password, and not where there is one', async () => {
    const member = await app.owner()
    const browser = app.visitor()
    await give(browser, await ask(member.account.email))
    expect(await isFresh(browser)).toBe(false)
    const { password } = member.account
    expect(said(await browser.post('/api/reauthenticate', { password }))).toBe(200)
    expect(await isFresh(browser)).toBe(true)
    expect(await confirmationsOf(browser)).toEqual(['password'])
    await app.work()
    await dropPassword(member.user.id)
    const phone = app.visitor()
    await give(phone, await ask(member.account.email))
    expect(await isFresh(phone)).toBe(true)
    await app.work()
  })

  test('is an old session again by a mailed code, if the account has no password', async () => {
    const member = await app.owner()
    await age(member)
    expect(said(await member.post('/api/reauthenticate/mail'))).toBe('409 has_password')
    await dropPassword(member.user.id)
    expect(await isFresh(member)).toBe(false)
    const given = await ask('', member, '/api/reauthenticate/mail')
    const before = tokenOf(member)
    const wrong = { ...given, one_time_password: another(given.one_time_password) }
    expect(said(await member.post('/api/reauthenticate/mail/code', wrong))).toBe(WRONG)
    expect(said(await member.post('/api/reauthenticate/mail/code', given))).toBe(200)
    expect(tokenOf(member)).not.toBe(before)
    expect(await isFresh(member)).toBe(true)
    expect(await confirmationsOf(member)).toEqual(['mail'])
    await app.work()
    expect(said(await member.post('/api/reauthenticate/mail/code', given))).toBe(WRONG)
  })

  test('is that session alone: the code opens no other, and logs nobody in', async () => {
    const member = await app.owner()
    await dropPassword(member.user.id)
    const other = app.visitor()
    await give(other, await ask(member.account.email, other))
    await age(other)
    const given = await ask('', member, '/api/reauthenticate/mail')
    expect(said(await other.post('/api/reauthenticate/mail/code', given))).toBe(WRONG)
    expect(said(await give(app.visitor(), given))).toBe(WRONG)
    const login = await ask(member.account.email, other)
    expect(said(await other.post('/api/reauthenticate/mail/code', login))).toBe(WRONG)
    expect(await isFresh(other)).toBe(false)
  })

  test('takes the factor as well, where there is one', async () => {
    const owner = await memberWithTotp(app)
    await app.work()
    await dropPassword(owner.id)
    await age(owner.member)
    const given = await ask('', owner.member, '/api/reauthenticate/mail')
    const asked = await owner.member.post('/api/reauthenticate/mail/code', given)
    expect(said(asked)).toBe('401 second_factor_required')
    expect(await isFresh(owner.member)).toBe(false)
    const { challenge } = asked.body
    const done = await owner.member.post('/api/login/second', { challenge, totp: await owner.code() })
    expect(said(done)).toBe(200)
    expect(await isFresh(owner.member)).toBe(true)
    await app.work()
  })

  test('is no code that was asked for before there was a password', async () => {
    const member = await app.owner()
    await dropPassword(member.user.id)
    const { challenge } = (await member.post('/api/reauthenticate/mail')).body
    const hash = await app.deps.passwords.hash('Other1234')
    await app.deps.db.update(users).set({ password: hash }).where(eq(users.id, member.user.id))
    const one_time_password = codeIn(await app.work())
    const given = { challenge, one_time_password }
    expect(said(await member.post('/api/reauthenticate/mail/code', given))).toBe('409 has_password')
  })

  test('verifies the mailbox inside of the session', async () => {
    const member = await app.member()
    await app.work()
    await dropPassword(member.user.id)
    const given = await ask('', member, '/api/reauthenticate/mail')
    expect(said(await member.post('/api/reauthenticate/mail/code', given))).toBe(200)
    expect((await member.get('/api/me')).body.me.verified).toBe(true)
  })

  test('is nothing that a program or an impersonator asks for', async () => {
    const member = await app.owner()
    const made = await member.post('/api/me/tokens', { name: 'x', abilities: ['read', 'write'] })
    await dropPassword(member.user.id)
    const program = app.visitor({ Authorization: `Bearer ${made.body.token}` })
    expect(said(await program.post('/api/reauthenticate/mail'))).toBe('403 token_not_allowed')
    const boss = await app.member('superuser')
    await app.deps.db.update(users).set({ email_proof: 'mail' }).where(eq(users.id, boss.user.id))
    expect((await boss.post('/api/login', boss.account)).status).toBe(200)
    expect(said(await boss.post(`/api/users/${member.user.id}/impersonate`, {}))).toBe(200)
    expect(said(await boss.post('/api/reauthenticate/mail'))).toBe('403 impersonation_not_allowed')
    await app.work()
  })
})

test('off, as it is by default, nobody logs in by mail; the code that makes a session fresh is mailed all the same', async () => {
  const own = app
  app = await startWorld({ MAIL_LOGIN: '' })
  try {
    const member = await app.owner()
    const { email } = member.account
    const closed = '403 mail_login_closed'
    expect(said(await app.visitor().post('/api/login/mail', { email }))).toBe(closed)
    expect(await app.work()).toEqual([])
    const given = { challenge: 'f'.repeat(64), one_time_password: '123456' }
    expect(said(await give(app.visitor(), given))).toBe(closed)
    await dropPassword(member.user.id)
    await age(member)
    const mailed = await ask('', member, '/api/reauthenticate/mail')
    expect(said(await member.post('/api/reauthenticate/mail/code', mailed))).toBe(200)
  } finally {
    await app.close()
    app = own
  }
})

test('the code is in no log, not in Redis, not in the database and not in the trail', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-mail-code-'))
  const log = join(folder, 'log')
  const logged = { LOG_LEVEL: 'debug', LOG_SQL: 'on', LOG_FILE: log, LOG_FORMAT: 'json' }
  const own = await startWithMail({ MAIL_LOGIN: 'on', ...logged })
  const { account } = await own.member()
  const browser = own.visitor()
  const { challenge } = (await browser.post('/api/login/mail', { email: account.email })).body
  const code = codeIn([await own.nextMail(account.email, 'Your code')])
  const stored = [await allInRedis(own), await allInPostgres(own)]
  const wrong = await browser.post('/api/login/mail/code', { challenge, one_time_password: another(code) })
  const right = await browser.post('/api/login/mail/code', { challenge, one_time_password: code })
  expect([said(wrong), said(right)]).toEqual([WRONG, 200])
  stored.push(await allInRedis(own), await allInPostgres(own))
  await own.close() // the log is written
  stored.push(readFileSync(log, 'utf8'))
  rmSync(folder, { recursive: true })
  expect(stored.at(-1)).toContain('one_time_password')
  const isTold = new RegExp(`(?<![\\w.-])${code}(?!\\w)|${challenge}`) // digests and times have digits, too
  expect(stored.map((text) => isTold.test(text))).toEqual(stored.map(() => false))
})
