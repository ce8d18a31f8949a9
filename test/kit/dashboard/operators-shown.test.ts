// What the page for operators shows of jobs, workers and crons: all of it as text, no secret, nothing that breaks it.
import { describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { z } from 'zod'
import { crons } from '../product/crons.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { Chart } from '../../../src/kit/dashboard/chart.tsx'
import { until } from '../support/until.ts'
import { HTML, noticeOf } from '../support/forms.ts'
import { openOperatorsPage, PATH } from './operators.ts'

const { act, app, base, boss, die, page, redis, startTestWorker } = await openOperatorsPage()

const EVIL = `"><script>alert('x')</script><img src=x onerror="alert(1)">`

describe('what is shown', () => {
  test('whatever a job says of itself is shown as text', async () => {
    await die({ id: EVIL, task: EVIL, error: EVIL, data: { [EVIL]: EVIL }, by: EVIL, rid: EVIL })
    await redis.lpush(`${base}dead`, EVIL)
    const beat = { host: EVIL, pid: EVIL, concurrency: EVIL, startedAt: EVIL, stopping: false }
    const running = [{ id: EVIL, task: EVIL, attempt: EVIL, startedAt: EVIL, progress: EVIL }]
    await redis.hset(`${base}beats`, EVIL, JSON.stringify({ ...beat, running }))
    await redis.zadd(`${base}workers`, 0, EVIL)
    const shown = [await page(), (await boss.get(`${PATH}/jobs/${encodeURIComponent(EVIL)}`, HTML)).text]
    await redis.del(`${base}beats`, `${base}workers`)
    for (const html of shown) {
      expect(html).not.toMatch(/<script|<img/)
      expect(html.match(/&lt;script&gt;/g)?.length).toBeGreaterThan(5)
    }
    await act('drop', { job: EVIL })
    expect(await app.deps.queueAdmin.stats()).toMatchObject({ dead: 1 })
    const after = await page()
    expect(noticeOf(after)).toContain('was dropped')
    expect(after).not.toMatch(/<script|<img/)
  })

  test('elements that are no job, or a strange one, break nothing', async () => {
    const strange = [
      'no json',
      '[]',
      '{"id":1}',
      '"text"',
      'null',
      '{"id":"s1","task":"t","error":{"isEscaped":true,"toString":"x"},"n":"<b>","c":[1]}',
      '{"id":"s2","task":"t","by":{},"rid":[[]]}',
      '{"id":"s3","task":"t","error":"<b>","data":{"toString":"x"},"n":null,"more":[1]}',
      '{"id":"..","task":"t","rid":""}',
      JSON.stringify({ id: 's\u202e'.repeat(400), task: 't\u0000', error: '\ud800' }),
    ]
    await redis.rpush(`${base}dead`, ...strange)
    const reply = await boss.get(PATH, HTML)
    expect(reply.status).toBe(200)
    expect(reply.text.match(/<a href="\/api\/operators\/jobs\/malformed-[\da-f]{40}"><code>/g)?.length).toBe(
      7,
    )
    // No address leads to it, so it is dropped from here.
    expect(reply.text).toContain('aria-label="Drop t .."')
    expect((await boss.get(`${PATH}/jobs/s3`, HTML)).status).toBe(200)
    await act('drop', { job: '..' })
    expect(await app.deps.queueAdmin.stats()).toMatchObject({ dead: 9 })
  })

  test('bytes that are not UTF-8 are shown escaped, and can be dropped', async () => {
    await redis.lpush(`${base}dead`, Buffer.from('{"id":"x","task":"caf\xe9","data":"<b>"}', 'latin1'))
    const html = await page()
    expect(html).toMatch(/caf\\+xe9/)
    const [, id = ''] = /name="job" value="(malformed-[\da-f]{40})"/.exec(html) ?? []
    const one = await boss.get(`${PATH}/jobs/${id}`, HTML)
    expect([one.status, one.text.includes('not UTF-8'), one.text.includes('<b>')]).toEqual([200, true, false])
    await act('drop', { job: id })
    expect(noticeOf(await page())).toBe(`Job ${id} was dropped`)
    expect(await app.deps.queueAdmin.stats()).toMatchObject({ dead: 0 })
  })

  test('how many dead jobs were thrown away', async () => {
    expect(await page()).not.toContain('thrown away')
    await redis.hset(`${base}deaths`, { all: '123456', trimmed: '1234' })
    expect(await page()).toContain('1,234 older ones were deleted')
    await redis.del(`${base}deaths`)
  })

  test('secrets in an input are replaced, and what is absurdly long is cut', async () => {
    const data = { password: 'hunter2', nested: { api_key: 'hunter2' }, text: 'x'.repeat(60_000) }
    await die({ id: 'd1', task: 'T'.repeat(5000), error: 'E'.repeat(100_000), data })
    await redis.lpush(`${base}dead`, 'no json, but a password: hunter2')
    const whole = await page()
    const one = (await boss.get(`${PATH}/jobs/d1`, HTML)).text
    for (const html of [whole, one]) {
      expect(html).not.toContain('hunter2')
      expect(html).toContain('***')
      expect(html).toContain('(5000 characters)')
      expect(html.length).toBeLessThan(50_000)
    }
    expect(one).toContain(`${'E'.repeat(20_000)}… (100000 characters)`)
  })

  test('running jobs and workers are shown with what they do', async () => {
    const { worker, open } = await busyWorker()
    try {
      const html = textOf(await page())
      expect(html).toMatch(/export \S+ worker-1 \d+ sec 25 % 1 /)
      expect(html).toMatch(/worker-1 \S+, process \d+ working \d+ sec 1 of 10 export/)
    } finally {
      open()
      await worker.stop()
    }
    expect(textOf(await page())).toContain('No worker is running')
  })

  test.each([
    'no json',
    'null',
    '5',
    '{"running":5}',
    '{"running":[null]}',
    '{"running":[{"id":5,"task":{},"progress":"x","startedAt":"y"}],"host":[],"startedAt":"z"}',
    '{"running":[{"id":"a","task":[],"progress":1e9,"startedAt":1e99}],"host":{},"startedAt":1e99}',
  ])('a worker that says %s of itself breaks nothing', async (beat) => {
    await redis.zadd(`${base}workers`, 0, 'strange-worker')
    await redis.hset(`${base}beats`, 'strange-worker', beat)
    expect(textOf(await page())).toContain('strange-worker')
  })

  test('crons are shown with schedule, last and next run; moments in UTC, the whole of them in the title', async () => {
    const last = Date.UTC(2026, 0, 2, 3, 4, 5)
    await redis.hset(`${base}cron`, 'weekly', last)
    const html = await page()
    const [, row = ''] = /<strong>weekly<\/strong>(.*?)<\/tr>/s.exec(html) ?? []
    expect(textOf(row)).toMatch(
      /^tidy 0 3 \* \* 1 the server&#39;s time 2026-01-02 03:04 UTC .* ago .* UTC in \d+ (sec|min|hr|day)/,
    )
    expect(row).toContain('title="2026-01-02T03:04:05.000Z"')
    expect(row).toContain(
      new Date(crons.find(({ name }) => name === 'weekly')?.next(Date.now()) ?? 0).toISOString(),
    )
  })

  test('a cron that a worker has seen and that never ran shows no run', async () => {
    const at = String(Date.UTC(2026, 0, 2, 3, 4, 5))
    await redis.hset(`${base}cron`, 'weekly', at)
    await redis.hset(`${base}unrun`, 'weekly', at)
    const [, row = ''] = /<strong>weekly<\/strong>(.*?)<\/tr>/s.exec(await page()) ?? []
    expect(textOf(row)).toMatch(/the server&#39;s time never .* UTC in \d+/)
    await redis.del(`${base}unrun`)
  })

  test('the chart has a bar, an axis label and a word for what happened in a minute', async () => {
    const at = Date.UTC(2026, 0, 2, 3, 30)
    const minutes = Array.from({ length: 60 }, (_, i) => ({ at: at + i * 60_000, done: 0, failed: 0 }))
    minutes[10] = { at: at + 600_000, done: 1234, failed: 1 }
    const svg = await render(minutes)
    expect(svg).toContain(
      'aria-label="In the last hour 1234 jobs done and 1 attempts failed. The most in a minute: 1235, at 03:40 UTC."',
    )
    expect(svg).toContain('<title>03:40 UTC: 1234 done, 1 failed</title>')
    for (const label of ['03:30', '04:20', '0', '500', '1.5K']) expect(svg).toContain(`>${label}</text>`)
    // One among a thousand is still seen.
    expect(svg).toMatch(/class="failed"[^>]* height="3"/)
    expect(await render(minutes.map((minute) => ({ ...minute, done: 0, failed: 0 })))).not.toContain('NaN')
  })

  test('the page has no script and loads nothing; no cache keeps it', async () => {
    const { headers, text } = await boss.get(PATH, HTML)
    expect(text).not.toMatch(/<script|<link|<img|<iframe|javascript:|url\(|@import| on[a-z]+=| src=/i)
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('content-security-policy')).toContain("form-action 'self'")
    expect(headers.get('cache-control')).toBe('no-store')
  })
})

/** One that runs a job which is a quarter done, until `open` is called. */
async function busyWorker() {
  const gate = Promise.withResolvers<void>()
  const task = defineTask({
    name: 'export',
    input: z.object({}),
    run: async (_input, job) => {
      job.progress(0.25)
      await gate.promise
    },
  })
  const worker = await startTestWorker([task])
  await app.deps.enqueue(task, {})
  await until('its beat to tell', async () => {
    const { workers } = await app.deps.queueAdmin.stats()
    return workers[0]?.beat?.running[0]?.progress === 0.25
  })
  return { worker, open: () => gate.resolve() }
}

async function render(minutes: Parameters<typeof Chart>[0]['minutes']): Promise<string> {
  const server = new Hono().get('/', (c) => c.html(Chart({ minutes })))
  return (await server.request('/')).text()
}

/** What a reader sees of the tables. */
const textOf = (html: string) =>
  html
    .replace(/<style>.*?<\/style>/s, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
