// The account's pages: every flow by form, as a browser without scripts sends it.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { describeRoutes } from '../src/kit/http/doc.ts'
import type { Client } from './kit/support/client.ts'
import { findChromium, launchChromium } from './kit/support/chromium.ts'
import { alertOf, HTML, noticeOf, submit } from './kit/support/forms.ts'
import { NEW_ACCOUNT, startApp } from './support/harness.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'

const SIGN_IN = '/api/auth/sign-in'
const SIGN_UP = '/api/auth/sign-up'
const SIGN_OUT = '/api/auth/sign-out'
const FORGOT = '/api/auth/forgot'
const ACCOUNT = '/api/auth/account'
const PROFILE = '/api/auth/account/profile'
const EMAIL = '/api/auth/account/email'
const PASSWORD = '/api/auth/account/password'
const CONFIRM = '/api/auth/confirm'
const RESEND = '/api/auth/account/resend'
const SESSIONS = '/api/auth/account/sessions'

let app: AppWithMail
beforeAll(async () => {
  app = await startWithMail()
})
afterAll(() => app.close())

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

/** Opens the link of the next such mail, as a mail client does; `page` is the address that it leads to. */
async function openLink(client: Client, email: string, subject: string) {
  const mail = await app.nextMail(email, subject)
  const { pathname, search } = new URL(/https?:\S+/.exec(mail.text)?.[0] ?? '')
  const opened = await client.get(pathname + search, HTML)
  const page = opened.headers.get('location') ?? ''
  expect([opened.status, page]).toEqual([303, expect.stringContaining(`${pathname}?link=`)])
  return { page, text: (await client.get(page, HTML)).text }
}

/** Sends a form that succeeds, and returns what the page that follows says of it. */
async function done(client: Client, path: string, fields: Record<string, string>, leadsTo: string) {
  const reply = await submit(client, path, fields)
  expect([reply.status, reply.headers.get('location'), alertOf(reply.text)]).toEqual([
    303,
    leadsTo,
    undefined,
  ])
  return noticeOf((await client.get(leadsTo, HTML)).text)
}

const canLogIn = async (email: string, password: string) =>
  (await app.visitor().post('/api/login', { email, password })).status === 200

/** Makes the session one whose password was given longer ago than freshness lasts. */
async function growStale(client: Client): Promise<void> {
  const { sessions } = app.deps
  const token = client.cookies.get('session') ?? ''
  const identity = await sessions.open(token)
  if (identity === null) throw new Error('no session')
  const long = Date.now() - 60 * 60_000
  client.cookies.set('session', await sessions.create({ ...identity, loginAt: long, provenAt: long }))
}

describe('a forgotten password', () => {
  test('is replaced by the link of a mail, which is spent by the form alone', async () => {
    const { account } = await app.member()
    const visitor = app.visitor()
    expect((await visitor.get(SIGN_IN, HTML)).text).toContain(`<a href="${FORGOT}">`)
    const asked = await done(visitor, FORGOT, { email: account.email }, SIGN_IN)
    expect(asked).toBe(`If ${account.email} has an account here, a mail with a link is on its way to it`)
    const { page, text } = await openLink(visitor, account.email, 'Choose a new password')
    expect(text).toContain('autocomplete="new-password"')
    const weak = await submit(visitor, page, { password: 'weak' })
    expect([weak.status, weak.text.includes('<p id="password-fault"')]).toEqual([400, true])
    expect(await canLogIn(account.email, account.password)).toBe(true)
    const set = await done(visitor, page, { password: 'Another7' }, SIGN_IN)
    expect(set).toBe('Your new password is set: sign in with it')
    expect(visitor.cookies.size).toBe(0) // neither the link nor a session
    expect(await canLogIn(account.email, 'Another7')).toBe(true)
    const again = await submit(visitor, page, { password: 'Another8' })
    expect([again.status, alertOf(again.text)]).toEqual([
      400,
      expect.stringContaining('This link has expired'),
    ])
    expect(again.text).toContain(`<a href="${FORGOT}">Ask for another</a>`)
  })

  test('is asked for in the same words by whoever has no account', async () => {
    const asked = await done(app.visitor(), FORGOT, { email: 'nobody@example.com' }, SIGN_IN)
    expect(asked).toBe('If nobody@example.com has an account here, a mail with a link is on its way to it')
  })
})

