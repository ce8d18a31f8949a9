// Codes by an app (TOTP, RFC 6238), and the recovery codes for whoever has lost it.
import { and, eq, lt, sql } from 'drizzle-orm'
import { Secret, TOTP } from 'otpauth'
import { renderSVG } from 'uqr'
import { z } from 'zod'
import { FACTORS } from '../account/pages/paths.ts'
import type { AppContext, LoggedInContext } from '../account/product.ts'
import type { Factor, OwnFactor } from '../account/second-step.ts'
import { prepared } from '../kit/data/prepared.ts'
import { defineError } from '../kit/types/api-error.ts'
import type { Db } from '../kit/types/db.ts'
import type { Sealed } from '../kit/auth/sealed-columns.ts'
import { wrongFactor } from '../second-factors/challenge.ts'
import { assertMayAdd, changeFactors } from '../second-factors/changes.ts'
import { digestOfCode, isRecoveryCode, makeRecoveryCodes } from './recovery-codes.ts'
import { totp as table, totpSeed } from './table.ts'

export const factorExists = defineError(409, 'factor_exists', 'You have this factor already: remove it first')

export const noSuchFactor = defineError(404, 'no_such_factor', 'You do not have this factor')

export const factorClosed = defineError(
  403,
  'factor_closed',
  'Forbidden! Whoever runs the service has to set SECRET_KEYS before a code by an app is offered',
)

const PERIOD_S = 30
/** 160 bits, as RFC 4226 has it. */
const SEED_BYTES = 20
/** How many half minutes a clock may be wrong. */
const WINDOW = 1

/** The half minute of a code; undefined for a wrong one. */
function stepOf(seed: string, code: string): number | undefined {
  const delta = TOTP.validate({ token: code, secret: Secret.fromBase32(seed), window: WINDOW })
  return delta === null ? undefined : Math.floor(Date.now() / 1000 / PERIOD_S) + delta
}

export const Code = z
  .string()
  .max(20, { abort: true })
  .transform((typed) => typed.replaceAll(/\s/g, ''))
  .pipe(z.string().regex(/^\d{6}$/, 'must have six digits'))
  .meta({ examples: ['123456'] })

const isTheirs = (userId: string) => eq(table.user_id, userId)

const ofUser = prepared(
  (db) =>
    db
      .select()
      .from(table)
      .where(eq(table.user_id, sql.placeholder('id')))
      .prepare('totp_of_user'),
  'accounts',
)

/** What an account has, or undefined. */
export async function findTotp(db: Db, id: string) {
  const [row] = await ofUser(db).execute({ id })
  return row
}

type Row = NonNullable<Awaited<ReturnType<typeof findTotp>>>

/** What of a row the link of a mail brings back. */
const Kept = z.object({
  seed: z.string(),
  last_step: z.number(),
  recovery_codes: z.array(z.string()),
  created: z.coerce.date(),
  codes_made: z.coerce.date(),
})

const keptOf = ({ seed, last_step, recovery_codes, created, codes_made }: Row) => ({
  ...{ seed, last_step, recovery_codes },
  ...{ created: created.toISOString(), codes_made: codes_made.toISOString() },
})

