// The page for operators: who gets in, what they see of the queue, and what they can do to it.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { Redis } from 'ioredis'
import { z } from 'zod'
import { changeRole } from '../src/account/auth.ts'
import { crons } from '../src/crons.ts'
import { keyBase } from '../src/jobs/scripts.ts'
import { defineTask } from '../src/jobs/task.ts'
import { startWorker, type Worker } from '../src/jobs/worker.ts'
import { Chart } from '../src/operators/chart.tsx'
import { findChromium, launchChromium } from './support/chromium.ts'
import type { Client } from './support/client.ts'
import { openLink } from './support/faulty-link.ts'
import { hashesVerified, startApp, type TestApp } from './support/harness.ts'
import { redisUrl } from './support/services.ts'
import { until } from './support/until.ts'

const PATH = '/api/operators'
const HTML = { Accept: 'text/html,*/*;q=0.8' }
const FORM = 'application/x-www-form-urlencoded'
const EVIL = `"><script>alert('x')</script><img src=x onerror="alert(1)">`
const ACTIONS = {
  retry: { job: 'd1' },
  'retry-all': {},
  drop: { job: 'd1' },
  pause: {},
  resume: {},
  run: { cron: 'nightly' },
}

type Member = Awaited<ReturnType<TestApp['member']>>

let app: TestApp
let redis: Redis
let base: string
let boss: Member
beforeAll(async () => {
  app = await startApp()
  redis = new Redis(redisUrl())
  base = keyBase(app.config.redisPrefix)
  boss = await app.member('superuser')
})
afterAll(async () => {
  redis.disconnect()
  await app.close()
})
beforeEach(async () => {
  await redis.del(...['queue', 'later', 'dead', 'paused', 'minutes'].map((key) => base + key))
})

/** As the browser sends a form of the page. */
const post = (client: Client, path: string, fields: Record<string, string> = {}, headers = {}) =>
  client.send('POST', path, new URLSearchParams(fields).toString(), {
    ...HTML,
    Origin: app.url,
    'Content-Type': FORM,
    ...headers,
  })
const act = (action: string, fields: Record<string, string> = {}) => post(boss, `${PATH}/${action}`, fields)
const page = async (search = '') => (await boss.get(PATH + search, HTML)).text
const die = (job: Record<string, unknown>) => redis.lpush(`${base}dead`, JSON.stringify(job))
const deadJob = (id: string) =>
  die({ id, task: 'sendInvoice', data: { order: 7 }, error: 'Error: no route', n: 5 })
const ids = async (place: 'dead' | 'waiting') => (await app.deps.queueAdmin.list(place)).map(({ id }) => id)
const noticeOf = (html: string) => /<p class="notice" role="status">(.*?)<\/p>/.exec(html)?.[1]

