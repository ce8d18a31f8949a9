// The page for operators: what they can do to the queue, in a browser too, and what it says when Redis is away.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { findChromium, launchChromium } from '../support/chromium.ts'
import { openLink } from '../support/faulty-link.ts'
import { startApp } from '../support/harness.ts'
import { redisUrl } from '../support/services.ts'
import { until } from '../support/until.ts'
import { HTML, noticeOf } from '../support/forms.ts'
import { openOperatorsPage, PATH } from './operators.ts'

const { act, app, base, boss, deadJob, ids, page, redis, startTestWorker } = await openOperatorsPage()

const EVIL = `"><script>alert('x')</script><img src=x onerror="alert(1)">`

describe('an operator', () => {
  test('retries a job, and is told once', async () => {
    await deadJob('d1')
    await deadJob('d2')
    const { status, headers } = await act('retry', { job: 'd1' })
    expect([status, headers.get('location')]).toEqual([303, `${PATH}#dead`])
    expect([await ids('dead'), await ids('waiting')]).toEqual([['d2'], ['d1']])
    expect(noticeOf(await page())).toBe('Job d1 is back in the queue')
    expect(noticeOf(await page())).toBeUndefined()
    await act('retry', { job: 'd1' })
    expect(noticeOf(await page())).toBe('Job d1 does not exist any more')
  })

  test('drops a job', async () => {
    await deadJob('d1')
    expect((await boss.get(`${PATH}/jobs/d1`, HTML)).text).toContain('Drop for good')
    await act('drop', { job: 'd1' })
    expect([await ids('dead'), await ids('waiting')]).toEqual([[], []])
    expect(noticeOf(await page())).toBe('Job d1 was dropped')
    const gone = await boss.get(`${PATH}/jobs/d1`, HTML)
    expect([gone.status, gone.headers.get('content-type')]).toEqual([404, 'text/html; charset=UTF-8'])
    expect(gone.text).toContain('There is no such job')
  })

  test('shows each of several queues, and pauses one', async () => {
    await redis.sadd(`${base}queues`, 'mail')
    const shown = await page()
    expect(shown).toContain('<strong>mail</strong>')
    await act('pause', { queue: 'mail' })
    const { paused, queues } = await app.deps.queueAdmin.stats()
    expect([paused, queues.mail?.paused, queues.default?.paused]).toEqual([false, true, false])
    expect(await page()).toContain('Resume: mail')
    await act('resume', { queue: 'mail' })
    await act('pause', { queue: 'none' })
    expect(await page()).toContain('There is no queue none')
  })

  test('pauses and resumes', async () => {
    expect(await page()).toContain('Pause the queue')
    await act('pause')
    expect((await app.deps.queueAdmin.stats()).paused).toBe(true)
    const paused = await page()
    expect(paused).toContain('>paused</span>')
    expect(paused).toContain('Resume the queue')
    await act('resume')
    expect((await app.deps.queueAdmin.stats()).paused).toBe(false)
  })

  test('runs a cron now, once until it has ended', async () => {
    await act('run', { cron: 'weekly' })
    expect(noticeOf(await page())).toBe('weekly is in the queue')
    await act('run', { cron: 'weekly' })
    expect(noticeOf(await page())).toContain('its previous run has not ended')
    expect(await ids('waiting')).toEqual([expect.stringMatching(/^weekly@now-/)])
    await act('run', { cron: EVIL })
    const html = await page()
    expect(noticeOf(html)).toContain('There is no cron &quot;&gt;&lt;script')
    expect(html).not.toMatch(/<script|<img/)
  })

  test('keeps what was chosen: through an action, and through a refresh', async () => {
    await deadJob('d5')
    expect(await page('?refresh=off')).not.toContain('http-equiv="refresh"')
    const { headers } = await act('retry', { job: 'd5', refresh: 'off' })
    expect(headers.get('location')).toBe(`${PATH}?refresh=off#dead`)
    const refreshed = await page()
    // No address in it: the browser loads the one that it is at.
    expect(refreshed).toMatch(/<meta http-equiv="refresh" content="\d+"/)
    expect(refreshed).not.toMatch(/<input(?![^>]*type="hidden")|<textarea|<select/)
    expect((await boss.get(`${PATH}?refresh=x`, HTML)).status).toBe(400)
  })

  test('sees the newest of an absurd number of dead jobs, and the way to all of them', async () => {
    const jobs = Array.from({ length: 10_000 }, (_, i) =>
      JSON.stringify({ id: `d${i}`, task: 't', error: 'e' }),
    )
    for (let i = 0; i < jobs.length; i += 1000) await redis.lpush(`${base}dead`, ...jobs.slice(i, i + 1000))
    const shown = await page()
    const named = [...shown.matchAll(/<a href="\/api\/operators\/jobs\/(d\d+)"/g)].map(([, id]) => id)
    expect(new Set(named)).toEqual(new Set(Array.from({ length: 10 }, (_, i) => `d${9999 - i}`)))
    expect(shown).toContain('All 10,000: filter, choose many')
  })
})

