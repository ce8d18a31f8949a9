// Passkeys: who adds one, what one opens, and what does not count for one. A browser tries them in passkey-pages.test.ts.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { changeRole } from '../src/account/change-role.ts'
import { deleteFor } from '../src/account/deletion.ts'
import { exportAccount } from '../src/account/export.ts'
import { resetFactors } from '../src/account/manage.ts'
import { oneTimeTokens, users } from '../src/account/table.ts'
import { auditEvents } from '../src/kit/audit/table.ts'
import { passkeys } from '../src/passkeys/table.ts'
import type { Client, Reply } from './kit/support/client.ts'
import { Passkey, type Lies } from './support/authenticator.ts'
import { OPERATOR } from './support/harness.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'
import { schema } from './support/worker.ts'

const ORIGIN = 'http://service.example'
const LOGIN = '/api/login/passkey'
const OWN = '/api/me/factors/passkeys'

let app: AppWithMail
beforeAll(async () => {
  app = await startWithMail()
})
afterAll(() => app.close())

const said = ({ status, body }: Reply) => (status < 400 ? status : `${status} ${body?.code}`)
const optionsOf = async (client: Client, path: string) => (await client.post(`${path}/options`)).body
const rowsOf = (id: string) => app.deps.db.select().from(passkeys).where(eq(passkeys.user_id, id))

async function verifiedMember() {
  const member = await app.member()
  await app.deps.db.update(users).set({ email_proof: 'mail' }).where(eq(users.id, member.user.id))
  return member
}

async function add(client: Client, passkey: Passkey, lies: Lies = {}) {
  const credential = await passkey.register(await optionsOf(client, OWN), lies)
  return client.post(OWN, { name: 'My phone', credential })
}

/** A logged-in client whose account has a passkey. */
async function owner(counter?: number) {
  const member = await verifiedMember()
  const passkey = await Passkey.make(ORIGIN, counter)
  const added = await add(member, passkey)
  expect(said(added)).toBe(201)
  return Object.assign(member, { passkey, added: added.body, id: member.user.id as string })
}

async function logIn(passkey: Passkey, lies: Lies = {}, client = app.visitor(), more = {}) {
  const credential = await passkey.sign(await optionsOf(client, LOGIN), lies)
  return client.post(LOGIN, { credential, ...more })
}

/** As after an hour in which nothing was proven. */
async function growStale(client: Client): Promise<void> {
  const ago = Date.now() - 60 * 60_000
  const aged = await app.deps.sessions.rotate(client.cookies.get('session') ?? '', {
    loginAt: ago,
    provenAt: ago,
  })
  client.cookies.set('session', aged?.token ?? '')
}

