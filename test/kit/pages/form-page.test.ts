// A page of one form: it needs no script, keeps what was typed, says what was wrong where it was wrong, and is its own.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { findChromium, launchChromium } from '../support/chromium.ts'
import type { Client } from '../support/client.ts'
import { HTML, submit } from '../support/forms.ts'
import { DOOR, ENTER, INVITATION } from '../product/door.tsx'
import { hashesVerified, startApp, type TestApp } from '../support/harness.ts'

const INVITED = `${DOOR}/invited`
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }

let app: TestApp
const lines: string[] = []
beforeAll(async () => {
  app = await startApp()
  app.deps.log.info = (message, fields = {}) => void lines.push(message + JSON.stringify(fields))
})
afterAll(() => app.close())

/** The tag of a field. */
const inputOf = (html: string, name: string) => new RegExp(`<input id="${name}"[^>]*>`).exec(html)?.[0] ?? ''

describe('the form', () => {
  test('says of each field what its schema does, and what a browser may fill in', async () => {
    const { text, headers } = await app.visitor().get(ENTER, HTML)
    expect(text).toContain('<label for="email">Email</label>')
    expect(inputOf(text, 'email')).toContain('type="email" autocomplete="username" required="" minlength="1"')
    expect(inputOf(text, 'password')).toContain('type="password" autocomplete="current-password" required=""')
    // A browser cuts what is pasted into a field without a word: nobody must get half a password.
    expect(inputOf(text, 'password')).not.toContain('maxlength')
    expect(inputOf(text, 'email')).toContain('autofocus')
    expect(inputOf(text, 'remember')).toContain('type="checkbox"')
    expect(headers.get('cache-control')).toBe('no-store')
    const invited = (await app.visitor().get(INVITED, HTML)).text
    expect(invited).toContain('<p id="name-hint" class="note">As it stands on your card.</p>')
    expect(inputOf(invited, 'name')).toContain('minlength="2" maxlength="20"')
    expect(inputOf(invited, 'name')).toContain('aria-describedby="name-hint"')
    expect(invited).toContain('Nickname (optional)')
    expect(inputOf(invited, 'nick')).not.toContain('required')
  })

  test('shows what was wrong at its field, keeps what was typed, and never a password', async () => {
    const typed = { email: '"><script>alert(1)</script>', password: '', remember: 'on' }
    const { status, text, headers } = await submit(app.visitor(), ENTER, typed)
    expect([status, headers.get('cache-control')]).toEqual([400, 'no-store'])
    expect(text).toContain('<title>Error: Enter - notebook</title>')
    expect(text).toContain('role="alert">Please correct what is marked below</p>')
    expect(text).toContain('<p id="password-fault" class="bad">Password must not be empty</p>')
    expect(inputOf(text, 'password')).toContain(
      'autofocus="" aria-invalid="true" aria-describedby="password-fault"',
    )
    expect(inputOf(text, 'email')).not.toMatch(/autofocus|aria-invalid/)
    expect(inputOf(text, 'remember')).toContain('checked')
    expect(text).toContain('value="&quot;&gt;&lt;script&gt;')
    expect(text).not.toContain('<script')
    const wrong = await submit(app.visitor(), ENTER, { email: 'who@example.com', password: 'Wrong123' })
    expect(wrong.text).toContain('role="alert">Nobody enters like that</p>')
    expect(inputOf(wrong.text, 'email')).toContain('value="who@example.com"')
    expect(wrong.text).not.toContain('Wrong123')
    expect([wrong.status, wrong.headers.getSetCookie()]).toEqual([400, []])
  })

  test('shows an error of the handler at its field, too', async () => {
    const visitor = app.visitor()
    const page = await openLink(visitor)
    const { status, text } = await submit(visitor, page, { name: 'Taken', nick: 'T' })
    expect([status, text.includes('<p id="name-fault" class="bad">Name is taken</p>')]).toEqual([400, true])
    expect(inputOf(text, 'nick')).toContain('value="T"')
  })

  test('offers a choice where the schema does, and shows what is wrong in a list at its field', async () => {
    const visitor = app.visitor()
    const page = await openLink(visitor)
    const typed = { name: 'Bob', seat: 'back', guests: 'Cyd,Bartholomew' }
    const { status, text } = await submit(visitor, page, typed)
    expect(text).toContain('<option>front</option><option selected="">back</option></select>')
    expect([status, text.includes('<p id="guests-fault" class="bad">Guests is too long</p>')]).toEqual([
      400,
      true,
    ])
    expect(inputOf(text, 'guests')).toContain('value="Cyd,Bartholomew"')
    expect((await submit(visitor, page, { ...typed, seat: 'roof' })).status).toBe(400)
  })

  test('answers a program in JSON', async () => {
    const { status, body } = await submit(
      app.visitor(),
      ENTER,
      { email: 'a', password: 'b' },
      { Accept: '*/*' },
    )
    expect([status, body.err]).toEqual([400, '400: Nobody enters like that'])
  })

  test('is limited as the call is, in the same count', async () => {
    const limited = await startApp({ RATE_LIMIT: 'on', RATE_LIMIT_ACCOUNT: '2' })
    try {
      const guess = { email: 'who@example.com', password: 'Wrong123' }
      const form = (fields: Record<string, string>) =>
        submit(limited.visitor(), ENTER, fields, { Origin: limited.url })
      expect((await form(guess)).status).toBe(400)
      expect((await limited.visitor().post('/club/enter', guess)).status).toBe(400)
      const third = await form(guess)
      expect([third.status, third.headers.get('retry-after')]).toEqual([429, expect.any(String)])
      expect(third.text).toContain('role="alert">Too many attempts')
      expect(inputOf(third.text, 'email')).toContain('value="who@example.com"')
    } finally {
      await limited.close()
    }
  })

  test('costs an unknown email a hash like a known one', async () => {
    const guess = { email: 'who@example.com', password: 'Wrong123' }
    expect(await hashesVerified(app, () => submit(app.visitor(), ENTER, guess))).toEqual([null])
  })

  test('is taken from its own page only: nobody is logged in by another', async () => {
    const { account } = await app.member()
    const fields = new URLSearchParams(account).toString()
    // In development any port of localhost may call the API with cookies; these forms are not for it.
    for (const origin of ['https://evil.example', 'null', 'http://localhost:3000', '', undefined]) {
      const headers = { ...HTML, ...FORM, ...(origin !== undefined && { Origin: origin }) }
      const reply = await app.visitor().send('POST', ENTER, fields, headers)
      expect([origin, reply.status, reply.headers.getSetCookie()]).toEqual([origin, 403, []])
      expect(reply.text).toContain('role="alert">Only a page of this server may send this')
    }
    for (const type of ['text/plain', 'application/json', 'multipart/form-data; boundary=x']) {
      expect((await submit(app.visitor(), ENTER, account, { 'Content-Type': type })).status).toBe(415)
    }
  })
})

