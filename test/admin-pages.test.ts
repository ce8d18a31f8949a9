// The superusers' pages: they find accounts, change them and sign them out, as a browser without scripts does.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { users } from '../src/account/table.ts'
import { findChromium, launchChromium } from './kit/support/chromium.ts'
import type { Client } from './kit/support/client.ts'
import { alertOf, HTML, noticeOf, submit as submitForm } from './kit/support/forms.ts'
import { startApp, type TestApp } from './support/harness.ts'

const USERS = '/api/auth/users'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

/** As the browser sends a form or a button of a page. */
const submit = (client: Client, path: string, fields: Record<string, string> = {}, page = path) =>
  submitForm(client, path, fields, { Referer: client.url + page })
const pageOf = ({ user }: Awaited<ReturnType<TestApp['member']>>) => `${USERS}/${user.id}`

async function growOld(client: Client): Promise<void> {
  const loginAt = Date.now() - 3_600_000
  const aged = await app.deps.sessions.rotate(client.cookies.get('session') ?? '', { loginAt })
  client.cookies.set('session', aged?.token ?? '')
}

test('only superusers see their link, and open them; others are told why not', async () => {
  const [boss, admin] = [await app.member('superuser'), await app.member('admin')]
  const link = `<a href="${USERS}">Users</a>`
  expect((await boss.get('/api/auth/account', HTML)).text).toContain(link)
  expect((await admin.get('/api/auth/account', HTML)).text).not.toContain(link)
  for (const path of [USERS, pageOf(admin), `${pageOf(admin)}/edit`]) {
    expect((await boss.get(path, HTML)).status).toBe(200)
    const refused = await admin.get(path, HTML)
    expect([refused.status, refused.text.includes('It takes the role superuser')]).toEqual([403, true])
    const door = await app.visitor().get(path, HTML)
    expect([door.status, door.headers.get('location')]).toEqual([
      303,
      `/api/auth/sign-in?next=${encodeURIComponent(path)}`,
    ])
  }
  for (const path of [`${pageOf(boss)}/disable`, `${pageOf(boss)}/sessions/end`, `${pageOf(boss)}/edit`]) {
    expect((await submit(admin, path)).status).toBe(403)
    expect((await submit(app.visitor(), path)).status).toBe(303)
    // Nor from the page of somebody else.
    const foreign = {
      ...HTML,
      Origin: 'https://evil.example',
      'Content-Type': 'application/x-www-form-urlencoded',
    }
    expect((await boss.send('POST', path, '', foreign)).status).toBe(403)
  }
  expect((await boss.get('/api/me')).body.me.role).toBe('superuser')
})

describe('the list', () => {
  test('leads from page to page by a cursor, and keeps what is searched for', async () => {
    const boss = await app.member('superuser')
    const password = null
    const rows = Array.from({ length: 52 }, (_, i) => ({
      email: `list${i}@example.com`,
      first_name: 'Lister',
      last_name: `N${i}`,
      password,
      created: new Date(Date.UTC(2020, 0, 1, 0, i)),
    }))
    await app.deps.db.insert(users).values(rows)
    const first = await boss.get(`${USERS}?search=Lister`, HTML)
    expect(first.text).toContain('value="Lister"')
    const namesIn = (html: string) => [...html.matchAll(/>Lister (N\d+)<\/a>/g)].map(([, name]) => name)
    const [, next = ''] = /<a href="([^"]+)">Older accounts/.exec(first.text) ?? []
    const path = next.replaceAll('&amp;', '&')
    expect(path).toContain('cursor=')
    const second = await boss.get(USERS + path, HTML)
    const newestFirst = rows.map((row) => row.last_name).toReversed()
    expect([...namesIn(first.text), ...namesIn(second.text)]).toEqual(newestFirst)
    expect(second.text).not.toContain('Older accounts')
    expect((await boss.get(`${USERS}?search=nobody-of-this-name`, HTML)).text).toContain('There is none')
    expect((await boss.get(`${USERS}?cursor=x`, HTML)).status).toBe(400)
  })
})