describe('an email', () => {
  test('is confirmed by a click in a session of its account', async () => {
    const member = await app.member()
    expect((await member.get(ACCOUNT, HTML)).text).toContain('not confirmed yet')
    const sent = await done(member, RESEND, {}, ACCOUNT)
    expect(sent).toBe('A mail with the link is on its way to you')
    const { page, text } = await openLink(member, member.account.email, 'Confirm your email')
    expect(text).not.toContain('type="password"')
    expect(await done(member, page, {}, ACCOUNT)).toBe('Your email is confirmed')
    expect((await member.get(ACCOUNT, HTML)).text).not.toContain('not confirmed yet')
    const none = await submit(member, RESEND)
    expect([none.status, none.text.includes('Your email is verified')]).toEqual([409, true])
  })

  test('is confirmed with the password by a visitor, and by whoever is in another account', async () => {
    for (const other of [app.visitor(), await app.member()]) {
      const { account } = await app.member()
      const { page, text } = await openLink(other, account.email, 'Welcome')
      expect(text.includes('type="password"')).toBe(other.cookies.get('session') === undefined)
      const alone = await submit(other, page)
      expect([alone.status, alone.text.includes('type="password"')]).toEqual([401, true])
      const wrong = await submit(other, page, { password: 'Wrong123' })
      expect(alertOf(wrong.text)).toBe('Invalid login credentials')
      const leadsTo = other.cookies.has('session') ? ACCOUNT : SIGN_IN
      expect(await done(other, page, { password: account.password }, leadsTo)).toBe('Your email is confirmed')
    }
  })

  test('is changed by its owner, and taken back by the mailbox of before', async () => {
    const member = await app.member()
    const before = member.account.email
    const { page: verify } = await openLink(member, before, 'Welcome')
    await done(member, verify, {}, ACCOUNT)
    expect(await done(member, EMAIL, { email: `new.${before}` }, ACCOUNT)).toContain(
      `on its way to new.${before}`,
    )
    const { page: confirm } = await openLink(member, `new.${before}`, 'Confirm your new email')
    await done(member, confirm, {}, ACCOUNT)
    expect((await member.get('/api/me')).body.me.email).toBe(`new.${before}`)
    const owner = app.visitor()
    const taking = await openLink(owner, before, 'has changed')
    expect(taking.text).toContain('Take it back</button>')
    expect(await done(owner, taking.page, {}, SIGN_IN)).toContain('The account is yours again')
    expect((await member.get('/api/me')).status).toBe(401)
    const { page: reset } = await openLink(owner, before, 'Choose a new password')
    await done(owner, reset, { password: 'Another7' }, SIGN_IN)
    expect(await canLogIn(before, 'Another7')).toBe(true)
  })
})

