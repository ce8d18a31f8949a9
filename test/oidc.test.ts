// Logins at other providers of OpenID Connect: who gets into which account, by which words of a provider, and what stays of that.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { changeRole } from '../src/account/change-role.ts'
import { exportAccount } from '../src/account/export.ts'
import { requestLink } from '../src/account/mail-tasks.ts'
import { setPassword } from '../src/account/manage.ts'
import { users } from '../src/account/table.ts'
import { identities } from '../src/oidc/table.ts'
import { deleteAccount } from '../src/tasks.ts'
import type { Client } from './kit/support/client.ts'
import { HTML, submit } from './kit/support/forms.ts'
import { silent } from './kit/support/log.ts'
import { until } from './kit/support/until.ts'
import { OPERATOR, startApp } from './support/harness.ts'
import {
  type AppWithProviders,
  callbackOf,
  leadsTo,
  meOf,
  startWithProviders,
  waitAnHour,
} from './support/oidc.ts'
import { addTotp, memberWithTotp, verifyEmail } from './support/totp.ts'
import { schema } from './support/worker.ts'

type TestMember = Awaited<ReturnType<AppWithProviders['member']>>

let app: AppWithProviders
beforeAll(async () => {
  app = await startWithProviders()
})
afterAll(() => app.close())
afterEach(() => app.mend())

test('whoever is new gets an account without a password, and the same one each time', async () => {
  const [client, again] = [app.visitor(), app.visitor()]
  const ann = app.somebody()
  const reply = await app.visit(client, ann)
  expect([reply.status, reply.headers.get('location')]).toEqual([303, '/api/auth/account'])
  const me = await meOf(client)
  expect(me).toMatchObject({
    email: ann.email,
    first_name: 'Ann',
    last_name: 'Lee',
    verified: true,
    role: 'editor',
  })
  await app.nextMail(ann.email ?? '', 'Welcome')
  await app.visit(again, ann)
  expect((await meOf(again)).id).toBe(me.id)
  const { body } = await again.get('/api/me/sessions')
  expect(body.map(({ way }: { way: string }) => way)).toEqual(['oidc', 'oidc'])
})

test('the page of one’s logins offers to link those that are not', async () => {
  const client = app.visitor()
  await app.visit(client, app.somebody())
  const { text } = await client.get('/api/auth/account/identities', HTML)
  expect(text.match(/(Unlink|Link) \w+(?=[\s<])/g)).toEqual(['Link Other'])
  expect(text).toContain('aria-label="Unlink Acme"')
})

test('the same name at two providers is two people', async () => {
  const [one, two] = [app.visitor(), app.visitor()]
  const ann = app.somebody()
  await app.visit(one, ann)
  await app.visit(two, app.somebody({ sub: ann.sub }), { at: app.other, name: 'other' })
  const [first, second] = [await meOf(one), await meOf(two)]
  expect(second.id).toMatch(/^[0-9a-f-]{36}$/)
  expect(second.id).not.toBe(first.id)
})