describe('where it leads', () => {
  test('to its own next page, or to `next`', async () => {
    const { account } = await app.member()
    const to = async (next: string) => {
      const reply = await submit(app.visitor(), ENTER + next, account)
      return [reply.status, reply.headers.get('location')]
    }
    expect(await to('')).toEqual([303, '/api/list'])
    expect(await to('?next=%2Fclub%2Fself')).toEqual([303, '/club/self'])
    expect(await to('?next=http%3A%2F%2Flocalhost%3A3000%2Fx')).toEqual([303, 'http://localhost:3000/x'])
    for (const evil of ['//evil.test', '/\\evil.test', 'https://evil.test'])
      expect(await to(`?next=${encodeURIComponent(evil)}`)).toEqual([303, '/api/list'])
  })

  test('a listed origin may follow by the policy of that page, and no other', async () => {
    const policy = async (next: string) =>
      (await app.visitor().get(`${ENTER}?next=${encodeURIComponent(next)}`, HTML)).headers.get(
        'content-security-policy',
      )
    expect(await policy('http://localhost:3000/x')).toContain("form-action 'self' http://localhost:3000;")
    for (const next of ['/x', 'https://evil.test'])
      expect(await policy(next)).toContain("form-action 'self';")
  })

  test('the page that follows says what was done, once, to that browser', async () => {
    const member = await app.member()
    expect((await submit(member, `${DOOR}/leave`, {})).status).toBe(303)
    const notice = '<p class="notice" role="status">Come back soon</p>'
    const other = app.visitor()
    other.cookies.set('notice', crypto.randomUUID())
    expect((await other.get(ENTER, HTML)).text).not.toContain('class="notice"')
    expect((await member.get(ENTER, HTML)).text).toContain(notice)
    expect((await member.get(ENTER, HTML)).text).not.toContain(notice)
    expect(member.cookies.size).toBe(0)
  })
})

/** Opens the link of a mail, and returns the address of the page that it leads to. */
async function openLink(visitor: Client, token = INVITATION): Promise<string> {
  const opened = await visitor.get(`${INVITED}?token=${token}`, HTML)
  const page = opened.headers.get('location') ?? ''
  expect([opened.status, page]).toEqual([303, expect.stringMatching(PAGE_OF_LINK)])
  return page
}

const PAGE_OF_LINK = new RegExp(`^${INVITED}\\?link=[0-9a-f]{16}$`)

