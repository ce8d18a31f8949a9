// Logs in whoever comes back from a provider, and signs them up; or shows that it is the account's owner who is logged in.
import { eq } from 'drizzle-orm'
import { endSessionsWith } from '../account/end-sessions.ts'
import { acceptWith } from '../account/invitations.ts'
import { assertAdmitted, beginSession } from '../account/login.ts'
import { requestNotice, sendWelcome } from '../account/mail-tasks.ts'
import { FIRST_PROOF, proveMailbox } from '../account/password.ts'
import type { AppContext, LoggedInContext } from '../account/product.ts'
import { findUserWithHash, findUserWithHashById, lockUser, type User } from '../account/queries.ts'
import { confirmSession } from '../account/sessions.ts'
import { assertSignup, createAccount } from '../account/sign-up.ts'
import { users } from '../account/table.ts'
import { retryConflict } from '../kit/data/transient.ts'
import { type Claimed, providerRefused } from '../kit/oidc/provider.ts'
import { defineError } from '../kit/types/api-error.ts'
import type { Db } from '../kit/types/db.ts'
import { addIdentity, findIdentity, useIdentity } from './identities.ts'

/** The way of a session. */
const OIDC = 'oidc'

/** The same whether there is an account or not, unless the provider has said that the mailbox is theirs. */
export const notLinked = defineError(
  409,
  'identity_not_linked',
  'No account is linked to that login: sign in another way, or sign up, and link it there',
)

/**
 * Logs in to the account that this login is linked to, or to which it may be linked, or to a new one.
 * @throws notLinked, accountDisabled, signupClosed, emailTaken, tokenExpired, or secondFactorRequired
 */
export async function logInByProvider(
  c: AppContext,
  provider: string,
  claimed: Claimed,
  kept: { remember: boolean; token?: boolean | undefined },
): Promise<User> {
  const { db, secondStep } = c.var
  const { id, user_id: userId } = (await findIdentity(db, claimed)) ?? (await adopt(c, provider, claimed))
  const found = await findUserWithHashById(db, userId)
  if (found === undefined) throw providerRefused()
  const { user, hash } = found
  assertAdmitted(c, user)
  await secondStep?.demand(c, { userId, hash, email: user.email, way: OIDC }, kept)
  // Fresh is what was proven a short while ago, there: a login that the provider only remembers is as old as it is.
  const provenAt = Math.min(Date.now(), (claimed.auth_time ?? 0) * 1000)
  await beginSession(c, user, { ...kept, way: OIDC, provenAt }, () => useIdentity(db, id))
  return user
}

/** Makes the session fresh by a login that is linked to its account. @throws notLinked, or secondFactorRequired */
export async function confirmByProvider(c: LoggedInContext, claimed: Claimed): Promise<void> {
  const { db, secondStep, session } = c.var
  const { userId } = session
  if ((await findIdentity(db, claimed))?.user_id !== userId) throw notLinked()
  const found = await findUserWithHashById(db, userId)
  if (found === undefined) throw notLinked()
  const { hash, user } = found
  await secondStep?.demand(c, { userId, hash, email: user.email, way: OIDC }, 'refresh')
  await confirmSession(c, OIDC, OIDC)
}

/**
 * Links a login that nobody has linked yet by its email, which its provider has to vouch for: to the account whose email a mail of ours
 * has verified; to one that was never verified, of which nothing else is left; or to a new one.
 */
async function adopt(c: AppContext, provider: string, claimed: Claimed) {
  const { db } = c.var
  const { email, email_verified } = claimed
  if (email === undefined || !email_verified) throw notLinked()
  const owner = (await findUserWithHash(db, email))?.user
  const names = {
    first_name: claimed.given_name || claimed.name || email.replace(/@.*/, '').slice(0, 100),
    last_name: claimed.family_name,
  }
  const proven = { ...names, email_proof: 'provider', password: null } as const

  if (owner === undefined) {
    const row = { ...proven, email, role: c.var.config.signupRole }
    const create = async (tx: Db) => {
      const invited = c.var.config.signup === 'off' ? undefined : await acceptWith(c, tx, row)
      if (invited === undefined) assertSignup(c.var.config, 'open')
      const { id: userId } = invited ?? (await createAccount(c, tx, row))
      await c.var.enqueue(tx, sendWelcome, { userId })
      return addIdentity(c, tx, { userId, provider, claimed })
    }
    return retryConflict(() => db.transaction(create))
  }

  assertAdmitted(c, owner)
  const userId = owner.id
  const proofOf = async (tx: Db) => {
    const columns = { proof: users.email_proof, email: users.email }
    const [now] = await tx.select(columns).from(users).where(eq(users.id, userId))
    return now?.email === owner.email ? now.proof : undefined
  }
  const was = await proofOf(db)
  if (was !== null && was !== 'mail') throw notLinked()
  const link = async (tx: Db) => {
    await lockUser(tx, userId)
    if ((await proofOf(tx)) !== was) throw providerRefused() // it has changed at this moment
    if (was === null) await proveMailbox(c, tx, userId, owner.email, proven, FIRST_PROOF)
    await requestNotice(c.var, tx, owner.email, 'identity_linked')
    return addIdentity(c, tx, { userId, provider, claimed })
  }
  return was === null ? endSessionsWith(c, userId, link) : retryConflict(() => db.transaction(link))
}