describe('an email links a login to an account that is there', () => {
  const proofOf = async (id: string) => (await app.deps.db.select().from(users).where(eq(users.id, id)))[0]
  const setProof = (id: string, email_proof: 'mail' | 'operator' | 'earlier' | 'provider' | null) =>
    app.deps.db.update(users).set({ email_proof }).where(eq(users.id, id))

  test('where both sides have verified it, the account by its own mail; the owner is told', async () => {
    const member = await app.member()
    const { id, email } = member.user
    await setProof(id, 'mail')
    const client = app.visitor()
    await app.visit(client, app.somebody({ email: email.toUpperCase() }))
    expect((await meOf(client)).id).toBe(id)
    const { text } = await app.nextMail(email, 'Your account')
    expect(text).toContain('was linked to your account')
    // The password stays.
    expect((await app.visitor().post('/api/login', member.account)).status).toBe(200)
  })

  test.each(['operator', 'earlier', 'provider'] as const)(
    'not where it was verified by %s: log in and link',
    async (proof) => {
      const member = await app.member()
      await setProof(member.user.id, proof)
      const client = app.visitor()
      const reply = await app.visit(client, app.somebody({ email: member.user.email }))
      expect([reply.status, await meOf(client)]).toEqual([409, undefined])
      expect(reply.text).toContain('sign in another way')
      expect((await app.visitor().post('/api/login', member.account)).status).toBe(200)
    },
  )

  test('not where the provider does not vouch for it, and the answer tells nobody whether there is one', async () => {
    const member = await app.member()
    await setProof(member.user.id, 'mail')
    const said = new Set<string>()
    const say = ({ status, text }: { status: number; text: string }) =>
      said.add(`${status} ${text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]+/g, '')}`)
    for (const email of [member.user.email, 'nobody@example.com'])
      for (const email_verified of [false, undefined, 'false']) {
        const client = app.visitor()
        say(await app.visit(client, app.somebody({ email, email_verified })))
        expect(client.cookies.has('session')).toBe(false)
      }
    say(await app.visit(app.visitor(), app.somebody({ email: undefined })))
    expect([...said]).toEqual([expect.stringMatching(/^409/)])
    expect(await app.deps.db.$count(users, eq(users.email, 'nobody@example.com'))).toBe(0)
  })

  test('of one that was never verified nothing else is left: who took the address first gets nowhere', async () => {
    const thief = await app.member()
    const { id, email } = thief.user
    const { token } = (await thief.post('/api/me/tokens', { name: 'x', abilities: ['read'] })).body
    await thief.put('/api/me/email', { email: 'thief@example.com' })
    const link = await app.nextToken('thief@example.com', 'Confirm your new email')
    const linked = app.somebody({ email: 'thief@elsewhere.com', email_verified: false })
    await app.link(thief, linked)
    const elsewhere = app.visitor()
    await app.visit(elsewhere, linked)
    expect((await meOf(elsewhere)).id).toBe(id)

    const owner = app.visitor()
    await app.visit(owner, app.somebody({ email, given_name: 'Owner' }))
    expect(await meOf(owner)).toMatchObject({ id, email, verified: true, first_name: 'Owner' })
    expect((await proofOf(id))?.password).toBeNull()
    for (const client of [thief, elsewhere]) expect((await client.get('/api/me')).status).toBe(401)
    expect((await app.visitor().post('/api/login', thief.account)).body.code).toBe('invalid_credentials')
    expect((await app.visitor({ Authorization: `Bearer ${token}` }).get('/api/me')).status).toBe(401)
    expect((await app.visitor().post('/api/email/verify', { token: link, password: '123abC' })).status).toBe(
      400,
    )
    const again = await app.visit(app.visitor(), linked)
    expect(again.status).toBe(409)
    await app.nextMail(email, 'Your account')
  })

  test('once it is linked, another email at the provider changes nothing, and who gets the old one there gets no account of it', async () => {
    const [client, after, heir] = [app.visitor(), app.visitor(), app.visitor()]
    const ann = app.somebody()
    await app.visit(client, ann)
    await app.visit(after, { ...ann, email: 'new@example.com', email_verified: false })
    const me = await meOf(after)
    expect(me).toMatchObject({ id: (await meOf(client)).id, email: ann.email })
    const reply = await app.visit(heir, app.somebody({ email: ann.email }))
    expect([reply.status, await meOf(heir)]).toEqual([409, undefined])
  })
})

const identitiesOf = async (client: Client) => (await client.get('/api/me/identities')).body

