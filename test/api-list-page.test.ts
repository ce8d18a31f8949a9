// The page to try the API in a browser: it works on a closed network, and its login is the API's own.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { findChromium, launchChromium } from './kit/support/chromium.ts'
import { startApp, type TestApp } from './support/harness.ts'

const TIMEOUT_MS = 60_000

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

const executable = findChromium()
if (executable === undefined) {
  process.stderr.write(
    'SKIPPED test/api-docs-page.test.ts: there is no Chromium here, so nothing has checked that the page loads ' +
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

  /** On the page that the header leads to, which leads back. */
  async function signIn(page: Page, { email, password }: { email: string; password: string }): Promise<void> {
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByLabel('Email').fill(email)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL(`${app.url}/api/docs`)
  }

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

  test('one logs in on it, calls the API as oneself, and logs out; no request leaves the origin', async () => {
    const { account } = await app.member('superuser')
    const { page, faults } = await open()
    await says(page, 'Not signed in')
    await signIn(page, account)
    await says(page, `Signed in as ${account.email} (superuser)`)
    if (process.env.SHOT) await page.screenshot({ path: `${process.env.SHOT}-wide.png` })
    expect(await execute(page, 'getMe')).toContain(`"email": "${account.email}"`)
    if (process.env.SHOT) await page.screenshot({ path: `${process.env.SHOT}-me.png`, fullPage: true })
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByText('You are signed out').waitFor()
    await page.goto(`${app.url}/api/docs`)
    await says(page, 'Not signed in')
    if (process.env.SHOT) {
      await page.emulateMedia({ colorScheme: 'dark' })
      await page.screenshot({ path: `${process.env.SHOT}-dark.png`, fullPage: true })
      await page.setViewportSize({ width: 390, height: 844 })
      await page.screenshot({ path: `${process.env.SHOT}-narrow-dark.png` })
      await page.emulateMedia({ colorScheme: 'light' })
      await page.screenshot({ path: `${process.env.SHOT}-narrow.png`, fullPage: true })
    }
    expect(faults).toEqual([])
    await page.context().close()
  })

  test('trying POST /api/login logs in, and so GET /api/me then answers', async () => {
    const { account, user } = await app.member()
    const { page, faults } = await open()
    await says(page, 'Not signed in')
    expect(await execute(page, 'getMe')).toContain('401: Unauthorized! Log in first')
    await execute(page, 'postLogin', { email: account.email, password: account.password })
    await says(page, `Signed in as ${account.email} (${user.role})`)
    const me = page.locator('#operations-Account-getMe')
    await me.locator('.execute').click()
    await me.getByText(account.email).first().waitFor()
    expect(faults).toEqual([])
    await page.context().close()
  })

  test('a token in the dialog counts instead of the login, and the cookie is none of its fields', async () => {
    const [cookied, borne] = [await app.member(), await app.member()]
    const { email, password } = borne.account
    const { token } = (await app.visitor().post('/api/login', { email, password, token: true })).body
    const { page, faults } = await open()
    await signIn(page, cookied.account)
    await says(page, `Signed in as ${cookied.account.email} (editor)`)
    await page.locator('.btn.authorize').click()
    const dialog = page.locator('.modal-ux')
    const fields = dialog.locator('input')
    await fields.first().waitFor()
    expect([await fields.count(), await dialog.getByText('(apiKey)').count()]).toEqual([2, 0])
    await fields.first().fill(token)
    if (process.env.SHOT) await page.screenshot({ path: `${process.env.SHOT}-token.png` })
    await dialog.locator('.authorize').first().click()
    await dialog.locator('.btn-done').first().click()
    expect(await execute(page, 'getMe')).toContain(`"email": "${email}"`)
    expect(faults).toEqual([])
    await page.context().close()
  })
})
