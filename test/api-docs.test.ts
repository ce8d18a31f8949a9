// The page to try the API: it works on a closed network, its login is the API's own, and it exists where it is wanted.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { findChromium, launchChromium } from './support/chromium.ts'
import { startApp, type TestApp } from './support/harness.ts'

const TIMEOUT_MS = 60_000

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

test('its script and style sheet are compressed, and cached for ever under an address that changes with them', async () => {
  const page = await app.visitor().get('/api/docs')
  for (const name of ['docs.js', 'docs.css']) {
    const address = new RegExp(`"(${name}\\?v=[0-9a-f]{16})"`).exec(page.text)?.[1]
    const kept = await app.visitor().get(`/api/${address}`)
    expect([kept.status, kept.headers.get('cache-control')]).toEqual([
      200,
      'public, max-age=31536000, immutable',
    ])
    expect(kept.headers.get('content-encoding')).toBe('gzip')
    const plain = await app.visitor().get(`/api/${name}`, { 'Accept-Encoding': 'identity' })
    expect([plain.headers.get('content-encoding'), plain.headers.get('cache-control')]).toEqual([
      null,
      'no-cache',
    ])
    expect(plain.text).toBe(kept.text)
    const etag = plain.headers.get('etag') ?? ''
    const again = await app.visitor().get(`/api/${name}`, { 'If-None-Match': etag })
    expect([again.status, again.text]).toEqual([304, ''])
  }
})

test('scripts may run on this page and on no other, and only its own', async () => {
  const policyOf = async (path: string) =>
    (await app.visitor().get(path)).headers.get('content-security-policy') ?? ''
  expect(await policyOf('/api/docs')).toContain("script-src 'self';")
  expect(await policyOf('/api/docs')).toContain("connect-src 'self';")
  expect(await policyOf('/api/docs')).toContain("default-src 'none';")
  for (const path of ['/api/list', '/api/docs/x', '/examplehtml'])
    expect(await policyOf(path)).not.toContain('script-src')
})

test('in production the page is off by default; API_DOCS=on shows it, without the API list too', async () => {
  const statuses = async (env: Record<string, string>) => {
    const production = await startApp({ NODE_ENV: 'production', ...env })
    try {
      const of = async (path: string) => (await production.visitor().get(path)).status
      const links = (await production.visitor().get('/api/list')).text.includes('href="/api/docs"')
      return [await of('/api/docs'), await of('/api/docs.js'), await of('/api/openapi.json'), links]
    } finally {
      await production.close()
    }
  }
  expect(await statuses({})).toEqual([404, 404, 200, false])
  expect(await statuses({ API_DOCS: 'on' })).toEqual([200, 200, 200, true])
  expect(await statuses({ API_DOCS: 'on', API_LIST: 'off' })).toEqual([200, 200, 200, false])
  expect(await statuses({ API_LIST: 'off' })).toEqual([404, 404, 404, false])
})

const executable = findChromium()
if (executable === undefined) {
  process.stderr.write(
    'SKIPPED part of test/api-docs.test.ts: there is no Chromium here, so nothing has checked that the page loads ' +
      'nothing from elsewhere, and that one can log in and call the API on it.\n' +
      'Install it (Debian: apt-get install chromium) or set CHROMIUM to the path of one.\n',
  )
}

describe.skipIf(executable === undefined)('in a browser', () => {
  let browser: Awaited<ReturnType<typeof launchChromium>>
  beforeAll(async () => {
    browser = await launchChromium(executable ?? '')
  }, TIMEOUT_MS)
  afterAll(() => browser?.close(), TIMEOUT_MS)

  /** Opens the page; `faults` are requests to anywhere else, and complaints of its scripts or about its policy. */
  async function open(): Promise<{ page: Page; faults: string[] }> {
    const context = await browser.newContext()
    context.setDefaultTimeout(20_000)
    const page = await context.newPage()
    const faults: string[] = []
    page.on('request', (request) => {
      const { origin, protocol } = new URL(request.url())
      if (origin !== app.url && protocol !== 'data:' && protocol !== 'blob:') faults.push(request.url())
    })
    page.on('pageerror', (error) => faults.push(String(error)))
    page.on('console', (message) => {
      // The browser reports the 401 that tells a visitor from a member.
      if (message.type() === 'error' && !message.text().includes('status of 401')) faults.push(message.text())
    })
    await page.goto(`${app.url}/api/docs`)
    return { page, faults }
  }

  const says = (page: Page, text: string) => page.locator('#who').getByText(text, { exact: true }).waitFor()

  /** Opens the operation, sends it, and returns what the page shows of the answer. */
  async function execute(page: Page, id: string, body?: object): Promise<string> {
    const operation = page.locator(`#operations-Account-${id}`)
    await operation.locator('.opblock-summary-control').click()
    if (body !== undefined) await operation.locator('textarea').fill(JSON.stringify(body))
    await operation.locator('.execute').click()
    const live = operation.locator('.live-responses-table')
    await live.waitFor()
    return live.innerText()
  }

  test(
    'one logs in on it, calls the API as oneself, and logs out; no request leaves the origin',
    async () => {
      const { account } = await app.member('superuser')
      const { page, faults } = await open()
      await says(page, 'Not signed in')
      await page.locator('#login [name=email]').fill(account.email)
      await page.locator('#login [name=password]').fill('Wrong1')
      await page.locator('#login button').click()
      await says(page, '400: Invalid login credentials')
      await page.locator('#login [name=password]').fill(account.password)
      await page.locator('#login button').click()
      await says(page, `Signed in as ${account.email} (superuser)`)
      if (process.env.SHOT) await page.screenshot({ path: `${process.env.SHOT}-wide.png` })
      expect(await execute(page, 'getMe')).toContain(`"email": "${account.email}"`)
      if (process.env.SHOT) await page.screenshot({ path: `${process.env.SHOT}-me.png`, fullPage: true })
      await page.locator('#logout').click()
      await says(page, 'Not signed in')
      if (process.env.SHOT) {
        await page.emulateMedia({ colorScheme: 'dark' })
        await page.screenshot({ path: `${process.env.SHOT}-dark.png`, fullPage: true })
        await page.setViewportSize({ width: 390, height: 844 })
        await page.screenshot({ path: `${process.env.SHOT}-narrow-dark.png` })
        await page.emulateMedia({ colorScheme: 'light' })
        await page.screenshot({ path: `${process.env.SHOT}-narrow.png`, fullPage: true })
      }
      expect(faults.filter((fault) => !fault.includes('status of 400'))).toEqual([])
      await page.context().close()
    },
    TIMEOUT_MS,
  )

  test(
    'trying POST /api/login logs in, and so GET /api/me then answers',
    async () => {
      const { account } = await app.member()
      const { page, faults } = await open()
      await says(page, 'Not signed in')
      expect(await execute(page, 'getMe')).toContain('401: Unauthorized! Log in first')
      await execute(page, 'postLogin', { email: account.email, password: account.password })
      await says(page, `Signed in as ${account.email} (editor)`)
      const me = page.locator('#operations-Account-getMe')
      await me.locator('.execute').click()
      await me.getByText(account.email).first().waitFor()
      expect(faults).toEqual([])
      await page.context().close()
    },
    TIMEOUT_MS,
  )
})