describe('who is logged in', () => {
  test('links a login of any email, sees it, logs in by it, and unlinks it; each mails the owner', async () => {
    const member = await app.member()
    const { id, email } = member.user
    const person = app.somebody({ email: 'work@elsewhere.com', email_verified: false })
    const reply = await app.link(member, person)
    expect([reply.status, reply.headers.get('location')]).toEqual([303, '/api/auth/account/identities'])
    expect((await app.nextMail(email, 'Your account')).text).toContain('was linked')
    const [linked] = await identitiesOf(member)
    expect(linked).toMatchObject({ provider: 'acme', email: 'work@elsewhere.com', last_used: null })
    const client = app.visitor()
    await app.visit(client, person)
    expect((await meOf(client)).id).toBe(id)
    expect((await identitiesOf(member))[0].last_used).not.toBeNull()
    expect((await member.delete(`/api/me/identities/${linked.id}`)).status).toBe(200)
    expect((await app.nextMail(email, 'Your account')).text).toContain('was unlinked')
    expect((await app.visit(app.visitor(), person)).status).toBe(409)
    const { body } = await member.get('/api/me/activity')
    const actions = body.map(({ action }: { action: string }) => action)
    expect(actions).toEqual(expect.arrayContaining(['identity.linked', 'identity.unlinked']))
  })

  test('links no login of another account, and twice the same one once', async () => {
    const [ann, bob] = [await app.member(), await app.member()]
    const person = app.somebody()
    await app.link(ann, person)
    await app.link(ann, person)
    expect(await identitiesOf(ann)).toHaveLength(1)
    expect((await app.link(bob, person)).status).toBe(409)
    expect(await identitiesOf(bob)).toEqual([])
    const [{ id }] = await identitiesOf(ann)
    expect((await bob.delete(`/api/me/identities/${id}`)).status).toBe(404)
  })

  test('has ten at most', async () => {
    const member = await app.member()
    const row = { user_id: member.user.id, provider: 'acme', issuer: 'https://x' }
    const rows = Array.from({ length: 10 }, (_, i) => ({ ...row, subject: `${member.user.id} ${i}` }))
    await app.deps.db.insert(identities).values(rows)
    expect((await app.link(member, app.somebody())).status).toBe(409)
  })

  test('does either soon after a login only, in the session in which it was begun', async () => {
    const member = await app.member()
    await app.link(member, app.somebody())
    const [{ id }] = await identitiesOf(member)
    app.acme.logIn(app.somebody())
    const begun = await member.post('/api/me/identities/acme/link')
    const back = Object.fromEntries((await app.acme.browser()(begun.body.url)).searchParams)
    const input = { secret: begun.body.secret, authorization: back }
    // Somebody else's by now, in the same browser.
    const another = await app.member()
    expect((await another.post(callbackOf('acme'), input)).body.code).toBe('provider_refused')
    await waitAnHour(app, member)
    expect((await member.post(callbackOf('acme'), input)).body.code).toBe('fresh_login_required')
    expect((await member.post('/api/me/identities/acme/link')).body.code).toBe('fresh_login_required')
    expect((await member.delete(`/api/me/identities/${id}`)).body.code).toBe('fresh_login_required')
    expect((await app.visitor().post('/api/me/identities/acme/link')).body.code).toBe('login_required')
    expect(await identitiesOf(member)).toHaveLength(1)
  })

  test('keeps the last way in', async () => {
    const client = app.visitor()
    await app.visit(client, app.somebody())
    const [{ id }] = await identitiesOf(client)
    const unlink = () => client.delete(`/api/me/identities/${id}`)
    expect((await unlink()).body.code).toBe('last_way_in')
    expect((await client.put('/api/me/password', { password: 'Violet7Kettle' })).status).toBe(200)
    expect((await unlink()).status).toBe(200)
  })
})