export const totp: Factor = {
  answers: {
    totp: Code.describe('The code that the app shows.'),
    recovery: z.string().max(100).describe('A recovery code; it counts once.'),
  },
  page: { path: `${FACTORS}/totp`, label: 'App' },

  async of(db, userId) {
    const row = await findTotp(db, userId)
    const own: OwnFactor[] = row === undefined ? [] : [{ name: 'totp', since: row.created }]
    return row?.recovery_codes.length ? [...own, { name: 'recovery', since: row.codes_made }] : own
  },

  nameOf: (typed) => (isRecoveryCode(typed) ? 'recovery' : 'totp'),

  async check({ var: { db, secrets } }: AppContext, { userId, name, answer }) {
    if (name === 'recovery') {
      const digest = await digestOfCode(String(answer))
      const used = await db
        .update(table)
        .set({ recovery_codes: sql`array_remove(${table.recovery_codes}, ${digest})` })
        .where(and(isTheirs(userId), sql`${digest} = any(${table.recovery_codes})`))
        .returning({ id: table.user_id })
      return used.length > 0
    }
    const { data: code } = Code.safeParse(answer)
    const row = code === undefined ? undefined : await findTotp(db, userId)
    if (row === undefined || code === undefined) return false
    const step = stepOf(await totpSeed.open(secrets, userId, row.seed), code)
    if (step === undefined) return false
    const counted = await db
      .update(table)
      .set({ last_step: step })
      .where(and(isTheirs(userId), lt(table.last_step, step)))
      .returning({ id: table.user_id })
    return counted.length > 0
  },

  async undo(tx, userId, change) {
    const { data: kept } = Kept.safeParse(change)
    await tx.delete(table).where(isTheirs(userId))
    if (kept) await tx.insert(table).values({ ...kept, user_id: userId, seed: kept.seed as Sealed })
  },

  async removeAll(tx, userId) {
    await tx.delete(table).where(isTheirs(userId))
  },
}

/** In the data of the session, sealed: it counts once a code of it was given. */
const PENDING = 'totp'

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
  const pending = await session.get<Sealed>(PENDING)
  const secret =
    pending === undefined
      ? new Secret({ size: SEED_BYTES })
      : Secret.fromBase32(await totpSeed.open(secrets, id, pending))
  if (pending === undefined) session.set(PENDING, await totpSeed.seal(secrets, id, secret.base32))
  const uri = new TOTP({ issuer: config.name, label, secret }).toString()
  return { secret: secret.base32, uri, qr: renderSVG(uri, { border: 2 }) }
}

/**
 * Adds it, once the app has shown a code of the seed. Returns the recovery codes, which are shown this once.
 * @throws freshLoginRequired, mailboxProofRequired, factorExists, wrongFactor
 */
export async function confirmTotp(c: LoggedInContext, { totp: code }: { totp: string }): Promise<string[]> {
  await assertMayAdd(c)
  const { secrets, session } = c.var
  const { userId } = session
  const seed = await session.get<Sealed>(PENDING)
  const last_step = seed && stepOf(await totpSeed.open(secrets, userId, seed), code)
  if (seed === undefined || last_step === undefined) throw wrongFactor()
  const { codes, digests: recovery_codes } = await makeRecoveryCodes()
  await changeFactors(c, {
    action: 'added',
    name: 'totp',
    async run(tx) {
      const row = { user_id: userId, seed, last_step, recovery_codes }
      const added = await tx.insert(table).values(row).onConflictDoNothing().returning()
      if (added.length === 0) throw factorExists()
      return null
    },
  })
  session.delete(PENDING)
  return codes
}

/** Returns other recovery codes, which are shown this once; those of before end. Place it behind `requireFresh`. @throws noSuchFactor */
export async function renewRecoveryCodes(c: LoggedInContext): Promise<string[]> {
  const { userId } = c.var.session
  const { codes, digests: recovery_codes } = await makeRecoveryCodes()
  await changeFactors(c, {
    action: 'renewed',
    name: 'recovery',
    async run(tx) {
      const was = await findTotp(tx, userId)
      if (was === undefined) throw noSuchFactor()
      await tx
        .update(table)
        .set({ recovery_codes, codes_made: sql`now()` })
        .where(isTheirs(userId))
      return keptOf(was)
    },
  })
  return codes
}

/** Removes it, and the recovery codes with it. Place it behind `requireFresh`. @throws noSuchFactor, lastFactor */
export const removeTotp = (c: LoggedInContext): Promise<void> =>
  changeFactors(c, {
    action: 'removed',
    name: 'totp',
    async run(tx) {
      const [was] = await tx.delete(table).where(isTheirs(c.var.session.userId)).returning()
      if (was === undefined) throw noSuchFactor()
      return keptOf(was)
    },
  })
