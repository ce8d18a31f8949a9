// Invites people by mail, and takes them in: an invitation makes an account, or gives one that is there a higher role.
import { and, desc, eq, gt, isNull, or, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Author } from '../kit/audit/record.ts'
import { type OneTimeToken, tokenExpired } from '../kit/auth/one-time-tokens.ts'
import { retryConflict } from '../kit/data/transient.ts'
import { unauthorized } from '../kit/http/errors.ts'
import { invalidRequest } from '../kit/types/api-error.ts'
import type { Db } from '../kit/types/db.ts'
import { recordEvent } from './audit.ts'
import { MANAGES, syncSessionRole } from './change-role.ts'
import { assertSessionOpen, endSessionsWith, lockOwnAccount } from './end-sessions.ts'
import { accountExists, roleAboveOwn } from './errors.ts'
import { requestLink, requestNotice, type Asker } from './mail-tasks.ts'
import { tokens } from './one-time-tokens.ts'
import { assertPassword } from './password-rule.ts'
import { proveMailbox } from './password.ts'
import { type AppContext, type Deps, type LoggedInContext, roleOf } from './product.ts'
import { findUser, findUserWithHash, lockUser, type NewUser, updateUser, type User } from './queries.ts'
import { ROLES, roles, type Role } from './roles.ts'
import type { AcceptInvitation, Invite } from './schema.ts'
import { assertSignup, beginFirstSession, createAccount } from './sign-up.ts'
import { oneTimeTokens, publicInvitation } from './table.ts'

/** What the token of an invitation carries; with the role of a newer release it counts there alone. */
const Details = z.object({ role: z.enum(ROLES) })

/** A page's worth: who has been invited and has not answered within seven days. */
const LISTED = 200

/**
 * Has somebody invited by mail, for a superuser or a command, and voids the invitation that the mailbox got before. Whether it has an
 * account nobody looks.
 * @throws signupClosed, roleAboveOwn, loginRequired if the session has ended
 */
export async function invite(
  deps: Pick<Deps, 'config' | 'db'> & Asker,
  { email, role = deps.config.signupRole }: z.output<typeof Invite>,
  by: Author,
): Promise<void> {
  assertSignup(deps.config, 'open', 'invited')
  const session: LoggedInContext['var']['session'] | undefined = 'get' in by ? by.get('session') : undefined
  const userId = session?.userId ?? null
  const request = async (tx: Db) => {
    if (!(await mayInvite(deps, tx, userId, role))) throw roleAboveOwn()
    if (session !== undefined) await assertSessionOpen(session)
    const id = await requestLink(deps, tx, { userId, purpose: 'invitation', email, details: { role } })
    await recordEvent(by, tx, { action: 'invitation.made', account: null, details: { invitation: id, role } })
  }
  await retryConflict(() => deps.db.transaction(request)) // it locks what accepting does, the other way round
}

/** Whether an account may invite to a role at this moment, and until the transaction ends; a command may. */
async function mayInvite({ config }: Pick<Deps, 'config'>, tx: Db, userId: string | null, role: Role) {
  if (userId === null) return true
  await lockUser(tx, userId)
  const inviter = await findUser(tx, userId)
  return [MANAGES, role].every((least) => inviter && roles.atLeast(roleOf(inviter, config), least))
}

const isOpen = and(
  eq(oneTimeTokens.purpose, 'invitation'),
  or(isNull(oneTimeTokens.expires), gt(oneTimeTokens.expires, sql`now()`)),
)

/** Those that wait for an answer, the newest first. */
export const openInvitations = (db: Db) =>
  db
    .select(publicInvitation.columns)
    .from(oneTimeTokens)
    .where(isOpen)
    .orderBy(desc(oneTimeTokens.created))
    .limit(LISTED)

/** False if there is none of that id. */
export const withdrawInvitation = (c: AppContext, id: string): Promise<boolean> =>
  c.var.db.transaction(async (tx) => {
    const withdrawn = await tx
      .delete(oneTimeTokens)
      .where(and(eq(oneTimeTokens.id, id), isOpen))
      .returning()
    if (withdrawn.length === 0) return false
    await recordEvent(c, tx, { action: 'invitation.withdrawn', account: null, details: { invitation: id } })
    return true
  })

type Answer = z.output<typeof AcceptInvitation>

/**
 * Spends the link of an invitation. In a session its account gets the role, if that is higher; otherwise there is a new account, and it
 * is logged in as `signUp` does. Place it behind `freshIfLoggedIn`.
 * @throws tokenExpired, accountExists, emailTaken, weakPassword
 */
