// The account's pages: every flow by form, as a browser without scripts sends it.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Client } from './kit/support/client.ts'
import { NEW_ACCOUNT, startApp, type TestApp } from './support/harness.ts'

const SIGN_IN = '/api/auth/sign-in'
const SIGN_UP = '/api/auth/sign-up'
const SIGN_OUT = '/api/auth/sign-out'
const ACCOUNT = '/api/auth/account'
const HTML = { Accept: 'text/html,*/*;q=0.8' }

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

/** As the browser sends a form of the page. */
const submit = (client: Client, path: string, fields: Record<string, string> = {}) =>
  client.send('POST', path, new URLSearchParams(fields).toString(), {
    ...HTML,
    Origin: client.url,
    'Content-Type': 'application/x-www-form-urlencoded',
  })

const noticeOf = (html: string) => /<p class="notice" role="status">(.*?)<\/p>/.exec(html)?.[1]
const alertOf = (html: string) => /role="alert">(.*?)<\/p>/.exec(html)?.[1]

describe('to sign in', () => {
  test('leads to the account, for as long as the browser runs or for longer', async () => {
    const { account } = await app.member()
    const visitor = app.visitor()
    const { email, password } = account
    const reply = await submit(visitor, SIGN_IN, { email, password })
    expect([reply.status, reply.headers.get('location')]).toEqual([303, ACCOUNT])
    expect(reply.headers.get('set-cookie')).toMatch(/^session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/)
    expect((await visitor.get(ACCOUNT, HTML)).text).toContain(email)
    const stays = await submit(app.visitor(), SIGN_IN, { email, password, remember: 'on' })
    expect(stays.headers.get('set-cookie')).toContain('Max-Age=')
  })

  test('fails as the call does', async () => {
    const { account } = await app.member()
    for (const { email, password } of [
      { ...account, password: 'Wrong123' },
      { email: 'nobody@example.com', password: 'Wrong123' },
    ]) {
      const reply = await submit(app.visitor(), SIGN_IN, { email, password })
      const call = await app.visitor().post('/api/login', { email, password })
      expect([reply.status, `${reply.status}: ${alertOf(reply.text)}`]).toEqual([call.status, call.body.err])
      expect(reply.headers.getSetCookie()).toEqual([])
    }
    const barred = await app.member('disabled')
    const reply = await submit(app.visitor(), SIGN_IN, barred.account)
    expect([reply.status, alertOf(reply.text)]).toEqual([400, 'account disabled'])
  })

  test('is what a page asks of a visitor, who then comes back to it', async () => {
    const { account } = await app.member()
    const visitor = app.visitor()
    const sent = (await visitor.get(`${ACCOUNT}?a=b`, HTML)).headers.get('location') ?? ''
    expect(sent).toBe(`${SIGN_IN}?next=${encodeURIComponent(`${ACCOUNT}?a=b`)}`)
    expect((await visitor.get(sent, HTML)).text).toContain(`href="${sent.replace(SIGN_IN, SIGN_UP)}"`)
    expect((await submit(visitor, sent, account)).headers.get('location')).toBe(`${ACCOUNT}?a=b`)
  })

  test('is offered to somebody who is in with too low a role', async () => {
    const member = await app.member()
    const { status, text } = await member.get('/api/operators', HTML)
    expect([
      status,
      text.includes('It takes the role superuser or above. Your account has the role editor'),
    ]).toEqual([403, true])
    const door = `${SIGN_IN}?next=%2Fapi%2Foperators`
    expect(text).toContain(`<a href="${door}">`)
    expect((await member.get(door, HTML)).text).toContain('You are signed in already')
  })
})

describe('to sign up', () => {
  const form = { email: 'form@example.com', password: '123abC', fname: 'Fo', lname: 'Rm' }

  test('makes an account, signs it in and leads on', async () => {
    const visitor = app.visitor()
    const reply = await submit(visitor, `${SIGN_UP}?next=%2Fapi%2Fme`, form)
    expect([reply.status, reply.headers.get('location')]).toEqual([303, '/api/me'])
    expect((await visitor.get('/api/me')).body.me).toMatchObject({
      email: form.email,
      fullname: 'Fo Rm',
      company: null,
    })
  })

  test('says at each field what was wrong, and keeps the rest', async () => {
    const { account } = await app.member()
    const taken = await submit(app.visitor(), SIGN_UP, { ...form, email: account.email })
    expect([taken.status, taken.text.includes('<p id="email-fault" class="bad">Email is taken</p>')]).toEqual(
      [400, true],
    )
    expect(taken.text).toContain('value="Fo"')
    const nameless = await submit(app.visitor(), SIGN_UP, { ...NEW_ACCOUNT, lname: ' ' })
    expect([nameless.status, nameless.text.includes('Last name must not be empty')]).toEqual([400, true])
    const weak = await submit(app.visitor(), SIGN_UP, { ...NEW_ACCOUNT, password: 'abc' })
    expect([weak.status, weak.text.includes('Password must have 6 characters or more')]).toEqual([400, true])
    expect(weak.text).not.toContain('"abc"')
  })
})

test('to sign out ends the session, empties the caches, and says so', async () => {
  const member = await app.member()
  const reply = await submit(member, SIGN_OUT)
  expect([reply.status, reply.headers.get('location')]).toEqual([303, SIGN_IN])
  expect(reply.headers.get('clear-site-data')).toBe('"cache", "storage"')
  expect(member.cookies.has('session')).toBe(false)
  expect(noticeOf((await member.get(SIGN_IN, HTML)).text)).toBe('You are signed out')
  // Sent again it leads to the same place.
  expect((await submit(member, SIGN_OUT)).status).toBe(303)
})

test('with AUTH_PAGES=off there are none', async () => {
  const off = await startApp({ AUTH_PAGES: 'off' })
  try {
    for (const path of [SIGN_IN, SIGN_UP, ACCOUNT])
      expect((await off.visitor().get(path, HTML)).status).toBe(404)
  } finally {
    await off.close()
  }
})

test('with AUTH_PAGES=off the operators log in by the API, and their page says so', async () => {
  const off = await startApp({ AUTH_PAGES: 'off' })
  try {
    const { status, text } = await off.visitor().get('/api/operators', HTML)
    expect([status, text.includes('Log in by its API in this browser')]).toEqual([401, true])
    expect(text).not.toContain('/api/auth')
    const operator = await off.member('superuser')
    expect((await operator.get('/api/operators', HTML)).status).toBe(200)
  } finally {
    await off.close()
  }
})