describe('fresh is', () => {
  const isFresh = async (client: Client) =>
    (await client.post('/api/me/tokens', { name: 'x', abilities: ['read'] })).status === 201

  test('who has logged in at the provider just now, and nobody whom it only remembers', async () => {
    const ann = app.somebody()
    const [now, later, unsaid] = [app.visitor(), app.visitor(), app.visitor()]
    await app.visit(now, ann)
    expect(await isFresh(now)).toBe(true)
    app.acme.alterClaims((claims) => ({ ...claims, auth_time: Number(claims.auth_time) - 3600 }))
    await app.visit(later, ann)
    app.acme.alterClaims((claims) => ({ ...claims, auth_time: undefined }))
    await app.visit(unsaid, ann)
    expect([await isFresh(later), await isFresh(unsaid)]).toEqual([false, false])
    expect((await later.get('/api/me')).status).toBe(200)
  })

  const confirm = async (client: Client, { strip = false, query = '?next=/api/me' } = {}) => {
    const page = await client.get(`/api/auth/confirm${query}`, HTML)
    expect(page.text).toContain('Confirm with Acme')
    expect(page.text).not.toContain('Confirm with Other')
    const begun = await submit(client, `/api/auth/confirm/oidc${query}`, { id: 'acme' })
    const url = new URL(leadsTo(begun) ?? '')
    expect([url.searchParams.get('prompt'), url.searchParams.get('max_age')]).toEqual(['login', '0'])
    if (strip) for (const name of ['prompt', 'max_age']) url.searchParams.delete(name)
    const back = await app.acme.browser()(url.href)
    return client.get(back.pathname + back.search, HTML)
  }

  test('who logs in there once more, under a new id; and goes on where it was', async () => {
    const client = app.visitor()
    await app.visit(client, app.somebody())
    await waitAnHour(app, client)
    expect(await isFresh(client)).toBe(false)
    const before = client.cookies.get('session')
    const reply = await confirm(client)
    expect([reply.status, reply.headers.get('location')]).toEqual([303, '/api/me'])
    expect(client.cookies.get('session')).not.toBe(before)
    expect(await isFresh(client)).toBe(true)
  })

  test('nobody whom the provider remembers though it was told to ask, or of whom it does not say when', async () => {
    const client = app.visitor()
    const ann = app.somebody()
    await app.visit(client, ann)
    await waitAnHour(app, client)
    app.acme.alterClaims((claims) => ({ ...claims, auth_time: Number(claims.auth_time) - 3600 }))
    expect((await confirm(client, { strip: true })).status).toBe(400)
    app.acme.alterClaims((claims) => ({ ...claims, auth_time: undefined }))
    expect((await confirm(client)).status).toBe(400)
    expect(await isFresh(client)).toBe(false)
  })

  test('nobody by a login that is linked to another account, or to none', async () => {
    const [client, bob] = [app.visitor(), app.somebody()]
    await app.visit(client, app.somebody())
    await app.visit(app.visitor(), bob)
    await waitAnHour(app, client)
    for (const person of [bob, app.somebody()]) {
      app.acme.logIn(person)
      expect((await confirm(client)).status).toBe(409)
    }
    expect(await isFresh(client)).toBe(false)
  })
})

describe('signing up there goes by SIGNUP', () => {
  const invite = async (strict: AppWithProviders, email: string, role = 'admin') => {
    await strict.deps.db.transaction((tx) =>
      requestLink(strict.deps, tx, { userId: null, purpose: 'invitation', email, details: { role } }),
    )
    return strict.nextToken(email, 'You are invited')
  }

  test('`invited` takes who is invited at that mailbox, once, to the role of the invitation, and nobody else', async () => {
    const strict = await startWithProviders({ SIGNUP: 'invited' })
    try {
      const closed = await strict.visit(strict.visitor(), strict.somebody())
      expect([closed.status, closed.text.includes('by invitation')]).toEqual([403, true])
      const ann = strict.somebody()
      const token = await invite(strict, ann.email)
      const unproven = await strict.visit(
        strict.visitor(),
        strict.somebody({ ...ann, sub: 'x', email_verified: false }),
      )
      expect(unproven.status).toBe(409)
      const client = strict.visitor()
      expect((await strict.visit(client, ann)).status).toBe(303)
      expect(await meOf(client)).toMatchObject({ email: ann.email, role: 'admin' })
      const spent = { token, password: 'Violet7Kettle', fname: 'A', lname: 'B' }
      expect((await strict.visitor().post('/api/invitations/accept', spent)).body.code).toBe('token_expired')
      // Who is in goes on coming in.
      expect((await strict.visit(strict.visitor(), ann)).status).toBe(303)
    } finally {
      await strict.close()
    }
  })

  test('`off` takes nobody, though somebody is invited', async () => {
    const strict = await startWithProviders({ SIGNUP: 'off' })
    try {
      const ann = strict.somebody()
      await invite(strict, ann.email)
      const reply = await strict.visit(strict.visitor(), ann)
      expect([reply.status, await strict.deps.db.$count(users)]).toEqual([403, 0])
    } finally {
      await strict.close()
    }
  })

  test('`open` takes anybody, to SIGNUP_ROLE, and who is invited to the role of that', async () => {
    const [ann, client] = [app.somebody(), app.visitor()]
    await invite(app, ann.email)
    await app.visit(client, ann)
    expect((await meOf(client)).role).toBe('admin')
  })

  test('an invitation of somebody who may invite no more counts for nothing, and stands in nobody’s way', async () => {
    const [boss, ann, client] = [await app.member('superuser'), app.somebody(), app.visitor()]
    await verifyEmail(app, boss.user.id)
    const due = { userId: boss.user.id, purpose: 'invitation', details: { role: 'admin' } } as const
    await app.deps.db.transaction((tx) => requestLink(app.deps, tx, { ...due, email: ann.email }))
    await app.deps.db.update(users).set({ role: 'editor' }).where(eq(users.id, boss.user.id))
    expect((await app.visit(client, ann)).status).toBe(303)
    expect((await meOf(client)).role).toBe(app.config.signupRole)
  })
})

