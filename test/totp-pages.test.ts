// The pages of codes by an app, as a browser without scripts uses them.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { alertOf, HTML, noticeOf, submit } from './kit/support/forms.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'
import { memberWithTotp, wrongCode } from './support/totp.ts'

let app: AppWithMail
beforeAll(async () => {
  app = await startWithMail()
})
afterAll(() => app.close())

const SIGN_IN = '/api/auth/sign-in'
const SECOND = '/api/auth/second'
const FACTORS = '/api/auth/account/factors'

test('to sign in leads to the page for the code, which leads on; its cookie goes nowhere else', async () => {
  const owner = await memberWithTotp(app)
  const { email, password } = owner
  const browser = app.visitor()
  const asked = await submit(browser, `${SIGN_IN}?next=%2Fapi%2Fme`, { email, password })
  expect([asked.status, asked.headers.get('location'), asked.text]).toEqual([
    303,
    `${SECOND}?next=%2Fapi%2Fme`,
    '',
  ])
  const [cookie] = asked.headers.getSetCookie()
  expect(asked.headers.getSetCookie()).toHaveLength(1)
  expect(cookie).toMatch(
    /^second=[0-9a-f]{64}; Max-Age=300; Path=\/api\/auth\/second; HttpOnly; SameSite=Lax$/,
  )
  const page = await browser.get(`${SECOND}?next=%2Fapi%2Fme`, HTML)
  expect([page.status, page.headers.get('cache-control')]).toEqual([200, 'no-store'])
  expect(page.text).not.toContain(browser.cookies.get('second') ?? '')
  const path = `${SECOND}?next=%2Fapi%2Fme`
  const wrong = await submit(browser, path, { one_time_password: wrongCode(owner.secret) })
  expect([wrong.status, alertOf(wrong.text)]).toEqual([400, expect.stringContaining('That is not right')])
  const done = await submit(browser, path, { one_time_password: ` ${await owner.code()} ` })
  expect([done.status, done.headers.get('location')]).toEqual([303, '/api/me'])
  expect([...browser.cookies.keys()]).toEqual(['session'])
  expect((await browser.get('/api/me')).body.me.id).toBe(owner.id)
})

test('without our pages no browser is led to one', async () => {
  const bare = await startWithMail({ AUTH_PAGES: 'off' })
  try {
    const { email, password } = await memberWithTotp(bare)
    const reply = await bare.visitor().post('/api/login', { email, password }, HTML)
    expect([reply.status, reply.body.code]).toEqual([401, 'second_factor_required'])
  } finally {
    await bare.close()
  }
})

test('a recovery code does as well; a browser without the cookie, and another site, get nowhere', async () => {
  const owner = await memberWithTotp(app)
  const browser = app.visitor()
  await submit(browser, SIGN_IN, owner.member.account)
  const answer = { one_time_password: owner.recovery[3] ?? '' }
  const stranger = await submit(app.visitor(), SECOND, answer)
  expect([stranger.status, alertOf(stranger.text)]).toEqual([400, expect.stringContaining('begin it anew')])
  const foreign = await submit(browser, SECOND, answer, { Origin: 'https://evil.example' })
  expect(foreign.status).toBe(403)
  expect((await submit(browser, SECOND, answer)).status).toBe(303)
})

test('to confirm that it is oneself takes the code, too, and goes on with what needed it', async () => {
  const owner = await memberWithTotp(app)
  const { member, password } = owner
  const ago = Date.now() - 16 * 60_000
  const aged = await app.deps.sessions.rotate(member.cookies.get('session') ?? '', {
    loginAt: ago,
    provenAt: ago,
  })
  member.cookies.set('session', aged?.token ?? '')
  const confirm = (await member.get('/api/auth/account/password', HTML)).headers.get('location') ?? ''
  const asked = await submit(member, confirm, { password })
  expect(asked.headers.get('location')).toBe(`${SECOND}?next=%2Fapi%2Fauth%2Faccount%2Fpassword`)
  expect((await member.get('/api/auth/account/password', HTML)).status).toBe(303)
  const done = await submit(member, asked.headers.get('location') ?? '', {
    one_time_password: await owner.code(),
  })
  expect(done.headers.get('location')).toBe('/api/auth/account/password')
  expect((await member.get('/api/auth/account/password', HTML)).status).toBe(200)
})

test('recovery codes are renewed and shown once, and the app is removed; a mail tells each', async () => {
  const owner = await memberWithTotp(app)
  const { member, email } = owner
  expect((await member.get('/api/auth/account', HTML)).text).toContain(`href="${FACTORS}"`)
  expect((await member.get(FACTORS, HTML)).text).toContain(`href="${FACTORS}/totp"`)
  expect((await member.get(`${FACTORS}/totp`, HTML)).text).toContain('10 codes left')
  const renewed = await submit(member, `${FACTORS}/totp/renew`)
  expect([renewed.status, renewed.headers.get('cache-control')]).toEqual([200, 'no-store'])
  const [first = ''] = renewed.text.match(/([a-z2-9]{6}-){3}[a-z2-9]{6}/g) ?? []
  expect(owner.recovery).not.toContain(first)
  const removed = await submit(member, `${FACTORS}/totp/remove`)
  expect(removed.headers.get('location')).toBe(FACTORS)
  expect(noticeOf((await member.get(FACTORS, HTML)).text)).toBe('The app is removed')
  const mails: string[] = []
  for (const _ of [1, 2, 3]) mails.push((await app.nextMail(email, 'The second factor')).text)
  for (const told of ['was added', 'recovery codes were replaced', 'was removed'])
    expect(mails.filter((text) => text.includes(told))).toHaveLength(1)
  expect((await member.get(`${FACTORS}/totp`, HTML)).text).toContain(`href="${FACTORS}/totp/new"`)
})
