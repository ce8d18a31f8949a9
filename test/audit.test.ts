// What the audit trail tells of accounts, and to whom.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { makeAccessToken } from '../src/account/access-tokens.ts'
import { wordsOf } from '../src/account/audit.ts'
import { auditEvents } from '../src/kit/audit/table.ts'
import type { Client } from './kit/support/client.ts'
import { NEW_ACCOUNT, startApp } from './support/harness.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'

const AGENT = 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0'

let app: AppWithMail
beforeAll(async () => {
  app = await startWithMail()
})
afterAll(() => app.close())

let serial = 0

/** Sends a request under an id of its own; returns the reply, and what the trail tells of that request. */
async function told(client: Client, method: string, path: string, body?: unknown) {
  const requestId = `audit-${++serial}`
  const reply = await client.send(method, path, body, { 'X-Request-Id': requestId, 'User-Agent': AGENT })
  const events = await app.deps.db
    .select()
    .from(auditEvents)
    .where(eq(auditEvents.request_id, requestId))
    .orderBy(auditEvents.id)
  for (const event of events) expect(event).toMatchObject({ ip: '127.0.0.1', agent: AGENT, by: null })
  return { reply, events }
}

test('each flow of an account is told, with who did it, from where, and in which request', async () => {
  const [email, second] = ['flows@example.com', 'flows2@example.com']
  const ann = app.visitor()
  const expectTold = async (
    client: Client,
    [method, path, body]: [string, string, unknown?],
    ...expected: Record<string, unknown>[]
  ) => {
    const { reply, events } = await told(client, method, path, body)
    expect([path, reply.status < 300]).toEqual([path, true])
    expect(events).toMatchObject(expected)
    expect(events.length).toBe(expected.length)
    return reply
  }
  const { body: user } = await expectTold(
    ann,
    ['POST', '/api/signup', { ...NEW_ACCOUNT, email }],
    { action: 'account.created', actor: null },
    { action: 'session.started' },
  )
  const own = { actor: user.id, account: user.id, as_account: null, details: null }
  const nobody = { ...own, actor: null }
  const does = (call: [string, string, unknown?], action: string, more = {}) =>
    expectTold(ann, call, { ...own, action, ...more })

  await does(
    ['POST', '/api/email/verify', { token: await app.nextToken(email, 'Welcome') }],
    'email.verified',
  )
  await does(['PATCH', '/api/me', { first_name: 'Anna' }], 'profile.edited', {
    details: { fields: 'first_name' },
  })
  await does(['POST', '/api/reauthenticate', { password: NEW_ACCOUNT.password }], 'session.confirmed', {
    details: { way: 'password' },
  })
  await expectTold(
    ann,
    ['PUT', '/api/me/password', { password: 'Another1' }],
    { ...own, action: 'password.changed' },
    { ...own, action: 'session.started', details: { way: 'password' } },
  )
  const { body: made } = await does(['POST', '/api/me/tokens', { name: 'backup' }], 'token.made', {
    details: { token: expect.any(String) },
  })
  await does(['DELETE', `/api/me/tokens/${made.id}`], 'token.ended', { details: { token: made.id } })
  await does(['PUT', '/api/me/email', { email: second }], 'email.change_asked')
  const confirm = await app.nextToken(second, 'Confirm your')
  await does(['POST', '/api/email/verify', { token: confirm }], 'email.changed')

  const phone = app.visitor({ 'User-Agent': 'Phone' })
  await expectTold(phone, ['POST', '/api/login', { email: second, password: 'Another1' }], {
    ...own,
    action: 'session.started',
    details: { way: 'password' },
  })
  await does(['DELETE', '/api/me/sessions'], 'sessions.ended')
  await phone.post('/api/login', { email: second, password: 'Another1' })
  const [other] = (await ann.get('/api/me/sessions')).body.filter((one: { current: boolean }) => !one.current)
  await does(['DELETE', `/api/me/sessions/${other.id}`], 'session.ended')
  await does(['POST', '/api/logout'], 'session.ended')

  const takeBack = await app.nextToken(email, 'has changed')
  await expectTold(app.visitor(), ['POST', '/api/email/take-back', { token: takeBack }], {
    ...nobody,
    action: 'email.taken_back',
  })
  const reset = { token: await app.nextToken(email, 'new password'), password: 'Another2' }
  await expectTold(app.visitor(), ['POST', '/api/password/reset', reset], {
    ...nobody,
    action: 'password.reset',
  })
})