describe('the page of one account', () => {
  test('shows what it is, and a name is no markup', async () => {
    const [boss, ann] = [await app.member('superuser'), await app.member('editor', { company: 'Acme' })]
    await app.deps.db.update(users).set({ first_name: '<b>Ann' }).where(eq(users.id, ann.user.id))
    const { text } = await boss.get(pageOf(ann), HTML)
    for (const part of ['&lt;b&gt;Ann Lee</h1>', ann.account.email, 'Acme', 'editor'])
      expect(text).toContain(part)
    expect(text).not.toContain('argon2')
    expect((await boss.get(`${USERS}/${crypto.randomUUID()}`, HTML)).status).toBe(404)
    expect((await boss.get(`${USERS}/nobody`, HTML)).status).toBe(404)
  })

  test('changes it by a form that holds what is there, and says what was wrong', async () => {
    const [boss, ann] = [await app.member('superuser'), await app.member()]
    const path = `${pageOf(ann)}/edit`
    const form = (await boss.get(path, HTML)).text
    expect(form).toContain('<option selected="">editor</option>')
    expect(form).toContain('value="Lee"')
    const filled = { role: 'admin', first_name: 'Anna', last_name: 'Lee', company: '', tags: ' a, b,,a ' }
    const saved = await submit(boss, path, filled)
    expect([saved.status, saved.headers.get('location')]).toEqual([303, pageOf(ann)])
    expect(noticeOf((await boss.get(pageOf(ann), HTML)).text)).toBe('The changes are saved')
    const { me } = (await ann.get('/api/me')).body
    expect(me).toMatchObject({ role: 'admin', fullname: 'Anna Lee', company: null, tags: ['a', 'b'] })
    const wrong = await submit(boss, path, { ...filled, tags: `a,${'x'.repeat(51)}` })
    expect(wrong.status).toBe(400)
    expect(wrong.text).toContain('id="tags-fault" class="bad">Tags must have 50 characters or fewer each')
    expect(wrong.text).toContain('<option selected="">admin</option>')
    expect((await submit(boss, path, { ...filled, role: 'king' })).status).toBe(400)
    expect((await submit(boss, path, { ...filled, last_name: '' })).status).toBe(303) // one that has none keeps none
    expect((await ann.get('/api/me')).body.me).toEqual(me)
  })

  test('disables it, ends one of its sessions, or all', async () => {
    const [boss, ann, phone] = [
      await app.member('superuser'),
      await app.member(),
      app.visitor({ 'User-Agent': 'phone' }),
    ]
    await phone.post('/api/login', ann.account)
    const html = (await boss.get(pageOf(ann), HTML)).text
    const [, id = ''] = /value="([^"]+)"\/><button aria-label="Sign out phone,/.exec(html) ?? []
    await submit(boss, `${pageOf(ann)}/sessions/end`, { id })
    expect([(await phone.get('/api/me')).status, (await ann.get('/api/me')).status]).toEqual([401, 200])
    expect(noticeOf((await boss.get(pageOf(ann), HTML)).text)).toBe('That device is signed out')
    await submit(boss, `${pageOf(ann)}/sessions/end`, { id })
    expect(noticeOf((await boss.get(pageOf(ann), HTML)).text)).toStartWith('That entry is gone')
    await submit(boss, `${pageOf(ann)}/sessions/end`)
    expect((await ann.get('/api/me')).status).toBe(401)
    expect((await boss.get(pageOf(ann), HTML)).text).not.toContain('Sign out all')
    await submit(boss, `${pageOf(ann)}/disable`)
    const disabled = (await boss.get(pageOf(ann), HTML)).text
    expect([noticeOf(disabled), disabled.includes('Disable the account')]).toEqual([
      'The account is disabled',
      false,
    ])
    expect((await ann.post('/api/login', ann.account)).body.code).toBe('account_disabled')
  })

  test('asks for the password again, and then goes on', async () => {
    const [boss, ann] = [await app.member('superuser'), await app.member()]
    await growOld(boss)
    expect((await boss.get(pageOf(ann), HTML)).status).toBe(200)
    const confirm = `/api/auth/confirm?next=${encodeURIComponent(pageOf(ann))}`
    for (const path of ['disable', 'sessions/end']) {
      const reply = await submit(boss, `${pageOf(ann)}/${path}`, {}, pageOf(ann))
      expect([reply.status, reply.headers.get('location')]).toEqual([303, confirm])
    }
    expect((await ann.get('/api/me')).status).toBe(200)
    const edit = await boss.get(`${pageOf(ann)}/edit`, HTML)
    expect(edit.headers.get('location')).toBe(
      `/api/auth/confirm?next=${encodeURIComponent(`${pageOf(ann)}/edit`)}`,
    )
    const back = await submit(boss, confirm, { password: boss.account.password })
    expect(back.headers.get('location')).toBe(pageOf(ann))
    await submit(boss, `${pageOf(ann)}/disable`)
    expect((await ann.get('/api/me')).body.code).toBe('account_disabled')
  })
})

test('the last superuser is told that it stays, at the form and at the button', async () => {
  const own = await startApp()
  try {
    const boss = await own.member('superuser')
    const names = { first_name: 'Ann', last_name: 'Lee', company: '', tags: '' }
    const demoted = await submit(boss, `${pageOf(boss)}/edit`, { ...names, role: 'editor' })
    expect([demoted.status, alertOf(demoted.text)]).toEqual([
      409,
      'This is the last superuser: make another account one first',
    ])
    const disabled = await submit(boss, `${pageOf(boss)}/disable`)
    expect([disabled.status, disabled.text.includes('This is the last superuser')]).toEqual([409, true])
    expect((await boss.get(USERS, HTML)).status).toBe(200)
  } finally {
    await own.close()
  }
})

const chromium = findChromium()
test.skipIf(chromium === undefined).each([true, false])(
  'a superuser finds an account and changes its role in a browser (scripts: %s)',
  async (javaScriptEnabled) => {
    const [boss, ann] = [
      await app.member('superuser'),
      await app.member('editor', { fname: `Browsed${javaScriptEnabled}` }),
    ]
    const browser = await launchChromium(chromium ?? '')
    try {
      const tab = await (await browser.newContext({ javaScriptEnabled })).newPage()
      await tab.goto(`${app.url}/api/auth/sign-in?next=${USERS}`)
      await tab.getByLabel('Email').fill(boss.account.email)
      await tab.getByLabel('Password').fill(boss.account.password)
      await tab.getByRole('button', { name: 'Sign in' }).click()
      await tab.getByLabel('Name or email').fill(ann.account.fname)
      await tab.getByRole('button', { name: 'Search' }).click()
      await tab.getByRole('link', { name: ann.account.fname }).click()
      await tab.getByRole('link', { name: 'Change', exact: true }).click()
      await tab.getByLabel('Role').selectOption('readonly')
      await tab.getByRole('button', { name: 'Save' }).click()
      expect(await tab.getByRole('status').textContent()).toBe('The changes are saved')
      expect((await ann.get('/api/me')).body.me.role).toBe('readonly')
    } finally {
      await browser.close()
    }
  },
)
