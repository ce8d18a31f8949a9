// The deletion of an account: until its time comes it can be undone, then nobody finds it, and nothing of it is left.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eq, getTableName, is, sql } from 'drizzle-orm'
import { PgTable } from 'drizzle-orm/pg-core'
import { Redis } from 'ioredis'
import { changeRole } from '../src/account/change-role.ts'
import { defineAccountDeletion } from '../src/account/deletion.ts'
import { lockUser } from '../src/account/queries.ts'
import { oneTimeTokens, users } from '../src/account/table.ts'
import { clearReferences } from '../src/kit/data/clear-references.ts'
import { deleteAccount, deleteDueAccounts } from '../src/tasks.ts'
import { findChromium, launchChromium } from './kit/support/chromium.ts'
import type { Client } from './kit/support/client.ts'
import { redisUrl } from './kit/support/services.ts'
import { until } from './kit/support/until.ts'
import { NEW_ACCOUNT, OPERATOR, type TestApp } from './support/harness.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'
import { allInPostgres, allInRedis } from './support/stores.ts'
import { schema, untilIdle } from './support/worker.ts'

const DAY_MS = 24 * 60 * 60 * 1000

let app: AppWithMail
beforeAll(async () => {
  app = await startWithMail()
})
afterAll(() => app.close())

type Member = Awaited<ReturnType<TestApp['member']>>

const rowOf = async ({ deps }: TestApp, id: string) =>
  (await deps.db.select().from(users).where(eq(users.id, id)))[0]

/** The time of its deletion has come; the job has not run. */
const comeDue = ({ deps }: TestApp, id: string) =>
  deps.db
    .update(users)
    .set({ deletes: sql`now() - interval '1 second'` })
    .where(eq(users.id, id))

/** Its time comes, and the cron, and the job. */
async function pass(of: TestApp, id: string) {
  await comeDue(of, id)
  await of.deps.enqueue(deleteDueAccounts, {})
  await until('the account is gone', async () => (await rowOf(of, id)) === undefined || undefined)
}

const askFor = async (member: Client) => {
  const reply = await member.delete('/api/me')
  expect(reply.status).toBe(202)
  return reply.body
}

const logIn = async (of: TestApp, { email, password }: { email: string; password: string }) => {
  const client = of.visitor()
  return { client, reply: await client.post('/api/login', { email, password }) }
}

/** The mail that says so. */
const told = (of: AppWithMail, email: string, words: string) =>
  until(`a mail that says "${words}"`, async () =>
    (await of.mailsTo(email)).find(({ text }) => text.includes(words)),
  )

const codeOf = ({ status, body }: { status: number; body: { code?: string } }) => `${status} ${body?.code}`

test('whoever asks for it is logged out everywhere, told when, and can undo it by logging in', async () => {
  const member = await app.member('editor', { email: 'undo@example.com' })
  const phone = (await logIn(app, member.account)).client
  const { token } = (await member.post('/api/me/tokens', { name: 'backup' })).body
  const reset = await linkTo('undo@example.com')
  const { deletes, ...account } = await askFor(member)
  expect(account).toMatchObject({ id: member.user.id, email: 'undo@example.com' })
  expect(Math.abs(Date.parse(deletes) - Date.now() - 14 * DAY_MS)).toBeLessThan(60_000)
  expect(member.cookies.has('session')).toBe(false)
  expect((await phone.get('/api/me')).status).toBe(401)
  expect((await app.visitor({ Authorization: `Bearer ${token}` }).get('/api/me')).status).toBe(401)
  expect(
    codeOf(await app.visitor().post('/api/password/reset', { token: reset, password: 'Other123' })),
  ).toBe('400 token_expired')
  const { text } = await told(app, 'undo@example.com', 'going to be deleted')
  expect(text).toContain(`Until ${deletes.slice(0, 16).replace('T', ' at ')} UTC you can log in`)

  const { client, reply } = await logIn(app, member.account)
  expect([reply.status, reply.body.deletes]).toEqual([200, deletes])
  expect((await client.get('/api/me')).body.me.deletes).toBe(deletes)
  const undone = await client.delete('/api/me/deletion')
  expect([undone.status, undone.body.deletes]).toEqual([200, null])
  await told(app, 'undo@example.com', 'Your account stays')
  // Once more is no error, and tells nobody.
  expect((await client.delete('/api/me/deletion')).status).toBe(200)

  await app.deps.enqueue(deleteAccount, { userId: member.user.id })
  await app.deps.enqueue(deleteDueAccounts, {})
  await app.member('editor', { email: 'later@example.com' })
  await app.nextMail('later@example.com', 'Welcome') // jobs are taken in their order
  expect((await client.get('/api/me')).status).toBe(200)
  expect(await actionsOf(member)).toEqual(['account.deletion_asked', 'account.deletion_undone'])
})