test('a command is told by who ran it', async () => {
  const { user } = await app.member()
  const token = { userId: user.id, name: 'backup', abilities: ['read'], days: 1 }
  const made = await app.deps.db.transaction((tx) => makeAccessToken({ command: 'root' }, tx, token))
  const events = await app.deps.db.select().from(auditEvents).where(eq(auditEvents.account, user.id))
  expect(events.filter(({ action }) => action === 'token.made')).toMatchObject([
    { by: 'command root', actor: null, details: { token: made.id } },
  ])
})

test('no event holds an email, even one that a client gives as its name', async () => {
  const program = app.visitor({ 'User-Agent': 'Backup/1.0 (robot@example.com)' })
  const { body } = await program.post('/api/signup', { ...NEW_ACCOUNT, email: 'robot@example.com' })
  const events = await app.deps.db.select().from(auditEvents).where(eq(auditEvents.account, body.id))
  expect(events.map(({ agent }) => agent)).toEqual(['Backup/1.0 (***)', 'Backup/1.0 (***)'])
})

test('what is refused, and what changes nothing, leaves no event', async () => {
  const ann = await app.member()
  const calls: [string, string, unknown?][] = [
    ['POST', '/api/login', { email: ann.account.email, password: 'Wrong123' }],
    ['POST', '/api/signup', ann.account],
    ['POST', '/api/reauthenticate', { password: 'Wrong123' }],
    ['PUT', '/api/me/password', { current_password: 'Wrong123', password: 'Another1' }],
    ['DELETE', `/api/me/tokens/${crypto.randomUUID()}`],
    ['DELETE', '/api/me/sessions/none'],
    ['POST', '/api/email/verify', { token: '0'.repeat(64) }],
    ['PATCH', '/api/me', {}],
    ['GET', '/api/me'],
  ]
  for (const [method, path, body] of calls)
    expect([path, (await told(ann, method, path, body)).events]).toEqual([path, []])
})

test('an event that cannot be written keeps a session from being begun or ended', async () => {
  const own = await startApp({}, { foresees500: true })
  try {
    const ann = await own.member()
    await own.deps.db.execute('alter table audit_events rename to audit_gone')
    const visitor = own.visitor()
    expect((await visitor.post('/api/login', ann.account)).status).toBe(500)
    expect((await visitor.get('/api/me')).status).toBe(401)
    expect((await ann.post('/api/logout', {})).status).toBe(500)
    await own.deps.db.execute('alter table audit_gone rename to audit_events')
    expect((await ann.get('/api/me/sessions')).body.length).toBe(1)
  } finally {
    await own.close()
  }
})

test('one sees what happened to oneself, the latest first, and nothing of others', async () => {
  const [ann, bob] = [await app.member(), await app.member()]
  await ann.patch('/api/me', { first_name: 'Anna' })
  const reply = await ann.get('/api/me/activity')
  expect(reply.headers.get('cache-control')).toBe('no-store')
  const nobody = { by: 'nobody', ip: '127.0.0.1', agent: expect.any(String), details: null }
  expect(reply.body).toEqual([
    {
      ...nobody,
      id: expect.any(String),
      at: expect.any(String),
      action: 'profile.edited',
      by: 'you',
      details: { fields: 'first_name' },
    },
    {
      ...nobody,
      id: expect.any(String),
      at: expect.any(String),
      action: 'session.started',
      by: 'you',
      details: { way: 'password' },
    },
    {
      ...nobody,
      id: expect.any(String),
      at: expect.any(String),
      action: 'account.created',
      details: { role: 'editor' },
    },
  ])
  const ofBob = (await bob.get('/api/me/activity')).body
  const ids = (events: { id: string }[]) => events.map(({ id }) => id)
  expect(ids(ofBob).filter((id) => ids(reply.body).includes(id))).toEqual([])
  expect((await app.visitor().get('/api/me/activity')).status).toBe(401)
  const page = app.visitor()
  page.cookies = ann.cookies
  const { text, status } = await page.get('/api/auth/account/activity', { Accept: 'text/html' })
  expect(status).toBe(200)
  for (const words of ['Profile edited', 'Session started', 'Account created', '127.0.0.1'])
    expect(text).toContain(words)
})

