// What superusers do with the accounts of others: who may, what follows, and that one of them always stays.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { auditEvents } from '../src/kit/audit/table.ts'
import { assertNotLastSuperuser, changeAccount, changeRole } from '../src/account/change-role.ts'
import { NOTICES } from '../src/account/mails.ts'
import { findUser } from '../src/account/queries.ts'
import { ROLES, type Role } from '../src/account/roles.ts'
import { users } from '../src/account/table.ts'
import type { Client, Reply } from './kit/support/client.ts'
import { until } from './kit/support/until.ts'
import { OPERATOR, startApp, type TestApp } from './support/harness.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'

let app: AppWithMail
beforeAll(async () => {
  app = await startWithMail()
})
afterAll(() => app.close())

type Member = Awaited<ReturnType<TestApp['member']>>
const said = ({ status, body }: Reply) => (status < 400 ? String(status) : `${status} ${body?.code}`)

/** The login is an hour ago. */
async function growOld(client: Client): Promise<void> {
  const loginAt = Date.now() - 3_600_000
  const aged = await app.deps.sessions.rotate(client.cookies.get('session') ?? '', { loginAt })
  client.cookies.set('session', aged?.token ?? '')
}

const eventsOf = (id: string) =>
  app.deps.db.select().from(auditEvents).where(eq(auditEvents.account, id)).orderBy(auditEvents.id)

const CALLS: Record<string, (client: Client, id: string, session: string) => Promise<Reply>> = {
  'GET the list': (client) => client.get('/api/users'),
  'GET one': (client, id) => client.get(`/api/users/${id}`),
  'PATCH one': (client, id) => client.patch(`/api/users/${id}`, { tags: ['seen'] }),
  'GET its sessions': (client, id) => client.get(`/api/users/${id}/sessions`),
  'DELETE its sessions': (client, id) => client.delete(`/api/users/${id}/sessions`),
  'DELETE one session': (client, id, session) => client.delete(`/api/users/${id}/sessions/${session}`),
}
const READS = ['GET the list', 'GET one', 'GET its sessions']

describe.each(Object.entries(CALLS))('%s', (name, call) => {
  const attempt = async (client: Client) => {
    const target = await app.member()
    const [session] = (await target.get('/api/me/sessions')).body
    const reply = await call(client, target.user.id, session.id)
    // Whoever may not do it has changed nothing.
    if (reply.status >= 400) {
      expect((await target.get('/api/me')).body.me).toEqual({ ...target.user, tags: [] })
    }
    return said(reply)
  }

  const answerTo = (role: Role) =>
    ({ disabled: '400 account_disabled', superuser: '200' })[role as string] ?? '401 insufficient_role'
  test.each(ROLES.map((role) => [role, answerTo(role)] as const))(
    'by the role %s: %s',
    async (role, answer) => {
      expect(await attempt(await app.member(role))).toBe(answer)
    },
  )

  test('by a visitor: login_required', async () => {
    expect(await attempt(app.visitor())).toBe('401 login_required')
  })

  test.each(ROLES.filter((role) => role !== 'disabled'))(
    'by a token of the role %s: refused',
    async (role) => {
      const owner = await app.member(role)
      const made = await owner.post('/api/me/tokens', { name: 'x', abilities: ['read', 'write'] })
      const program = app.visitor({ Authorization: `Bearer ${made.body.token}` })
      expect(await attempt(program)).toBe('403 token_not_allowed')
    },
  )

  test('takes a fresh login, unless it only reads', async () => {
    const boss = await app.member('superuser')
    await growOld(boss)
    expect(await attempt(boss)).toBe(READS.includes(name) ? '200' : '401 fresh_login_required')
  })
})