export const acceptInvitation = (c: AppContext, answer: Answer): Promise<User & { loggedIn?: false }> =>
  c.var.session === null ? takeIn(c, answer) : raiseRole(c as LoggedInContext, answer)

/** Spends it together with what it brings about. */
async function spendWith(c: AppContext, tx: Db, token: string, change: Change): Promise<User> {
  const user = await accept(c, tx, await tokens.spend(tx, token, 'invitation'), change)
  if (user === undefined) throw tokenExpired()
  return user
}

/** The new account of somebody who has shown the mailbox otherwise spends an invitation that waits there. Undefined if none counts. */
export async function acceptWith(c: AppContext, tx: Db, row: NewUser): Promise<User | undefined> {
  const isToThem = eq(sql`lower(${oneTimeTokens.email})`, sql`lower(${row.email})`)
  const [waiting] = await tx.delete(oneTimeTokens).where(and(isOpen, isToThem)).returning()
  return waiting && accept(c, tx, waiting, (role) => createAccount(c, tx, { ...row, role }))
}

type Change = (role: Role, mailbox: string) => Promise<User | undefined>

/** Undefined if who invited may not do so at this moment. */
async function accept(
  c: AppContext,
  tx: Db,
  { id, user_id: by, email, details }: OneTimeToken,
  change: Change,
): Promise<User | undefined> {
  const role = Details.safeParse(details).data?.role
  if (role === undefined || !(await mayInvite(c.var, tx, by, role))) return undefined
  const user = await change(role, email)
  if (user === undefined) throw unauthorized('This account no longer exists')
  // Who invited, `invitation.made` tells: this one its account sees.
  const event = { invitation: id, role: user.role }
  await recordEvent(c, tx, { action: 'invitation.accepted', account: user.id, details: event })
  return user
}

/** Nobody loses a role by an invitation, and who is barred stays so. */
const higher = (was: Role, role: Role) => (roles.isBarred(was) || roles.atLeast(was, role) ? was : role)

/** Of the account that is logged in; it proves the mailbox that it went to, as a link to verify does. */
async function raiseRole(c: LoggedInContext, { token }: Answer): Promise<User> {
  const { userId } = c.var.session
  const raise = async (tx: Db) =>
    spendWith(c, tx, token, async (role, mailbox) => {
      await lockOwnAccount(c, tx)
      const was = await findUser(tx, userId)
      if (was === undefined) return undefined
      const change = { role: higher(was.role, role) }
      if (change.role !== was.role) {
        const details = { was: was.role, now: change.role }
        await recordEvent(c, tx, { action: 'role.changed', account: userId, details })
        await requestNotice(c.var, tx, was.email, 'role_changed')
      }
      const proof = isSame(was.email, mailbox) ? { email_proof: 'mail' as const } : {}
      return updateUser(tx, userId, { ...change, ...proof })
    })
  const user = await retryConflict(() => c.var.db.transaction(raise))
  await syncSessionRole(c.var, userId)
  return user
}

const isSame = (a: string, b: string) => a.toLowerCase() === b.toLowerCase()

/** A new account; or one that somebody has made with the address of another and never verified, of which nothing is left. */
async function takeIn(c: AppContext, { token, remember, bearer, ...given }: Answer) {
  const { db, passwords } = c.var
  const { email } = await tokens.find(db, token, 'invitation')
  const known = (await findUserWithHash(db, email))?.user
  // Whoever has the link may have got it from its owner: it opens no account that is somebody's.
  if (known?.verified) throw accountExists()
  const { fname, lname, password, company = null, ...more } = given
  if (!password || !fname || !lname)
    throw invalidRequest({ message: 'A new account takes password, fname and lname; or log in first' })
  const person = { ...more, first_name: fname, last_name: lname, company }
  await assertPassword(c.var, password, { ...person, email })
  const hash = await passwords.hash(password, c.var.signal())
  const row = { ...person, password: hash }
  const create = async (tx: Db) =>
    spendWith(c, tx, token, (role) => createAccount(c, tx, { ...row, email, role, email_proof: 'mail' }))
  const replace = async (tx: Db, { id }: User) =>
    spendWith(c, tx, token, async (role) => {
      await lockUser(tx, id)
      const was = await findUser(tx, id)
      if (was?.verified) throw accountExists()
      return was && proveMailbox(c, tx, id, email, { ...row, role: higher(was.role, role) })
    })
  const user =
    known === undefined
      ? await retryConflict(() => db.transaction(create))
      : await endSessionsWith(c, known.id, (tx) => replace(tx, known))
  return beginFirstSession(c, user, { remember, token: bearer }, { hash, password })
}