test('of what an operator does one sees that, and not from where', async () => {
  const ann = await app.member()
  await app.deps.db.insert(auditEvents).values([
    {
      action: 'role.changed',
      account: ann.user.id,
      actor: crypto.randomUUID(),
      ip: '192.0.2.7',
      agent: 'Desk',
    },
    { action: 'role.changed', account: ann.user.id, by: 'command root' },
    { action: 'role.changed', account: ann.user.id, by: 'job sweep' },
  ])
  const reply = await ann.get('/api/me/activity?size=3')
  expect(reply.body.map(({ by, ip, agent }: Record<string, unknown>) => [by, ip, agent])).toEqual([
    ['service', null, null],
    ['operator', null, null],
    ['operator', null, null],
  ])
  expect(reply.text).not.toMatch(/root|192\.0\.2\.7|Desk/)
})

test('the page shows fifty events at a time, each once', async () => {
  const ann = await app.member()
  const rows = Array.from({ length: 70 }, (_, n) => ({ action: `page.n${n}`, account: ann.user.id }))
  await app.deps.db.insert(auditEvents).values(rows)
  const seen: string[] = []
  let query: string | undefined = ''
  while (query !== undefined) {
    const { text } = await ann.get(`/api/auth/account/activity${query}`, { Accept: 'text/html' })
    seen.push(...(text.match(/Page n\d+/g) ?? []))
    query = /href="([^"]*)">Earlier/.exec(text)?.[1]?.replaceAll('&amp;', '&')
  }
  expect(seen).toEqual(rows.map(({ action }) => wordsOf(action)).toReversed())
})

test('only a superuser in a session reads the trail, by account, actor, action and time, page by page', async () => {
  for (const role of ['readonly', 'editor', 'admin'] as const) {
    const member = await app.member(role)
    expect((await member.get('/api/audit')).status).toBe(401)
  }
  const [boss, ann] = [await app.member('superuser'), await app.member()]
  const { token } = (await boss.post('/api/me/tokens', { name: 'all', abilities: ['read', 'write'] })).body
  const bearer = { Authorization: `Bearer ${token}` }
  for (const path of ['/api/audit', '/api/me/activity'])
    expect((await app.visitor().get(path, bearer)).body.code).toBe('token_not_allowed')

  const [before] = (await boss.get('/api/audit?size=1')).body
  for (const first_name of ['A', 'B', 'C']) await ann.patch('/api/me', { first_name })
  const query = (filter: Record<string, string>) =>
    boss.get(`/api/audit?${new URLSearchParams(filter).toString()}`)
  const actions = async (filter: Record<string, string>) =>
    (await query(filter)).body.map(({ action }: { action: string }) => action)
  const edits = ['profile.edited', 'profile.edited', 'profile.edited']
  const all = [...edits, 'session.started', 'account.created']
  expect(await actions({ account: ann.user.id })).toEqual(all)
  expect(await actions({ actor: ann.user.id })).toEqual(all.slice(0, 4))
  expect(await actions({ account: ann.user.id, action: 'session.started' })).toEqual(['session.started'])
  const since = { account: ann.user.id, from: before.at }
  expect(await actions(since)).toEqual(edits)
  expect(await actions({ account: ann.user.id, to: before.at })).toEqual(
    before.account === ann.user.id ? ['account.created'] : all.slice(3),
  )
  const linkOf = ({ headers }: { headers: Headers }, rel: string) =>
    new RegExp(`<([^>]+)>; rel="${rel}"`).exec(headers.get('link') ?? '')?.[1]
  const first = await query({ ...since, size: '2', count: 'true' })
  expect([first.headers.get('cache-control'), first.headers.get('total-count')]).toEqual(['no-store', '3'])
  const second = await boss.get(`/api/audit${linkOf(first, 'next')}`)
  expect(second.body.length).toBe(1)
  expect((await boss.get(`/api/audit${linkOf(second, 'prev')}`)).body).toEqual(first.body)
  for (const bad of ['from=yesterday', 'account=1', 'action=x', 'cursor=x', 'to=0000-01-01T00:00:00Z'])
    expect([bad, (await boss.get(`/api/audit?${bad}`)).status]).toEqual([bad, 400])
})