describe('what ends it', () => {
  test('a new password by a mailed link leaves no login that a thief has linked; the own comes back by its email', async () => {
    const owner = await app.member()
    const { id, email } = owner.user
    await app.deps.db.update(users).set({ email_proof: 'mail' }).where(eq(users.id, id))
    const [own, thiefs] = [app.somebody({ email }), app.somebody({ email: 'thief@elsewhere.com' })]
    await app.visit(app.visitor(), own)
    await app.link(owner, thiefs)
    const thief = app.visitor()
    await app.visit(thief, thiefs)
    expect((await meOf(thief)).id).toBe(id)

    await app.visitor().post('/api/password/forgot', { email })
    const token = await app.nextToken(email, 'Choose a new password')
    expect(
      (await app.visitor().post('/api/password/reset', { token, password: 'Violet7Kettle' })).status,
    ).toBe(200)
    expect((await thief.get('/api/me')).status).toBe(401)
    await app.visit(thief, thiefs)
    expect((await meOf(thief))?.id).not.toBe(id)
    const again = app.visitor()
    await app.visit(again, own)
    expect((await meOf(again)).id).toBe(id)
  })

  test('a take-back of the email leaves none either, as a thief may have linked one first', async () => {
    const owner = await app.member()
    const { id, email } = owner.user
    await app.deps.db.update(users).set({ email_proof: 'mail' }).where(eq(users.id, id))
    const [before, since] = [
      app.somebody({ email: 'a@elsewhere.com' }),
      app.somebody({ email: 'b@elsewhere.com' }),
    ]
    await app.link(owner, before)
    const taken = `new-${email}`
    await owner.put('/api/me/email', { email: taken })
    const confirmed = await app.nextToken(taken, 'Confirm your new email')
    expect((await owner.post('/api/email/verify', { token: confirmed })).status).toBe(200)
    await app.link(owner, since)
    const token = await app.nextToken(email, 'has changed')
    expect((await app.visitor().post('/api/email/take-back', { token })).status).toBe(200)
    const [old, other] = [app.visitor(), app.visitor()]
    await app.visit(old, before)
    await app.visit(other, since)
    for (const client of [old, other]) expect((await meOf(client)).id).not.toBe(id)
  })

  test.each([
    [
      'the undo of a change of factors',
      async (owner: TestMember) => {
        await addTotp(owner)
        const token = await app.nextToken(owner.user.email, 'The second factor')
        expect((await app.visitor().post('/api/factors/undo', { token })).status).toBe(200)
      },
    ],
    [
      'a password that an operator sets',
      async ({ user }: TestMember) => {
        const hash = await app.deps.passwords.hash('Violet7Kettle')
        await setPassword(app.deps, user.id, { password: null, temporary_password: hash }, OPERATOR)
      },
    ],
  ] as const)('%s leaves none: a thief may have linked one as well', async (_, recover) => {
    const owner = await app.member()
    await verifyEmail(app, owner.user.id)
    const thiefs = app.somebody()
    await app.link(owner, thiefs)
    await recover(owner)
    const thief = app.visitor()
    await app.visit(thief, thiefs)
    expect((await meOf(thief))?.id).not.toBe(owner.user.id)
  })

  test('a take-back ends a login that waits for its second factor, too', async () => {
    const { member, id, email, code } = await memberWithTotp(app) // a thief's app
    await app.deps.db.update(users).set({ password: null }).where(eq(users.id, id))
    const thiefs = app.somebody()
    await app.link(member, thiefs)
    const taken = `new-${email}`
    await member.put('/api/me/email', { email: taken })
    const confirmed = await app.nextToken(taken, 'Confirm your new email')
    expect((await member.post('/api/email/verify', { token: confirmed })).status).toBe(200)
    const thief = app.visitor()
    expect((await app.visit(thief, thiefs)).headers.get('location')).toContain('/api/auth/second')
    const token = await app.nextToken(email, 'has changed')
    expect((await app.visitor().post('/api/email/take-back', { token })).status).toBe(200)
    await submit(thief, '/api/auth/second', { one_time_password: await code() })
    expect(await meOf(thief)).toBeUndefined()
  })

  test('a disabled account is stopped, in a browser and as JSON, whether its login is linked or new', async () => {
    const ann = app.somebody()
    const client = app.visitor()
    await app.visit(client, ann)
    const { id } = await meOf(client)
    const disable = () => changeRole(app.deps, id, 'disabled', OPERATOR)
    await disable()
    const known = await app.visit(app.visitor(), ann)
    expect([known.status, known.text.includes('account disabled')]).toEqual([400, true])
    await app.deps.db.delete(identities).where(eq(identities.user_id, id))
    await app.deps.db.update(users).set({ email_proof: 'mail' }).where(eq(users.id, id))
    const fresh = await app.visit(app.visitor(), ann)
    expect([fresh.status, await app.deps.db.$count(identities, eq(identities.user_id, id))]).toEqual([400, 0])
  })

  test('it goes with its account, and may then open a new one', async () => {
    const [ann, client] = [app.somebody(), app.visitor()]
    await app.visit(client, ann)
    const { id } = await meOf(client)
    expect((await client.delete('/api/me')).status).toBe(202)
    await app.deps.db.update(users).set({ deletes: new Date() }).where(eq(users.id, id))
    const again = app.visitor()
    const waiting = await app.visit(again, ann)
    expect([waiting.status, await meOf(again)]).toEqual([400, undefined])
    await app.deps.enqueue(deleteAccount, { userId: id })
    await until('the account is gone', async () => (await app.deps.db.$count(users, eq(users.id, id))) === 0)
    expect(await app.deps.db.$count(identities, eq(identities.user_id, id))).toBe(0)
    await app.visit(again, ann)
    expect((await meOf(again)).id).not.toBe(id)
  })
})

