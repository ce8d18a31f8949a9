// The door of the page for operators: who gets in, and who does not.
import { describe, expect, test } from 'bun:test'
import { ENTER } from '../product/door.tsx'
import { startApp } from '../support/harness.ts'
import { HTML } from '../support/forms.ts'
import { FORM, openOperatorsPage, PATH } from './operators.ts'

const { app, base, boss, deadJob, ids, page, post, redis } = await openOperatorsPage()

const ACTIONS = {
  retry: { job: 'd1' },
  drop: { job: 'd1' },
  pause: {},
  resume: {},
  run: { cron: 'weekly' },
}

describe('at the door', () => {
  test('whoever is in is named by the email, and by nothing else', async () => {
    const html = await page()
    expect(html).toContain(boss.account.email)
    expect(html).not.toContain(boss.user.id)
  })

  test('a visitor is sent to sign in, and would come back; a program is told', async () => {
    await deadJob('d1')
    for (const path of [PATH, `${PATH}/jobs/d1?refresh=off`]) {
      const { status, text, headers } = await app.visitor().get(path, HTML)
      expect([status, text]).toEqual([303, ''])
      expect(headers.get('location')).toBe(`${ENTER}?next=${encodeURIComponent(path)}`)
    }
    // What was sent is not sent again: it leads back to the queue.
    const { status, headers } = await post(app.visitor(), `${PATH}/pause`)
    expect([status, headers.get('location')]).toEqual([303, `${ENTER}?next=${encodeURIComponent(PATH)}`])
    expect((await app.deps.queueAdmin.stats()).paused).toBe(false)
    expect((await app.visitor().get(PATH)).body.err).toStartWith('401: ')
  })

  test('a member of another role is told so, and sees and does nothing', async () => {
    const member = await app.member()
    await redis.del(`${base}queue`) // the greeting
    await deadJob('d1')
    const { status, text } = await member.get(PATH, HTML)
    expect(status).toBe(403)
    expect(text).toContain('Your account has the role writer')
    expect(text).toContain('>Leave</button>')
    expect(text).not.toContain(`href="${PATH}"`)
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

  test('whoever enters on the way to it arrives at it', async () => {
    const visitor = app.visitor()
    const { headers } = await visitor.get(`${PATH}?refresh=off`, HTML)
    const entered = await post(visitor, headers.get('location') ?? '', boss.account)
    expect([entered.status, entered.headers.get('location')]).toEqual([303, `${PATH}?refresh=off`])
    expect((await visitor.get(PATH, HTML)).text).toContain('Dead jobs')
  })

  test('a page of another origin, or of none, can send no form', async () => {
    await deadJob('d1')
    // In development any port of localhost may call the API with cookies; these forms are not for it.
    const origins = ['https://evil.example', 'null', 'http://localhost:3000', '', undefined]
    for (const origin of origins) {
      const headers = { 'Content-Type': FORM, ...(origin !== undefined && { Origin: origin }) }
      for (const [action, fields] of Object.entries(ACTIONS)) {
        const reply = await boss.send(
          'POST',
          `${PATH}/${action}`,
          new URLSearchParams(fields).toString(),
          headers,
        )
        expect([origin, action, reply.status]).toEqual([origin, action, 403])
      }
    }
    for (const type of ['text/plain', 'application/json', 'multipart/form-data; boundary=x']) {
      const reply = await post(boss, `${PATH}/drop`, { job: 'd1' }, { 'Content-Type': type })
      expect([type, reply.status]).toEqual([type, 415])
    }
    expect(await ids('dead')).toEqual(['d1'])
    expect((await boss.get(PATH, HTML)).status).toBe(200)
  })

  test('its pages are kept by no cache, whoever asks', async () => {
    for (const path of [PATH, `${PATH}/jobs/none`]) {
      for (const client of [boss, app.visitor()]) {
        expect((await client.get(path, HTML)).headers.get('cache-control')).toBe('no-store')
      }
    }
  })

  test('with OPERATORS_PAGE=off it does not exist; in production it does', async () => {
    const off = await startApp({ OPERATORS_PAGE: 'off' })
    const production = await startApp({ NODE_ENV: 'production' })
    try {
      expect((await off.visitor().get(PATH, HTML)).status).toBe(404)
      expect((await production.visitor().get(PATH, HTML)).status).toBe(303)
    } finally {
      await Promise.all([off.close(), production.close()])
    }
  })
})