test('an id in capitals names the same account: on calls, on pages, and for what is kept beside its row', async () => {
  const own = await startApp()
  try {
    const [boss, ann] = [await own.member('superuser'), await own.member()]
    const form = { Origin: own.url, 'Content-Type': 'application/x-www-form-urlencoded' }
    const [path, page] = ['/api/users', '/api/auth/users'].map((all) => `${all}/${ann.user.id.toUpperCase()}`)
    const last = await boss.patch(`/api/users/${boss.user.id.toUpperCase()}`, { role: 'editor' })
    expect(said(last)).toBe('409 last_superuser')
    expect((await boss.get(`${path}/sessions`)).body).toHaveLength(1)
    for (const end of [
      () => boss.delete(`${path}/sessions`),
      () => boss.send('POST', `${page}/sessions/end`, '', form),
    ]) {
      await end()
      expect(said(await ann.get('/api/me/sessions'))).toBe('401 login_required')
      await ann.post('/api/login', ann.account)
    }
    const begun = await boss.post(`${path}/impersonate`, { token: true })
    const acting = own.visitor({ Authorization: `Bearer ${begun.body.token}` })
    await boss.patch(path ?? '', { role: 'disabled' })
    expect(said(await ann.get('/robots.txt'))).toBe('400 account_disabled')
    expect(said(await acting.get('/robots.txt'))).toBe('401 invalid_token')
  } finally {
    await own.close()
  }
})

test('no call finds an account that is not there', async () => {
  const boss = await app.member('superuser')
  const { 'GET the list': _list, ...ofOne } = CALLS
  for (const call of Object.values(ofOne))
    for (const id of [crypto.randomUUID(), 'me', '1'])
      expect(said(await call(boss, id, 'none'))).toBe('404 not_found')
})

describe('an account', () => {
  test('is shown with its sessions, and no secret of it', async () => {
    const [boss, ann] = [await app.member('superuser'), await app.member()]
    await app.visitor({ 'User-Agent': 'phone' }).post('/api/login', ann.account)
    const { body, text } = await boss.get(`/api/users/${ann.user.id}`)
    expect(body).toEqual({ ...ann.user, sessions: 2, last_seen: expect.any(String) })
    expect(text).not.toContain('argon2')
    const listed = (await boss.get(`/api/users/${ann.user.id}/sessions`)).body
    const own = (await ann.get('/api/me/sessions')).body
    const plain = (all: { id: string; agent: string }[]) => all.map(({ id, agent }) => [id, agent]).toSorted()
    expect(plain(listed)).toEqual(plain(own))
    expect(listed.every(({ current }: { current: boolean }) => !current)).toBe(true)
  })

  test('changes as far as is said, and its sessions follow on their next request', async () => {
    const [boss, ann] = [await app.member('superuser'), await app.member()]
    const change = { role: 'readonly', tags: ['a', 'b', 'a'], first_name: 'Anna', company: 'Acme' }
    const { status, body } = await boss.patch(`/api/users/${ann.user.id}`, change)
    const now = { ...change, tags: ['a', 'b'], fullname: 'Anna Lee' }
    expect([status, body]).toEqual([200, { ...ann.user, ...now, modified: expect.any(String) }])
    expect(said(await ann.post('/api/probe', { title: 'x' }))).toBe('401 insufficient_role')
    expect((await ann.get('/api/me')).body.me).toEqual(body)
    // What differs in nothing leaves no trace.
    const again = await boss.patch(`/api/users/${ann.user.id}`, change)
    expect(again.body).toEqual(body)
    expect((await boss.patch(`/api/users/${ann.user.id}`, {})).body).toEqual(body)
  })

  test.each([
    { role: 'king' },
    { role: null },
    { tags: ['a,b'] },
    { tags: ['x'.repeat(51)] },
    { tags: Array.from({ length: 51 }, (_, i) => `tag${i}`) },
    { tags: 'a' },
    { first_name: '' },
    { first_name: 'a\u0007' },
  ])('is not changed to %j', async (change) => {
    const [boss, ann] = [await app.member('superuser'), await app.member()]
    expect(said(await boss.patch(`/api/users/${ann.user.id}`, change))).toBe('400 invalid_request')
    expect((await ann.get('/api/me')).body.me).toEqual(ann.user)
  })

  test('that is disabled is stopped at the door; enabled again it logs in anew, and its tokens have ended', async () => {
    const [boss, ann] = [await app.member('superuser'), await app.member()]
    const made = await ann.post('/api/me/tokens', { name: 'x' })
    await boss.patch(`/api/users/${ann.user.id}`, { role: 'disabled' })
    expect(said(await ann.get('/robots.txt'))).toBe('400 account_disabled')
    await boss.patch(`/api/users/${ann.user.id}`, { role: 'editor' })
    expect(said(await ann.get('/api/me'))).toBe('401 login_required')
    const program = app.visitor({ Authorization: `Bearer ${made.body.token}` })
    expect(said(await program.get('/api/me'))).toBe('401 invalid_token')
    expect(said(await ann.post('/api/login', ann.account))).toBe('200')
    expect(said(await ann.get('/api/me'))).toBe('200')
  })

  test('loses one session, or all', async () => {
    const [boss, ann, phone] = [await app.member('superuser'), await app.member(), app.visitor()]
    await phone.post('/api/login', ann.account)
    const current = async (client: Client) =>
      (await client.get('/api/me/sessions')).body.find((one: { current: boolean }) => one.current).id
    const [id, other] = [await current(phone), await current(boss)]
    const path = `/api/users/${ann.user.id}/sessions`
    expect(said(await boss.delete(`${path}/${other}`))).toBe('404 not_found') // another account's
    expect(said(await boss.delete(`${path}/${id}`))).toBe('200')
    expect([said(await phone.get('/api/me')), said(await ann.get('/api/me'))]).toEqual([
      '401 login_required',
      '200',
    ])
    expect(said(await boss.delete(path))).toBe('200')
    expect(said(await ann.get('/api/me'))).toBe('401 login_required')
    expect(said(await boss.get('/api/me'))).toBe('200')
  })

  test('tells its owner, and the trail: by whom, what was and what is, and no address', async () => {
    const [boss, ann] = [await app.member('superuser'), await app.member()]
    const path = `/api/users/${ann.user.id}`
    await boss.patch(path, { role: 'admin', tags: ['a'] })
    await boss.patch(path, { first_name: 'Anna' })
    await boss.delete(`${path}/sessions`)
    for (const notice of ['role_changed', 'account_changed', 'sessions_ended'] as const) {
      const { text } = await app.nextMail(ann.account.email, 'Your account at')
      expect(text).toContain(NOTICES[notice])
      expect(text).toContain('Whoever runs the service did it on')
      expect(text).not.toContain('127.0.0.1')
    }
    const told = (await eventsOf(ann.user.id)).filter(({ actor }) => actor === boss.user.id)
    expect(told.map(({ action, details }) => [action, details])).toEqual([
      ['role.changed', { fields: 'role, tags', was: 'editor', now: 'admin' }],
      ['account.changed', { fields: 'first_name' }],
      ['sessions.ended', null],
    ])
    expect(JSON.stringify(told.map(({ details }) => details))).not.toMatch(/@|Ann/)
  })
})

