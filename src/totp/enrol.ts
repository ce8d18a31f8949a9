// Adds an app for codes to an account, renews its recovery codes, and removes it.
import { sql } from 'drizzle-orm'
import { Secret, TOTP } from 'otpauth'
import { renderSVG } from 'uqr'
import type { LoggedInContext } from '../account/product.ts'
import type { Sealed } from '../kit/auth/sealed-columns.ts'
import { defineError } from '../kit/types/api-error.ts'
import { wrongFactor } from '../second-factors/challenge.ts'
import { assertMayAdd, changeFactors } from '../second-factors/changes.ts'
import { makeRecoveryCodes } from './recovery-codes.ts'
import { totp as table, totpSeed } from './table.ts'
import { findTotp, isTheirs, stepOf } from './totp.ts'
import { provenAtOf } from '../kit/types/sessions.ts'

export const factorExists = defineError(409, 'factor_exists', 'You have this factor already: remove it first')

export const noSuchFactor = defineError(404, 'no_such_factor', 'You do not have this factor')

export const factorClosed = defineError(
  403,
  'factor_closed',
  'Forbidden! Whoever runs the service has to set SECRET_KEYS before a code by an app is offered',
)

/** 160 bits, as RFC 4226 has it. */
const SEED_BYTES = 20

/** In the data of the session, sealed: it counts once a code of it was given. */
const PENDING = 'totp'
/** A type, not an interface: only a type counts as JSON. */
type Pending = { seed: Sealed; /** When the session was proven, in Unix milliseconds. */ proven: number }

/** Not one from before the session was proven again: whoever had stolen the session may have seen it. */
async function pendingOf({ session }: LoggedInContext['var']): Promise<Sealed | undefined> {
  const pending = await session.get<Pending>(PENDING)
  return pending?.proven === provenAtOf(session.identity) ? pending.seed : undefined
}

/**
 * Begins to add it: makes a seed for the app, or tells again the one that waits in this session.
 * @throws freshLoginRequired, mailboxProofRequired, factorExists, factorClosed
 */
export async function beginTotp(c: LoggedInContext) {
  await assertMayAdd(c)
  const { config, db, secrets, session } = c.var
  const { email: label, id } = await c.var.me()
  if ((await findTotp(db, id)) !== undefined) throw factorExists()
  if (config.production && config.secretKeys === undefined) throw factorClosed()
  const pending = await pendingOf(c.var)
  const secret = pending
    ? Secret.fromBase32(await totpSeed.open(secrets, id, pending))
    : new Secret({ size: SEED_BYTES })
  const seed = pending ?? (await totpSeed.seal(secrets, id, secret.base32))
  session.set(PENDING, { seed, proven: provenAtOf(session.identity) })
  const uri = new TOTP({ issuer: config.name, label, secret }).toString()
  return { secret: secret.base32, uri, qr: renderSVG(uri, { border: 2 }) }
}

/**
 * Adds it, once the app has shown a code of the seed. Returns the recovery codes, which are shown this once.
 * @throws freshLoginRequired, mailboxProofRequired, factorExists, wrongFactor
 */
export async function confirmTotp(c: LoggedInContext, code: string): Promise<{ recovery_codes: string[] }> {
  await assertMayAdd(c)
  const { secrets, session } = c.var
  const { userId } = session
  const seed = await pendingOf(c.var)
  const last_step = seed && stepOf(await totpSeed.open(secrets, userId, seed), code)
  if (!seed || last_step === undefined) throw wrongFactor()
  const { codes, digests: recovery_codes } = await makeRecoveryCodes()
  await changeFactors(c, {
    action: 'added',
    name: 'totp',
    async run(tx) {
      const row = { user_id: userId, seed, last_step, recovery_codes }
      const { length } = await tx.insert(table).values(row).onConflictDoNothing().returning()
      if (length === 0) throw factorExists()
      return null
    },
  })
  session.delete(PENDING)
  return { recovery_codes: codes }
}

/** Returns other recovery codes, which are shown this once; those of before end. Place it behind `requireFresh`. @throws noSuchFactor */
export async function renewRecoveryCodes(c: LoggedInContext): Promise<{ recovery_codes: string[] }> {
  const { userId } = c.var.session
  const { codes, digests: recovery_codes } = await makeRecoveryCodes()
  await changeFactors(c, {
    action: 'renewed',
    name: 'recovery',
    async run(tx) {
      const was = await findTotp(tx, userId)
      if (was === undefined) throw noSuchFactor()
      const renewed = { recovery_codes, codes_made: sql`now()` }
      await tx.update(table).set(renewed).where(isTheirs(userId))
      return was
    },
  })
  return { recovery_codes: codes }
}

/** Removes it, and the recovery codes with it. Place it behind `requireFresh`. @throws noSuchFactor, lastFactor */
export const removeTotp = (c: LoggedInContext): Promise<void> =>
  changeFactors(c, {
    action: 'removed',
    name: 'totp',
    async run(tx) {
      const [was] = await tx.delete(table).where(isTheirs(c.var.session.userId)).returning()
      if (was === undefined) throw noSuchFactor()
      return was
    },
  })