test('an account shows it in its export, without what names it to the provider', async () => {
  const [ann, client] = [app.somebody(), app.visitor()]
  await app.visit(client, ann)
  const { id } = await meOf(client)
  const job = { log: silent, progress: async () => {}, signal: new AbortController().signal }
  const exported = await exportAccount({ ...app.deps, schema }, id, job)
  expect(exported).toMatchObject({ identities: [{ provider: 'acme', email: ann.email }] })
  expect(JSON.stringify(exported)).not.toContain(app.acme.issuer)
})

test('an app without cookies gets the session as a token, and no cookie at all', async () => {
  const client = app.visitor()
  const { url, secret } = (await client.post('/api/login/oidc/acme', { remember: false })).body
  app.acme.logIn(app.somebody())
  const authorization = Object.fromEntries((await app.acme.browser()(url)).searchParams)
  const input = { secret, authorization, token: true }
  const { body } = await client.post(callbackOf('acme'), input)
  expect(client.cookies.size).toBe(0)
  const me = await app.visitor({ Authorization: `Bearer ${body.token}` }).get('/api/me')
  expect(me.body.me.id).toBe(body.id)
  const [session] = await app.deps.sessions.allOf(body.id)
  expect(session).toMatchObject({ remember: false, way: 'oidc' })
})

test('a front-end of its own is sent back to, where our pages are off', async () => {
  const bare = await startWithProviders({ AUTH_PAGES: 'off' })
  try {
    const client = bare.visitor()
    const { url, secret } = (await client.post('/api/login/oidc/other', {})).body
    bare.other.logIn(bare.somebody())
    const back = await bare.other.browser()(url)
    expect(back.origin + back.pathname).toBe('http://service.example/oidc/other')
    const input = { secret, authorization: Object.fromEntries(back.searchParams) }
    expect((await client.post(callbackOf('other'), input)).status).toBe(200)
    expect(await meOf(client)).toMatchObject({ verified: true })
    expect((await client.get('/api/auth/account/identities', HTML)).status).toBe(404)
    bare.acme.answer((req) => void req.socket.destroy())
    const away = await client.get('/api/login/oidc/acme', HTML)
    expect([away.status, away.body.code]).toEqual([503, 'provider_unavailable'])
  } finally {
    await bare.close()
  }
})