describe('the account', () => {
  test('has its names and its company changed', async () => {
    const member = await app.member('editor', { company: 'Old & Co' })
    expect((await member.get(PROFILE, HTML)).text).toContain(`<a href="${ACCOUNT}" aria-current="true">`)
    expect((await member.get(PROFILE, HTML)).text).toContain('value="Old &amp; Co"')
    const names = { first_name: 'Zoë', last_name: 'Lee', company: '' }
    expect(await done(member, PROFILE, names, ACCOUNT)).toBe('Your changes are saved')
    expect((await member.get('/api/me')).body.me).toMatchObject({ fullname: 'Zoë Lee', company: null })
    const wrong = await submit(member, PROFILE, { ...names, first_name: '' })
    expect([wrong.status, wrong.text.includes('First name must not be empty')]).toEqual([400, true])
  })

  test('gets a new password, and its other devices are signed out', async () => {
    const member = await app.member()
    const { email, password } = member.account
    const other = app.visitor()
    await other.post('/api/login', { email, password })
    expect(await done(member, PASSWORD, { password: 'Another7' }, ACCOUNT)).toContain(
      'Your password is changed',
    )
    expect([(await member.get('/api/me')).status, (await other.get('/api/me')).status]).toEqual([200, 401])
    expect([await canLogIn(email, password), await canLogIn(email, 'Another7')]).toEqual([false, true])
  })

  test('shows on which devices it is signed in, and signs them out', async () => {
    const member = await app.member()
    const { email, password } = member.account
    const windows = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0'
    const devices = [
      app.visitor({ 'User-Agent': windows }),
      app.visitor({ 'User-Agent': '<b>curl</b>' }),
      app.visitor(),
    ]
    for (const device of devices) await device.post('/api/login', { email, password })
    const page = (await member.get(SESSIONS, HTML)).text
    expect(page.match(/<dt>This one<\/dt>/g)).toHaveLength(1)
    expect(page).toContain('&lt;b&gt;curl&lt;/b&gt;')
    const [, id = ''] = /value="([^"]+)"\/><button aria-label="Sign out Firefox on Windows,/.exec(page) ?? []
    expect(await done(member, `${SESSIONS}/end`, { id }, SESSIONS)).toBe('That device is signed out')
    const statuses = () =>
      Promise.all([member, ...devices].map(async (one) => (await one.get('/api/me')).status))
    expect(await statuses()).toEqual([200, 401, 200, 200])
    expect(await done(member, `${SESSIONS}/end`, { id }, SESSIONS)).toStartWith('That entry is gone') // a second click
    const others = await done(member, `${SESSIONS}/end-others`, {}, SESSIONS)
    expect([others, await statuses()]).toEqual(['All other devices are signed out', [200, 401, 401, 401]])
    expect((await member.get(SESSIONS, HTML)).text).not.toContain('Sign out all others')
  })

  test('calls no device signed out that goes on under another id', async () => {
    const member = await app.member()
    const { email, password } = member.account
    const thief = app.visitor({ 'User-Agent': 'curl' })
    await thief.post('/api/login', { email, password })
    const [{ id }] = (await member.get('/api/me/sessions')).body.filter(
      ({ agent }: { agent: string }) => agent === 'curl',
    )
    await thief.post('/api/reauthenticate', { password })
    expect(await done(member, `${SESSIONS}/end`, { id }, SESSIONS)).toStartWith('That entry is gone')
    expect((await thief.get('/api/me')).status).toBe(200)
  })

  test('asks again for the password before what is critical, and goes on with it', async () => {
    const member = await app.member()
    for (const path of [EMAIL, PASSWORD]) {
      await growStale(member)
      const asked = `${CONFIRM}?next=${encodeURIComponent(path)}`
      expect((await member.get(path, HTML)).headers.get('location')).toBe(asked)
      // What was typed before it grew stale is typed again.
      const late = await member.send('POST', path, 'password=Another7&email=a%40b.test', {
        ...HTML,
        Origin: app.url,
        Referer: app.url + path,
        'Content-Type': 'application/x-www-form-urlencoded',
      })
      expect([late.status, late.headers.get('location')]).toEqual([303, asked])
      const page = (await member.get(asked, HTML)).text
      expect(page).toContain(`autocomplete="username" value="${member.account.email}"`)
      const wrong = await submit(member, asked, { password: 'Wrong123' })
      expect([wrong.status, alertOf(wrong.text)]).toEqual([400, 'Invalid login credentials'])
      const before = member.cookies.get('session')
      await done(member, asked, { password: member.account.password }, path)
      expect(member.cookies.get('session')).not.toBe(before)
    }
  })

  test("is nobody else's: each page leads a visitor to sign in, and no other page may send its form", async () => {
    for (const path of [ACCOUNT, PROFILE, EMAIL, PASSWORD, CONFIRM, SESSIONS])
      expect((await app.visitor().get(path, HTML)).headers.get('location')).toBe(
        `${SIGN_IN}?next=${encodeURIComponent(path)}`,
      )
    const member = await app.member()
    for (const path of [PROFILE, EMAIL, PASSWORD, CONFIRM, RESEND, SIGN_OUT, `${SESSIONS}/end-others`]) {
      const fields = {
        first_name: 'x',
        last_name: 'x',
        email: 'x@example.com',
        password: member.account.password,
      }
      const reply = await member.send('POST', path, new URLSearchParams(fields).toString(), {
        Origin: 'http://localhost:3000',
        'Content-Type': 'application/x-www-form-urlencoded',
      })
      expect([path, reply.status]).toEqual([path, 403])
    }
    expect((await member.get('/api/me')).body.me).toMatchObject({
      first_name: 'Ann',
      email: member.account.email,
    })
  })

  test('whoever sends a form of it from elsewhere reads why it is refused, and a visitor has to sign in', async () => {
    const [visitor, member] = [app.visitor(), await app.member()]
    const headers = { ...HTML, 'Content-Type': 'application/x-www-form-urlencoded' }
    for (const path of [PROFILE, EMAIL, PASSWORD, CONFIRM, RESEND, SIGN_OUT]) {
      const unknown = await visitor.send('POST', path, 'password=x', headers)
      expect([path, unknown.status]).toEqual([path, 303])
      expect(unknown.headers.get('location')).toStartWith(SIGN_IN)
      const { status, text } = await member.send('POST', path, 'password=x', headers)
      expect([path, status]).toEqual([path, 403])
      expect(text).toContain('Only a page of this server may send this')
    }
  })
})

