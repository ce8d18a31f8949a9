// The door of the page for operators: who gets in, and who does not.
import { describe, expect, test } from 'bun:test'
import { hashesVerified, startApp } from '../support/harness.ts'
import { FORM, HTML, openOperatorsPage, PATH } from './operators.ts'

const { act, app, base, boss, deadJob, ids, page, post, redis } = await openOperatorsPage()

const ACTIONS = {
  retry: { job: 'd1' },
  'retry-all': {},
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
    const member = await app.member()
    await redis.del(`${base}queue`) // the greeting
    await deadJob('d1')
    const { status, text } = await member.get(PATH, HTML)
    expect(status).toBe(403)
    expect(text).toContain('Your account has the role writer')
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
    const member = await app.member()
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
      const login = await app.visitor().post('/club/enter', given)
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
    const { account, user } = await app.member('owner')
    await app.changeRole(user.id, 'banned')
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
      expect((await production.visitor().get(PATH, HTML)).status).toBe(401)
    } finally {
      await Promise.all([off.close(), production.close()])
    }
  })
})