describe('a superuser', () => {
  test('who is demoted while a request is under way changes nothing any more', async () => {
    await app.member('superuser') // the last one is not demoted
    const [boss, ann] = [await app.member('superuser'), await app.member()]
    const context = { get: () => ({ userId: boss.user.id, isOpen: async () => true }) } as never
    await changeRole(app.deps, boss.user.id, 'admin', OPERATOR)
    const late = changeAccount(app.deps, ann.user.id, { tags: ['late'] }, context)
    await expect(late).rejects.toMatchObject({ code: 'role_above_own' })
    expect((await findUser(app.deps.db, ann.user.id))?.tags).toEqual([])
  })

  test('whose session has ended meanwhile changes nothing any more', async () => {
    const [boss, ann] = [await app.member('superuser'), await app.member()]
    const context = { get: () => ({ userId: boss.user.id, isOpen: async () => false }) } as never
    const late = changeAccount(app.deps, ann.user.id, { tags: ['late'] }, context)
    await expect(late).rejects.toMatchObject({ code: 'login_required' })
  })
})

describe('the last superuser', () => {
  let own: TestApp
  beforeAll(async () => {
    own = await startApp()
  })
  afterAll(() => own.close())

  const superusers = () => own.deps.db.$count(users, eq(users.role, 'superuser'))

  test('is neither demoted nor disabled nor deleted, by itself or by command, until there is another', async () => {
    const boss = await own.member('superuser')
    const path = `/api/users/${boss.user.id}`
    for (const role of ['disabled', 'readonly', 'editor', 'admin'] as const) {
      expect(said(await boss.patch(path, { role }))).toBe('409 last_superuser')
      const byCommand = changeRole(own.deps, boss.user.id, role, OPERATOR)
      await expect(byCommand).rejects.toMatchObject({ code: 'last_superuser' })
    }
    const deleted = own.deps.db.transaction((tx) => assertNotLastSuperuser(tx, boss.user.id))
    await expect(deleted).rejects.toMatchObject({ code: 'last_superuser' })
    expect(said(await boss.patch(path, { role: 'superuser', tags: ['still'] }))).toBe('200')
    expect(await superusers()).toBe(1)

    const second = await own.member('superuser')
    await own.deps.db.transaction((tx) => assertNotLastSuperuser(tx, boss.user.id))
    expect(said(await boss.patch(path, { role: 'editor' }))).toBe('200')
    expect(said(await boss.get('/api/users'))).toBe('401 insufficient_role')
    expect(said(await second.patch(`/api/users/${second.user.id}`, { role: 'editor' }))).toBe(
      '409 last_superuser',
    )
    await own.deps.db.update(users).set({ role: 'editor' })
  })

  const ROUNDS = 25

  test('stays when two demote or disable each other at once, and neither waits for ever', async () => {
    const [ann, bob] = [await own.member('superuser'), await own.member('superuser')]
    const answers = new Set<string>()
    for (let round = 0; round < ROUNDS; round++) {
      const role = round % 2 ? 'editor' : 'disabled'
      const replies = await Promise.all([
        ann.patch(`/api/users/${bob.user.id}`, { role }),
        bob.patch(`/api/users/${ann.user.id}`, { role }),
      ])
      for (const reply of replies) answers.add(said(reply))
      expect(await superusers()).toBe(1)
      expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
      for (const member of [ann, bob]) {
        await changeRole(own.deps, member.user.id, 'superuser', OPERATOR)
        await member.post('/api/login', member.account)
      }
    }
    for (const answer of answers) expect(answer).not.toStartWith('5')
    await own.deps.db.update(users).set({ role: 'editor' })
  })

  test('stays when several leave at once, whoever does it', async () => {
    const all: Member[] = []
    for (let i = 0; i < 4; i++) all.push(await own.member('superuser'))
    const leaves = [
      ({ user }: Member) => changeRole(own.deps, user.id, 'editor', OPERATOR),
      (member: Member) => member.patch(`/api/users/${member.user.id}`, { role: 'admin' }),
      ({ user }: Member) =>
        own.deps.db.transaction(async (tx) => {
          await assertNotLastSuperuser(tx, user.id)
          await tx.update(users).set({ role: 'readonly' }).where(eq(users.id, user.id)) // as good as deleted
        }),
    ]
    for (let round = 0; round < ROUNDS; round++) {
      const ends = all.map((member, i) => leaves[(round + i) % leaves.length]?.(member))
      await Promise.allSettled(ends)
      expect(await superusers()).toBe(1)
      for (const { user } of all) await changeRole(own.deps, user.id, 'superuser', OPERATOR)
    }
    await own.deps.db.update(users).set({ role: 'editor' })
  })

  test('is found whatever another transaction has not committed yet', async () => {
    const [ann, bob] = [await own.member('superuser'), await own.member('superuser')]
    const [held, locked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const leaving = own.deps.db.transaction(async (tx) => {
      await assertNotLastSuperuser(tx, ann.user.id)
      locked.resolve()
      await held.promise
      await tx.delete(users).where(eq(users.id, ann.user.id))
    })
    await locked.promise
    const late = bob.patch(`/api/users/${bob.user.id}`, { role: 'editor' })
    await until('its wait for the superusers', async () => {
      const waiting = sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      return (await own.deps.db.execute(waiting)).length > 0
    })
    held.resolve()
    await leaving
    expect(said(await late)).toBe('409 last_superuser')
    await own.deps.db.update(users).set({ role: 'editor' })
  })
})