describe('tokens for programs', () => {
  const TOKENS = '/api/auth/account/tokens'
  const asProgram = (token: string) => app.visitor({ Authorization: `Bearer ${token}` })

  test('are made on a page that shows each this once, and ended on another', async () => {
    const member = await app.member()
    const made = await submit(member, `${TOKENS}/new`, { name: 'Backup', days: '', read: 'on' })
    const token = /<pre>(rbpat_[0-9a-f]{48})<\/pre>/.exec(made.text)?.[1] ?? ''
    expect([made.status, made.headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect((await asProgram(token).get('/api/me')).status).toBe(200)
    expect((await asProgram(token).post('/api/probe', { title: 'x' })).status).toBe(403)
    const { text } = await member.get(TOKENS, HTML)
    expect(text).toContain('Backup <span class="note">used on ')
    expect(text).not.toContain(token)
    const id = /name="id" value="([^"]+)"/.exec(text)?.[1] ?? ''
    expect(await done(member, `${TOKENS}/end`, { id }, TOKENS)).toBe('That token is ended')
    expect((await asProgram(token).get('/api/me')).status).toBe(401)
    expect((await submit(member, `${TOKENS}/end`, { id })).status).toBe(404)
  })

  test.each([
    ['no name', { name: '', read: 'on' }, 'id="name-fault"'],
    ['no ability', { name: 'Backup' }, 'must name one'],
    ['days that are none', { name: 'Backup', read: 'on', days: 'ten' }, 'Days must be a number'],
    ['too many days', { name: 'Backup', read: 'on', days: '9999' }, 'id="days-fault"'],
  ])('with %s the form is shown again', async (_what, fields, says) => {
    const member = await app.member()
    const { status, text } = await submit(member, `${TOKENS}/new`, { days: '90', ...fields })
    expect([status, text.includes(says)]).toEqual([400, true])
    expect((await member.get('/api/me/tokens')).body).toEqual([])
  })

  test('want a fresh login', async () => {
    const member = await app.member()
    await growStale(member)
    const reply = await submit(member, `${TOKENS}/new`, { name: 'Backup', days: '90', read: 'on' })
    expect([reply.status, reply.headers.get('location')]).toEqual([303, expect.stringContaining(CONFIRM)])
  })
})

const executable = findChromium()
if (executable === undefined)
  process.stderr.write(
    'SKIPPED a part of test/account-pages.test.ts: there is no Chromium to try the pages in.\n',
  )

test.skipIf(executable === undefined).each([true, false])(
  'in a browser on a phone, with scripts: %p: sign up, confirm, change the password, sign out, and a forgotten one',
  async (javaScriptEnabled) => {
    const browser = await launchChromium(executable ?? '')
    try {
      const context = await browser.newContext({ javaScriptEnabled, viewport: { width: 390, height: 800 } })
      const tab = await context.newPage()
      const email = `phone${javaScriptEnabled ? 1 : 2}@example.com`
      /** Sends the form of the page, which no page answers that scrolls sideways. */
      const send = async (fields: Record<string, string>, says: string) => {
        for (const [label, value] of Object.entries(fields)) await tab.getByLabel(label).fill(value)
        await tab.locator('form.form button').click()
        await tab.getByText(says).waitFor()
        expect(await tab.evaluate('document.documentElement.scrollWidth')).toBe(390)
      }
      /** As from a mail client: another site opens the link. */
      const openFromMail = async (subject: string) => {
        const { text } = await app.nextMail(email, subject)
        const { pathname, search } = new URL(/https?:\S+/.exec(text)?.[0] ?? '')
        await tab.goto(`data:text/html,<a href="${app.url}${pathname}${search}">link</a>`)
        await tab.getByRole('link').click()
        await tab.waitForURL(`${app.url}${pathname}?link=*`)
      }

      await tab.goto(app.url + SIGN_UP)
      const person = { 'First name': 'Ann', 'Last name': 'Lee', Email: email }
      await send({ ...person, Password: 'weak55' }, 'Password must have an uppercase letter')
      await send({ Password: 'Secret123' }, 'not confirmed yet')
      await openFromMail('Welcome')
      await send({}, 'Your email is confirmed')
      await tab.getByRole('link', { name: 'Change your password' }).click()
      await send({ 'New password': 'Secret124' }, 'Your password is changed')
      await tab.getByRole('button', { name: 'Sign out' }).click()
      await tab.getByRole('status').getByText('You are signed out').waitFor()
      await tab.getByRole('link', { name: 'Forgot your password?' }).click()
      await send({ Email: email }, 'a mail with a link is on its way')
      await openFromMail('Choose a new password')
      await send({ 'New password': 'Secret125' }, 'Your new password is set')
      await send({ Email: email, Password: 'Secret125' }, 'Ann Lee')
    } finally {
      await browser.close()
    }
  },
)

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

test('a form that a foreign page sends, without a session or with one, is refused in words', async () => {
  const forms = describeRoutes(app.app).filter(
    ({ method, path }) => method === 'POST' && path.startsWith('/api/auth/'),
  )
  expect(forms.length).toBeGreaterThan(8)
  const member = await app.member('editor', { email: 'foreign@example.com' })
  const foreign = {
    Origin: 'https://evil.example',
    Accept: 'text/html',
    'Content-Type': 'application/x-www-form-urlencoded',
  }
  for (const { path } of forms) {
    const at = path.replace(':id', 'x')
    expect([path, (await member.send('POST', at, 'a=b', foreign)).status]).toEqual([path, 403])
    // A visitor is led to the sign-in, where the form is for accounts.
    expect([303, 403]).toContain((await app.visitor().send('POST', at, 'a=b', foreign)).status)
  }
})
