// Who may make an account: SIGNUP closes the call and the page before anything is looked at, and SIGNUP_ROLE says what one becomes.
import { expect, expectTypeOf, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hc } from 'hono/client'
import { createUser } from '../src/account/queries.ts'
import { users } from '../src/account/table.ts'
import type { AppType } from '../src/app.ts'
import { loadConfig } from '../src/config.ts'
import { HTML, submit } from './kit/support/forms.ts'
import { NEW_ACCOUNT, startApp, type TestApp } from './support/harness.ts'

const SIGN_IN = '/api/auth/sign-in'
const SIGN_UP = '/api/auth/sign-up'

/** An account that no signup has made. */
const known = ({ deps }: TestApp, email = 'known@example.com') =>
  createUser(deps.db, { email, password: 'x', first_name: 'Ann', last_name: 'Lee' })

test('an open signup makes accounts of the role that SIGNUP_ROLE says, and the sign-in links to it', async () => {
  const app = await startApp({ SIGNUP_ROLE: 'readonly' })
  try {
    const reply = await app.visitor().post('/api/signup', NEW_ACCOUNT)
    expect([reply.status, reply.body.role]).toEqual([201, 'readonly'])
    const form = await submit(app.visitor(), SIGN_UP, { ...NEW_ACCOUNT, email: 'form@example.com' })
    expect(form.status).toBe(303)
    expect((await app.visitor().get(SIGN_IN, HTML)).text).toContain(SIGN_UP)
  } finally {
    await app.close()
  }
})

test.each(['invited', 'off'])('SIGNUP=%s closes the call, the page and the typed client', async (SIGNUP) => {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-signup-'))
  const file = join(folder, 'log')
  const log = { LOG_LEVEL: 'info', LOG_SQL: 'on', LOG_FILE: file, LOG_FORMAT: 'json' }
  const app = await startApp({ SIGNUP, RATE_LIMIT: 'on', RATE_LIMIT_ACCOUNT: '1', ...log })
  try {
    await known(app)
    const visitor = app.visitor()
    const said = new Set<string>()
    for (const email of ['known@example.com', 'nobody@example.com', 'known@example.com', 'no email']) {
      const { status, body } = await visitor.post('/api/signup', { ...NEW_ACCOUNT, email })
      said.add(JSON.stringify([status, body.code, body.err, body.issues]))
    }
    expect([...said]).toEqual([
      expect.stringMatching(/^\[403,"signup_closed","403: Forbidden! Accounts come .*",null\]$/),
    ])

    expect([...said][0]?.includes('by invitation')).toBe(SIGNUP === 'invited')

    const pages = [
      await visitor.get(SIGN_UP, HTML),
      await submit(visitor, SIGN_UP, { ...NEW_ACCOUNT, email: 'known@example.com' }),
      await submit(visitor, SIGN_UP, { ...NEW_ACCOUNT, email: 'nobody@example.com' }),
    ]
    for (const { status, text } of pages) {
      expect([status, text.includes('Accounts come ')]).toEqual([403, true])
      expect(text).not.toContain('name="password"')
    }
    expect((await visitor.get(SIGN_IN, HTML)).text).not.toContain(SIGN_UP)

    const { api } = hc<AppType>(app.url)
    const reply = await api.signup.$post({ json: NEW_ACCOUNT })
    expectTypeOf(reply.status).toEqualTypeOf<201>()
    expect<unknown[]>([reply.ok, visitor.cookies.size]).toEqual([false, 0])
    expect(await app.deps.db.$count(users)).toBe(1)
  } finally {
    await app.close()
  }
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  rmSync(folder, { recursive: true })
  const asked = lines.findIndex((line) => line.includes('/api/signup'))
  expect(asked).toBeGreaterThan(0)
  // No account is looked up before the answer.
  expect(lines.slice(asked).filter((line) => line.includes('lower('))).toEqual([])
})

test.each(['disabled', 'admin', 'superuser', 'king'])('SIGNUP_ROLE=%s is refused at start', (SIGNUP_ROLE) => {
  const env = { DATABASE_URL: 'postgres://127.0.0.1/x', REDIS_URL: 'redis://127.0.0.1' }
  expect(loadConfig(env)).toMatchObject({ signup: 'open' })
  expect(() => loadConfig({ ...env, SIGNUP_ROLE, SIGNUP: 'sometimes' })).toThrow(
    /SIGNUP="sometimes" must be one of: open, invited, off\n\s+SIGNUP_ROLE=".*" must be one of: readonly, editor/,
  )
})
