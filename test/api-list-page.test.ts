// The API list in a browser: it shows everything without a script, and with it one searches, copies and tries calls, on a closed
// network too.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { findChromium, launchChromium } from './kit/support/chromium.ts'
import { until } from './kit/support/until.ts'
import { startApp, type TestApp } from './support/harness.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

const executable = findChromium()
if (executable === undefined) {
  process.stderr.write(
    'SKIPPED test/api-list-page.test.ts: there is no Chromium here, so nothing has checked that the API list loads ' +
      'nothing from elsewhere, and that one can search it and try calls on it.\n' +
      'Install it (Debian: apt-get install chromium) or set CHROMIUM to the path of one.\n',
  )
}

describe.skipIf(executable === undefined)('in a browser', () => {
  let browser: Awaited<ReturnType<typeof launchChromium>>
  beforeAll(async () => {
    browser = await launchChromium(executable ?? '')
  })
  afterAll(() => browser?.close())

  /** Opens the page; `faults` are requests to anywhere else, and complaints of its scripts or about its policy. */
  async function open(
    anchor = '',
    options: BrowserContextOptions = {},
  ): Promise<{ page: Page; faults: string[] }> {
    const context = await browser.newContext(options)
    const page = await context.newPage()
    const faults: string[] = []
    page.on('request', (request) => {
      const { origin, protocol } = new URL(request.url())
      if (origin !== app.url && protocol !== 'data:' && protocol !== 'blob:') faults.push(request.url())
    })
    page.on('pageerror', (error) => faults.push(String(error)))
    page.on('console', (message) => {
      // The browser reports the statuses of calls that are refused.
      if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) faults.push(message.text())
    })
    await page.goto(`${app.url}/api/list${anchor && `#${anchor}`}`)
    return { page, faults }
  }

  const endpoint = (page: Page, id: string) =>
    page.locator('article').filter({ has: page.locator(`[id="${id}"]`) })
  const rows = (page: Page) => page.locator('article > details:visible')

  /** Unfolds the endpoint, fills in its form, sends it, and returns what the page shows of the answer. */
  async function send(page: Page, id: string, fields: Record<string, string> = {}): Promise<string> {
    const article = endpoint(page, id)
    await page.goto(`${app.url}/api/list#${id}`)
    const button = article.getByRole('button', { name: 'Try it' })
    // It unfolds a moment later.
    await button.or(article.getByRole('button', { name: 'Send' })).waitFor()
    if (await button.isVisible()) await button.click()
    for (const [name, value] of Object.entries(fields))
      await article.getByLabel(name, { exact: true }).fill(value)
    await article.getByRole('button', { name: 'Send' }).click()
    const result = article.locator('.result')
    await result.getByText(/ \d+ ms|stopped/).waitFor()
    await article.getByRole('button', { name: 'Stop' }).waitFor({ state: 'hidden' })
    return result.innerText()
  }

  async function signIn(page: Page, { email, password }: { email: string; password: string }): Promise<void> {
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByLabel('Email').fill(email)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL(`${app.url}/api/list`)
  }

  test.each([true, false])(
    'a link to an endpoint unfolds it, among those that are folded away too; scripts: %p',
    async (javaScriptEnabled) => {
      for (const id of ['PATCH/api/users/:id', 'GET/health']) {
        const { page, faults } = await open(id, { javaScriptEnabled })
        await endpoint(page, id).locator('.facts').waitFor({ state: 'visible' })
        expect(
          await rows(page).evaluateAll((all: { open?: boolean }[]) => all.filter(({ open }) => open).length),
        ).toBe(1)
        expect(faults).toEqual([])
        await page.context().close()
      }
    },
  )

  test('without a script all of it is there: one unfolds an endpoint, and chooses the language of its example', async () => {
    const { page } = await open('', { javaScriptEnabled: false })
    const login = endpoint(page, 'POST/api/login')
    await login.locator('summary').click()
    await login.getByText('curl -X POST').waitFor({ state: 'visible' })
    await login.getByText('TypeScript').click()
    await login.getByText('await api.login.$post(').waitFor({ state: 'visible' })
    expect(await login.getByText('curl -X POST').isVisible()).toBe(false)
    // What needs a script is not shown.
    expect(await page.getByPlaceholder('Search').isVisible()).toBe(false)
    expect(await page.getByRole('button', { name: /Try it|Copy|Unfold/ }).count()).toBe(0)
    await page.context().close()
  })

  test('one searches by words of path, summary, role and fields, and by codes of errors', async () => {
    const { page, faults } = await open()
    const all = await rows(page).count()
    await page.keyboard.press('/')
    await page.keyboard.type('users impersonate')
    expect(await rows(page).allInnerTexts()).toEqual([expect.stringContaining('/api/users/:id/impersonate')])
    expect(await page.getByRole('status').first().innerText()).toBe('1 endpoint')
    await page.getByPlaceholder('Search').fill('token')
    expect(await endpoint(page, 'POST/api/me/tokens').isVisible()).toBe(true)
    expect(await endpoint(page, 'GET/api/me').isVisible()).toBe(false) // but for the label before its abilities
    await page.keyboard.press('Escape')
    expect(await rows(page).count()).toBe(all)
    await page.getByPlaceholder('Search').fill('weak_password')
    expect(await rows(page).allInnerTexts()).toContainEqual(expect.stringContaining('/api/signup'))
    expect(await rows(page).count()).toBeLessThan(all)
    expect(faults).toEqual([])
    await page.context().close()
  })

  test('what is not found is not shown: neither its types nor its entry of the contents', async () => {
    const { page, faults } = await open()
    const contents = page.getByLabel('Contents')
    await page.getByPlaceholder('Search').fill('no-such-thing')
    expect(await page.locator('article:visible').count()).toBe(0)
    expect(await contents.getByText('Account', { exact: true }).isVisible()).toBe(false)
    await page.getByPlaceholder('Search').fill('first_name')
    await page.locator('[id="types/User"]').waitFor({ state: 'visible' })
    expect(await page.locator('[id="types/Session"]').isVisible()).toBe(false)
    await page.keyboard.press('Escape')
    await page.locator('[id="types/Session"]').waitFor({ state: 'visible' })
    await contents.getByText('Account', { exact: true }).waitFor({ state: 'visible' })
    expect(faults).toEqual([])
    await page.context().close()
  })

  test('the contents show where one is', async () => {
    const { page, faults } = await open('PATCH/api/users/:id')
    const here = page.getByLabel('Contents').locator('[aria-current=location]')
    const told = async (...names: string[]) =>
      until(`one is at ${names.join(', ')}`, async () => {
        const hrefs = await here.evaluateAll((all) =>
          all.map((link) => (link as unknown as { hash: string }).hash),
        )
        return Bun.deepEquals(hrefs, names)
      })
    await told('#/api', '#PATCH/api/users/:id')
    await page.evaluate("document.querySelector('#types').scrollIntoView()")
    await told('#types')
    expect(faults).toEqual([])
    await page.context().close()
  })

  test.each(['%', '%E0%A4%A', `"]<img src=x>`, '*{}', '__proto__', '%00'])(
    'the anchor %p leads nowhere, and harms nothing',
    async (anchor) => {
      const { page, faults } = await open(anchor)
      await page.getByPlaceholder('Search').waitFor({ state: 'visible' })
      await page.evaluate(`location.hash = ${JSON.stringify(anchor)} + '%'`)
      expect(await page.getByRole('button', { name: 'Try it' }).count()).toBe(0) // all are folded
      expect(faults).toEqual([])
      await page.context().close()
    },
  )

  test('the language of the examples is remembered, and one copies what is seen', async () => {
    const { page, faults } = await open('GET/api/me', { permissions: ['clipboard-read', 'clipboard-write'] })
    await endpoint(page, 'GET/api/me').getByText('TypeScript').click()
    await page.reload()
    await page.evaluate('window.setTimeout = () => 0') // the word below stays
    await endpoint(page, 'GET/api/me').getByRole('button', { name: 'Copy' }).first().click()
    await page.getByText('Copied').waitFor()
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe('const reply = await api.me.$get()')
    expect(faults).toEqual([])
    await page.context().close()
  })

  test('on paper everything is unfolded', async () => {
    const { page } = await open('', { javaScriptEnabled: false })
    await page.emulateMedia({ media: 'print' })
    await endpoint(page, 'GET/health').locator('.facts').waitFor({ state: 'visible' })
    expect(await endpoint(page, 'GET/api/me').getByText('curl http').isVisible()).toBe(true)
    await page.context().close()
  })

  test('one logs in by a call, calls the API as oneself, and sees status, headers, body and the same call by curl', async () => {
    const { account } = await app.member()
    const { page, faults } = await open()
    expect(await send(page, 'GET/api/me')).toContain('"code": "login_required"')
    const { email, password } = account
    expect(await send(page, 'POST/api/login', { JSON: JSON.stringify({ email, password }) })).toStartWith(
      '200 OK',
    )
    const signIn = page.locator('header').getByRole('link', { name: 'Sign in' })
    expect(await signIn.count()).toBe(0) // the header says so at once
    const me = await send(page, 'GET/api/me')
    expect(me).toContain(`"email": "${email}"`)
    expect(me).toContain('x-request-id: ')
    expect(me).toContain(`curl '${app.url}/api/me'`)
    expect(await send(page, 'POST/api/logout')).toStartWith('200 OK')
    expect(await signIn.count()).toBe(1)
    expect(faults).toEqual([])
    await page.context().close()
  })

  test('a token counts instead of the login, and is kept for the next call; one sends what a person typed as it stands', async () => {
    const [cookied, borne] = [await app.member('superuser'), await app.member()]
    const { email, password } = borne.account
    const { token } = (await app.visitor().post('/api/login', { email, password, token: true })).body
    const { page, faults } = await open()
    await signIn(page, cookied.account)
    expect(await send(page, 'GET/api/me')).toContain(`"email": "${cookied.account.email}"`)
    expect(await send(page, 'GET/api/me', { 'Bearer token': token })).toContain(`"email": "${email}"`)
    const evil = `<img src=x onerror="document.title='pwned'">&'`
    const changed = await send(page, 'PATCH/api/me', { JSON: JSON.stringify({ company: evil }) })
    expect(changed).toContain(`"company": ${JSON.stringify(evil)}`)
    expect((await borne.get('/api/me')).body.me.company).toBe(evil)
    expect(await page.title()).not.toContain('pwned')
    expect(await page.locator('img').count()).toBe(0)
    await page.goto(`${app.url}/api/list`)
    const found = await send(page, 'GET/api/users', { search: `a&b=${evil}`, limit: '1', count: 'true' })
    expect(found).toStartWith('200 OK')
    expect(found).toContain('total-count: 0')
    expect(found).toContain(`search=a%26b%3D`)
    expect(faults).toEqual([])
    await page.context().close()
  })
})
