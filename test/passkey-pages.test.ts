// Passkeys on the pages, in Chromium with an authenticator of its own: added, offered, asked for, and refused.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import type { CDPSession, Page } from 'playwright-core'
import { users } from '../src/account/table.ts'
import { passkeys } from '../src/passkeys/table.ts'
import { findChromium, launchChromium } from './kit/support/chromium.ts'
import { HTML, submit } from './kit/support/forms.ts'
import { startApp, type TestApp } from './support/harness.ts'
import { freePort } from './kit/support/ports.ts'

const SIGN_IN = '/api/auth/sign-in'
const OWN = '/api/auth/account/factors/passkeys'

let app: TestApp
/** A browser takes passkeys for a name alone, and over plain HTTP for this one. */
let site: string
beforeAll(async () => {
  const PORT = String(await freePort())
  site = `http://localhost:${PORT}`
  app = await startApp({ PORT, APP_URL: site })
})
afterAll(() => app.close())

async function verifiedMember() {
  const member = await app.member()
  await app.deps.db.update(users).set({ email_proof: 'mail' }).where(eq(users.id, member.user.id))
  return member
}
type Member = Awaited<ReturnType<typeof verifiedMember>>

test('without script nothing is offered, and the form to add one says what it lacks', async () => {
  const member = await verifiedMember()
  const page = await app.visitor().get(SIGN_IN, HTML)
  expect(page.text).toContain('<button type="button" hidden="" data-passkey="true"')
  expect(page.headers.get('content-security-policy')).toContain("script-src 'self'; connect-src 'self'")
  const reply = await submit(member, `${OWN}/new`, { name: 'Phone' })
  expect([reply.status, reply.text.includes('a browser that runs the script')]).toEqual([400, true])
  // No other page runs any.
  const other = await member.get('/api/auth/account', HTML)
  expect(other.headers.get('content-security-policy')).not.toContain('script-src')
})

test('to confirm, a passkey is offered to who has one alone', async () => {
  const member = await verifiedMember()
  const isOffered = async () => (await member.get('/api/auth/confirm', HTML)).text.includes('data-passkey')
  expect(await isOffered()).toBe(false)
  const made = { name: 'x', credential_id: 'x', public_key: 'x', sign_count: 0, transports: [] }
  const own = { ...made, user_id: member.user.id, can_be_backed_up: false, backed_up: false }
  await app.deps.db.insert(passkeys).values(own)
  expect(await isOffered()).toBe(true)
})

test('no page elsewhere sends the form that signs in: nobody is signed in to an account that is not theirs', async () => {
  const form = { ...HTML, 'Content-Type': 'application/x-www-form-urlencoded', Origin: 'http://evil.test' }
  for (const path of [`${SIGN_IN}/passkey`, '/api/auth/second/passkey'])
    expect((await app.visitor().send('POST', path, 'credential={}', form)).status).toBe(403)
})

test('without an app for codes the page of the second step asks for no code', async () => {
  const second = app.deps.secondStep ?? { factors: [] }
  const { factors } = second
  Object.assign(second, { factors: factors.filter(({ nameOf }) => !nameOf) })
  try {
    const { text } = await app.visitor().get('/api/auth/second', HTML)
    expect(text).toContain('<form method="post" class="form"></form>')
  } finally {
    Object.assign(second, { factors })
  }
})

const executable = findChromium()
if (executable === undefined)
  process.stderr.write(
    'SKIPPED a part of test/passkey-pages.test.ts: there is no Chromium to try passkeys in.\n',
  )

let browser: Awaited<ReturnType<typeof launchChromium>>
let tab: Page
let cdp: CDPSession
let authenticatorId: string
beforeAll(async () => {
  if (executable !== undefined) browser = await launchChromium(executable)
})
afterAll(() => browser?.close())
beforeEach(async () => {
  if (executable === undefined) return
  const context = await browser.newContext({ viewport: { width: 390, height: 800 } })
  tab = await context.newPage()
  cdp = await context.newCDPSession(tab)
  await cdp.send('WebAuthn.enable')
  await addAuthenticator({ hasUserVerification: true, isUserVerified: true, transport: 'internal' })
})
afterEach(() => tab?.context().close())

const inBrowser = test.skipIf(executable === undefined)
async function addAuthenticator(kind: {
  hasUserVerification: boolean
  isUserVerified?: boolean
  hasResidentKey?: boolean
  transport: 'internal' | 'usb'
}) {
  const options = {
    protocol: 'ctap2',
    hasResidentKey: true,
    automaticPresenceSimulation: true,
    ...kind,
  } as const
  const added = await cdp.send('WebAuthn.addVirtualAuthenticator', { options })
  authenticatorId = added.authenticatorId
}
const waysOf = async ({ user }: Member) => (await app.deps.sessions.allOf(user.id)).map(({ way }) => way)
const goTo = (path: string) => tab.goto(site + path)
const press = (name: string) => tab.getByRole('button', { name }).click()
const isAt = (path: string) => tab.waitForURL((url) => url.pathname === path)
const says = (text: string) => tab.getByText(text).waitFor()