describe('a passkey', () => {
  test('is added, listed with nothing secret, renamed and deleted by its owner', async () => {
    const member = await owner()
    const { id } = member.added
    const shown = { id, name: 'My phone', backed_up: false, created: expect.any(String), last_used: null }
    expect(member.added).toEqual(shown)
    expect((await member.get(OWN)).body).toEqual([shown])
    expect((await member.get('/api/me/factors')).body).toEqual([{ name: 'passkey', since: shown.created }])
    const renamed = await member.patch(`${OWN}/${id}`, { name: 'The old phone' })
    expect(renamed.body).toEqual({ ...shown, name: 'The old phone' })
    expect(said(await member.delete(`${OWN}/${id}`))).toBe(200)
    expect([(await member.get(OWN)).body, said(await logIn(member.passkey))]).toEqual([
      [],
      '400 passkey_refused',
    ])
  })

  test('logs in without email and password, as itself in sessions, activity and trail', async () => {
    const { passkey, id, user } = await owner()
    const options = await optionsOf(app.visitor(), LOGIN)
    expect(options).toEqual({
      challenge: expect.stringMatching(/^[0-9a-f]{64}$/),
      rpId: 'service.example',
      timeout: 300_000,
      userVerification: 'required',
      allowCredentials: [],
    })
    const client = app.visitor()
    const reply = await logIn(passkey, {}, client)
    expect([said(reply), reply.body.id, reply.headers.get('cache-control')]).toEqual([
      200,
      user.id,
      'no-store',
    ])
    expect(reply.headers.get('set-cookie')).toContain('Max-Age=')
    expect((await client.get('/api/me')).body.me.id).toBe(user.id)
    const [session] = (await client.get('/api/me/sessions')).body
    expect(session).toMatchObject({ current: true, way: 'passkey' })
    const events = await app.deps.db.select().from(auditEvents).where(eq(auditEvents.account, id))
    expect(events.map(({ action, details }) => [action, details])).toContainEqual([
      'session.started',
      { way: 'passkey' },
    ])
    expect((await rowsOf(id))[0]).toMatchObject({ sign_count: 2, last_used: expect.any(Date) })
    // It is fresh: a factor was given.
    expect(said(await client.delete(`${OWN}/${(await rowsOf(id))[0]?.id}`))).toBe(200)
  })

  test('logs in an app, which gets the session as a token', async () => {
    const { passkey, user } = await owner()
    const client = app.visitor()
    const reply = await logIn(passkey, {}, client, { token: true })
    expect([client.cookies.size, typeof reply.body.token]).toEqual([0, 'string'])
    const me = await client.get('/api/me', { Authorization: `Bearer ${reply.body.token}` })
    expect(me.body.me.id).toBe(user.id)
  })

  test('that does not count its signatures logs in again and again', async () => {
    const { passkey } = await owner(0)
    expect([said(await logIn(passkey)), said(await logIn(passkey))]).toEqual([200, 200])
  })

  test('is exported, and goes with its account', async () => {
    const { id, passkey } = await owner()
    const running = {
      log: app.deps.log,
      progress: () => {},
      signal: new AbortController().signal,
    } as unknown as Parameters<typeof exportAccount>[2]
    const exported = await exportAccount({ ...app.deps, schema }, id, running)
    expect(exported).toMatchObject({ passkeys: [{ name: 'My phone' }] })
    expect(JSON.stringify(exported)).not.toContain(passkey.id)
    await app.deps.db.delete(users).where(eq(users.id, id))
    expect([await rowsOf(id), said(await logIn(passkey))]).toEqual([[], '400 passkey_refused'])
  })
})