test('without a provider in the settings no page speaks of any', async () => {
  const none = await startApp()
  try {
    for (const path of ['/api/auth/sign-in', '/api/auth/sign-up'])
      expect((await none.visitor().get(path, HTML)).text).not.toContain('Continue with')
    const member = await none.member()
    expect((await member.get('/api/auth/account', HTML)).text).not.toContain('Other logins')
  } finally {
    await none.close()
  }
})

test('pages offer each provider by its name where one signs in, and a browser comes back to where it was', async () => {
  const client = app.visitor()
  for (const path of ['/api/auth/sign-in', '/api/auth/sign-up']) {
    const { text } = await client.get(`${path}?next=/api/list`, HTML)
    expect(text).toContain('href="/api/login/oidc/acme?next=%2Fapi%2Flist">Continue with Acme')
    expect(text).toContain('Continue with Other')
  }
  const reply = await app.visit(client, app.somebody(), { query: '?next=%2Fapi%2Flist' })
  expect(reply.headers.get('location')).toBe('/api/list')
  expect((await client.get('/api/auth/account', HTML)).text).toContain('Other logins')
  const page = await client.get('/api/auth/account/identities', HTML)
  expect(page.text).toContain('Link Other')
})

describe('a second factor is asked after it as after a password', () => {
  test('in a browser on its page, which leads on to where the login was to', async () => {
    const owner = await memberWithTotp(app)
    const client = app.visitor()
    const ann = app.somebody({ email: owner.email })
    const asked = await app.visit(client, ann, { query: '?next=%2Fapi%2Flist' })
    expect([asked.status, asked.headers.get('location')]).toEqual([
      303,
      '/api/auth/second?next=%2Fapi%2Flist',
    ])
    expect(await meOf(client)).toBeUndefined()
    const reply = await submit(client, '/api/auth/second?next=%2Fapi%2Flist', {
      one_time_password: await owner.code(),
    })
    expect([reply.status, reply.headers.get('location')]).toEqual([303, '/api/list'])
    expect((await meOf(client)).id).toBe(owner.id)
    const [latest] = (await client.get('/api/me/sessions')).body
    expect(latest.way).toBe('oidc+totp')
  })

  test('as JSON by a challenge; and before it makes a session fresh', async () => {
    const owner = await memberWithTotp(app)
    const { member } = owner
    const ann = app.somebody()
    await app.link(member, ann)
    await waitAnHour(app, member)
    const { url, secret } = (await member.post('/api/reauthenticate/oidc/acme')).body
    app.acme.logIn(ann)
    const authorization = Object.fromEntries((await app.acme.browser()(url)).searchParams)
    const { status, body } = await member.post(callbackOf('acme'), { secret, authorization })
    expect([status, body.code]).toEqual([401, 'second_factor_required'])
    const make = () => member.post('/api/me/tokens', { name: 'x', abilities: ['read'] })
    expect((await make()).body.code).toBe('fresh_login_required')
    const answer = { challenge: body.challenge, totp: await owner.code() }
    expect((await member.post('/api/login/second', answer)).status).toBe(200)
    expect((await make()).status).toBe(201)
  })

  test('it is none itself: where the role takes one, who logs in so may set one up, be fresh for that, and nothing else', async () => {
    const strict = await startWithProviders({ MFA_REQUIRED: 'editor' })
    try {
      const [ann, client] = [strict.somebody(), strict.visitor()]
      await strict.visit(client, ann)
      expect((await client.get('/api/me')).body.code).toBe('factor_missing')
      expect((await client.get('/api/me/identities')).body.code).toBe('factor_missing')
      expect((await client.post('/api/me/identities/other/link')).body.code).toBe('factor_missing')
      await waitAnHour(strict, client)
      const begun = await submit(client, '/api/auth/confirm/oidc?next=%2Fapi%2Fauth%2Faccount%2Ffactors', {
        id: 'acme',
      })
      strict.acme.logIn(ann)
      const reply = await strict.comeBack(client, await strict.acme.browser()(leadsTo(begun) ?? ''))
      expect([reply.status, reply.headers.get('location')]).toEqual([303, '/api/auth/account/factors'])
    } finally {
      await strict.close()
    }
  })
})
