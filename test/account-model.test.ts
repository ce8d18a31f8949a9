// All calls of accounts in random order, by browsers, apps, programs and a superuser who acts as one, held against a model of who may what.
// PROPERTY_SEED and PROPERTY_RUNS repeat a failure, then in its shortest form, or look longer: PROPERTY_SEED=7 PROPERTY_RUNS=500.
// PROPERTY_REPLAY takes the `path` that a failure prints, and begins there.
import { expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import * as fc from 'fast-check'
import { changeRole } from '../src/account/change-role.ts'
import { NOTICES, type Notice } from '../src/account/mails.ts'
import { linkTo, type Purpose } from '../src/account/one-time-tokens.ts'
import { roles, ROLES, type Role } from '../src/account/roles.ts'
import { users } from '../src/account/table.ts'
import { deleteAccount } from '../src/tasks.ts'
import type { Job, Task } from '../src/kit/jobs/task.ts'
import type { Mail } from '../src/kit/types/mail.ts'
import type { Client, Reply } from './kit/support/client.ts'
import { silent } from './kit/support/log.ts'
import { Passkey } from './support/authenticator.ts'
import { OPERATOR, startApp } from './support/harness.ts'
import { tokenIn } from './support/mailbox.ts'
import { Elsewhere } from './support/oidc.ts'
import { schema } from './support/worker.ts'

const { PROPERTY_SEED, PROPERTY_RUNS = '3', PROPERTY_REPLAY } = process.env

const ENTRY = ['sign up', 'log in', 'log in', 'log out', 'reauthenticate', 'wait for an hour'] as const
const PASSWORD = ['change password', 'change password', 'forget password', 'reset', 'reset'] as const
const EMAIL = ['resend', 'change email', 'change email', 'confirm', 'confirm', 'take back'] as const
const TOKENS = ['make token', 'make token', 'end token', 'end token', 'change role', 'change role'] as const
const SESSIONS = ['list sessions', 'end session', 'end others', 'edit', 'log in', 'sign out'] as const
const INVITATIONS = ['invite', 'invite', 'accept', 'accept'] as const
const MANAGED = ['impersonate', 'impersonate'] as const
const DELETION = ['delete', 'delete', 'keep', 'be due'] as const
const FACTORS = ['add factor', 'add factor', 'remove factor', 'undo factor', 'undo factor'] as const
const PASSKEYS = ['add passkey', 'add passkey', 'delete passkey'] as const
const BY_PASSKEY = ['log in by passkey', 'log in by passkey', 'confirm by passkey'] as const
const BY_MAIL = [
  'ask for code',
  'log in by code',
  'log in by code',
  'ask to confirm',
  'confirm by code',
] as const
const ELSEWHERE = ['log in elsewhere', 'log in elsewhere', 'link', 'unlink', 'confirm elsewhere'] as const
const KINDS = [
  ...ELSEWHERE,
  ...MANAGED,
  ...DELETION,
  ...FACTORS,
  ...PASSKEYS,
  ...BY_PASSKEY,
  ...BY_MAIL,
  ...ENTRY,
  ...PASSWORD,
  ...EMAIL,
  ...EMAIL,
  ...EMAIL,
  ...TOKENS,
  ...SESSIONS,
  ...INVITATIONS,
] as const
const PASSWORDS = ['First1234', 'Second1234', 'Third1234']

const operation = fc.record(
  {
    kind: fc.constantFrom(...KINDS),
    /** The client that acts. */
    by: fc.nat(8),
    email: fc.constantFrom('ann', 'bob', 'cyd', 'dan', 'ANN', 'Bob'),
    given: fc.constantFrom('right', 'right', 'right', undefined, ...PASSWORDS),
    password: fc.constantFrom(...PASSWORDS),
    /** Of links, sessions and tokens: 0 is the last, 1 that before it. Of accounts: the one that is managed. */
    back: fc.nat(3),
    /** The link of a mail, whatever it is for; and who manages is no superuser, perhaps. */
    isAny: fc.constantFrom(false, false, false, true),
    abilities: fc.constantFrom(['read'], ['write'], ['read', 'write']),
    name: fc.constantFrom('Ann', 'Zoë'),
    role: fc.constantFrom(...ROLES, 'editor', 'superuser'),
  },
  { noNullPrototype: true },
)
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

type User = {
  id: string
  email: string
  verified: boolean
  role: Role
  first_name: string
  deletes: string | null
}
type Account = User & {
  password: string | null
  factors: Factors
  /** Not a mail of ours has verified it, but another provider. */
  isVouched?: boolean
  /** Its logins at that provider, by their names there. */
  logins: readonly string[]
}
/** The seed of an app for codes, and passkeys. A change puts others in their place. */
type Factors = { readonly seed?: string | undefined; readonly keys: readonly Key[] }
type Key = { id: string; account: Account; device: Authenticator }
/** A session; with abilities, a personal access token; or the boss's, who acts as the account. */
type Access = { id?: string; token: string; account: Account; isOpen: boolean } & Kind
type Kind = {
  isFresh: boolean
  /** What it was proven by. */ way?: string
  abilities?: readonly string[]
  isBoss?: true
}
/** It sends its access whether that still opens something or not. */
type Device = { kind: 'browser' | 'app' | 'program' | 'boss'; client: Client; access?: Access }
/** Without a token it was not mailed. An invitation is the account's that invites, to a role. A code has a challenge. */
type Link = {
  account: Account
  purpose: Purpose | (typeof MAILED)[number]
  challenge?: string
  /** In which a code makes fresh; without one it logs in. */
  session?: string | undefined
  email: string
  isLive: boolean
  token?: string
  role?: Role
  /** Before the change that it undoes. */
  factors?: Factors
}

/** Of modules: without one this does nothing with it. */
const [CODES, PASSKEY, MAIL] = ['totp', 'passkey', 'mail'] as const
/** A code to log in, and one that makes a session fresh: neither voids the other, or uses up its tries. */
const MAILED = ['login_code', 'confirm_code'] as const
const [LOGIN_CODE, CONFIRM_CODE] = MAILED
const isCode = (purpose: Link['purpose']): purpose is (typeof MAILED)[number] =>
  MAILED.some((one) => one === purpose)
const pathOf = (...names: string[]) => `/api/${names.join('/')}`
const SECOND = pathOf('login', 'second')
const APP = pathOf('me', 'factors', CODES)
const KEYS = pathOf('me', 'factors', 'passkeys')
interface Authenticator {
  register(options: object): Promise<object>
  sign(options: object): Promise<object>
}
const AUTHENTICATORS: { make(origin: string): Promise<Authenticator> }[] = [Passkey]
const NO_FACTORS: Factors = { keys: [] }
interface Provider {
  settings: Record<string, string>
  login: string
  link: string
  confirm: string
  callback: string
  own: string
  way: string
  visit(url: string, person: object): Promise<Record<string, string>>
  close(): Promise<void>
}
const PROVIDERS: { start(): Promise<Provider> }[] = [Elsewhere]
const MAILED_CODE = pathOf('login', MAIL, 'code')
/** What ends with whatever proves the mailbox anew, or the password. */
const PENDING = ['verify', 'reset', 'email_change', ...MAILED] as const

/** What the app shows now, by RFC 6238. */
function codeOf(seed: string): string {
  const bits = seed
    .split('')
    .map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0'))
  const key = Buffer.from((bits.join('').match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)))
  const step = Buffer.alloc(8)
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)))
  const mac = Buffer.from(new Bun.CryptoHasher('sha1', key).update(step).digest())
  return String((mac.readUInt32BE((mac[19] ?? 0) & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

const isSame = (a: string, b: string) => a.toLowerCase() === b.toLowerCase()
const unless = (isFine: unknown, refusal: string) => (isFine ? undefined : refusal)
const said = ({ status, body }: Reply) => (status < 400 ? 'success' : `${status} ${body?.code}`)
const shown = ({
  password: _password,
  factors: _factors,
  logins: _logins,
  isVouched: _isVouched,
  ...user
}: Account): User => user
const countsStill = (key: Key) => key.account.factors.keys.includes(key)
/** As a login tells them. */
const factorsOf = ({ factors: { seed, keys } }: Account) => [
  ...(seed === undefined ? [] : [CODES, 'recovery']),
  ...(keys.length > 0 ? [PASSKEY] : []),
]

/** The app, and a superuser; the jobs that it enqueues wait for `work`, which returns their mails. */
const { signal } = new AbortController()

async function startWorld(env: Record<string, string>) {
  const provider = await PROVIDERS[0]?.start()
  const app = await startApp({ ...env, ...provider?.settings })
  const { deps } = app
  const jobs: [task: Task<never, object>, input: unknown][] = []
  const enqueue = async (...args: unknown[]) => void jobs.push(args.slice(-2) as (typeof jobs)[number])
  // Nothing here is about hashes, which would take most of the time.
  const passwords = { hash: async (text: string) => text, verify: async (a: unknown, b: string) => a === b }
  Object.assign(deps, { enqueue, passwords: { ...passwords, needsRehash: () => false } })
  const boss = await app.member('editor', { email: 'boss@example.com' })
  await deps.db.update(users).set({ email_proof: 'operator' }).where(eq(users.id, boss.user.id))
  await changeRole(deps, boss.user.id, 'superuser', OPERATOR)
  jobs.length = 0
  async function work() {
    const mails: Mail[] = []
    const taskDeps = { ...deps, schema, sendMail: async (mail: Mail) => void mails.push(mail) }
    for (const [task, input] of jobs.splice(0))
      await task.execute(input, { attempt: 1, log: silent, signal } as Job, taskDeps)
    return mails
  }
  const close = () => app.close().then(provider?.close)
  return { ...app, boss, work, provider, close }
}
type World = Awaited<ReturnType<typeof startWorld>>

/** Drives three accounts of a domain, each with a browser and an app, and knows what the app has to answer. */
function createModel({ boss, config, deps, provider, visitor, work }: World, domain: string) {
  const accounts: Account[] = []
  const kinds = ['browser', 'app', 'browser', 'app', 'browser', 'app'] as const
  const devices: Device[] = kinds.map((kind) => ({ kind, client: visitor() }))
  /** All that ever were, whether they still count or not. */
  const accesses: Access[] = []
  const links: Link[] = []
  const keys: Key[] = []
  const ended: Access[] = []
  const due: [to: string, says: string, link?: Link][] = []
  /** Wrong ones, of a code and of an account. */
  const tries = new Map<string, number>()
  const hasCodes = deps.waysIn?.some(({ asksFactorAt }) => asksFactorAt?.includes(MAILED_CODE))
  const superuser: Account = {
    ...boss.user,
    ...boss.account,
    verified: true,
    role: 'superuser',
    factors: NO_FACTORS,
    logins: [],
  }

  const isWaiting = (one: Link, email: string) =>
    one.purpose === 'invitation' && one.isLive && isSame(one.email, email)
  const isExtra = ({ kind }: Device) => kind === 'program' || kind === 'boss'
  const accessOf = ({ access }: Device) => (access?.isOpen ? access : undefined)
  const isTaken = (email: string, account?: Account) =>
    accounts.some((one) => one !== account && isSame(one.email, email)) ||
    links.some((one) => one.account !== account && one.isLive && isTakeBack(one, email))
  const isTakeBack = (one: Link, email: string) => one.purpose === 'take_back' && isSame(one.email, email)
  const notify = (to: string, notice: Notice) => due.push([to, NOTICES[notice]])

  function end(account: Account | undefined, isEnded: (access: Access) => unknown): void {
    const ends = accesses.filter((one) => one.isOpen && one.account === account && isEnded(one))
    for (const one of ends) one.isOpen = false
    ended.push(...ends)
  }

  function open(device: Device, access: Omit<Access, 'isOpen'>): void {
    device.access = { ...access, isOpen: true }
    accesses.push(device.access)
  }

  /** A session takes the place of that of the client, which got it in a cookie or as a token. */
  function begin(device: Device, account: Account, way: string, issued?: string, isFresh = true): void {
    expect(typeof issued).toBe(device.kind === 'app' ? 'string' : 'undefined')
    end(device.access?.account, (one) => one === device.access)
    const token = issued ?? device.client.cookies.get('session') ?? ''
    open(device, { id: deps.sessions.idOf(token) ?? '', token, account, isFresh, way })
  }

  /** Of links to take back it voids those `since` one of them. */
  function voidLinks(account: Account, purposes: readonly Link['purpose'][], since?: Link): void {
    const newer = since ? links.slice(links.indexOf(since)) : []
    for (const one of links.filter((each) => each.account === account))
      if (purposes.includes(one.purpose) || newer.includes(one)) one.isLive = false
  }

  /** By the link of a mail the account becomes this, and what waits is void. */
  function prove({ account }: Link, change: Partial<Account>, since?: Link): void {
    Object.assign(account, { verified: true, isVouched: false, deletes: null, ...change })
    voidLinks(account, PENDING, since)
  }

  /** The link gives a password to an account, which it may have taken from another. */
  function replacePassword(
    link: Link,
    account: Account,
    to: Partial<Account>,
    notice: Notice = 'password_reset',
  ): void {
    const wasToGo = account.deletes !== null
    prove({ ...link, account }, { ...to, logins: [] })
    voidLinks(account, ['invitation'])
    end(account, () => true)
    notify(link.email, notice)
    if (wasToGo) notify(link.email, 'deletion_undone')
  }

  /** A code, if there is a challenge for it. */
  function request(
    account: Account,
    purpose: Link['purpose'],
    email: string,
    bound: Partial<Link> = {},
  ): void {
    if (purpose !== 'take_back') voidLinks(account, [purpose])
    const link = { account, purpose, email, isLive: true, ...bound }
    links.push(link)
    if (isCode(purpose)) return void due.push([email, 'Your code: ', link])
    if (purpose === 'email_change' && isTaken(email, account)) due.push([email, 'You have an account'])
    else if (account.role !== 'disabled') due.push([email, linkTo(config, purpose, ''), link])
  }

  /** Gives a factor that a password alone leads to; a wrong one first, perhaps. Tells the way, and the answer, which has the session. */
  async function giveFactor(device: Device, op: Operation, { factors }: Account, asked: Reply['body']) {
    const { challenge, options } = asked
    const { seed } = factors
    const key = seed === undefined || op.name === 'Zoë' ? pickKey(op, factors.keys) : undefined
    const name = key ? PASSKEY : CODES
    const give = async (isRight: boolean) => {
      const code = codeOf(seed ?? '')
      const toSign = { ...options?.passkey, ...(!isRight && { challenge: '0'.repeat(64) }) }
      const wrong = code === '000000' ? '111111' : '000000'
      const answer = key ? await key.device.sign(toSign) : isRight ? code : wrong
      return send(device, `POST ${SECOND}`, { challenge, [name]: answer })
    }
    if (!key) await forgetCodes()
    if (op.isAny) expect(said(await give(false))).toBe('400 wrong_factor')
    const right = await give(true)
    expect(said(right)).toBe('success')
    return { ...right.body, way: `password+${name}` }
  }

  /** No test waits for the next half minute. */
  const forgetCodes = () => deps.db.execute(sql`update ${sql.identifier(CODES)} set last_step = 0`)

  const pickKey = ({ back }: Operation, all: readonly Key[]) => all.at(-1 - (back % all.length))

  /** Undoes the changes of factors since a link, or since that one. */
  function undoFactors(account: Account, since: Link): void {
    const undone = links
      .slice(links.indexOf(since))
      .filter((one) => one.isLive && one.account === account && one.purpose === 'factor_undo')
    account.factors = undone[0]?.factors ?? account.factors
    for (const one of undone) one.isLive = false
  }

  /** The account has these from now on; the mail undoes that. */
  function changeFactors(account: Account, change: Partial<Factors>): void {
    const { email, factors } = account
    const link: Link = { account, purpose: 'factor_undo', email, isLive: true, factors }
    links.push(link)
    account.factors = { ...factors, ...change }
    due.push([email, linkTo(config, 'factor_undo', ''), link])
  }

  function send({ kind, client, access }: Device, route: string, body?: object): Promise<Reply> {
    const [method = '', path = ''] = route.split(' ')
    const isBearer = kind !== 'browser' && access !== undefined
    return client.send(method, path, body, isBearer ? { Authorization: `Bearer ${access.token}` } : {})
  }

  /** What a route of this role says to a client, and one of this ability to a program; undefined if it lets it in. */
  function refusalOf(device: Device, least: Role = 'readonly', ability = 'none'): string | undefined {
    const { account, abilities, isBoss } = accessOf(device) ?? {}
    if (account === undefined) return '401 login_required'
    if (isBoss && least === 'readonly' && ability === 'none') return '403 impersonation_not_allowed'
    if (abilities && ability === 'none') return '403 token_not_allowed'
    if (abilities && !abilities.includes(ability)) return '403 insufficient_ability'
    if (account.role === 'disabled') return '400 account_disabled'
    if (!roles.atLeast(account.role, least)) return '401 insufficient_role'
    return unless(roles.atLeast(roleOf(account), least), '401 email_not_verified')
  }

  /** The role that counts. */
  const roleOf = ({ role, verified }: Account): Role =>
    config.emailVerification === 'required' && !verified && role !== 'disabled' ? 'readonly' : role
  const higher = (was: Role, role: Role) => (was === 'disabled' || roles.atLeast(was, role) ? was : role)

  /** What a client sees and may write. */
  async function look(device: Device): Promise<void> {
    const [access, refusal] = [accessOf(device), refusalOf(device, 'readonly', 'read')]
    const me = await send(device, 'GET /api/me')
    expect(said(me)).toBe(refusal ?? 'success')
    if (!refusal && access) {
      expect(me.body.me).toMatchObject(shown(access.account))
      expect(me.body.impersonated_by).toBe(access.isBoss && boss.user.id)
    }
    const written = await send(device, 'POST /api/probe', { title: 'x' })
    expect(said(written)).toBe(refusalOf(device, 'editor', 'write') ?? 'success')
    expect(said(await send(device, 'GET /api/users?size=1'))).toBe(
      refusalOf(device, 'superuser') ?? 'success',
    )
  }

  /** Runs an operation, and holds the answer, the mails, and what everybody sees then against the model. */
  async function run(op: Operation, onSuccess: () => void): Promise<void> {
    await act(op, devices[op.by % devices.length] as Device, onSuccess)
    const [expected, mails] = [due.splice(0), await work()]
    expect(mails.map(({ to }) => to)).toEqual(expected.map(([to]) => to))
    for (const [i, [, says, link]] of expected.entries()) {
      const { subject, text } = mails[i] as Mail
      expect(`${subject}\n${text}`).toContain(says)
      expect(text.includes('token=')).toBe(link !== undefined && !isCode(link.purpose))
      if (link) link.token = isCode(link.purpose) ? /\d{6}/.exec(text)?.[0] : tokenIn({ text })
    }
    for (const { token } of ended.splice(0)) {
      const reply = await visitor({ Authorization: `Bearer ${token}` }).get('/api/me')
      expect(said(reply)).toBe('401 invalid_token')
    }
    for (const device of devices.filter((one) => one.kind !== 'browser' && !accessOf(one))) {
      delete device.access // an app forgets what does not count any more
      if (isExtra(device)) devices.splice(devices.indexOf(device), 1)
    }
    await Promise.all(devices.map(look))
    const { body } = await boss.get(`/api/users?search=@${domain}`)
    expect(body).toMatchObject(accounts.toReversed().map(shown))
  }

  async function act(op: Operation, device: Device, onSuccess: () => void): Promise<unknown> {
    const access = accessOf(device)
    const session = access?.abilities || access?.isBoss ? undefined : access
    const me = access?.account as Account // where one is needed, `refused` says so
    const refused = refusalOf(device)
    const door = unless(session?.account.role !== 'disabled', '400 account_disabled')
    const fresh = unless(access?.isFresh, '401 fresh_login_required')
    const { way = '' } = access ?? {}
    const { password, abilities, name: first_name } = op
    const email = `${op.email}@${domain}`
    const owner = accounts.find((one) => isSame(one.email, email))
    const asToken = device.kind === 'app' && { token: true }
    const enter = (of?: Account) => (op.given === 'right' ? (of?.password ?? 'None1234') : op.given)
    /**
     * The body of the answer, if there is no reason to refuse; with `owner`, where a password is given, after a factor of theirs:
     * if that is not given, nothing.
     */
    const ask = async (route: string, body: object | undefined, refusal?: string, owner?: Account) => {
      const reply = await send(device, route, body)
      const factors = owner ? factorsOf(owner) : []
      if (owner && factors.length > 0 && refusal === undefined) {
        expect(said(reply)).toBe('401 second_factor_required')
        expect(reply.body.factors).toEqual(factors)
        if (op.back === 3) return undefined
        onSuccess()
        return giveFactor(device, op, owner, reply.body)
      }
      expect(said(reply)).toBe(refusal ?? 'success')
      if (refusal === undefined) onSuccess()
      return refusal === undefined ? reply.body : undefined
    }
    const unproven = unless(me?.verified, '409 mailbox_proof_required')
    /** One is added, or the last goes: the other sessions end, and this one goes on as proven so. */
    const change = (to: Partial<Factors>, { token }: { token?: string }, added?: string) => {
      changeFactors(me, to)
      if (added === undefined && factorsOf(me).length > 0) return
      end(me, (one) => one !== access && !one.abilities)
      begin(device, me, added === undefined ? 'password' : `password+${added}`, token)
    }
    const pick = (...fit: Link['purpose'][]): [link?: Link | undefined, expired?: string | undefined] => {
      const isKind = (one: Link) => fit.includes(LOGIN_CODE) === isCode(one.purpose)
      const mailed = links.filter(
        (one) => one.token && isKind(one) && (op.isAny || fit.includes(one.purpose)),
      )
      const link = mailed.at(-1 - (op.back % mailed.length))
      return [link, unless(link?.isLive && fit.includes(link.purpose), '400 token_expired')]
    }

    switch (op.kind) {
      case 'sign up': {
        if (isExtra(device)) return undefined
        const refusal = door ?? unless(!isTaken(email), '400 email_taken')
        const input = { email, password, fname: first_name, lname: 'Lee', ...asToken }
        const made = await ask('POST /api/signup', input, refusal)
        if (!made) return undefined
        const { id, role } = made
        const account = {
          id,
          role,
          email,
          verified: false,
          first_name,
          password,
          deletes: null,
          factors: NO_FACTORS,
          logins: [],
        }
        accounts.push(account)
        request(account, 'verify', email)
        return begin(device, account, 'password', made.token)
      }
      case 'log in': {
        if (isExtra(device)) return undefined
        const entered = enter(owner) ?? 'None1234'
        const wrong = unless(owner?.password === entered, '400 invalid_credentials')
        const refusal = door ?? wrong ?? unless(owner?.role !== 'disabled', '400 account_disabled')
        const entry = await ask('POST /api/login', { email, password: entered, ...asToken }, refusal, owner)
        return entry && owner && begin(device, owner, entry.way ?? 'password', entry.token)
      }
      case 'log out':
        if (access?.isBoss) return undefined // it would be the boss's own end
        return (await ask('POST /api/logout', {}, refused)) && end(me, (one) => one === access)
      case 'reauthenticate': {
        const entered = enter(me) ?? 'None1234'
        const refusal = refused ?? unless(entered === me.password, '400 invalid_credentials')
        const proof = await ask('POST /api/reauthenticate', { password: entered }, refusal, me)
        return proof && begin(device, me, proof.way ?? way, proof.token)
      }
      case 'wait for an hour': {
        const ago = Date.now() - 3_600_000
        const then = session && (await deps.sessions.rotate(session.token, { loginAt: ago, provenAt: ago }))
        if (!then) return undefined
        if (device.kind === 'browser') device.client.cookies.set('session', then.token)
        onSuccess()
        return begin(device, me, way, device.kind === 'app' ? then.token : undefined, false)
      }
      case 'edit':
        if (await ask('PATCH /api/me', { first_name }, refused)) me.first_name = first_name
        return undefined
      case 'change password': {
        const current_password = enter(me)
        const wrong = unless(current_password === me?.password, '400 wrong_password')
        const takesFresh = current_password === undefined || factorsOf(me ?? superuser).length > 0
        const isWrong = current_password === undefined ? undefined : wrong
        const refusal = refused ?? (takesFresh ? fresh : undefined) ?? isWrong
        const changed = await ask('PUT /api/me/password', { current_password, password }, refusal)
        if (!changed) return undefined
        me.password = password
        end(me, (one) => !one.abilities)
        voidLinks(me, ['reset', 'email_change', ...MAILED])
        notify(me.email, 'password_changed')
        return begin(device, me, way, changed.token)
      }
      case 'forget password':
        if (!(await ask('POST /api/password/forgot', { email }, door))) return undefined
        return owner && request(owner, 'reset', owner.email)
      case 'reset': {
        const [link, expired] = pick('reset')
        if (!link) return undefined
        const refusal = door ?? expired ?? unless(link.account.role !== 'disabled', '400 token_expired')
        if (!(await ask('POST /api/password/reset', { token: link.token, password }, refusal)))
          return undefined
        return replacePassword(link, link.account, { password })
      }
      case 'resend': {
        const waits = links.find((one) => one.isLive && one.account === me && one.purpose === 'email_change')
        const refusal = refused ?? unless(waits ?? !me.verified, '409 nothing_to_verify')
        if (!(await ask('POST /api/me/email/resend', {}, refusal))) return undefined
        return request(me, waits?.purpose ?? 'verify', waits?.email ?? me.email)
      }
      case 'change email': {
        const refusal = refused ?? fresh ?? unless(email !== me.email, '400 same_email')
        return (await ask('PUT /api/me/email', { email }, refusal)) && request(me, 'email_change', email)
      }
      case 'confirm': {
        const [link, expired] = pick('verify', 'email_change')
        if (!link) return undefined
        const { account, purpose, token } = link
        const entered = enter(account)
        const outside =
          unless(entered, '401 password_required') ??
          unless(entered === account.password, '400 invalid_credentials') ??
          unless(account.role !== 'disabled', '400 account_disabled')
        const allowed = door ?? expired ?? (session && me === account ? undefined : outside)
        const refusal =
          allowed ?? unless(purpose === 'verify' || !isTaken(link.email, account), '400 email_taken')
        if (!(await ask('POST /api/email/verify', { token, password: entered }, refusal))) return undefined
        link.isLive = false
        if (purpose === 'verify') return Object.assign(account, { verified: true, isVouched: false })
        const { email: before, verified } = account
        const own = links.find((one) => one.isLive && one.account === account && isTakeBack(one, link.email))
        prove(link, { email: link.email }, own)
        return own || !verified ? notify(before, 'email_changed') : request(account, 'take_back', before)
      }
      case 'take back': {
        const [link, expired] = pick('take_back')
        if (!link || !(await ask('POST /api/email/take-back', { token: link.token }, door ?? expired)))
          return undefined
        undoFactors(link.account, link)
        prove(link, { email: link.email, password: null, logins: [] }, link)
        voidLinks(link.account, ['invitation'])
        end(link.account, () => true)
        request(link.account, 'reset', link.email)
        return notify(link.email, 'taken_back')
      }
      case 'delete': {
        const asked = await ask('DELETE /api/me', undefined, refused ?? fresh)
        if (!asked) return undefined
        me.deletes = asked.deletes
        voidLinks(me, PENDING)
        end(me, () => true)
        return notify(me.email, 'deletion_asked')
      }
      case 'keep': {
        const isKept = await ask('DELETE /api/me/deletion', undefined, refused)
        if (!isKept || me.deletes === null) return undefined
        me.deletes = null
        return notify(me.email, 'deletion_undone')
      }
      case 'be due': {
        if (!owner?.deletes) return undefined
        const due = { deletes: sql`now()` }
        await deps.db.update(users).set(due).where(eq(users.id, owner.id))
        await deps.enqueue(deleteAccount, { userId: owner.id })
        onSuccess()
        accounts.splice(accounts.indexOf(owner), 1)
        voidLinks(owner, [...PENDING, 'take_back', 'invitation', 'factor_undo'])
        for (const one of links)
          if (one.purpose !== 'take_back' && isSame(one.email, owner.email)) one.isLive = false
        Object.assign(owner, { factors: NO_FACTORS, logins: [] })
        return end(owner, () => true)
      }
      case 'add factor': {
        if (!deps.secondStep?.factors.some(({ answers }) => Object.hasOwn(answers, CODES))) return undefined
        const exists = unless(me?.factors.seed === undefined, '409 factor_exists')
        const begun = await ask(`POST ${APP}`, undefined, refused ?? fresh ?? unproven ?? exists)
        if (!begun) return undefined
        const added = await ask(`POST ${APP}/confirm`, { [CODES]: codeOf(begun.secret) })
        return change({ seed: begun.secret }, added, CODES)
      }
      case 'remove factor': {
        if (!deps.secondStep) return undefined
        const refusal = refused ?? fresh ?? unless(me.factors.seed !== undefined, '404 no_such_factor')
        const removed = await ask(`DELETE ${APP}`, undefined, refusal)
        return removed && change({ seed: undefined }, removed)
      }
      case 'add passkey': {
        const [maker] = AUTHENTICATORS
        const asked = maker && (await ask(`POST ${KEYS}/options`, undefined, refused ?? fresh ?? unproven))
        if (!asked) return undefined
        const authenticator = await maker.make(new URL(config.appUrl).origin)
        const credential = await authenticator.register(asked)
        const added = await ask(`POST ${KEYS}`, { name: 'x', credential })
        const key = { id: added.id, account: me, device: authenticator }
        keys.push(key)
        return change({ keys: [...me.factors.keys, key] }, added, PASSKEY)
      }
      case 'delete passkey': {
        const key = pickKey(op, op.isAny ? keys : (me?.factors.keys ?? []))
        if (!key) return undefined
        const left = me?.factors.keys.filter((one) => one !== key) ?? []
        const other = unless(me?.factors.keys.includes(key), '404 not_found')
        const isOpen = left.length > 0 || me?.password !== null || me.logins.length > 0
        const last = unless(isOpen, '409 last_way_in')
        const removed = await ask(`DELETE ${KEYS}/${key.id}`, undefined, refused ?? fresh ?? other ?? last)
        return removed && change({ keys: left }, removed)
      }
      case 'log in by passkey':
      case 'confirm by passkey': {
        const isLogin = op.kind === 'log in by passkey'
        const isLikely = (one: Key) => op.isAny || (countsStill(one) && (isLogin || one.account === me))
        const key = pickKey(op, keys.filter(isLikely))
        if (!key || (isLogin && isExtra(device))) return undefined
        const { account } = key
        const path = pathOf(isLogin ? 'login' : 'reauthenticate', PASSKEY)
        const asked = await ask(`POST ${path}/options`, undefined, isLogin ? door : refused)
        if (!asked) return undefined
        const isAccepted = countsStill(key) && (isLogin || account === me)
        const refusal =
          unless(isAccepted, '400 passkey_refused') ??
          unless(account.role !== 'disabled', '400 account_disabled')
        const credential = await key.device.sign(asked)
        const entry = await ask(`POST ${path}`, { credential, ...(isLogin && asToken) }, refusal)
        return entry && begin(device, account, PASSKEY, entry.token)
      }
      case 'ask for code': {
        if (isExtra(device) || !hasCodes) return undefined
        const asked = await ask(`POST ${pathOf('login', MAIL)}`, { email }, door)
        if (!asked || !owner || owner.role === 'disabled') return undefined
        return request(owner, LOGIN_CODE, owner.email, { challenge: asked.challenge })
      }
      case 'ask to confirm': {
        if (!hasCodes) return undefined
        const refusal = refused ?? unless(me.password === null, '409 has_password')
        const asked = await ask(`POST ${pathOf('reauthenticate', MAIL)}`, undefined, refusal)
        return (
          asked && request(me, CONFIRM_CODE, me.email, { challenge: asked.challenge, session: access?.id })
        )
      }
      case 'log in by code':
      case 'confirm by code': {
        const isLogin = op.kind === 'log in by code'
        const [link] = hasCodes ? pick(...MAILED) : []
        if (!link || (isLogin && isExtra(device))) return undefined
        const { account, challenge = '' } = link
        const mailbox = `${link.purpose} ${link.email.toLowerCase()}`
        const barred = isLogin ? door : refused
        const isItsPlace = link.session === (isLogin ? undefined : access?.id)
        const left = (key: string, limit: number) => (tries.get(key) ?? 0) < limit
        const mayTry = isItsPlace && left(challenge, 5) && left(mailbox, 10)
        const isRight = mayTry && link.isLive
        if (!barred && mayTry)
          for (const key of [challenge, mailbox])
            if (isRight) tries.delete(key)
            else tries.set(key, (tries.get(key) ?? 0) + 1)
        const wrong = isItsPlace && !mayTry ? '429 rate_limit_exceeded' : '400 wrong_code'
        const refusal =
          barred ??
          unless(isRight && account.role !== 'disabled', wrong) ??
          unless(isLogin || account.password === null, '409 has_password')
        if (!barred && isRight) link.isLive = false
        const path = isLogin ? MAILED_CODE : pathOf('reauthenticate', MAIL, 'code')
        const input = { challenge, one_time_password: link.token, ...(isLogin && asToken) }
        const entry = await ask(`POST ${path}`, input, refusal, account)
        if (refusal === undefined && isLogin && !account.verified)
          replacePassword(link, account, { password: null }, 'mailbox_proven')
        if (refusal === undefined) account.verified = true
        if (!entry) return undefined
        const by = entry.way?.replace('password', MAIL)
        if (!isLogin) return begin(device, me, by ?? way, entry.token)
        return begin(device, account, by ?? MAIL, entry.token, account.password === null || by !== undefined)
      }
      case 'log in elsewhere':
      case 'link':
      case 'confirm elsewhere': {
        const isLogin = op.kind === 'log in elsewhere'
        if (!provider || (isLogin && isExtra(device))) return undefined
        const aim = isLogin ? 'login' : op.kind === 'link' ? 'link' : 'confirm'
        const barredBy = isLogin ? door : aim === 'link' ? (refused ?? fresh) : refused
        const begun = await ask(`POST ${provider[aim]}`, isLogin ? {} : undefined, barredBy)
        if (!begun) return undefined
        const sub = `${op.email.toLowerCase()} of ${domain}`
        const claims = { sub, email, email_verified: !op.isAny, given_name: first_name }
        const authorization = await provider.visit(begun.url, claims)
        const known = accounts.find(({ logins }) => logins.includes(sub))
        const vouched = op.isAny ? undefined : owner
        const end = `POST ${provider.callback}`
        const input = { secret: begun.secret, authorization, ...(isLogin && asToken) }
        if (aim === 'link') {
          const refusal = unless(!known || known === me, '409 identity_taken')
          if (!(await ask(end, input, refusal)) || known) return undefined
          me.logins = [...me.logins, sub]
          return notify(me.email, 'identity_linked')
        }
        const unlinked = '409 identity_not_linked'
        if (aim === 'confirm') {
          const proof = await ask(end, input, unless(known === me, unlinked), me)
          const by = proof?.way?.replace('password', provider.way)
          return proof && begin(device, me, by ?? provider.way, proof.token)
        }
        const adopted = known ?? vouched
        const waiting = adopted ? undefined : links.find((one) => isWaiting(one, email))
        const refusal = known
          ? undefined
          : (unless(!op.isAny, unlinked) ??
            unless(adopted || !waiting || roleOf(waiting.account) === 'superuser', '400 token_expired') ??
            unless(adopted || !isTaken(email), '400 email_taken'))
        const barred = unless(adopted?.role !== 'disabled', '400 account_disabled')
        const isOthers = unless(known || !vouched?.verified || !vouched.isVouched, unlinked)
        // What a second factor asks for comes behind: by then it is linked.
        const isRefused = refusal ?? barred ?? isOthers
        if (!isRefused && vouched && !known) {
          const proven = { password: null, first_name, isVouched: true }
          const link: Link = { account: vouched, purpose: 'verify', email: vouched.email, isLive: false }
          if (!vouched.verified) replacePassword(link, vouched, proven, 'mailbox_proven')
          notify(vouched.email, 'identity_linked')
          vouched.logins = [...vouched.logins, sub]
        }
        const entry = await ask(end, input, isRefused, adopted)
        if (!entry) return undefined
        const by = entry.way?.replace('password', provider.way) ?? provider.way
        if (adopted) return begin(device, adopted, by, entry.token)
        if (waiting) waiting.isLive = false
        const { id, role } = entry
        expect(role).toBe(waiting?.role ?? config.signupRole)
        const proven = { verified: true, isVouched: true, first_name, password: null, deletes: null }
        const account: Account = { id, role, email, ...proven, factors: NO_FACTORS, logins: [sub] }
        accounts.push(account)
        due.push([email, 'Welcome'])
        return begin(device, account, by, entry.token)
      }
      case 'unlink': {
        if (!provider) return undefined
        const listed = session && (await send(device, `GET ${provider.own}`))
        const [first] = (listed?.status === 200 && (listed.body as { id: string }[])) || []
        const left = first ? me.logins.slice(1) : []
        const isOpen = left.length > 0 || me?.password !== null || me.factors.keys.length > 0
        const last = unless(isOpen, '409 last_way_in')
        const other = unless(first, '404 not_found')
        const path = `${provider.own}/${first?.id ?? crypto.randomUUID()}`
        if (!(await ask(`DELETE ${path}`, undefined, refused ?? fresh ?? other ?? last))) return undefined
        me.logins = left
        return notify(me.email, 'identity_unlinked')
      }
      case 'undo factor': {
        const [link, expired] = pick('factor_undo')
        if (!link || !deps.secondStep) return undefined
        if (!(await ask('POST /api/factors/undo', { token: link.token }, door ?? expired))) return undefined
        undoFactors(link.account, link)
        link.account.logins = []
        end(link.account, () => true)
        return notify(link.email, 'factors_undone')
      }
      case 'list sessions': {
        const refusal = access?.isBoss ? undefined : refused
        const listed: Access[] | undefined = await ask('GET /api/me/sessions', undefined, refusal)
        const own = accesses.filter((one) => one.isOpen && one.account === me && one.id && !one.abilities)
        const told = (all: Access[]) => all.map(({ id, way: by }) => `${id} ${by}`).toSorted()
        return listed && expect(told(listed)).toEqual(told(own))
      }
      case 'end others':
        if (!(await ask('DELETE /api/me/sessions', undefined, refused))) return undefined
        return end(me, (one) => one !== access && !one.abilities)
      case 'end session':
      case 'end token': {
        const isToken = op.kind === 'end token'
        const isLikely = (one: Access) => one.id && (op.isAny || (one.isOpen && one.account === me))
        const all = accesses.filter((one) => isLikely(one) && (one.abilities !== undefined) === isToken)
        const one = all.at(-1 - (op.back % all.length))
        const refusal = refused ?? unless(one?.isOpen && one.account === me, '404 not_found')
        const path = `/api/me/${isToken ? 'tokens' : 'sessions'}/${one?.id ?? crypto.randomUUID()}`
        return (await ask(`DELETE ${path}`, undefined, refusal)) && end(me, (each) => each === one)
      }
      case 'make token': {
        const made = await ask('POST /api/me/tokens', { name: 'x', abilities }, refused ?? fresh)
        if (!made) return undefined
        const program: Device = { kind: 'program', client: visitor() }
        open(program, { id: made.id, token: made.token, account: me, isFresh: false, abilities })
        devices.push(program)
        return notify(me.email, 'token_made')
      }
      case 'invite': {
        const input = { email, role: op.role === 'disabled' ? undefined : op.role }
        const refusal = refusalOf(device, 'superuser') ?? fresh
        if (op.isAny && !(await ask('POST /api/users', input, refusal))) return undefined
        if (!op.isAny) expect((await boss.post('/api/users', input)).status).toBe(202)
        onSuccess()
        for (const one of links)
          if (one.purpose === 'invitation' && isSame(one.email, email)) one.isLive = false
        const link: Link = { account: op.isAny ? me : superuser, purpose: 'invitation', email, isLive: true }
        links.push(Object.assign(link, { role: input.role ?? config.signupRole }))
        return due.push([email, linkTo(config, 'invitation', ''), link])
      }
      case 'accept': {
        const [link, expired] = pick('invitation')
        if (!link || isExtra(device)) return undefined
        const { token, role = 'editor', account: inviter, email: mailbox } = link
        const mayInvite = unless(roleOf(inviter) === 'superuser', '400 token_expired')
        if (session) {
          const refusal = door ?? fresh ?? expired ?? mayInvite
          if (!(await ask('POST /api/invitations/accept', { token }, refusal))) return undefined
          link.isLive = false
          if (isSame(me.email, mailbox)) Object.assign(me, { verified: true, isVouched: false })
          const was = me.role
          me.role = higher(was, role)
          end(me, (one) => one.isBoss && me.role === 'superuser')
          return me.role !== was && notify(me.email, 'role_changed')
        }
        const held = accounts.find((one) => isSame(one.email, mailbox))
        const refusal =
          expired ??
          unless(!held?.verified, '409 account_exists') ??
          mayInvite ??
          unless(
            held ? held.role !== 'disabled' : !isTaken(mailbox),
            held ? '400 token_expired' : '400 email_taken',
          )
        const input = { token, password, fname: first_name, lname: 'Lee', bearer: device.kind === 'app' }
        const made = await ask('POST /api/invitations/accept', input, refusal)
        if (!made) return undefined
        link.isLive = false
        if (held) replacePassword(link, held, { password, first_name, role: higher(held.role, role) })
        const proven = { email: mailbox, verified: true, role, first_name, password, deletes: null }
        const account = held ?? { id: made.id, ...proven, factors: NO_FACTORS, logins: [] }
        if (!held) accounts.push(account)
        return begin(device, account, 'password', made.token)
      }
      default: {
        // impersonate: by the boss. change role, sign out: by the boss, or by whoever is at this client
        const account = accounts[op.back % accounts.length] as Account
        const path = `/api/users/${account.id}`
        if (op.kind === 'impersonate') {
          const { role, verified } = account
          if (config.emailVerification === 'required' && !verified) return undefined
          const disabled = unless(role !== 'disabled', '400 account_disabled')
          const reason = disabled ?? unless(role !== 'superuser', '403 role_not_lower')
          const begun = await boss.post(`${path}/impersonate`, { token: true })
          expect(said(begun)).toBe(reason ?? 'success')
          if (reason) return undefined
          onSuccess()
          const deputy: Device = { kind: 'boss', client: visitor() }
          open(deputy, { token: begun.body.token, account, isFresh: false, isBoss: true })
          devices.push(deputy)
          return notify(account.email, 'impersonated')
        }
        const refusal = refusalOf(device, 'superuser') ?? fresh
        const manage = async (route: string, input?: object) => {
          if (op.isAny) return (await ask(route, input, refusal)) !== undefined
          expect(said(await send({ kind: 'browser', client: boss }, route, input))).toBe('success')
          onSuccess()
          return true
        }
        if (op.kind === 'sign out') {
          if (!(await manage(`DELETE ${path}/sessions`))) return undefined
          end(account, (one) => !one.abilities)
          return notify(account.email, 'sessions_ended')
        }
        if (!(await manage(`PATCH ${path}`, { role: op.role })) || account.role === op.role) return undefined
        const was = account.role
        account.role = op.role
        // Whoever was disabled logs in anew.
        end(account, (one) => was === 'disabled' || (op.role === 'disabled' && one.abilities))
        end(account, (one) => one.isBoss && (op.role === 'disabled' || op.role === 'superuser'))
        return notify(account.email, 'role_changed')
      }
    }
  }
  return { run }
}

const START = (['ann', 'bob', 'cyd'] as const).flatMap((email, i): Partial<Operation>[] => [
  { kind: 'sign up', by: 2 * i, email, password: 'First1234', name: 'Ann' },
  { kind: 'log in', by: 2 * i + 1, email, given: 'right' },
  ...(email === 'cyd' ? [] : [{ kind: 'confirm', by: 2 * i, back: 0 } as const]),
]) as Operation[]

/** Of a passkey alone, and of a password that is not enough, a good deal is to be seen in each run. */
const WITH_FACTORS = [
  { kind: 'add passkey', by: 0 },
  { kind: 'log in by passkey', by: 1, back: 0 },
  { kind: 'add factor', by: 2 },
  { kind: 'log in', by: 3, email: 'bob', given: 'right', back: 0 },
] as Operation[]

/** The mailbox of an account that was never verified takes it over; then it has no password. */
const WITHOUT_PASSWORD: Partial<Operation>[] = [
  { kind: 'ask for code', by: 5, email: 'cyd' },
  { kind: 'log in by code', by: 5, back: 0 },
  { kind: 'wait for an hour', by: 5 },
  { kind: 'ask to confirm', by: 5 },
  { kind: 'confirm by code', by: 5, back: 0 },
  { kind: 'link', by: 0, email: 'ann' },
  { kind: 'log in elsewhere', by: 1, email: 'bob' },
  { kind: 'log in elsewhere', by: 2, email: 'dan', name: 'Ann' },
  { kind: 'unlink', by: 2 },
]

/** By chance alone hardly any account would change its email twice, or have nothing but a passkey. */
const OFTEN: { [kind in Operation['kind']]?: Operation['kind'][] } = {
  'change email': ['confirm'],
  'take back': ['log in by passkey', 'delete passkey'],
  'ask for code': ['log in by code'],
  'log in by code': ['ask to confirm', 'confirm by code'],
  'add factor': ['wait for an hour', 'reauthenticate'],
  'log in elsewhere': ['wait for an hour', 'confirm elsewhere'],
  link: ['log in elsewhere'],
  'add passkey': ['wait for an hour', 'delete passkey', 'confirm by passkey'],
}
const withFollowing = (op: Operation): Operation[] => {
  const following = op.back > 0 ? (OFTEN[op.kind] ?? []) : []
  return [op, ...following.map((kind) => ({ ...op, kind, back: 0, isAny: false }))]
}

test.each([['soft', 6] as const, ['required', 7] as const])(
  'each client may what the model says, and mails tell what was done (EMAIL_VERIFICATION=%s, seed %d)',
  async (EMAIL_VERIFICATION, usual) => {
    const world = await startWorld({ EMAIL_VERIFICATION, [`${MAIL.toUpperCase()}_LOGIN`]: 'on' })
    const succeeded = new Set<string>()
    let runs = 0
    const follow = async (haveFactors: boolean, sequence: Operation[]) => {
      await world.boss.post('/api/login', world.boss.account) // a fresh one
      const { run } = createModel(world, `run${++runs}.example`)
      const then = haveFactors ? WITH_FACTORS : (WITHOUT_PASSWORD as Operation[])
      const begun = [...START, ...then]
      for (const [i, op] of [...begun, ...sequence.flatMap(withFollowing)].entries())
        await run(op, () => succeeded.add(op.kind)).catch((error: Error) => {
          throw new Error(`${i + 1}. ${op.kind}: ${error.message}`, { cause: error })
        })
    }
    const sequences = fc.asyncProperty(
      fc.boolean(),
      fc.array(operation, { minLength: 30, maxLength: 50 }),
      follow,
    )
    const seed = Number(PROPERTY_SEED ?? usual)
    const replay = PROPERTY_REPLAY ? { path: PROPERTY_REPLAY } : {}
    const options = { seed, numRuns: Number(PROPERTY_RUNS), endOnFailure: !PROPERTY_SEED, ...replay }
    try {
      await fc.assert(sequences, options)
    } finally {
      await world.close()
    }
    if (!PROPERTY_REPLAY) expect(succeeded.size).toBeGreaterThan(15) // of 41, three of them of apps for codes, four of passkeys, four of mailed codes, four of logins elsewhere
  },
)