describe('is refused at the login:', () => {
  test.each<[string, Lies]>([
    ['one of a page elsewhere', { origin: 'https://service.example.evil.test' }],
    ['one for another service', { rpId: 'evil.test' }],
    ['one that has not verified its user', { verifiesUser: false }],
    ['what was made as another kind of answer', { type: 'webauthn.create' }],
    ['one that says it is of nobody', { userHandle: undefined }],
    ['one that says it is of another account', { userHandle: crypto.randomUUID() }],
    ['a challenge that was made up', { challenge: '0'.repeat(64) }],
    ['a challenge that is no text', { challenge: 'x' }],
    ['a counter that stands', { counter: 1 }],
    ['a counter that goes back', { counter: 0 }],
  ])('%s', async (_what, lies) => {
    const { passkey, id } = await owner()
    expect(said(await logIn(passkey, lies))).toBe('400 passkey_refused')
    expect((await rowsOf(id))[0]).toMatchObject({ sign_count: 1, last_used: null })
    expect(said(await logIn(passkey))).toBe(200)
  })

  test('what was signed by another key, in the same words as an unknown one', async () => {
    const { passkey } = await owner()
    const other = Object.assign(await Passkey.make(ORIGIN, 9), { userHandle: passkey.userHandle })
    const unknown = await logIn(other)
    const forged = await logIn(Object.assign(other, { id: passkey.id }))
    expect([said(unknown), unknown.body.err]).toEqual(['400 passkey_refused', forged.body.err])
  })

  test('an answer that is sent again, and the second of two at once', async () => {
    for (const counter of [1, 0]) {
      const { passkey } = await owner(counter)
      const credential = await passkey.sign(await optionsOf(app.visitor(), LOGIN))
      const send = () => app.visitor().post(LOGIN, { credential })
      const both = (await Promise.all([send(), send()])).map(said)
      expect(both.toSorted()).toEqual([200, '400 passkey_refused'])
      expect(said(await send())).toBe('400 passkey_refused')
    }
  })

  test('the copy of one, once the other has gone on counting', async () => {
    const { passkey } = await owner()
    const copy = passkey.copy()
    expect([said(await logIn(passkey)), said(await logIn(passkey))]).toEqual([200, 200])
    expect(said(await logIn(copy))).toBe('400 passkey_refused')
  })

  test('an answer to a challenge for something else', async () => {
    const member = await owner()
    const toConfirm = await optionsOf(member, '/api/reauthenticate/passkey')
    const toAdd = await optionsOf(member, OWN)
    const { options: second } = (await app.visitor().post('/api/login', member.account)).body
    for (const challenge of [toConfirm.challenge, toAdd.challenge, second.passkey.challenge])
      expect(said(await logIn(member.passkey, { challenge }))).toBe('400 passkey_refused')
  })

  test('one of a disabled account, and of one that waits for nothing but its deletion', async () => {
    const { passkey, id } = await owner()
    await changeRole(app.deps, id, 'disabled', OPERATOR)
    expect(said(await logIn(passkey))).toBe('400 account_disabled')
    const gone = await owner()
    await deleteFor(app.deps, gone.id, OPERATOR)
    await app.deps.db
      .update(users)
      .set({ deletes: new Date(0) })
      .where(eq(users.id, gone.id))
    expect(said(await logIn(gone.passkey))).toBe('400 passkey_refused')
  })
})

describe('to add one', () => {
  test('takes a fresh login and a verified mailbox', async () => {
    const member = await app.member()
    expect(said(await member.post(`${OWN}/options`))).toBe('409 mailbox_proof_required')
    const fresh = await verifiedMember()
    const passkey = await Passkey.make(ORIGIN)
    const credential = await passkey.register(await optionsOf(fresh, OWN))
    await growStale(fresh)
    expect(said(await fresh.post(`${OWN}/options`))).toBe('401 fresh_login_required')
    expect(said(await fresh.post(OWN, { name: 'x', credential }))).toBe('401 fresh_login_required')
    expect(await rowsOf(fresh.user.id)).toEqual([])
  })

  test.each<[string, Lies]>([
    ['of a page elsewhere', { origin: 'https://evil.test' }],
    ['for another service', { rpId: 'evil.test' }],
    ['of another kind of answer', { type: 'webauthn.get' }],
    ['with a challenge that was made up', { challenge: 'f'.repeat(64) }],
  ])('nothing counts %s', async (_what, lies) => {
    const member = await verifiedMember()
    expect(said(await add(member, await Passkey.make(ORIGIN), lies))).toBe('400 passkey_refused')
  })

  test('a challenge counts once, for the account that asked, and for this alone', async () => {
    const [ann, ben] = [await owner(), await verifiedMember()]
    const passkey = await Passkey.make(ORIGIN)
    const credential = await passkey.register(await optionsOf(ann, OWN))
    expect(said(await ben.post(OWN, { name: 'x', credential }))).toBe('400 passkey_refused')
    expect(said(await ann.post(OWN, { name: 'x', credential }))).toBe(201)
    expect(said(await ann.post(OWN, { name: 'x', credential }))).toBe('400 passkey_refused')
    const { challenge } = await optionsOf(app.visitor(), LOGIN)
    expect(said(await add(ann, await Passkey.make(ORIGIN), { challenge }))).toBe('400 passkey_refused')
  })

  test("another account's is not taken over", async () => {
    const [ann, ben] = [await owner(), await verifiedMember()]
    expect(said(await add(ben, ann.passkey))).toBe('400 passkey_refused')
    expect(await rowsOf(ben.user.id)).toEqual([])
    expect((await rowsOf(ann.id)).length).toBe(1)
  })

  test('is known by the id that its device has given it, of a length that can be stored', async () => {
    const member = await verifiedMember()
    const [passkey, other] = [await Passkey.make(ORIGIN), await Passkey.make(ORIGIN)]
    for (const bytes of [0, 8000]) {
      passkey.id = Buffer.alloc(bytes, 7).toString('base64url')
      const credential = await passkey.register(await optionsOf(member, OWN))
      const named = { ...credential, id: other.id, rawId: other.id }
      expect(said(await member.post(OWN, { name: 'My phone', credential: named }))).toBe(
        '400 passkey_refused',
      )
    }
  })

  test('an account has twenty at most, and no device is asked for a second one', async () => {
    const member = await owner()
    const [row] = await rowsOf(member.id)
    const others = Array.from({ length: 18 }, (_, i) => {
      if (row === undefined) throw new Error('there is none')
      const { id: _id, ...rest } = row
      return { ...rest, credential_id: `${rest.credential_id}${i}` }
    })
    await app.deps.db.insert(passkeys).values(others)
    expect((await optionsOf(member, OWN)).excludeCredentials).toHaveLength(19)
    expect(said(await add(member, await Passkey.make(ORIGIN)))).toBe(201)
    expect(said(await add(member, await Passkey.make(ORIGIN)))).toBe('409 too_many_passkeys')
  })

  test('ends the other sessions, and mails a link that undoes it', async () => {
    const member = await verifiedMember()
    const { email, password } = member.account
    const other = app.visitor()
    await other.post('/api/login', { email, password })
    const passkey = await Passkey.make(ORIGIN)
    await add(member, passkey)
    expect([(await other.get('/api/me')).status, (await member.get('/api/me')).status]).toEqual([401, 200])
    const token = await app.nextToken(email, 'The second factor')
    expect(said(await app.visitor().post('/api/factors/undo', { token }))).toBe(200)
    expect([said(await logIn(passkey)), (await member.get('/api/me')).status]).toEqual([
      '400 passkey_refused',
      401,
    ])
  })
})

