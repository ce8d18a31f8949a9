// The pages of login by a mailed code, as a browser without scripts uses them.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { users } from '../src/account/table.ts'
import { alertOf, HTML, noticeOf, submit } from './kit/support/forms.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'
import { memberWithTotp } from './support/totp.ts'

let app: AppWithMail
beforeAll(async () => {
  app = await startWithMail({ MAIL_LOGIN: 'on' })
})
afterAll(() => app.close())

const SIGN_IN = '/api/auth/sign-in'
const ASK = `${SIGN_IN}/mail`
const CONFIRM = '/api/auth/confirm'
const NEXT = '?next=%2Fapi%2Fme'

const nextCode = async (email: string) =>
  /\d{6}/.exec((await app.nextMail(email, 'Your code')).text)?.[0] ?? ''
const leadsTo = (reply: Awaited<ReturnType<typeof submit>>) => [reply.status, reply.headers.get('location')]

async function owner() {
  const member = await app.member()
  await app.deps.db.update(users).set({ email_proof: 'mail' }).where(eq(users.id, member.user.id))
  return member
}
type Member = Awaited<ReturnType<typeof owner>>

/** Without a password, and logged in a while ago. */
async function withoutPassword(member: Member): Promise<Member> {
  await app.deps.db.update(users).set({ password: null }).where(eq(users.id, member.user.id))
  const ago = Date.now() - 16 * 60_000
  const token = member.cookies.get('session') ?? ''
  const aged = await app.deps.sessions.rotate(token, { loginAt: ago, provenAt: ago })
  member.cookies.set('session', aged?.token ?? '')
  return member
}

test('the page to sign in offers a code; it is asked for, typed, and leads on; its cookie goes nowhere else', async () => {
  const { account } = await owner()
  const browser = app.visitor()
  expect((await browser.get(SIGN_IN + NEXT, HTML)).text).toContain(`${ASK}${NEXT}`)
  expect((await browser.get(ASK + NEXT, HTML)).status).toBe(200)
  const asked = await submit(browser, ASK + NEXT, { email: account.email })
  expect(leadsTo(asked)).toEqual([303, `${ASK}/code${NEXT}`])
  const cookie = asked.headers.getSetCookie().find((one) => one.startsWith('mailed_code='))
  expect(cookie).toMatch(
    /^mailed_code=[0-9a-f]{64}; Max-Age=600; Path=\/api\/auth\/sign-in\/mail; HttpOnly; SameSite=Lax$/,
  )
  const page = await browser.get(`${ASK}/code${NEXT}`, HTML)
  expect(noticeOf(page.text)).toContain(account.email)
  expect(page.text).not.toContain(browser.cookies.get('mailed_code') ?? '')
  const code = await nextCode(account.email)
  const other = code === '111111' ? '222222' : '111111'
  const wrong = await submit(browser, `${ASK}/code${NEXT}`, { one_time_password: other })
  expect([wrong.status, alertOf(wrong.text)]).toEqual([400, expect.stringContaining('That is not the code')])
  const stranger = await submit(app.visitor(), `${ASK}/code`, { one_time_password: code })
  expect(stranger.status).toBe(400)
  const foreign = { Origin: 'https://evil.example' }
  expect((await submit(browser, `${ASK}/code`, { one_time_password: code }, foreign)).status).toBe(403)
  const typed = { one_time_password: `${code.slice(0, 3)} ${code.slice(3)} ` }
  const done = await submit(browser, `${ASK}/code${NEXT}`, typed)
  expect(leadsTo(done)).toEqual([303, '/api/me'])
  expect([...browser.cookies.keys()]).toEqual(['session'])
  expect(done.headers.getSetCookie().join()).not.toContain('Max-Age=2592000') // nothing was ticked
  expect((await browser.get('/api/me')).body.me.email).toBe(account.email)
})

test('an unknown address is answered the same', async () => {
  const { account } = await owner()
  const pages: string[] = []
  for (const email of [account.email, 'nobody@example.com']) {
    const browser = app.visitor()
    const asked = await submit(browser, ASK, { email })
    const page = await browser.get(asked.headers.get('location') ?? '', HTML)
    const wrong = await submit(browser, `${ASK}/code`, { one_time_password: '12345' })
    pages.push([asked.status, page.text, wrong.status].join().replaceAll(email, ''))
  }
  expect(pages[0]).toBe(pages[1] as string)
})

test('no answer leads to another site', async () => {
  const browser = app.visitor()
  const asked = await submit(browser, `${ASK}?next=https%3A%2F%2Fevil.example`, { email: 'a@example.com' })
  expect(leadsTo(asked)).toEqual([303, `${ASK}/code?next=%2Fapi%2Fauth%2Faccount`])
})

test('a second factor follows on its page', async () => {
  const { email, code } = await memberWithTotp(app)
  const browser = app.visitor()
  await submit(browser, ASK + NEXT, { email })
  const typed = { one_time_password: await nextCode(email) }
  const asked = await submit(browser, `${ASK}/code${NEXT}`, typed)
  expect(leadsTo(asked)).toEqual([303, `/api/auth/second${NEXT}`])
  const done = await submit(browser, `/api/auth/second${NEXT}`, { one_time_password: await code() })
  expect(leadsTo(done)).toEqual([303, '/api/me'])
})

test('who has no password confirms by a code; who has one is offered none', async () => {
  const member = await owner()
  expect((await member.get(CONFIRM, HTML)).text).not.toContain('Mail me a code')
  expect((await member.get('/api/auth/account', HTML)).text).toContain('Change your password')
  await withoutPassword(member)
  expect((await member.get('/api/auth/account', HTML)).text).toContain('Choose your password')
  const wanted = '/api/auth/account/password'
  const confirm = (await member.get(wanted, HTML)).headers.get('location') ?? ''
  const page = await member.get(confirm, HTML)
  expect(page.text).toContain('Mail me a code')
  expect(page.text).not.toContain('type="password"')
  const [, button = ''] = /action="([^"]*confirm\/mail[^"]*)"/.exec(page.text) ?? []
  const asked = await submit(member, button)
  const codePage = asked.headers.get('location') ?? ''
  expect([asked.status, codePage]).toEqual([303, `${CONFIRM}/mail/code?next=${encodeURIComponent(wanted)}`])
  const typed = { one_time_password: await nextCode(member.account.email) }
  expect(leadsTo(await submit(member, codePage, typed))).toEqual([303, wanted])
  const chosen = await submit(member, wanted, { password: 'Other1234' })
  expect(leadsTo(chosen)).toEqual([303, '/api/auth/account'])
  expect((await member.get(CONFIRM, HTML)).text).toContain('type="password"')
})

test('off, no page offers it, and its page says that it is closed', async () => {
  const closed = await startWithMail()
  try {
    expect((await closed.visitor().get(SIGN_IN, HTML)).text).not.toContain(ASK)
    expect((await closed.visitor().get(ASK, HTML)).status).toBe(403)
    expect((await submit(closed.visitor(), ASK, { email: 'a@example.com' })).status).toBe(403)
  } finally {
    await closed.close()
  }
})
