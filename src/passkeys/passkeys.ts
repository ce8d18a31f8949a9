// Keeps the passkeys of accounts: adds, renames and deletes them, logs in by one alone, and takes one as second factor.
import { and, asc, eq, lt, sql } from 'drizzle-orm'
import type { z } from 'zod'
import { assertAdmitted, beginSession } from '../account/login.ts'
import type { AppContext, LoggedInContext } from '../account/product.ts'
import { findUserWithHashById, type User } from '../account/queries.ts'
import { confirmSession } from '../account/sessions.ts'
import { assertWayIn } from '../account/ways-in.ts'
import { notFound } from '../kit/http/errors.ts'
import type { Assertion } from '../kit/passkeys/schema.ts'
import {
  type Ceremony,
  creationOptions,
  passkeyRefused,
  verifyNew,
  verifySigned,
} from '../kit/passkeys/webauthn.ts'
import { defineError } from '../kit/types/api-error.ts'
import type { Db } from '../kit/types/db.ts'
import { assertMayAdd, changeFactors } from '../second-factors/changes.ts'
import type { NewPasskey, PasskeyLogin, PasskeyProof } from './schema.ts'
import { passkeys, publicPasskey } from './table.ts'

/** More than anybody has devices. */
const PER_ACCOUNT = 20

/** As a factor, and as the way in of a login by one alone. */
export const PASSKEY = 'passkey'

export const tooManyPasskeys = defineError(
  409,
  'too_many_passkeys',
  'There are too many passkeys: delete one first',
)

export const ofAccount = (userId: string) => eq(passkeys.user_id, userId)
const ofId = (userId: string, id: string) => and(eq(passkeys.id, id), ofAccount(userId))

/** The oldest first. */
export const listPasskeys = (db: Db, userId: string) =>
  db.select(publicPasskey.columns).from(passkeys).where(ofAccount(userId)).orderBy(asc(passkeys.created))

const toAdd = (userId: string) => ({ purpose: 'add', userId })
export const toLogIn: Ceremony = { purpose: 'login' }
export const toConfirm = ({ var: { session } }: LoggedInContext): Ceremony => ({
  purpose: 'confirm',
  userId: session.userId,
})

/** What undoing takes: the id of one that came, or the row of one that went, whose times JSON makes texts of. */
export type Change = { added?: string; removed?: typeof passkeys.$inferSelect }

/** @throws what `assertMayAdd` does */
export async function newPasskeyOptions(c: LoggedInContext) {
  await assertMayAdd(c)
  const { id, email: name, fullname: displayName } = await c.var.me()
  const others = await c.var.db.select().from(passkeys).where(ofAccount(id))
  return creationOptions(c.var, toAdd(id), { name, displayName, others })
}

/** Adds one that was just made. @throws passkeyRefused, tooManyPasskeys, or what `assertMayAdd` and `changeFactors` do */
export async function addPasskey(c: LoggedInContext, { name, credential }: z.output<typeof NewPasskey>) {
  await assertMayAdd(c)
  const { userId } = c.var.session
  const made = await verifyNew(c.var, toAdd(userId), credential)
  let added: Awaited<ReturnType<typeof listPasskeys>>[number] | undefined
  await changeFactors(c, {
    action: 'added',
    name: PASSKEY,
    async run(tx) {
      if ((await tx.$count(passkeys, ofAccount(userId))) >= PER_ACCOUNT) throw tooManyPasskeys()
      const row = { ...made, name }
      ;[added] = await tx.insert(passkeys).values(row).onConflictDoNothing().returning(publicPasskey.columns)
      if (added === undefined) throw passkeyRefused() // it is there already, of whichever account
      return { added: added.id }
    },
  })
  return added as NonNullable<typeof added>
}

/** Undefined if there is none of that id. */
export async function renamePasskey(c: LoggedInContext, id: string, name: string) {
  const { db, session } = c.var
  const renamed = db.update(passkeys).set({ name }).where(ofId(session.userId, id))
  const [row] = await renamed.returning(publicPasskey.columns)
  return row
}

/** @throws lastWayIn, notFound, or what `changeFactors` does */
export async function deletePasskey(c: LoggedInContext, id: string): Promise<void> {
  const { userId } = c.var.session
  await changeFactors(c, {
    action: 'removed',
    name: PASSKEY,
    async run(tx) {
      const [removed] = await tx.delete(passkeys).where(ofId(userId, id)).returning()
      if (removed === undefined) throw notFound(c)
      await assertWayIn(c.var, tx, userId)
      return { removed }
    },
  })
}

/** Undoes what `addPasskey` or `deletePasskey` has told `changeFactors`. Takes a transaction. */
export async function undoChange(tx: Db, userId: string, { added, removed }: Change): Promise<void> {
  if (added !== undefined) await tx.delete(passkeys).where(ofId(userId, added))
  if (removed === undefined) return
  const last_used = removed.last_used && new Date(removed.last_used)
  const row = { ...removed, created: new Date(removed.created), last_used }
  await tx.insert(passkeys).values(row).onConflictDoNothing()
}

/**
 * Logs in by a passkey that has verified its user: it stands for both factors.
 * @throws passkeyRefused, accountDisabled
 */
export async function logInByPasskey(
  c: AppContext,
  { credential, ...kept }: z.output<typeof PasskeyLogin>,
): Promise<User> {
  const { db } = c.var
  const { id, user_id } = await usePasskey(c, toLogIn, credential)
  const user = (await findUserWithHashById(db, user_id))?.user
  if (user === undefined) throw passkeyRefused()
  assertAdmitted(c, user)
  // If it is removed at this moment, that is seen here, or the session is seen there.
  const isThere = async () => (await db.$count(passkeys, eq(passkeys.id, id))) > 0
  await beginSession(c, user, { ...kept, way: PASSKEY }, isThere)
  return user
}

/** Makes the session fresh by a passkey of its account, instead of password and factor. @throws passkeyRefused */
export async function confirmByPasskey(c: LoggedInContext, { credential }: z.output<typeof PasskeyProof>) {
  await usePasskey(c, toConfirm(c), credential)
  await confirmSession(c, PASSKEY, PASSKEY)
}

/**
 * The passkey that has signed, whose counter is kept: of two requests at once with one signature, or of a copy, none passes it.
 * @param verifiesUser as second factor it need not
 * @throws passkeyRefused
 */
export async function usePasskey(
  c: AppContext,
  ceremony: Ceremony,
  given: z.output<typeof Assertion>,
  { verifiesUser = true } = {},
): Promise<{ id: string; user_id: string }> {
  const { db } = c.var
  const [known] = await db.select().from(passkeys).where(eq(passkeys.credential_id, given.id))
  if (known === undefined) throw passkeyRefused()
  const { sign_count, backed_up } = await verifySigned(c.var, ceremony, given, known, { verifiesUser })
  const count = passkeys.sign_count
  const grows = sign_count === 0 ? eq(count, 0) : lt(count, sign_count)
  const [used] = await db
    .update(passkeys)
    .set({ sign_count, backed_up, last_used: sql`now()` })
    .where(and(eq(passkeys.id, known.id), grows))
    .returning({ id: passkeys.id, user_id: passkeys.user_id })
  if (used === undefined) throw passkeyRefused()
  return used
}
