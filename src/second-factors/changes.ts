// Changes the factors of an account: by their owner, in the trail, and with a mail that undoes it for seven days.
import { and, desc, eq, gte, inArray } from 'drizzle-orm'
import { accessTokens } from '../account/access-tokens.ts'
import { recordEvent } from '../account/audit.ts'
import { MAILBOX_PROVEN, requestOwnLink } from '../account/email.ts'
import { endSessionsWith, lockOwnAccount, sessionEnded } from '../account/end-sessions.ts'
import { requestLink, requestNotice } from '../account/mail-tasks.ts'
import type { FactorChange } from '../account/mails.ts'
import { FACTOR_UNDO_MS, tokens } from '../account/one-time-tokens.ts'
import type { AppContext, LoggedInContext } from '../account/product.ts'
import { findUser, lockUser } from '../account/queries.ts'
import { type Factor, factorsOf, firstOf } from '../account/second-step.ts'
import { confirmSession } from '../account/sessions.ts'
import { oneTimeTokens } from '../account/table.ts'
import { removeWaysIn } from '../account/ways-in.ts'
import { assertFresh } from '../kit/auth/guards.ts'
import { tokenExpired } from '../kit/auth/one-time-tokens.ts'
import { retryConflict } from '../kit/data/transient.ts'
import { agentOf, continueIn } from '../kit/http/session.ts'
import { defineError } from '../kit/types/api-error.ts'
import type { Db } from '../kit/types/db.ts'
import type { Json } from '../kit/types/json.ts'
import { mustHaveFactor } from './required.ts'
import { provenAtOf } from '../kit/types/sessions.ts'

export const mailboxProofRequired = defineError(
  409,
  'mailbox_proof_required',
  'Show first that the mailbox is yours: POST /api/me/factors/mail mails a link, which counts in this session for 15 minutes',
)

export const lastFactor = defineError(
  409,
  'last_factor',
  'Your role takes a second factor: add another one first',
)

export const olderFactorRequired = defineError(
  409,
  'older_factor_required',
  'It takes a factor that you have had for seven days, given a short while ago and after the change',
)

const PROVEN_MS = 15 * 60_000

/**
 * To be asked before a factor is prepared, and before it is added: the login is fresh, and the mailbox the owner's. Where the role takes a
 * factor, the mailbox is shown again: who has the password alone gets no further.
 * @throws freshLoginRequired, mailboxProofRequired
 */
export async function assertMayAdd(c: LoggedInContext): Promise<void> {
  assertFresh(c)
  if (await needsMailbox(c)) throw mailboxProofRequired()
}

/** Whether the mailbox is to be shown before a factor is added. */
export async function needsMailbox(c: LoggedInContext): Promise<boolean> {
  const { config, session } = c.var
  const proven = (await session.get<number>(MAILBOX_PROVEN)) ?? 0
  if (Date.now() - proven <= PROVEN_MS) return false
  return !(await c.var.me()).verified || mustHaveFactor(config, session.identity)
}

/** Mails the link that shows it, in the session in which it is opened. */
export async function mailVerification(c: LoggedInContext): Promise<void> {
  const { id: userId, email } = await c.var.me()
  await requestOwnLink(c, { userId, purpose: 'verify', email })
}

/** What of it is told and undone. */
interface Change {
  action: FactorChange
  /** Of the factor. */
  name: string
  /** Takes the transaction; returns what `undo` of the factor needs, as JSON by then. */
  run(tx: Db): Promise<object | null>
}

/**
 * Changes one's factors. With a new one the other sessions end, which came without, and this one goes on as proven by it. Without any
 * the others end as well, and this one goes on as proven by what came first: none counts as proven by what is no factor any more.
 * The answer holds `issuedToken`.
 * @throws lastFactor, loginRequired if the session has ended
 */
