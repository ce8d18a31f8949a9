// Keeps which logins at other providers open which account: its owner links, sees and unlinks them.
import { and, asc, eq, sql } from 'drizzle-orm'
import { recordEvent } from '../account/audit.ts'
import { lockOwnAccount } from '../account/end-sessions.ts'
import { requestNotice } from '../account/mail-tasks.ts'
import type { AppContext, LoggedInContext } from '../account/product.ts'
import type { User } from '../account/queries.ts'
import { assertWayIn, type WayIn } from '../account/ways-in.ts'
import type { Claimed } from '../kit/oidc/provider.ts'
import { defineError } from '../kit/types/api-error.ts'
import type { Db } from '../kit/types/db.ts'
import { identities, publicIdentity } from './table.ts'

const PER_ACCOUNT = 10

export const identityTaken = defineError(
  409,
  'identity_taken',
  'That login is linked to another account, or yours has ten already: unlink it there first',
)

export const ofAccount = (userId: string) => eq(identities.user_id, userId)

/** Whose it is. Undefined if nobody has linked it. */
export async function findIdentity(db: Db, { iss, sub }: Claimed) {
  const [known] = await db
    .select()
    .from(identities)
    .where(and(eq(identities.issuer, iss), eq(identities.subject, sub)))
  return known
}

/** The oldest first. */
export const listIdentities = (db: Db, userId: string) =>
  db.select(publicIdentity.columns).from(identities).where(ofAccount(userId)).orderBy(asc(identities.created))

/** Takes a transaction that has locked the account. @throws identityTaken */
export async function addIdentity(
  c: AppContext,
  tx: Db,
  { userId, provider, claimed }: { userId: string; provider: string; claimed: Claimed },
) {
  const { iss: issuer, sub: subject, email } = claimed
  const row = { user_id: userId, provider, issuer, subject, email }
  const hasRoom = (await tx.$count(identities, ofAccount(userId))) < PER_ACCOUNT
  const [added] = hasRoom ? await tx.insert(identities).values(row).onConflictDoNothing().returning() : []
  if (added === undefined) throw identityTaken()
  await recordEvent(c, tx, { action: 'identity.linked', account: userId, details: { provider } })
  return added
}

/** Links it to the account that is logged in. Place it behind `assertFresh`. @throws identityTaken */
export async function linkIdentity(
  c: LoggedInContext,
  { id: userId, email }: User,
  provider: string,
  claimed: Claimed,
): Promise<void> {
  const { db } = c.var
  if ((await findIdentity(db, claimed))?.user_id === userId) return
  await db.transaction(async (tx) => {
    await lockOwnAccount(c, tx)
    await addIdentity(c, tx, { userId, provider, claimed })
    await requestNotice(c.var, tx, email, 'identity_linked')
  })
}

/** False if there is none of that id. @throws lastWayIn */
export const unlinkIdentity = (c: LoggedInContext, id: string): Promise<boolean> =>
  c.var.db.transaction(async (tx) => {
    await lockOwnAccount(c, tx)
    const { id: userId, email } = await c.var.me()
    const own = and(eq(identities.id, id), ofAccount(userId))
    const [removed] = await tx.delete(identities).where(own).returning()
    if (removed === undefined) return false
    await assertWayIn(c.var, tx, userId)
    const details = { provider: removed.provider }
    await recordEvent(c, tx, { action: 'identity.unlinked', account: userId, details })
    await requestNotice(c.var, tx, email, 'identity_unlinked')
    return true
  })

export const identitiesOpen: Pick<WayIn, 'opens' | 'removeAll'> = {
  opens: async (db, userId) => (await db.$count(identities, ofAccount(userId))) > 0,
  removeAll: async (tx, userId) => void (await tx.delete(identities).where(ofAccount(userId))),
}

/** False if it was unlinked meanwhile. */
export async function useIdentity(db: Db, id: string): Promise<boolean> {
  const used = db
    .update(identities)
    .set({ last_used: sql`now()` })
    .where(eq(identities.id, id))
  return (await used.returning({ id: identities.id })).length > 0
}
