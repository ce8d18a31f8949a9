// The other pages for operators: tasks and limits, waiting and dead jobs, processes and their reload, and those handed in.
import { beforeEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { findChromium, launchChromium } from '../support/chromium.ts'
import { HTML, noticeOf } from '../support/forms.ts'
import { until } from '../support/until.ts'
import { openOperatorsPage, PATH } from './operators.ts'

const { app, base, boss, deadJob, die, ids, page, post, redis, startTestWorker } = await openOperatorsPage()

const EVIL = `"><script>alert('x')</script>`
const HOUR = 3_600_000
const dead = (fields: Record<string, string> = {}) => page(`/dead?${new URLSearchParams(fields).toString()}`)
const bulk = (fields: Record<string, string>) => post(boss, `${PATH}/dead`, fields)
const wordsOf = (html: string) =>
  html
    .replace(/<style>.*?<\/style>/s, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')

describe('dead jobs', () => {
  beforeEach(async () => {
    const now = Date.now()
    for (let i = 0; i < 3; i++)
      await die({ id: `a${i}`, task: 'a', error: 'Error: Timeout', since: now - HOUR / 2 })
    await die({ id: 'b0', task: 'b', error: 'Error: timeout of b', since: now - 48 * HOUR })
    await die({ id: 'b1', task: 'b', error: 'Error: other', since: now })
  })

  test('are found by task, a part of the error and age, and by all together', async () => {
    const shown = async (fields: Record<string, string>) =>
      [...(await dead(fields)).matchAll(/name="job" value="(\w+)"/g)].map(([, id]) => id)
    expect(await shown({})).toEqual(['b1', 'b0', 'a2', 'a1', 'a0'])
    expect(await shown({ task: 'b' })).toEqual(['b1', 'b0'])
    expect(await shown({ error: 'TIMEOUT' })).toEqual(['b0', 'a2', 'a1', 'a0'])
    expect(await shown({ age: 'day' })).toEqual(['b0'])
    expect(await shown({ error: 'timeout', task: 'b', age: 'week' })).toEqual([])
    const html = wordsOf(await dead({ error: 'timeout' }))
    expect(html).toMatch(/a 3 b 1/)
    expect(wordsOf(await dead({ task: 'none' }))).toContain('No dead job matches')
  })

  test('that are chosen are retried or discarded, and no others', async () => {
    const form = new URLSearchParams([
      ['do', 'drop'],
      ['chosen', '1'],
      ['job', 'a1'],
      ['job', 'b0'],
    ])
    const asked = await page(`/dead/confirm?${form.toString()}`)
    expect(wordsOf(asked)).toContain('2 jobs will be gone for good')
    expect(await ids('dead')).toHaveLength(5)
    const sent = await boss.send('POST', `${PATH}/dead`, form.toString(), {
      ...HTML,
      Origin: app.url,
      'Content-Type': 'application/x-www-form-urlencoded',
    })
    expect([sent.status, sent.headers.get('location')]).toEqual([303, `${PATH}/dead`])
    expect(noticeOf(await dead())).toBe('2 jobs discarded')
    expect(await ids('dead')).toEqual(['b1', 'a2', 'a0'])
    await bulk({ do: 'retry', chosen: '1', job: 'a2' })
    expect([await ids('dead'), await ids('waiting')]).toEqual([['b1', 'a0'], ['a2']])
  })

  test('of a filter are all retried or discarded, after a question; where none is chosen nothing is', async () => {
    expect(wordsOf(await page('/dead/confirm?do=retry&task=a'))).toContain('3 jobs will go back')
    expect(wordsOf(await page('/dead/confirm?do=drop&chosen=1'))).toContain('No job was chosen')
    await bulk({ do: 'drop', chosen: '1' })
    expect(await ids('dead')).toHaveLength(5)
    const { headers } = await bulk({ do: 'retry', task: 'a' })
    expect(headers.get('location')).toBe(`${PATH}/dead?task=a`)
    // The oldest first.
    expect([await ids('waiting'), await ids('dead')]).toEqual([
      ['a0', 'a1', 'a2'],
      ['b1', 'b0'],
    ])
    await bulk({ do: 'drop', error: 'OTHER' })
    expect(await ids('dead')).toEqual(['b0'])
  })

  test('are moved by their ids alone where a form names some and forgets to say that they were chosen', async () => {
    expect(wordsOf(await page('/dead/confirm?do=drop&job=a1'))).toContain('1 job will be gone for good')
    await bulk({ do: 'drop', job: 'a1' })
    expect(await ids('dead')).toEqual(['b1', 'b0', 'a2', 'a0'])
  })

  test('that are malformed, or whose task no filter can name, are counted without a link that would mean all', async () => {
    const long = 'l'.repeat(201)
    await redis.lpush(`${base}dead`, 'no job')
    await die({ id: 'long', task: long })
    const html = await dead()
    expect(wordsOf(html)).toMatch(/malformed 1/)
    const chips = /<p class="chips">(.*?)<\/p>/s.exec(html)?.[1] ?? ''
    expect([...chips.matchAll(/href="([^"]*)"/g)].map(([, href]) => href)).toEqual([
      `${PATH}/dead?task=a`,
      `${PATH}/dead?task=b`,
    ])
  })

  test('are looked at no further than their bytes allow, and the others are a page on', async () => {
    const big = 'x'.repeat(400_000)
    const of = (i: number) => JSON.stringify({ id: `big${i}`, task: 'big', data: big })
    for (let i = 0; i < 110; i++) await redis.lpush(`${base}dead`, of(i))
    expect(wordsOf(await page('/dead/confirm?do=drop'))).toMatch(/ or more will be gone/)
    let moved = 0
    for (let rounds = 0; (await ids('dead')).length > 0 && rounds < 10; rounds++) {
      await bulk({ do: 'drop' })
      moved += Number(/^(\d+) jobs? discarded/.exec(noticeOf(await dead()) ?? '')?.[1])
    }
    expect(moved).toBe(115)
  })

  test('of an absurd number are moved a thousand at a time, and it is said that more are left', async () => {
    const jobs = Array.from({ length: 6000 }, (_, i) =>
      JSON.stringify({ id: `m${i}`, task: i < 1500 ? 'm' : 'n' }),
    )
    for (let i = 0; i < jobs.length; i += 1000) await redis.rpush(`${base}dead`, ...jobs.slice(i, i + 1000))
    expect(wordsOf(await page('/dead/confirm?do=drop&task=m'))).toContain('1,500 jobs or more')
    await bulk({ do: 'drop', task: 'm' })
    expect(noticeOf(await dead())).toBe('1,000 jobs discarded; more of them are left: do it again')
    await bulk({ do: 'drop', task: 'm' })
    expect(noticeOf(await dead())).toBe('500 jobs discarded')
    expect((await app.deps.queueAdmin.stats()).dead).toBe(4505)
    // Page after page one comes to the end.
    await die({ id: 'newest', task: 'n' })
    let [from, seen] = ['0', 0]
    for (let next: string | undefined = '0'; next !== undefined; next = /from=(\d+)">Older/.exec(from)?.[1]) {
      from = await dead({ from: next })
      seen += from.match(/name="job" value/g)?.length ?? 0
    }
    expect(seen).toBe(4506)
  })

  test('are shown as text, with their secrets masked', async () => {
    await die({ id: EVIL, task: EVIL, error: EVIL, data: { password: 'hunter2' } })
    await redis.lpush(`${base}dead`, EVIL)
    for (const html of [
      await dead(),
      await dead({ task: EVIL, error: EVIL }),
      await page(`/dead/confirm?do=drop&task=${encodeURIComponent(EVIL)}`),
    ]) {
      expect(html).not.toMatch(/<script|hunter2/)
    }
    expect((await boss.get(`${PATH}/dead?age=year`, HTML)).status).toBe(400)
  })
})

test('each task of the last hour is shown with its failures, waits and runs', async () => {
  expect(wordsOf(await page('/tasks'))).toContain('No job has ended within the last hour')
  const task = defineTask({ name: 'sendInvoice', input: z.object({}), run: () => {} })
  const worker = await startTestWorker([task])
  await app.deps.enqueue(task, {})
  await until('its end', async () => (await app.deps.queueAdmin.taskStats('hour'))[0]?.done === 1)
  await worker.stop()
  expect(wordsOf(await page('/tasks'))).toMatch(/sendInvoice default 1 0 .* ms .* ms .* ms .* ms \d+ %/)
  await redis.del(...(await redis.keys(`${base}tasks*`)))
})

test('keys that wait for a limit are shown with how many wait and run', async () => {
  expect(wordsOf(await page('/tasks'))).toContain('Nobody.')
  const gate = { k: 'crawl:a%3Ab', m: 2, r: [10, 1000] }
  await redis.rpush(
    `${base}park:crawl:a%3Ab`,
    JSON.stringify({ id: 'p', gate, task: 'crawl', since: Date.now() - 90_000 }),
    'x',
  )
  await redis.rpush(`${base}park:${EVIL}`, EVIL)
  await redis.sadd(`${base}held:crawl:a%3Ab`, 'h')
  await redis.zadd(`${base}parks`, 0, 'crawl:a%3Ab', 0, EVIL)
  const html = await page('/tasks')
  await redis.del(...['park:crawl:a%3Ab', `park:${EVIL}`, 'held:crawl:a%3Ab'].map((key) => base + key))
  expect(wordsOf(html)).toMatch(/crawl default a:b 2 1 of 2 10 in 1.0 sec 1 min/)
  expect(html).not.toContain('<script')
})

test('waiting and delayed jobs are listed, a retry with its error', async () => {
  expect(wordsOf(await page('/jobs'))).toContain('No job waits')
  await redis.rpush(`${base}queue`, JSON.stringify({ id: 'w1', task: 'w', data: { password: 'hunter2' } }))
  await redis.zadd(
    `${base}later`,
    Date.now() + HOUR,
    JSON.stringify({ id: 'l1', task: 'l', n: 2, error: EVIL }),
  )
  expect(await page('/jobs')).toContain(`${PATH}/jobs/w1`)
  const later = await page('/jobs?place=later')
  expect(wordsOf(later)).toMatch(/l1 default .* UTC in .* 2 failures/)
  expect(later + (await page('/jobs'))).not.toMatch(/<script|hunter2/)
})

test('without a supervisor the page of processes says how to get one, and nothing is reloaded', async () => {
  expect(wordsOf(await page('/processes'))).toContain('No supervisor runs on DATA_DIR')
  const { status, headers } = await post(boss, `${PATH}/reload`)
  expect([status, headers.get('location')]).toEqual([303, `${PATH}/processes`])
  expect(noticeOf(await page('/processes'))).toBe('There is no supervisor to ask')
})

test('a page of twenty thousand dead jobs, of as many tasks, is as short as any other', async () => {
  const jobs = Array.from({ length: 20_000 }, (_, i) =>
    JSON.stringify({ id: `j${i}`, task: `t${i}`, error: EVIL.repeat(60), data: { text: 'x'.repeat(500) } }),
  )
  for (let i = 0; i < jobs.length; i += 1000) await redis.rpush(`${base}dead`, ...jobs.slice(i, i + 1000))
  for (const path of ['/dead', '/dead?error=nothing', '/dead?from=19990', '/dead/confirm?do=drop', '']) {
    const { status, text } = await boss.get(PATH + path, HTML)
    expect([path, status, text.length < 150_000, text.includes('<script')]).toEqual([path, 200, true, false])
  }
})

test('a first job in line that says an absurd time does no harm to what is said of the lag', async () => {
  for (const since of ['1e999', '-1e999', '-1e300']) {
    await redis.del(`${base}queue`)
    await redis.rpush(`${base}queue`, `{"id":"w","task":"w","since":${since}}`)
    expect([since, (await app.deps.queueAdmin.stats()).lagMs]).toEqual([since, 0])
    expect(wordsOf(await page())).not.toContain('NaN')
  }
})

test('nobody but operators opens these pages or sends their forms, and no other origin does', async () => {
  await deadJob('d1')
  const member = await app.member()
  for (const path of ['/tasks', '/jobs', '/dead', '/dead/confirm?do=drop', '/processes']) {
    expect([path, (await member.get(PATH + path, HTML)).status]).toEqual([path, 403])
    expect([path, (await app.visitor().get(PATH + path, HTML)).status]).toEqual([path, 303])
  }
  for (const [path, fields] of [['/dead', { do: 'drop' }] as const, ['/reload', undefined] as const]) {
    expect((await post(member, PATH + path, fields, { Accept: '*/*' })).status).toBe(401)
    expect((await post(boss, PATH + path, fields, { Origin: 'https://evil.example' })).status).toBe(403)
  }
  expect(await ids('dead')).toEqual(['d1'])
})

const executable = findChromium()

test.skipIf(executable === undefined)(
  'in a browser without JavaScript: filter the dead, choose one, retry it, discard the others, see each page',
  async () => {
    await die({ id: 'one', task: 'mail', error: 'Error: no route' })
    await die({ id: 'two', task: 'mail', error: 'Error: refused' })
    await die({ id: 'three', task: 'other', error: 'Error: no route' })
    const browser = await launchChromium(executable ?? '')
    try {
      const context = await browser.newContext({ javaScriptEnabled: false })
      const tab = await context.newPage()
      await tab.goto(`${app.url}${PATH}/dead`)
      await tab.getByLabel('Email').fill(boss.account.email)
      await tab.getByLabel('Password').fill(boss.account.password)
      await tab.getByRole('button', { name: 'Enter' }).click()
      await tab.getByLabel('Error contains').fill('no route')
      await tab.getByRole('button', { name: 'Filter' }).click()
      await tab.getByLabel('Choose one').check()
      await tab.getByRole('button', { name: 'Retry the chosen' }).click()
      await tab.getByRole('button', { name: 'Retry them' }).click()
      await tab.getByRole('status').getByText('1 job went back into the queue').waitFor()
      await tab.getByRole('link', { name: 'Show all' }).click()
      await tab.getByRole('link', { name: 'Discard all' }).click()
      await tab.getByRole('button', { name: 'Discard them' }).click()
      await tab.getByRole('status').getByText('2 jobs discarded').waitFor()
      for (const name of ['Tasks', 'Waiting', 'Processes', 'Queue']) {
        await tab.getByRole('navigation', { name: 'For operators' }).getByRole('link', { name }).click()
        await tab.locator(`.tabs [aria-current]:text-is("${name}")`).waitFor()
      }
      await context.close()
    } finally {
      await browser.close()
    }
    expect([await ids('dead'), await ids('waiting')]).toEqual([[], ['one']])
  },
)
