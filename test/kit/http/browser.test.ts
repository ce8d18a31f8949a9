// A front-end of its own in a real browser: who may bring cookies is the browser's decision, not only ours.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { findChromium, launchChromium } from '../support/chromium.ts'
import { NEW_MEMBER, startApp, type TestApp } from '../support/harness.ts'
import { PROBE } from '../support/probe.ts'

const PAGE = Bun.file(new URL('../support/front-end.html', import.meta.url))

const executable = findChromium()
if (executable === undefined) {
  process.stderr.write(
    'SKIPPED test/kit/http/browser.test.ts: there is no Chromium here, so nothing has checked that a page on another port ' +
      'can log in with cookies, and that a page of an unlisted origin cannot use them.\n' +
      'Install it (Debian: apt-get install chromium) or set CHROMIUM to the path of one.\n',
  )
}

type FetchInit = Pick<RequestInit, 'method' | 'credentials' | 'mode'> & {
  headers?: Record<string, string>
  body?: string
}

describe.skipIf(executable === undefined)('in a browser', () => {
  let browser: Awaited<ReturnType<typeof launchChromium>>
  let frontEnd: Bun.Server<undefined>
  let development: TestApp
  let production: TestApp
  // One page, two sites: browsers ignore ports when they say what is the same site, but not names.
  let listed: string
  let unlisted: string

  beforeAll(async () => {
    frontEnd = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response(PAGE) })
    listed = `http://localhost:${frontEnd.port}`
    unlisted = `http://127.0.0.1:${frontEnd.port}`
    browser = await launchChromium(executable ?? '')
    development = await startApp()
    // With SameSite=None the browser sends the cookie from any site: only our answer protects it.
    production = await startApp({
      NODE_ENV: 'production',
      APP_URL: 'https://api.example.com',
      CORS_ORIGINS: `*, ${listed}`,
      COOKIE_SAMESITE: 'none',
      COOKIE_SECURE: 'on',
    })
  })
  afterAll(async () => {
    await browser?.close()
    await frontEnd?.stop(true)
    await development?.close()
    await production?.close()
  })

  /** Both must be called localhost for their cookies to be of one site. */
  const apiOf = (app: TestApp) => app.url.replace('127.0.0.1', 'localhost')

  async function open(origin: string, app: TestApp, beside?: Page): Promise<Page> {
    const context = beside?.context() ?? (await browser.newContext())
    const page = await context.newPage()
    await page.goto(`${origin}/?api=${apiOf(app)}`)
    return page
  }

  async function submit(page: Page, form: string, fields: Record<string, string>): Promise<void> {
    for (const [name, value] of Object.entries(fields)) {
      await page.locator(`#${form} [name=${name}]`).fill(value)
    }
    await page.locator(`#${form} button`).click()
  }

  const says = (page: Page, id: string, text: string) =>
    page.locator(`#${id}`).getByText(text, { exact: true }).waitFor()

  /** What a script of the page gets: the answer, or the browser's refusal to show it. */
  const fetchIn = (page: Page, url: string, init: FetchInit) =>
    page.evaluate(
      ([url, init]) =>
        fetch(url, init).then(
          async (r) => ({ type: r.type, status: r.status, text: await r.text() }),
          (error: unknown) => String(error),
        ),
      [url, init] as const,
    )

  const titles = async (app: TestApp) =>
    (await app.visitor().get(`${PROBE}/kept`)).body.map(({ title }: { title: string }) => title)

  test('a page on another port signs up, keeps a note, and is still logged in after a reload', async () => {
    const page = await open(listed, development)
    await says(page, 'error', '401: Unauthorized! Log in first')
    await submit(page, 'signup', NEW_MEMBER)
    await says(page, 'me', NEW_MEMBER.email)
    await submit(page, 'add', { title: 'Heat' })
    await says(page, 'notes', 'Heat')
    await page.reload()
    await says(page, 'me', NEW_MEMBER.email)
    await says(page, 'notes', 'Heat')
    // Cookies are shared by all ports of a host: but for HttpOnly, this page could read it.
    expect(await page.evaluate('document.cookie')).toBe('')
    expect(await page.context().cookies()).toMatchObject([
      { name: 'session', httpOnly: true, sameSite: 'Lax' },
    ])
    await page.context().close()
  })

  test('a page on another port logs in, and reads the answer to a wrong password', async () => {
    const { account } = await development.member()
    const page = await open(listed, development)
    await submit(page, 'login', { email: account.email, password: 'Wrong1' })
    await says(page, 'error', '400: Nobody enters like that')
    await submit(page, 'login', { email: account.email, password: account.password })
    await says(page, 'me', account.email)
    await page.context().close()
  })

  test('in production a listed origin works with cookies, and an unlisted one gets only what is public', async () => {
    const page = await open(listed, production)
    await submit(page, 'signup', NEW_MEMBER)
    await says(page, 'me', NEW_MEMBER.email)
    await submit(page, 'add', { title: 'Ran' })
    await says(page, 'notes', 'Ran')

    const foreign = await open(unlisted, production, page)
    const api = apiOf(production)
    const list = `${api}${PROBE}/kept`
    expect(await fetchIn(foreign, `${api}/club/self`, { credentials: 'include' })).toBe(
      'TypeError: Failed to fetch',
    )
    expect(await fetchIn(foreign, list, { credentials: 'include' })).toBe('TypeError: Failed to fetch')
    expect(await fetchIn(foreign, list, {})).toMatchObject({
      status: 200,
      text: expect.stringContaining('Ran'),
    })
    expect(await fetchIn(foreign, `${api}/club/self`, {})).toMatchObject({ status: 401 })
    await page.context().close()
  })

  test('a page of an unlisted origin cannot act for a logged-in user, by script or by form', async () => {
    const { account } = await production.member()
    const page = await open(listed, production)
    await submit(page, 'login', { email: account.email, password: account.password })
    await says(page, 'me', account.email)
    const before = await titles(production)

    const foreign = await open(unlisted, production, page)
    const url = `${apiOf(production)}${PROBE}/kept`
    const forged = { method: 'POST', credentials: 'include', body: '{"title":"forged"}' } as const
    const json = { 'Content-Type': 'application/json' }
    const refused = 'TypeError: Failed to fetch'
    // The preflight forbids the first; the second needs none, arrives, and its answer is hidden from the page.
    expect(await fetchIn(foreign, url, { ...forged, headers: json })).toBe(refused)
    expect(await fetchIn(foreign, url, { ...forged, mode: 'no-cors' })).toBe(refused)

    // A form needs no preflight either, and the browser shows the answer: the cookie came, and did not help.
    await foreign.setContent(`<form method="post" action="${url}" enctype="text/plain">
        <input name='{"title":"forged","x":"' value='"}' /><button>Win a prize</button></form>`)
    const [answer] = await Promise.all([
      foreign.waitForResponse((response) => response.request().method() === 'POST'),
      foreign.locator('button').click(),
    ])
    expect((await answer.request().allHeaders()).cookie).toStartWith('__Host-session=')
    expect((await answer.request().allHeaders()).origin).toBe(unlisted)
    expect(answer.status()).toBe(403)
    expect(await titles(production)).toEqual(before)
    await page.context().close()
  })
})