describe('to delete one', () => {
  test("takes a fresh login; another account's cannot be renamed or deleted", async () => {
    const [ann, ben] = [await owner(), await owner()]
    const path = `${OWN}/${ben.added.id}`
    expect([said(await ann.patch(path, { name: 'x' })), said(await ann.delete(path))]).toEqual([
      '404 not_found',
      '404 not_found',
    ])
    await growStale(ben)
    expect(said(await ben.delete(path))).toBe('401 fresh_login_required')
    expect(await rowsOf(ben.id)).toMatchObject([{ name: 'My phone' }])
  })

  test('is undone by the link of its mail', async () => {
    const member = await owner()
    const before = await rowsOf(member.id)
    await app.nextMail(member.account.email, 'The second factor')
    await member.delete(`${OWN}/${member.added.id}`)
    const token = await app.nextToken(member.account.email, 'The second factor')
    expect(said(await app.visitor().post('/api/factors/undo', { token }))).toBe(200)
    expect(await rowsOf(member.id)).toEqual(before)
    expect(said(await logIn(member.passkey))).toBe(200)
  })

  test('the last way in stays', async () => {
    const member = await owner()
    await app.deps.db.update(users).set({ password: null }).where(eq(users.id, member.id))
    expect(said(await member.delete(`${OWN}/${member.added.id}`))).toBe('409 last_way_in')
    expect(said(await logIn(member.passkey))).toBe(200)
    const second = await add(member, await Passkey.make(ORIGIN))
    expect(said(await member.delete(`${OWN}/${second.body.id}`))).toBe(200)
  })
})