async function linkTo(email: string, path = '/api/password/forgot') {
  expect((await app.visitor().post(path, { email })).status).toBe(202)
  return app.nextToken(email, 'new password')
}

/** What the trail has of its deletion. */
const actionsOf = async ({ user }: Member) => {
  const rows = await app.deps.db.execute<{ action: string }>(
    sql`select action from audit_events where account = ${user.id} and action like 'account.del%' order by id`,
  )
  return rows.map(({ action }) => action)
}

test('it takes a fresh login, and no token', async () => {
  const member = await app.member()
  const { token } = (await member.post('/api/me/tokens', { name: 'x', abilities: ['read', 'write'] })).body
  const program = app.visitor({ Authorization: `Bearer ${token}` })
  for (const path of ['/api/me', '/api/me/deletion'])
    expect(codeOf(await program.delete(path))).toBe('403 token_not_allowed')
  const session = member.cookies.get('session') ?? ''
  const rotated = await app.deps.sessions.rotate(session, { loginAt: Date.now() - 16 * 60_000 })
  member.cookies.set('session', rotated?.token ?? '')
  expect(codeOf(await member.delete('/api/me'))).toBe('401 fresh_login_required')
  expect(codeOf(await app.visitor().delete('/api/me'))).toBe('401 login_required')
  expect((await rowOf(app, member.user.id))?.deletes).toBeNull()
})

test('of superusers one stays that is not about to go', async () => {
  await app.deps.db.update(users).set({ role: 'editor' }) // of other tests
  const [ann, bob] = [await app.member('superuser'), await app.member('superuser')]
  const statuses = (await Promise.all([ann.delete('/api/me'), bob.delete('/api/me')])).map(codeOf)
  expect(statuses.toSorted()).toEqual(['202 undefined', '409 last_superuser'])
  const [goes, stays] = statuses[0]?.startsWith('202') ? [ann, bob] : [bob, ann]
  // Nor can the one that goes take the role of the one that stays.
  const demotion = changeRole(app.deps, stays.user.id, 'editor', OPERATOR)
  await expect(demotion).rejects.toMatchObject({ code: 'last_superuser' })
  // Nor can one that goes ask again instead of the last.
  const { client } = await logIn(app, goes.account)
  expect((await client.delete('/api/me')).status).toBe(202)
  await pass(app, goes.user.id)
  expect((await stays.get('/api/me')).status).toBe(200)
})

