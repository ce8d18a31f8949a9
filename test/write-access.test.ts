// Who may write, at the moment of writing: the account's row counts beside the session, and the lower role of the two.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { changeRole } from '../src/account/change-role.ts'
import { users } from '../src/account/table.ts'
import type { Role } from '../src/account/roles.ts'
import { startApp, type TestApp } from './support/harness.ts'
import { parseReply, rawExchange } from './support/raw.ts'
import { until } from './support/until.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

type Member = Awaited<ReturnType<TestApp['member']>>

const setInSql = (member: Member, role: Role) =>
  app.deps.db.update(users).set({ role }).where(eq(users.id, member.user.id))
const write = (member: Member) => member.post('/api/probe', { title: 'x' })

/** Sends a POST whose body comes in two parts; `between` runs when the first has been taken in. */
async function writeSlowly(member: Member, between: () => Promise<unknown>) {
  const body = JSON.stringify({ title: 'slow' })
  const id = crypto.randomUUID()
  const opened: string[] = []
  const { open } = app.deps.sessions
  app.deps.sessions.open = async (token) => {
    const identity = await open(token)
    if (identity?.userId === member.user.id) opened.push(token)
    return identity
  }
  const head = [
    'POST /api/probe HTTP/1.1',
    'Host: x',
    `X-Request-Id: ${id}`,
    `Cookie: session=${member.cookies.get('session')}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    'Connection: close',
    '\r\n',
  ]
  try {
    const inside = () => until('the session to be open', () => opened.length > 0)
    const parts = [head.join('\r\n') + body.slice(0, 5), inside, between, body.slice(5)] as const
    return parseReply(await rawExchange(app.url, ...parts))
  } finally {
    app.deps.sessions.open = open
  }
}

test('a body that is sent slowly does not outlive a change of role', async () => {
  expect((await writeSlowly(await app.member(), async () => {})).status).toBe(201)
  const demoted = await app.member()
  const reply = await writeSlowly(demoted, () => changeRole(app.deps, demoted.user.id, 'readonly'))
  expect([reply.status, JSON.parse(reply.body).err]).toEqual([
    401,
    '401: Unauthorized! It takes the role editor or above',
  ])
  const stopped = await app.member()
  const refused = await writeSlowly(stopped, () => changeRole(app.deps, stopped.user.id, 'disabled'))
  expect([refused.status, JSON.parse(refused.body).err]).toEqual([400, '400: account disabled'])
  const gone = await app.member()
  const late = await writeSlowly(gone, () => app.deps.db.delete(users).where(eq(users.id, gone.user.id)))
  expect(late.status).toBe(401)
})

test('a lower role that was set in SQL counts for writing, and for what is for the few', async () => {
  const member = await app.member()
  await setInSql(member, 'readonly')
  expect((await write(member)).status).toBe(401)
  const another = await app.member()
  await setInSql(another, 'disabled')
  expect((await write(another)).body.err).toBe('400: account disabled')
  const boss = await app.member('superuser')
  await setInSql(boss, 'admin')
  expect((await boss.get('/api/users')).status).toBe(401)
})

test('a higher one that was set in SQL does not: the session has the lower', async () => {
  const member = await app.member('readonly')
  await setInSql(member, 'superuser')
  expect((await write(member)).status).toBe(401)
  const { email, password } = member.account
  await member.post('/api/login', { email, password })
  expect((await write(member)).status).toBe(201)
})

test('the log lines of a disabled account carry its id, at the door and at the login', async () => {
  const lines: Record<string, unknown>[] = []
  const own = await startApp()
  const keep = (message: string, fields: object = {}) => void lines.push({ message, ...fields })
  Object.assign(own.deps.log, { info: keep, warn: keep })
  try {
    const { account, user, ...member } = await own.member()
    await changeRole(own.deps, user.id, 'disabled')
    lines.length = 0
    const cookie = { Cookie: `session=${member.cookies.get('session')}` }
    expect((await own.visitor(cookie).get('/api/probe')).status).toBe(400)
    expect(lines).toMatchObject([{ message: 'request', path: '/api/probe', status: 400, user: user.id }])
    lines.length = 0
    const { email, password } = account
    expect((await own.visitor().post('/api/login', { email, password })).status).toBe(400)
    expect(lines).toContainEqual(
      expect.objectContaining({ message: 'LOGIN REFUSED: account disabled', user: user.id }),
    )
  } finally {
    await own.close()
  }
})
