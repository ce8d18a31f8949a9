// Logins at other providers in Chromium: there and back by the pages, under the policy that they have.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { findChromium, launchChromium } from './kit/support/chromium.ts'
import { type AppWithProviders, startWithProviders } from './support/oidc.ts'
import { freePort } from './kit/support/ports.ts'

const executable = findChromium()
if (executable === undefined)
  process.stderr.write('SKIPPED test/oidc-pages.test.ts: there is no Chromium to try the pages in.\n')

let app: AppWithProviders
let site: string
let browser: Awaited<ReturnType<typeof launchChromium>>
let tab: Page
beforeAll(async () => {
  if (executable === undefined) return
  const PORT = String(await freePort())
  site = `http://localhost:${PORT}`
  app = await startWithProviders({ PORT, APP_URL: site })
  browser = await launchChromium(executable)
  tab = await (await browser.newContext({ viewport: { width: 390, height: 800 } })).newPage()
})
afterAll(async () => {
  await browser?.close()
  await app?.close()
})

test.skipIf(executable === undefined)(
  'one signs up there, links another, and is asked there again before it is unlinked',
  async () => {
    const ann = app.somebody()
    app.acme.logIn(ann)
    app.other.logIn(app.somebody())
    await tab.goto(`${site}/api/auth/sign-up`)
    await tab.getByRole('link', { name: 'Continue with Acme' }).click()
    await tab.waitForURL(`${site}/api/auth/account`)
    expect(await tab.textContent('main')).toContain(ann.email)
    await tab.locator('a[href$="/identities"]').click()
    await tab.waitForURL(`${site}/api/auth/account/identities`)
    await tab.getByRole('button', { name: 'Link Other' }).click()
    await tab.waitForURL(`${site}/api/auth/account/identities`)
    await tab.getByRole('button', { name: 'Unlink Other' }).waitFor()
    // What is linked is not offered again.
    expect(await tab.getByRole('button', { name: /^Link / }).count()).toBe(0)

    await waitAnHour()
    await tab.getByRole('button', { name: 'Unlink Other' }).click()
    await tab.waitForURL(/confirm/)
    await tab.getByRole('button', { name: 'Confirm with Acme' }).click()
    await tab.waitForURL(`${site}/api/auth/account/identities`)
    await tab.getByRole('button', { name: 'Unlink Other' }).click()
    await tab.getByText('That login is unlinked').waitFor()
  },
)

/** For the session of the tab. */
async function waitAnHour() {
  const ago = Date.now() - 3_600_000
  const context = tab.context()
  const session = (await context.cookies()).find(({ name }) => name === 'session')
  const then = await app.deps.sessions.rotate(session?.value ?? '', { loginAt: ago, provenAt: ago })
  if (!session || !then) throw new Error('there is no session')
  await context.addCookies([{ ...session, value: then.token }])
}