test('that of any other account waits for no superuser: nobody holds those up by leaving', async () => {
  const [boss, member] = [await app.member('superuser'), await app.member()]
  const [locked, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const busy = app.deps.db.transaction(async (tx) => {
    await lockUser(tx, boss.user.id)
    locked.resolve()
    await done.promise
  })
  await locked.promise
  try {
    expect((await askFor(member)).id).toBe(member.user.id)
  } finally {
    done.resolve()
    await busy
  }
})

test('when its time has come nobody finds it, before the job runs and after', async () => {
  const [was, email, next] = ['was@example.com', 'gone@example.com', 'next@example.com']
  const member = await app.member('editor', { email: was })
  await member.post('/api/email/verify', { token: await app.nextToken(was, 'Welcome') })
  await member.put('/api/me/email', { email })
  await member.post('/api/email/verify', { token: await app.nextToken(email, 'Confirm your') })
  const takeBack = await app.nextToken(was, 'has changed')
  member.account.email = email
  await askFor(member)
  const { client } = await logIn(app, member.account)
  const bearer = (await app.visitor().post('/api/login', { ...member.account, token: true })).body.token
  const { token } = (await client.post('/api/me/tokens', { name: 'x' })).body
  const program = app.visitor({ Authorization: `Bearer ${token}` })
  expect((await program.get('/api/me')).status).toBe(200)
  const reset = await linkTo(email)
  await client.put('/api/me/email', { email: next })
  const change = await app.nextToken(next, 'Confirm your')
  const { password } = member.account
  const ways = async () =>
    [
      await app.visitor().post('/api/login', { email, password }),
      await client.get('/api/me'),
      await client.delete('/api/me/deletion'),
      await app.visitor({ Authorization: `Bearer ${bearer}` }).get('/api/me'),
      await program.get('/api/me'),
      await app.visitor().post('/api/password/reset', { token: reset, password: 'Other123' }),
      await app.visitor().post('/api/email/verify', { token: change, password }),
      await app.visitor().post('/api/email/take-back', { token: takeBack }),
    ].map(({ status }) => status)
  await comeDue(app, member.user.id)
  const refused = [400, 401, 401, 401, 401, 400, 400, 400]
  const signUp = async (as: string) =>
    (await app.visitor().post('/api/signup', { ...NEW_ACCOUNT, email: as })).status
  expect(await ways()).toEqual(refused)
  expect([await signUp(email), await signUp(was)]).toEqual([400, 400])
  await pass(app, member.user.id)
  expect(await ways()).toEqual(refused)
  await app.visitor().post('/api/password/forgot', { email })
  // Its job looks for the account: not for the one that is made next.
  await untilIdle(app)
  // Both emails are free.
  expect([await signUp(email), await signUp(was)]).toEqual([201, 201])
  await app.nextMail(email, 'Welcome')
  const resets = (await app.mailsTo(email)).filter(({ subject }) => subject.includes('new password'))
  expect(resets).toHaveLength(1) // that of before
})

test('whoever takes the email back keeps the account, which waits for that', async () => {
  const at = await startWithMail({ DELETION_DAYS: '0' })
  try {
    const member = await at.member('editor', { email: 'mine@example.com' })
    await member.post('/api/email/verify', { token: await at.nextToken('mine@example.com', 'Welcome') })
    await member.put('/api/me/email', { email: 'thief@example.com' })
    await member.post('/api/email/verify', { token: await at.nextToken('thief@example.com', 'Confirm your') })
    const token = await at.nextToken('mine@example.com', 'has changed')
    const { deletes } = await askFor(member)
    expect(Math.abs(Date.parse(deletes) - Date.now() - 7 * DAY_MS)).toBeLessThan(60_000)
    expect((await at.visitor().post('/api/email/take-back', { token })).status).toBe(200)
    expect(await rowOf(at, member.user.id)).toMatchObject({ deletes: null, email: 'mine@example.com' })

    // Where the mail server was away, the link's time begins days after that.
    const late = await at.member('editor', { email: 'late@example.com' })
    const due = { user_id: late.user.id, purpose: 'take_back', email: 'late-before@example.com', ip: '::1' }
    await at.deps.db.insert(oneTimeTokens).values(due)
    const asked = await askFor(late)
    expect(Date.parse(asked.deletes) - Date.now()).toBeGreaterThan(13 * DAY_MS)
  } finally {
    await at.close()
  }
})

test('another email undoes it: the mailbox of before has its time in any case', async () => {
  const member = await app.member('editor', { email: 'first@example.com' })
  await member.post('/api/email/verify', { token: await app.nextToken('first@example.com', 'Welcome') })
  await askFor(member)
  const { client } = await logIn(app, member.account)
  await client.put('/api/me/email', { email: 'second@example.com' })
  const token = await app.nextToken('second@example.com', 'Confirm your')
  expect((await client.post('/api/email/verify', { token })).status).toBe(200)
  expect(await rowOf(app, member.user.id)).toMatchObject({ deletes: null, email: 'second@example.com' })
})

test('a reset undoes it, as every change that waits: whoever has the mailbox is told', async () => {
  const member = await app.member('editor', { email: 'reset@example.com' })
  await askFor(member)
  const token = await linkTo('reset@example.com')
  const reset = { token, password: 'Violet7Kettle' }
  expect((await app.visitor().post('/api/password/reset', reset)).status).toBe(200)
  expect((await rowOf(app, member.user.id))?.deletes).toBeNull()
  await told(app, 'reset@example.com', 'Your account stays')
  expect(await actionsOf(member)).toEqual(['account.deletion_asked', 'account.deletion_undone'])
})

test('without a time to undo it, it is done at once, and its owner is told', async () => {
  const at = await startWithMail({ DELETION_DAYS: '0' })
  try {
    const member = await at.member('editor', { email: 'now@example.com' })
    await askFor(member)
    expect((await logIn(at, member.account)).reply.status).toBe(400)
    await at.deps.enqueue(deleteDueAccounts, {})
    await until('it is gone', async () => (await rowOf(at, member.user.id)) === undefined || undefined)
    const { text } = await told(at, 'now@example.com', 'going to be deleted')
    expect(text).not.toContain('you can log in')
  } finally {
    await at.close()
  }
})

test('what is beside rows is deleted first; where that fails, the account waits', async () => {
  const calls: string[] = []
  const own = defineAccountDeletion([
    async (_deps, userId) => {
      calls.push(userId)
      if (calls.length === 1) throw new Error('the other service is away')
    },
  ])
  const member = await app.member()
  await app.deps.db
    .update(users)
    .set({ deletes: new Date(0) })
    .where(eq(users.id, member.user.id))
  const job = { log: app.deps.log, signal: new AbortController().signal } as never
  const run = () => own.deleteAccount.execute({ userId: member.user.id }, job, { ...app.deps, schema })
  await expect(run()).rejects.toThrow('the other service')
  expect(await rowOf(app, member.user.id)).toBeDefined()
  await run()
  expect(await rowOf(app, member.user.id)).toBeUndefined()
  // A worker may die before it reports success.
  await run()
  expect(calls).toEqual([member.user.id, member.user.id, member.user.id])
  expect(await actionsOf(member)).toEqual(['account.deleted'])
})

test('the movies that it added stay, without it', async () => {
  const member = await app.member()
  const { id } = (await member.post('/api/movies', { title: 'Heat' })).body
  await askFor(member)
  await pass(app, member.user.id)
  expect((await app.visitor().get(`/api/movies/${id}`)).body).toMatchObject({ title: 'Heat', creator: null })
})

const executable = findChromium()
test.skipIf(executable === undefined)(
  'on a phone, without a script: the data first, then the account, and back',
  async () => {
    const { account } = await app.member('editor', { email: 'pages@example.com' })
    const browser = await launchChromium(executable ?? '')
    try {
      const context = await browser.newContext({
        javaScriptEnabled: false,
        viewport: { width: 390, height: 800 },
        acceptDownloads: true,
      })
      const tab = await context.newPage()
      const signIn = async () => {
        await tab.getByLabel('Email').fill(account.email)
        await tab.getByLabel('Password').fill(account.password)
        await tab.locator('form.form button').click()
        await tab.getByRole('heading', { name: 'Account' }).waitFor()
      }
      const fits = async () => expect(await tab.evaluate('document.documentElement.scrollWidth')).toBe(390)
      await tab.goto(`${app.url}/api/auth/sign-in`)
      await signIn()
      await fits()
      await tab.getByRole('link', { name: 'Delete my account' }).click()
      await tab.getByText('It is done in 14 days').waitFor()
      await fits()
      await tab.getByRole('link', { name: 'Take your data with you' }).click()
      await tab.getByRole('button', { name: 'Get my data' }).click()
      const ready = tab.getByRole('link', { name: 'Download your data' })
      const again = tab.getByRole('link', { name: 'Look again' })
      await until('the export', async () => {
        await ready.or(again).waitFor()
        if (await ready.isVisible()) return true
        await again.click()
        return undefined
      })
      const [download] = await Promise.all([tab.waitForEvent('download'), ready.click()])
      expect(download.url()).toContain('/api/jobs/')
      expect(readFileSync(await download.path(), 'utf8')).toContain(account.email)
      await tab.goto(`${app.url}/api/auth/delete`)
      await tab.getByRole('button', { name: 'Delete my account' }).click()
      await tab.getByText('Your account will be deleted on').waitFor()
      await signIn()
      await tab.getByText('Until then you can keep it').waitFor()
      await fits()
      await tab.getByRole('button', { name: 'Keep my account' }).click()
      await tab.getByText('Your account stays').waitFor()
      expect(await tab.getByText('will be deleted').count()).toBe(0)
    } finally {
      await browser.close()
    }
  },
)

test('every table that refers to accounts says what becomes of its rows, to the code and to Postgres', async () => {
  const nobody = { table: users, where: sql`false` }
  await clearReferences(app.deps.db, schema, nobody, new AbortController().signal)
  const rules = await app.deps.db.execute<{ name: string; rule: string }>(sql`
    select conrelid::regclass::text as name, confdeltype as rule from pg_constraint
    where contype = 'f' and confrelid = 'users'::regclass`)
  expect(rules.length).toBeGreaterThan(0)
  const known = Object.values(schema).flatMap((value) => (is(value, PgTable) ? getTableName(value) : []))
  for (const { name, rule } of rules)
    expect({ name, isKnown: known.includes(name), rule }).toEqual({
      name,
      isKnown: true,
      rule: expect.stringMatching(/^[cn]$/),
    })
})

const EMAIL = 'Zebedee.Quux@Vanishing.example'
const PERSON = { email: EMAIL, fname: 'Zebedee', lname: 'Quackenbush', password: '123abC' }

test('no row, key, file, job or log line holds the email or the names of an account that was deleted', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-account-deletion-'))
  const at = await startWithMail({
    DATA_DIR: folder,
    LOG_FILE: join(folder, 'log'),
    LOG_FORMAT: 'json',
    LOG_LEVEL: 'debug',
    LOG_SQL: 'on',
    RATE_LIMIT: 'on',
  })
  const redis = new Redis(redisUrl())
  const dead = `${at.config.redisPrefix}{jobs:1}:dead`
  try {
    const member = await at.member('editor', PERSON)
    const { id } = member.user
    await lead(at, member)
    // Jobs that died, of it and of others.
    const { user: other } = await at.member('editor', { email: 'other@example.com' })
    const refused = `Error: 550 no mailbox <${EMAIL}>`
    const died = [
      { id: 'd1', task: 'mailReset', data: { email: EMAIL.toUpperCase(), ip: '' }, error: refused },
      { id: 'd2', task: 'mailNotice', data: { to: EMAIL, notice: 'token_made' } },
      { id: 'd3', task: 'exportMyData', data: { userId: id }, by: id },
      { id: 'd4', task: 'yours', data: { text: `Dear ${PERSON.fname}` }, by: id },
      { id: 'kept1', task: 'exportMyData', data: { userId: other.id } },
      { id: 'kept2', task: 'mailNotice', data: { to: 'other@example.com' } },
      { id: 'kept3', task: 'yours', data: { to: 'partner@example.com' } },
    ]
    await redis.lpush(dead, ...died.map((job) => JSON.stringify(job)))
    await askFor(member)
    await told(at, EMAIL, 'going to be deleted')
    const stored = [await allInPostgres(at), await allInRedis(at)]
    // What is searched is what it is thought to be.
    for (const text of stored) expect(text).toContain(EMAIL)

    await pass(at, id)
    await until('the dead are gone', async () => (await redis.llen(dead)) === 3 || undefined)
    const left = (await redis.lrange(dead, 0, -1)).map((text) => (JSON.parse(text) as { id: string }).id)
    expect(left.toSorted()).toEqual(['kept1', 'kept2', 'kept3'])
    const [rows, keys] = [await allInPostgres(at), await allInRedis(at)]
    expect(rows).toContain(id) // in the trail
    await at.close()
    const files = filesIn(folder)
    expect(files).toContain('ACCOUNT DELETED')
    expect(files).toContain('SIGNUP OK')
    const personal = [EMAIL, PERSON.fname, PERSON.lname].map((text) => text.toLowerCase())
    for (const [place, text] of Object.entries({ rows, keys, files })) {
      const found = personal.filter((each) => text.toLowerCase().includes(each))
      expect([place, found]).toEqual([place, []])
    }
  } finally {
    redis.disconnect()
    rmSync(folder, { recursive: true })
  }
})