test('without Redis the page is a 503 that comes back by itself, and says no more than that', async () => {
  const link = await openLink(redisUrl())
  const cut = await startApp({ REDIS_URL: link.url })
  try {
    const operator = await cut.member('owner')
    await link.cut()
    const away = await until('the loss to be noticed', async () => {
      const reply = await operator.get(PATH, HTML)
      return reply.status === 503 ? reply : undefined
    })
    expect(away.text).toContain('The service is not available right now, please try again')
    expect(away.text).not.toMatch(/ at .*\.ts|ioredis|node_modules/)
    expect(away.headers.get('refresh')).toBe('2')
    expect((await operator.get(PATH)).headers.get('refresh')).toBeNull()
    await link.restore()
    await until('the page', async () => (await operator.get(PATH, HTML)).status === 200)
  } finally {
    await cut.close()
    await link.close()
  }
})

const executable = findChromium()

if (executable === undefined) {
  process.stderr.write('SKIPPED a part of test/operators.test.ts: there is no Chromium to try the page in.\n')
}

test.skipIf(executable === undefined)(
  'in a browser without JavaScript: enter, retry a dead job and see it go, run a cron, drop a job, leave',
  async () => {
    let isRepaired = false
    const task = defineTask({
      name: 'sendInvoice',
      input: z.object({ order: z.number() }),
      attempts: 1,
      run: () => {
        if (!isRepaired) throw new Error('no route to the printer')
      },
    })
    const worker = await startTestWorker([task])
    const browser = await launchChromium(executable ?? '')
    try {
      const { id } = await app.deps.enqueue(task, { order: 7 })
      const other = await app.deps.enqueue(task, { order: 8 })
      await until('both to die', async () => (await ids('dead')).length === 2)
      isRepaired = true

      const context = await browser.newContext({ javaScriptEnabled: false })
      const tab = await context.newPage()
      await tab.goto(app.url + PATH)
      await tab.getByLabel('Email').fill(boss.account.email)
      await tab.getByLabel('Password').fill(boss.account.password)
      await tab.getByRole('button', { name: 'Enter' }).click()

      // A notice is gone from a page that has loaded itself again.
      await tab.getByRole('link', { name: 'Stop refreshing' }).click()
      const row = tab.getByRole('row').filter({ hasText: id })
      await row.getByText('Error: no route to the printer').waitFor()
      await row.getByRole('button', { name: 'Retry' }).click()
      await tab.getByRole('status').getByText(`Job ${id} is back in the queue`).waitFor()
      await tab.getByRole('link', { name: 'Start refreshing' }).click()
      // Nobody touches the page meanwhile: it loads itself again.
      await row.waitFor({ state: 'detached' })
      expect(await ids('dead')).toEqual([other.id])
      await tab.goto(`${app.url}${PATH}?refresh=off`)

      await tab.getByRole('button', { name: 'Run now: weekly' }).click()
      await tab.getByRole('status').getByText('weekly is in the queue').waitFor()

      await tab.getByRole('link', { name: `Drop sendInvoice ${other.id}` }).click()
      await tab.getByRole('button', { name: 'Drop for good' }).click()
      await tab.getByRole('status').getByText(`Job ${other.id} was dropped`).waitFor()
      await tab.getByText('None.').waitFor()

      await tab.getByRole('button', { name: 'Leave' }).click()
      await tab.getByRole('heading', { name: 'Enter' }).waitFor()
      await context.close()
    } finally {
      await browser.close()
      await worker.stop()
    }
  },
)
