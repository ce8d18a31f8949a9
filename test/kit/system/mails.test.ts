// The mails that development keeps: each as its reader will see it, with links that can be clicked, and nothing that runs.
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { mailOf } from '../../../src/kit/mail/layout.ts'
import { KEPT_MAILS } from '../../../src/kit/types/mail.ts'
import { findChromium, launchChromium } from '../support/chromium.ts'
import { DOOR, INVITATION } from '../product/door.tsx'
import { startApp, type TestApp } from '../support/harness.ts'
import { until } from '../support/until.ts'

const PATH = '/apitest/mails'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())
beforeEach(() => app.deps.store.delete(KEPT_MAILS))

const url = () => `${app.url}${DOOR}/invited?token=${INVITATION}`

const invite = async (subject: string) =>
  app.deps.sendMail(
    await mailOf({
      to: 'ann@example.com',
      subject,
      service: 'notebook',
      title: 'An invitation',
      paragraphs: ['Somebody invites you.'],
      action: { label: 'Look at it', url: url() },
    }),
  )

test('they are shown in full, the newest first', async () => {
  await invite('first')
  await invite('second')
  const { text } = await app.visitor().get(PATH)
  expect([...text.matchAll(/<strong>(first|second)</g)].map(([, subject]) => subject)).toEqual([
    'second',
    'first',
  ])
  expect(text.match(/<details open/g)).toHaveLength(1)
  for (const part of [
    '<dd>ann@example.com</dd>',
    '<dd>second</dd>',
    `<dd>${app.config.mail.from.replace('<', '&lt;').replace('>', '&gt;')}</dd>`,
  ])
    expect(text).toContain(part)
  expect(text.match(/srcdoc="/g)).toHaveLength(4) // light and dark
  expect(text).toContain(`<a href="${url()}" target="_blank" rel="noopener">`)
})

test('only web addresses of the text are links, and a sentence around one is none of it', async () => {
  const text =
    'See (https://a.test/x?y=1&z=2), javascript:alert(1) data:text/html,x or <script>. http://b.test.'
  await app.deps.sendMail({ to: 'a', subject: '<script>', text, html: '' })
  const page = (await app.visitor().get(PATH)).text
  expect([...page.matchAll(/<a href="([^"]*)" target/g)].map(([, href]) => href)).toEqual([
    'https://a.test/x?y=1&amp;z=2',
    'http://b.test',
  ])
  expect(page).not.toContain('<script')
})

const executable = findChromium()
if (executable === undefined)
  process.stderr.write(
    'SKIPPED a part of test/kit/system/mails.test.ts: there is no Chromium to look at mails in.\n',
  )

test.skipIf(executable === undefined)(
  'in a browser: a mail has its colours, runs nothing and loads nothing, and a click on it opens the page of its link',
  async () => {
    const asked: string[] = []
    using elsewhere = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: (request) => {
        asked.push(request.url)
        return new Response()
      },
    })
    await app.deps.sendMail({
      to: 'ann@example.com',
      subject: 'foul',
      text: '',
      html: `<img src="${elsewhere.url.href}pixel"><script>document.body.textContent = "ran"</script>calm`,
    })
    await invite('second')
    const browser = await launchChromium(executable ?? '')
    try {
      const context = await browser.newContext()
      const tab = await context.newPage()
      await tab.goto(app.url + PATH)
      const frame = (subject: string, scheme: string) =>
        tab.frameLocator(`iframe[title="${subject}, ${scheme}"]`)
      const backgrounds = ['light', 'dark'].map((scheme) =>
        frame('second', scheme)
          .locator('body', { hasText: 'Look at it' }) // the frame is empty at first
          .evaluate('document.defaultView.getComputedStyle(document.body).backgroundColor'),
      )
      expect(await Promise.all(backgrounds)).toEqual(['rgb(245, 241, 234)', 'rgb(23, 22, 20)'])
      await tab.locator('summary').filter({ hasText: 'foul' }).click()
      await frame('foul', 'light').getByText('calm').waitFor()
      const image = frame('foul', 'light').locator('img')
      await until('the image to be given up', () =>
        image.evaluate((it) => (it as unknown as { complete: boolean }).complete),
      )
      expect(asked).toEqual([])

      const opened = context.waitForEvent('page')
      await frame('second', 'dark').getByRole('link', { name: 'Look at it' }).click()
      const page = await opened
      await page.getByText('You are invited').waitFor()
      expect(page.url()).toStartWith(`${app.url}${DOOR}/invited?link=`)
      await page.getByLabel('Name', { exact: true }).fill('Ann')
      await page.getByRole('button', { name: 'Accept' }).click()
      await page.getByRole('status').getByText('Welcome, Ann').waitFor()
    } finally {
      await browser.close()
    }
  },
)