describe('as second factor', () => {
  /** The right password, and what it is answered. */
  async function begin(member: Awaited<ReturnType<typeof owner>>, client: Client) {
    const { email, password } = member.account
    const reply = await client.post('/api/login', { email, password })
    expect(said(reply)).toBe('401 second_factor_required')
    return reply.body as { challenge: string; factors: string[]; options: { passkey: never } }
  }

  test('it is asked for after the password, and need not verify its user', async () => {
    const member = await owner()
    const client = app.visitor()
    const { challenge, factors, options } = await begin(member, client)
    expect(factors).toEqual(['passkey'])
    expect(options.passkey).toMatchObject({
      userVerification: 'preferred',
      allowCredentials: [{ type: 'public-key', id: member.passkey.id, transports: ['internal'] }],
    })
    const passkey = await member.passkey.sign(options.passkey, { verifiesUser: false })
    const reply = await client.post('/api/login/second', { challenge, passkey })
    expect([said(reply), reply.body.id]).toEqual([200, member.id])
    const [session] = (await client.get('/api/me/sessions')).body
    expect(session.way).toBe('password+passkey')
    expect(said(await client.post('/api/login/second', { challenge, passkey }))).toBe('400 challenge_expired')
  })

  test("another account's, and the answer to another challenge, are wrong", async () => {
    const [ann, ben] = [await owner(), await owner()]
    const { challenge, options } = await begin(ann, app.visitor())
    const before = await begin(ann, app.visitor())
    const send = (passkey: object) => app.visitor().post('/api/login/second', { challenge, passkey })
    const wrong = [
      await ben.passkey.sign(options.passkey),
      await ben.passkey.sign(options.passkey, { userHandle: ann.id }),
      await ann.passkey.sign(before.options.passkey),
      await ann.passkey.sign(await optionsOf(app.visitor(), LOGIN)),
    ]
    for (const passkey of wrong) expect(said(await send(passkey))).toBe('400 wrong_factor')
    expect(said(await send(await ann.passkey.sign(options.passkey)))).toBe(200)
  })
})

describe('a session', () => {
  const CONFIRM = '/api/reauthenticate/passkey'
  test('is made fresh by a passkey of its account that verifies its user, under a new id', async () => {
    const [ann, ben] = [await owner(), await owner()]
    await growStale(ann)
    const before = ann.cookies.get('session')
    const send = async (passkey: Passkey, lies?: Lies) =>
      said(await ann.post(CONFIRM, { credential: await passkey.sign(await optionsOf(ann, CONFIRM), lies) }))
    expect(await send(ben.passkey)).toBe('400 passkey_refused')
    expect(await send(ben.passkey, { userHandle: ann.id })).toBe('400 passkey_refused')
    expect(await send(ann.passkey, { verifiesUser: false })).toBe('400 passkey_refused')
    const ofBen = (await optionsOf(ben, CONFIRM)).challenge
    expect(await send(ann.passkey, { challenge: ofBen })).toBe('400 passkey_refused')
    expect(said(await ann.post(`${OWN}/options`))).toBe('401 fresh_login_required')
    expect(await send(ann.passkey)).toBe(200)
    expect(ann.cookies.get('session')).not.toBe(before)
    expect(said(await ann.post(`${OWN}/options`))).toBe(200)
  })

  test('of a program or of a superuser who acts as the account reaches nothing of it', async () => {
    const member = await owner()
    const { token } = (await member.post('/api/me/tokens', { name: 'x', abilities: ['read', 'write'] })).body
    const program = app.visitor({ Authorization: `Bearer ${token}` })
    const boss = await app.member('superuser')
    expect(said(await boss.post(`/api/users/${member.id}/impersonate`, {}))).toBe(200)
    const path = `${OWN}/${member.added.id}`
    for (const [client, code] of [
      [program, '403 token_not_allowed'],
      [boss, '403 impersonation_not_allowed'],
    ] as const) {
      const calls = [
        client.post(`${OWN}/options`),
        client.post(OWN, { name: 'x', credential: {} }),
        client.patch(path, { name: 'x' }),
        client.delete(path),
        client.post(`${CONFIRM}/options`),
        client.post(CONFIRM, { credential: {} }),
      ]
      for (const call of calls) expect(said(await call)).toBe(code)
    }
    expect(said(await program.get(OWN))).toBe('403 token_not_allowed')
    expect(await rowsOf(member.id)).toMatchObject([{ name: 'My phone' }])
  })
})