/** Signs in by password; nothing is offered meanwhile. */
async function signIn({ account }: Member) {
  await goTo(SIGN_IN)
  await tab.getByLabel('Email').fill(account.email)
  await tab.getByLabel('Password').fill(account.password)
  await press('Sign in')
}

/** Adds a passkey on the page, and ends the session. */
async function addPasskey(member: Member) {
  await signIn(member)
  await isAt('/api/auth/account')
  await goTo(OWN)
  await tab.getByRole('link', { name: 'Add a passkey' }).click()
  await isAt(`${OWN}/new`) // with its script
  await tab.getByLabel('Name').fill('Test phone')
  await press('Add it')
  await says('Your passkey is added')
  await app.deps.sessions.destroyAllOf(member.user.id)
}

/** A browser that takes its time to say that it can offer passkeys: what is offered before a click would be chosen at once here. */
const OFFERS_ONLY_AFTER_A_CLICK = `PublicKeyCredential.isConditionalMediationAvailable = () =>
  new Promise((resolve) => addEventListener('click', () => resolve(true)))`

inBrowser('one is added, offered by the browser at the sign-in, renamed and deleted', async () => {
  const member = await verifiedMember()
  await addPasskey(member)
  const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId })
  expect(credentials).toMatchObject([{ isResidentCredential: true, rpId: 'localhost' }])
  // No click: whoever chooses it from what the browser offers at the field for the email is in.
  await goTo(`${SIGN_IN}?next=${encodeURIComponent(OWN)}`)
  await isAt(OWN)
  await says('used on')
  expect(await tab.evaluate('document.documentElement.scrollWidth')).toBe(390)
  // The device has one already.
  await goTo(`${OWN}/new`)
  await press('Add it')
  await says('This device has a passkey of yours already')
  await goTo(OWN)
  await tab.getByRole('link', { name: 'Rename Test phone' }).click()
  await tab.getByLabel('Name').fill('Old phone')
  await press('Rename it')
  await says('Your passkey has another name')
  await press('Delete Old phone')
  await says('That passkey is deleted')
  expect(await app.deps.db.$count(passkeys, eq(passkeys.user_id, member.user.id))).toBe(0)
})

inBrowser('no page shows a button that does nothing', async () => {
  const context = await browser.newContext({ javaScriptEnabled: false })
  const page = await context.newPage()
  await page.goto(site + SIGN_IN)
  expect(await page.locator('button:visible').allTextContents()).toEqual(['Sign in'])
  await context.close()
  await signIn(await verifiedMember())
  await isAt('/api/auth/account')
  await goTo(`${OWN}/new`)
  expect(await tab.locator('main button:visible').allTextContents()).toEqual(['Add it'])
})

inBrowser('one logs in at a click, until a copy of it comes', async () => {
  const member = await verifiedMember()
  await addPasskey(member)
  await tab.addInitScript(OFFERS_ONLY_AFTER_A_CLICK)
  let asked = 0
  tab.on('request', (request) => (asked += Number(request.url().endsWith('/passkey/options'))))
  await goTo(SIGN_IN)
  await press('Use a passkey')
  await isAt('/api/auth/account')
  expect(asked).toBe(1) // the offer that came late did not end what the click began
  await tab.context().clearCookies()
  const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId })
  const [credential] = credentials
  if (credential === undefined) throw new Error('there is no passkey')
  await cdp.send('WebAuthn.clearCredentials', { authenticatorId })
  await cdp.send('WebAuthn.addCredential', { authenticatorId, credential: { ...credential, signCount: 0 } })
  await goTo(SIGN_IN)
  await press('Use a passkey')
  await says('This passkey was not accepted')
  expect((await tab.context().cookies()).map(({ name }) => name)).not.toContain('session')
})

inBrowser(
  'a key that verifies nobody is no way in, but a second factor; one that does makes a login fresh',
  async () => {
    const member = await verifiedMember()
    await cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId })
    await addAuthenticator({ hasUserVerification: false, hasResidentKey: false, transport: 'usb' })
    await addPasskey(member)
    await goTo(SIGN_IN)
    await press('Use a passkey')
    await signIn(member)
    await isAt('/api/auth/second')
    await press('Use a passkey')
    await isAt('/api/auth/account')
    expect(await waysOf(member)).toEqual(['password+passkey'])
    await cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId })
    await addAuthenticator({ hasUserVerification: true, isUserVerified: true, transport: 'internal' })
    await goTo(`${OWN}/new`)
    await press('Add it')
    await says('Your passkey is added')
    await goTo(`/api/auth/confirm?next=${encodeURIComponent(OWN)}`)
    await press('Use a passkey')
    await isAt(OWN)
    expect(await waysOf(member)).toEqual(['passkey'])
  },
)