describe('at the door', () => {
  test('whoever is in is named by the email, and by nothing else', async () => {
    const html = await page()
    expect(html).toContain(boss.account.email)
    expect(html).not.toContain(boss.user.id)
  })

  test('a visitor sees the form, and nothing of the queue', async () => {
    await deadJob('d1')
    for (const path of [PATH, `${PATH}/jobs/d1`]) {
      const { status, text, headers } = await app.visitor().get(path, HTML)
      expect([status, headers.get('content-type')]).toEqual([401, 'text/html; charset=UTF-8'])
      expect(text).toContain('<label for="password">')
      expect(text).not.toMatch(/sendInvoice|no route|Dead|role="alert"/)
    }
    expect((await app.visitor().get(PATH)).body.err).toStartWith('401: ')
  })

  test('a member of another role is told so, and sees and does nothing', async () => {
    const member = await app.member('admin')
    await redis.del(`${base}queue`) // the welcome mail
    await deadJob('d1')
    const { status, text } = await member.get(PATH, HTML)
    expect(status).toBe(403)
    expect(text).toContain('your account has the role admin')
    expect(text).toContain('Sign out')
    expect(text).not.toMatch(/sendInvoice|no route/)
    expect((await member.get(`${PATH}/jobs/d1`, HTML)).status).toBe(403)
    for (const [action, fields] of Object.entries(ACTIONS)) {
      for (const client of [member, app.visitor()]) {
        expect([action, (await post(client, `${PATH}/${action}`, fields, { Accept: '*/*' })).status]).toEqual(
          [action, 401],
        )
      }
    }
    expect([await ids('dead'), await ids('waiting')]).toEqual([['d1'], []])
    expect((await app.deps.queueAdmin.stats()).paused).toBe(false)
  })

  test('whoever is in can leave from every page', async () => {
    await deadJob('d1')
    const visitor = app.visitor()
    const member = await app.member('admin')
    const wrong = { email: boss.account.email, password: 'Wrong123' }
    for (const reply of [
      await boss.get(PATH, HTML),
      await boss.get(`${PATH}/jobs/d1`, HTML),
      await boss.get(`${PATH}/jobs/none`, HTML),
      await boss.get(`${PATH}?page=x`, HTML),
      await act('retry', {}),
      await member.get(PATH, HTML),
      await post(boss, PATH, wrong),
    ]) {
      expect(reply.text).toContain(`<form method="post" action="${PATH}/logout">`)
    }
    expect((await visitor.get(PATH, HTML)).text).not.toContain('/logout')
  })

  test('the right password leads to the page, for as long as the browser runs', async () => {
    const visitor = app.visitor()
    const { email, password } = boss.account
    const { status, headers } = await post(visitor, PATH, { email, password })
    expect([status, headers.get('location')]).toEqual([303, PATH])
    expect(headers.get('set-cookie')).toMatch(/^session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/)
    expect((await visitor.get(PATH, HTML)).text).toContain('Dead jobs')
    expect((await post(visitor, `${PATH}/logout`)).status).toBe(303)
    expect(visitor.cookies.size).toBe(0)
    expect((await visitor.get(PATH, HTML)).status).toBe(401)
  })

  test('a wrong password is answered as at login; the email stays, the password does not', async () => {
    const email = boss.account.email
    for (const given of [
      { email, password: 'Wrong123' },
      { email: 'who@example.com', password: 'Wrong123' },
      { email: `"><script>`, password: 'Wrong123' },
      { email, password: '' },
    ]) {
      const reply = await post(app.visitor(), PATH, given)
      const login = await app.visitor().post('/api/login', given)
      expect([given.email, reply.status]).toEqual([given.email, login.status])
      expect(reply.text).toContain(`role="alert">${login.body.err.replace('400: ', '')}</p>`)
      expect(reply.text).toContain(`value="${given.email.replace('"><script>', '&quot;&gt;&lt;script&gt;')}"`)
      expect(reply.text).not.toContain('Wrong123')
      expect(reply.headers.getSetCookie()).toEqual([])
    }
  })

  test('an unknown email costs a hash like a known one', async () => {
    const guess = { email: 'who@example.com', password: 'Wrong123' }
    expect(await hashesVerified(app, () => post(app.visitor(), PATH, guess))).toEqual([null])
  })

  test('a disabled account does not get in', async () => {
    const { account, user } = await app.member('superuser')
    await changeRole(app.deps, user.id, 'disabled')
    const reply = await post(app.visitor(), PATH, account)
    expect([reply.status, reply.headers.getSetCookie()]).toEqual([400, []])
    expect(reply.text).toContain('role="alert">account disabled</p>')
  })

  test('a page of another origin, or of none, can send no form', async () => {
    await deadJob('d1')
    // In development any port of localhost may call the API with cookies; these forms are not for it.
    const origins = ['https://evil.example', 'null', 'http://localhost:3000', '', undefined]
    for (const origin of origins) {
      const headers = { 'Content-Type': FORM, ...(origin !== undefined && { Origin: origin }) }
      for (const [action, fields] of Object.entries({ ...ACTIONS, logout: {} })) {
        const reply = await boss.send(
          'POST',
          `${PATH}/${action}`,
          new URLSearchParams(fields).toString(),
          headers,
        )
        expect([origin, action, reply.status]).toEqual([origin, action, 403])
      }
      const login = new URLSearchParams(boss.account).toString()
      const reply = await app.visitor().send('POST', PATH, login, headers)
      expect([origin, reply.status, reply.headers.getSetCookie()]).toEqual([origin, 403, []])
    }
    for (const type of ['text/plain', 'application/json', 'multipart/form-data; boundary=x']) {
      const reply = await post(boss, `${PATH}/drop`, { job: 'd1' }, { 'Content-Type': type })
      expect([type, reply.status]).toEqual([type, 415])
    }
    expect(await ids('dead')).toEqual(['d1'])
    expect((await boss.get(PATH, HTML)).status).toBe(200)
  })

  test('with OPERATORS_PAGE=off it does not exist; in production it does', async () => {
    const off = await startApp({ OPERATORS_PAGE: 'off' })
    const production = await startApp({ NODE_ENV: 'production' })
    try {
      expect((await off.visitor().get(PATH, HTML)).status).toBe(404)
      expect((await production.visitor().get(PATH, HTML)).status).toBe(401)
    } finally {
      await Promise.all([off.close(), production.close()])
    }
  })
})

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
    expect(noticeOf(await page())).toBe('Job d1 is not there any more')
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

  test('retries all', async () => {
    for (let i = 0; i < 60; i++) await deadJob(`d${i}`)
    await act('retry-all')
    expect(await app.deps.queueAdmin.stats()).toMatchObject({ dead: 0, waiting: 60 })
    expect(noticeOf(await page())).toBe('60 jobs are back in the queue')
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
    await act('run', { cron: 'nightly' })
    expect(noticeOf(await page())).toBe('nightly is in the queue')
    await act('run', { cron: 'nightly' })
    expect(noticeOf(await page())).toContain('its last run has not ended')
    expect(await ids('waiting')).toEqual([expect.stringMatching(/^nightly@now-/)])
    await act('run', { cron: EVIL })
    const html = await page()
    expect(noticeOf(html)).toContain('There is no cron &quot;&gt;&lt;script')
    expect(html).not.toMatch(/<script|<img/)
  })

  test('keeps the place: through an action, and through a refresh', async () => {
    for (let i = 0; i < 120; i++) await deadJob(`d${i}`)
    const html = await page('?page=2&refresh=off')
    expect(html).toContain('Page 2 of 3')
    expect(html).not.toContain('http-equiv="refresh"')
    const { headers } = await act('retry', { job: 'd5', page: '2', refresh: 'off' })
    expect(headers.get('location')).toBe(`${PATH}?page=2&refresh=off#dead`)
    const refreshed = await page('?page=2')
    // No address in it: the browser loads the one that it is at.
    expect(refreshed).toMatch(/<meta http-equiv="refresh" content="\d+"/)
    expect(refreshed).not.toMatch(/<input(?![^>]*type="hidden")|<textarea|<select/)
  })

  test('sees what there is of an absurd number of dead jobs, a page at a time', async () => {
    const jobs = Array.from({ length: 10_000 }, (_, i) =>
      JSON.stringify({ id: `d${i}`, task: 't', error: 'e' }),
    )
    for (let i = 0; i < jobs.length; i += 1000) await redis.rpush(`${base}dead`, ...jobs.slice(i, i + 1000))
    const last = await page('?page=200')
    expect(last).toContain('Page 200 of 200')
    expect(last.match(/href="\/api\/operators\/jobs\/d\d+\?page=200"/g)?.length).toBe(100)
    expect(last).toContain('10,000')
    expect(await page('?page=2147483647')).toContain('Page 200 of 200')
    expect((await boss.get(`${PATH}?page=x`, HTML)).status).toBe(400)
  })
})

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
    expect(await page()).toContain('1,234 older ones were thrown away')
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
    await redis.hset(`${base}cron`, 'nightly', last)
    const html = await page()
    const [, row = ''] = /<strong>nightly<\/strong>(.*?)<\/tr>/s.exec(html) ?? []
    expect(textOf(row)).toMatch(
      /^countAccounts 0 2 \* \* \* the server&#39;s time 2026-01-02 03:04 UTC .* ago .* UTC in \d+ (sec|min|hr)/,
    )
    expect(row).toContain('title="2026-01-02T03:04:05.000Z"')
    expect(row).toContain(
      new Date(crons.find(({ name }) => name === 'nightly')?.next(Date.now()) ?? 0).toISOString(),
    )
  })

  test('a cron that a worker has seen and that never ran shows no run', async () => {
    const at = String(Date.UTC(2026, 0, 2, 3, 4, 5))
    await redis.hset(`${base}cron`, 'nightly', at)
    await redis.hset(`${base}unrun`, 'nightly', at)
    const [, row = ''] = /<strong>nightly<\/strong>(.*?)<\/tr>/s.exec(await page()) ?? []
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

test('without Redis the page is a 503 that comes back by itself, and says no more than that', async () => {
  const link = await openLink(redisUrl())
  const cut = await startApp({ REDIS_URL: link.url })
  try {
    const operator = await cut.member('superuser')
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
}, 30_000)

const executable = findChromium()
if (executable === undefined) {
  process.stderr.write('SKIPPED a part of test/operators.test.ts: there is no Chromium to try the page in.\n')
}

test.skipIf(executable === undefined)(
  'in a browser without JavaScript: sign in, retry a dead job and see it go, run a cron, drop a job, sign out',
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
      context.setDefaultTimeout(15_000)
      const tab = await context.newPage()
      await tab.goto(app.url + PATH)
      await tab.getByLabel('Email').fill(boss.account.email)
      await tab.getByLabel('Password').fill('Wrong123')
      await tab.getByRole('button', { name: 'Sign in' }).click()
      await tab.getByRole('alert').getByText('Invalid login credentials').waitFor()
      expect(await tab.getByLabel('Email').inputValue()).toBe(boss.account.email)
      await tab.getByLabel('Password').fill(boss.account.password)
      await tab.getByRole('button', { name: 'Sign in' }).click()

      const row = tab.getByRole('row').filter({ hasText: id })
      await row.getByText('Error: no route to the printer').waitFor()
      await row.getByRole('button', { name: 'Retry' }).click()
      await tab.getByRole('status').getByText(`Job ${id} is back in the queue`).waitFor()
      // Nobody touches the page meanwhile: it loads itself again.
      await row.waitFor({ state: 'detached' })
      expect(await ids('dead')).toEqual([other.id])

      await tab.getByRole('button', { name: 'Run now: nightly' }).click()
      await tab.getByRole('status').getByText('nightly is in the queue').waitFor()

      await tab.getByRole('link', { name: `Drop sendInvoice ${other.id}` }).click()
      await tab.getByRole('button', { name: 'Drop for good' }).click()
      await tab.getByRole('status').getByText(`Job ${other.id} was dropped`).waitFor()
      await tab.getByText('None.').waitFor()

      await tab.getByRole('button', { name: 'Sign out' }).click()
      await tab.getByRole('heading', { name: 'Sign in' }).waitFor()
      await context.close()
    } finally {
      await browser.close()
      await worker.stop()
    }
  },
  60_000,
)

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }

async function startTestWorker(
  tasks: Parameters<typeof startWorker<undefined>>[0]['tasks'],
): Promise<Worker> {
  const prefix = app.config.redisPrefix
  const worker = startWorker({
    redis,
    prefix,
    id: 'worker-1',
    tasks,
    deps: undefined,
    log: SILENT,
    tickMs: 50,
    blockMs: null,
  })
  await worker.ready
  return worker
}

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