describe('whoever proves the mailbox', () => {
  async function reset(email: string) {
    await app.visitor().post('/api/password/forgot', { email })
    const token = await app.nextToken(email, 'Choose a new password')
    expect(said(await app.visitor().post('/api/password/reset', { token, password: 'Another7' }))).toBe(200)
  }

  test('of an account that was never verified removes the passkeys that were made before', async () => {
    const { id, passkey, account } = await owner()
    await app.deps.db.update(users).set({ email_proof: null }).where(eq(users.id, id))
    await reset(account.email)
    expect([await rowsOf(id), said(await logIn(passkey))]).toEqual([[], '400 passkey_refused'])
  })

  test('of a verified one skips no second factor', async () => {
    const { id, account } = await owner()
    await reset(account.email)
    const login = await app.visitor().post('/api/login', { email: account.email, password: 'Another7' })
    expect([said(login), (await rowsOf(id)).length]).toEqual(['401 second_factor_required', 1])
  })
})

test('what mails the owner is limited: a thief of a login fills no mailbox, so that the last mail is not sent', async () => {
  const strict = await startWithMail({ RATE_LIMIT: 'on', RATE_LIMIT_ACCOUNT: '2' })
  try {
    const member = await strict.member()
    const replies = []
    for (let i = 0; i < 3; i++) replies.push(said(await member.delete(`${OWN}/${crypto.randomUUID()}`)))
    expect(replies).toEqual(['404 not_found', '404 not_found', '429 rate_limit_exceeded'])
  } finally {
    await strict.close()
  }
})

test('whoever runs the service removes them, for an owner who has lost all', async () => {
  const { id, passkey, account } = await owner()
  expect(await resetFactors(app.deps, id, OPERATOR)).toBe(true)
  expect(said(await logIn(passkey))).toBe('400 passkey_refused')
  expect(said(await app.visitor().post('/api/login', account))).toBe(200)
})

test('an owner keeps changes only by a passkey of seven days, the latest of several', async () => {
  const member = await owner()
  const week = new Date(Date.now() - 8 * 24 * 60 * 60_000)
  await app.deps.db.update(passkeys).set({ created: week }).where(eq(passkeys.user_id, member.id))
  const thiefs = await Passkey.make(ORIGIN)
  await add(member, thiefs)
  const thief = app.visitor()
  await logIn(thiefs, {}, thief)
  expect(said(await thief.post('/api/me/factors/keep'))).toBe('409 older_factor_required')
  const links = await app.deps.db.select().from(oneTimeTokens).where(eq(oneTimeTokens.user_id, member.id))
  expect(links.filter(({ purpose }) => purpose === 'factor_undo')).toHaveLength(2)
})

test('a role that takes a second factor is content with a passkey, and keeps the last one', async () => {
  const strict = await startWithMail({ MFA_REQUIRED: 'editor' })
  try {
    const member = await strict.member()
    expect(said(await member.get('/api/me/sessions'))).toBe('401 factor_missing')
    expect(said(await member.post(`${OWN}/options`))).toBe('409 mailbox_proof_required')
    await strict.nextMail(member.account.email, 'Welcome')
    await member.post('/api/me/factors/mail')
    const token = await strict.nextToken(member.account.email, 'Confirm your email')
    expect(said(await member.post('/api/email/verify', { token }))).toBe(200)
    const passkey = await Passkey.make(ORIGIN)
    const { body } = await add(member, passkey)
    const client = strict.visitor()
    expect(said(await logIn(passkey, {}, client))).toBe(200)
    for (const one of [member, client]) expect(said(await one.get('/api/me/sessions'))).toBe(200)
    expect(said(await client.delete(`${OWN}/${body.id}`))).toBe('409 last_factor')
  } finally {
    await strict.close()
  }
})