export async function changeFactors(c: LoggedInContext, { action, name, run }: Change): Promise<void> {
  const { db, log, session, sessions } = c.var
  const { email, id: userId } = await c.var.me()
  const endOthers = () => sessions.destroyAllOf(userId, { but: session.token })
  const isBare = await retryConflict(() =>
    db.transaction(async (tx) => {
      await lockOwnAccount(c, tx)
      const details = { action, factor: name, undo: (await run(tx)) as Json }
      const hasNone = action === 'removed' && (await factorsOf(c.var, tx, userId)).length === 0
      if (hasNone && mustHaveFactor(c.var.config, { ...session.identity, way: 'password' }))
        throw lastFactor()
      await recordEvent(c, tx, { action: `factor.${action}`, account: userId, details: { factor: name } })
      await requestLink(c.var, tx, { userId, purpose: 'factor_undo', email, details })
      if (action === 'added' || hasNone) await endOthers()
      return hasNone
    }),
  )
  log.info(`FACTOR ${action.toUpperCase()}`, { user: userId, factor: name, agent: agentOf(c) })
  if (action !== 'added' && !isBare) return
  await endOthers() // of a login that saw the state of before
  const first = firstOf(session.identity.way)
  const way = `${first}+${name}`
  if (!isBare) return confirmSession(c, way, way)
  if (!(await session.rotate({ way: first }))) throw sessionEnded()
  continueIn(c, session, session.isBearer)
}

/** Undoes the changes since a moment, the latest first, and returns their ids. Takes a transaction that has locked the account. */
export async function undoSince(
  factors: readonly Factor[],
  tx: Db,
  userId: string,
  since: Date,
): Promise<string[]> {
  const { id, created, details, purpose, user_id } = oneTimeTokens
  const undone = await tx
    .select({ id, details })
    .from(oneTimeTokens)
    .where(and(eq(user_id, userId), eq(purpose, 'factor_undo'), gte(created, since)))
    .orderBy(desc(created))
  for (const { details: change } of undone) {
    const { factor: name, undo } = change as { factor: string; undo: Json }
    await factors.find(({ answers }) => Object.hasOwn(answers, name))?.undo(tx, userId, undo)
  }
  const ids = undone.map((each) => each.id)
  if (ids.length > 0) await tx.delete(oneTimeTokens).where(inArray(id, ids))
  return ids
}

/**
 * Spends the link of a mail: the change that it tells is undone, with those since, and every session, token and other way in ends. Logs nobody in.
 * @throws tokenExpired
 */
export async function undoFactors(c: AppContext, { token }: { token: string }): Promise<void> {
  const { db, secondStep } = c.var
  const { id, user_id: userId, email, created } = await tokens.find(db, token, 'factor_undo')
  await endSessionsWith(c, userId, async (tx) => {
    await lockUser(tx, userId)
    if ((await findUser(tx, userId)) === undefined) throw tokenExpired()
    // Of two requests at once the second finds it spent.
    const undone = await undoSince(secondStep?.factors ?? [], tx, userId, created)
    if (!undone.includes(id)) throw tokenExpired()
    await removeWaysIn(c.var, tx, userId) // whoever made the change may have opened one for later
    await accessTokens.deleteAllOf(c.var, tx, userId)
    await recordEvent(c, tx, { action: 'factor.undone', account: userId })
    await requestNotice(c.var, tx, email, 'factors_undone')
  })
  c.var.log.warn('FACTORS UNDONE', { user: userId, agent: agentOf(c) })
}

/**
 * Voids the links that undo changes: for an owner whose mailbox may be another's. The factor was given after the last of them: a login
 * of before may be stolen, and have made it.
 * @throws olderFactorRequired
 */
export async function keepFactors(c: LoggedInContext): Promise<void> {
  const { db, session } = c.var
  const { userId, identity } = session
  const { way } = identity
  const own = await factorsOf(c.var, db, userId)
  const given = own.find(({ name }) => way.split('+').at(-1) === name)
  if (given === undefined || Date.now() - given.since.getTime() < FACTOR_UNDO_MS) throw olderFactorRequired()
  await db.transaction(async (tx) => {
    await lockOwnAccount(c, tx)
    const last = await tokens.latest(tx, userId, 'factor_undo')
    if (last !== undefined && provenAtOf(identity) <= last.created.getTime()) throw olderFactorRequired()
    await tokens.revoke(tx, userId, { only: ['factor_undo'] })
    await recordEvent(c, tx, { action: 'factor.kept', account: userId })
  })
}
