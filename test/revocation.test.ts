// What ends sessions and tokens in one process has ended them in another by its next request.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { changeRole } from '../src/account/change-role.ts'
import { serverEnv } from './kit/support/services.ts'
import { until } from './kit/support/until.ts'

import { type AppWithMail, startWithMail } from './support/mailbox.ts'

const SESSIONS = 50

let app: AppWithMail
let other: Awaited<ReturnType<typeof startOther>>
beforeAll(async () => {
  app = await startWithMail({ SESSIONS_PER_ACCOUNT: `${SESSIONS}` })
  other = await startOther()
})
afterAll(async () => {
  await other.stop()
  await app.close()
})

/** The same service in a process of the operating system of its own, on the same database and keys. */
async function startOther() {
  const { databaseUrl, redisPrefix } = app.config
  const child = Bun.spawn([process.execPath, '--no-env-file', 'src/server.ts'], {
    cwd: join(import.meta.dir, '..'),
    env: { ...serverEnv(databaseUrl, redisPrefix), PORT: '0', COOKIE_SECURE: 'off', RATE_LIMIT: 'off' },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  let text = ''
  const reading = (async () => {
    for await (const chunk of child.stdout) text += new TextDecoder().decode(chunk)
  })()
  const url = await until('the other process to listen', () =>
    /listening on (http\S+)/.exec(text)?.[1]?.replace(/\/$/, ''),
  )
  return {
    isOpen: async (token: string) =>
      (await fetch(`${url}/api/me`, { headers: { Authorization: `Bearer ${token}` } })).status === 200,
    async stop() {
      child.kill('SIGTERM')
      await Promise.all([child.exited, reading])
    },
  }
}

/** An account that is signed in everywhere, and that a superuser acts as: its sessions as the other process knows them, this client's first. */
async function signedInEverywhere() {
  const member = await app.member()
  const { id: userId, email } = member.user
  const now = Date.now()
  const from = { ip: '127.0.0.1', agent: 'Phone', loginAt: now, sentAt: now, remember: true, way: 'password' }
  const own = member.cookies.get('session') ?? ''
  const others: string[] = []
  for (let i = 1; i < SESSIONS; i++)
    others.push(await app.deps.sessions.create({ userId, role: 'editor', ...from }))
  const { password } = member.account
  const { body } = await member.post('/api/me/tokens', { name: 'program' })
  const boss = await app.member('superuser')
  const acting = await boss.post(`/api/users/${userId}/impersonate`, { token: true })
  const tokens = { accessToken: body.token as string, impersonation: acting.body.token as string }
  return { member, boss, userId, email, password, own, others, ...tokens }
}

type Account = Awaited<ReturnType<typeof signedInEverywhere>>
type Alive = 'own' | 'others' | 'accessToken' | 'impersonation'

/** What is done in this process, and what lives on in the other one. */
const ENDINGS: Record<string, { act(account: Account): Promise<unknown>; leaves: Alive[] }> = {
  'a logout': {
    act: ({ member }) => member.post('/api/logout'),
    leaves: ['others', 'accessToken', 'impersonation'],
  },
  'the end of the others': {
    act: ({ member }) => member.delete('/api/me/sessions'),
    leaves: ['own', 'accessToken'],
  },
  'a password changed': {
    act: ({ member }) => member.put('/api/me/password', { password: 'Another7' }),
    leaves: ['accessToken'], // and a session under a new id
  },
  'a password reset': {
    async act({ email }) {
      await app.visitor().post('/api/password/forgot', { email })
      const token = await app.nextToken(email, 'new password')
      return app.visitor().post('/api/password/reset', { token, password: 'Another7' })
    },
    leaves: [],
  },
  'an email taken back': {
    async act({ member, email }) {
      await member.post('/api/email/verify', { token: await app.nextToken(email, 'Welcome') })
      await member.put('/api/me/email', { email: `new.${email}` })
      await member.post('/api/email/verify', { token: await app.nextToken(`new.${email}`, 'new email') })
      return app.visitor().post('/api/email/take-back', { token: await app.nextToken(email, 'has changed') })
    },
    leaves: [],
  },
  'a disabling': {
    act: ({ userId }) => changeRole(app.deps, userId, 'disabled', { command: 'tests' }),
    leaves: [],
  },
  'a deletion that was asked for': { act: ({ member }) => member.delete('/api/me'), leaves: [] },
  'a superuser who ends them': {
    act: async ({ userId }) => (await app.member('superuser')).delete(`/api/users/${userId}/sessions`),
    leaves: ['accessToken'],
  },
  'a token ended': {
    async act({ member }) {
      const { body } = await member.get('/api/me/tokens')
      return member.delete(`/api/me/tokens/${body[0].id}`)
    },
    leaves: ['own', 'others', 'impersonation'],
  },
  'the superuser’s logout': {
    act: ({ boss }) => boss.post('/api/logout'),
    leaves: ['own', 'others', 'accessToken'],
  },
}

test.each(Object.entries(ENDINGS))('%s', async (_name, { act, leaves }) => {
  const account = await signedInEverywhere()
  const { own, others, accessToken, impersonation } = account
  const seen = async () => ({
    own: await other.isOpen(own),
    others: [...new Set(await Promise.all(others.map(other.isOpen)))],
    accessToken: await other.isOpen(accessToken),
    impersonation: await other.isOpen(impersonation),
  })
  expect(await seen()).toEqual({ own: true, others: [true], accessToken: true, impersonation: true })
  const done = await act(account)
  const { status = 200 } = done as { status?: number }
  expect(status).toBeWithin(200, 300)
  expect(await seen()).toEqual({
    own: leaves.includes('own'),
    others: [leaves.includes('others')],
    accessToken: leaves.includes('accessToken'),
    impersonation: leaves.includes('impersonation'),
  })
})
