// What this product adds to the pages for operators: mails, the audit trail and webhooks; and the reload.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { HTML, noticeOf, submit } from './kit/support/forms.ts'
import { startApp, type TestApp } from './support/harness.ts'
import { webhookDeliveries, webhookEndpoints } from '../src/webhooks/table.ts'

const PATH = '/api/operators'

let app: TestApp
let boss: Awaited<ReturnType<TestApp['member']>>
beforeAll(async () => {
  app = await startApp()
  boss = await app.member('superuser')
})
afterAll(() => app.close())

const page = async (path: string) => (await boss.get(PATH + path, HTML)).text

test('superusers see mails and the audit trail by its filter; others are told how to become one', async () => {
  expect(await page('/mails')).toContain('Sent within the hour')
  expect(await page('/audit')).toContain('Account created')
  expect(await page('/audit?action=role.changed')).not.toContain('<strong>Account created')
  expect((await boss.get(`${PATH}/audit?action=x`, HTML)).status).toBe(400)
  const refused = await (await app.member('admin')).get(`${PATH}/audit`, HTML)
  expect([refused.status, refused.text.includes('npm run user -- role')]).toEqual([403, true])
})

test('webhooks that fail are shown with the last deliveries, and without what may be a secret in their URLs', async () => {
  expect(await page('/webhooks')).toContain('None yet.')
  const [endpoint] = await app.deps.db
    .insert(webhookEndpoints)
    .values({
      account: boss.user.id,
      url: 'https://shop.example/in?key=hunter2',
      types: [],
      secret: 'sealed' as never, // it is not opened
      failing_since: new Date(),
    })
    .returning()
  const delivery = { endpoint: endpoint?.id ?? '', type: 'court.booked', body: 'hunter2', answer: '<script>' }
  await app.deps.db.insert(webhookDeliveries).values({ ...delivery, state: 'failed', status: 503 })
  const html = await page('/webhooks')
  for (const word of ['https://shop.example/in', 'court.booked', '503: &lt;script&gt;'])
    expect(html).toContain(word)
  expect(html).not.toMatch(/hunter2|<script/)
})

test('a reload is asked of the supervisor, by a fresh login alone, and stands in the audit trail', async () => {
  let reloads = 0
  app.deps.supervisor = {
    status: () => ({ host: 'h', pid: 1, version: '1', mode: 'production', startedAt: 0, processes: [] }),
    reload: () => ++reloads > 0,
  }
  const reload = () => submit(boss, `${PATH}/reload`, {}, { Referer: `${boss.url}${PATH}/processes` })
  expect((await reload()).headers.get('location')).toBe(`${PATH}/processes`)
  expect(noticeOf(await page('/processes'))).toBe('The reload has begun')
  expect(await page('/audit?action=service.reloaded')).toContain('<strong>Service reloaded')
  const aged = await app.deps.sessions.rotate(boss.cookies.get('session') ?? '', {
    loginAt: Date.now() - 3_600_000,
  })
  boss.cookies.set('session', aged?.token ?? '')
  const stale = await reload()
  expect([stale.status, stale.headers.get('location')?.split('?')[0]]).toEqual([303, '/api/auth/confirm'])
  expect(reloads).toBe(1)
})