describe("a mailed link's token", () => {
  test('goes from the address into a cookie of that page and link, and into no log', async () => {
    const { headers } = await app.visitor().get(`${INVITED}/?token=${INVITATION}`, HTML)
    expect(headers.get('location')).toMatch(PAGE_OF_LINK)
    const name = headers.get('location')?.slice(-16)
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('set-cookie')).toBe(
      `link_${name}=${INVITATION}; Max-Age=1800; Path=${INVITED}; HttpOnly; SameSite=Lax`,
    )
    expect(
      lines.filter((line) => line.includes('"token=***"') || line.includes('***')).length,
    ).toBeGreaterThan(0)
    expect(lines.join()).not.toContain(INVITATION)
  })

  test('and what was done go over HTTPS under names that browsers take over HTTPS alone', async () => {
    const secure = await startApp({ COOKIE_SECURE: 'on' })
    try {
      const visitor = secure.visitor()
      const link = await visitor.get(`${INVITED}?token=${INVITATION}`, HTML)
      expect(link.headers.get('set-cookie')).toMatch(
        new RegExp(
          `^__Secure-link_[0-9a-f]{16}=${INVITATION}; Max-Age=1800; Path=${INVITED}; HttpOnly; Secure; `,
        ),
      )
      const path = link.headers.get('location') ?? ''
      const done = await visitor.send('POST', path, 'name=Ann', { ...HTML, ...FORM, Origin: secure.url })
      const cookies = done.headers.getSetCookie()
      expect(cookies).toContainEqual(expect.stringMatching(/^__Secure-link_[0-9a-f]{16}=; Max-Age=0; /))
      expect(cookies).toContainEqual(
        expect.stringMatching(
          /^__Host-notice=[0-9a-f]{32}; Max-Age=60; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
        ),
      )
      expect((await visitor.get(ENTER, HTML)).text).toContain('Welcome, Ann')
    } finally {
      await secure.close()
    }
  })

  test('is found by the page however many others were opened before it', async () => {
    const visitor = app.visitor()
    const opened: string[] = []
    for (let i = 0; i < 100; i++) opened.push(await openLink(visitor))
    const links = [...visitor.cookies.keys()].filter((name) => name.startsWith('link_'))
    expect(links).toEqual(opened.slice(-5).map((path) => path.replace(/.*\?link=/, 'link_')))
    expect((await visitor.get(opened.at(-1) ?? '', HTML)).status).toBe(200)
  })

  test('is spent by the form, not by whoever looks at the link', async () => {
    const visitor = app.visitor()
    for (let scan = 0; scan < 3; scan++) await openLink(app.visitor())
    const page = await openLink(visitor)
    const { text } = await visitor.get(page, HTML)
    expect(text).toContain('You are invited')
    expect(text).not.toContain(INVITATION)
    const accepted = await submit(visitor, page, { name: 'Ann' })
    expect([accepted.status, accepted.headers.get('location')]).toEqual([303, ENTER])
    expect([...visitor.cookies.keys()].filter((name) => name.startsWith('link_'))).toEqual([])
    expect((await visitor.get(ENTER, HTML)).text).toContain('Welcome, Ann')
  })

  test('counts in the tab that opened it alone', async () => {
    const browser = app.visitor()
    const [other, mine, third] = [
      await openLink(browser, 'other'),
      await openLink(browser),
      await openLink(browser, 'third'),
    ]
    for (const page of [other, third]) expect((await submit(browser, page, { name: 'Ann' })).status).toBe(400)
    expect((await submit(browser, mine, { name: 'Ann' })).status).toBe(303)
    // Spent in one tab, it leaves the others as they were.
    expect((await browser.get(other, HTML)).text).toContain('You are invited')
  })

  test('is missed where it is none, or that of another link or tab', async () => {
    const visitor = app.visitor()
    await openLink(visitor)
    const pages = [
      INVITED,
      `${INVITED}?link=`,
      `${INVITED}?link=0123456789abcdef`,
      `${INVITED}?link=../session`,
      await openLink(visitor, 'other'),
    ]
    const broken = await visitor.get(`${INVITED}?token=%20broken%20`, HTML)
    expect(broken.headers.get('location')).toBe(INVITED)
    for (const page of pages) {
      const { status, text } = await submit(visitor, page, { name: 'Ann' })
      expect([status, text.includes('role="alert">This link is not valid any more')]).toEqual([400, true])
    }
  })
})

const executable = findChromium()
if (executable === undefined)
  process.stderr.write(
    'SKIPPED a part of test/kit/pages/form-page.test.ts: there is no Chromium to try a form in.\n',
  )

test.skipIf(executable === undefined).each([true, false])(
  'in a browser, with scripts: %p, a form is filled in by keyboard, corrected, and leads to a listed origin',
  async (javaScriptEnabled) => {
    const { account } = await app.member()
    using frontEnd = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('the front-end') })
    const browser = await launchChromium(executable ?? '')
    try {
      const context = await browser.newContext({ javaScriptEnabled })
      const tab = await context.newPage()
      const url = `http://127.0.0.1:${frontEnd.port}/home`
      await tab.goto(`${app.url}${ENTER}?next=${encodeURIComponent(url)}`)
      // The first field has the focus, Enter sends the form.
      await tab.locator('#email:focus').waitFor()
      await tab.keyboard.type(account.email)
      await tab.keyboard.press('Tab')
      await tab.keyboard.type('Wrong123')
      await tab.keyboard.press('Enter')
      await tab.getByRole('alert').getByText('Nobody enters like that').waitFor()
      expect(await tab.getByLabel('Email').inputValue()).toBe(account.email)
      expect(await tab.getByLabel('Password').inputValue()).toBe('')
      await tab.locator('#password:focus').waitFor()
      await tab.keyboard.type(account.password)
      await tab.keyboard.press('Enter')
      await tab.getByText('the front-end').waitFor()
      expect(tab.url()).toBe(url)
    } finally {
      await browser.close()
    }
  },
)