/** The account's life: whatever can leave its email, or its name, somewhere. */
async function lead(at: AppWithMail, member: Member) {
  await at.visitor().post('/api/signup', PERSON)
  await at.visitor().post('/api/login', { email: EMAIL, password: 'Wrong123' })
  await at.visitor().get(`/api/movies/${encodeURIComponent(EMAIL)}`)
  await at.visitor().get(`/api/movies?search=${encodeURIComponent(EMAIL)}`)
  expect(
    (await member.post('/api/email/verify', { token: await at.nextToken(EMAIL, 'Welcome') })).status,
  ).toBe(200)
  await member.patch('/api/me', { first_name: PERSON.fname, company: null })
  await member.post('/api/me/tokens', { name: 'backup' })
  await member.put('/api/me/password', { current_password: PERSON.password, password: '456deF' })
  await member.put('/api/me/email', { email: `new-${EMAIL}` })
  await at.visitor().post('/api/password/forgot', { email: EMAIL })
  await at.nextToken(EMAIL, 'new password')
  const boss = await at.member('superuser', { email: 'boss@example.com' })
  expect((await boss.post('/api/users', { email: EMAIL })).status).toBe(202)
  expect((await boss.get(`/api/users?search=${encodeURIComponent(EMAIL)}`)).body).toHaveLength(1)
  // Refused by Postgres, which names the value.
  const taken = at.deps.db.insert(users).values({ email: EMAIL, first_name: PERSON.fname, last_name: '' })
  await taken.then(undefined, (error: unknown) => at.deps.log.error('taken', { error }))
}

function filesIn(folder: string): string {
  const paths = readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)))
  return paths
    .map((path) => (statSync(path).isFile() ? `${path} ${readFileSync(path, 'latin1')}` : path))
    .join()
}
